"""test_cards.py - modems and cards that come, go and change: the number list stays true."""


from gateway_case import GatewayCase, iccid, number, running


class Modems(GatewayCase):
    def test_unplugged_and_plugged(self):
        rig = self.rig(3)
        rig.sim.send("hangup 1")
        rig.wait(lambda: rig.platform.numbers() == {number(0), number(2)}, "the list without it")
        rig.sim.sms(1, "Shop", "meanwhile")
        self.assertEqual(self.port(rig, 1)["state"], "off")
        rig.sim.send("plug 1")
        self.await_texts(rig, [(number(1), "Shop", "meanwhile")])
        rig.wait_listed(3)

    def test_restarts_by_itself(self):
        rig = self.rig(2)
        rig.sim.send("reboot 0")
        rig.sim.sms(0, "Shop", "after")
        self.await_texts(rig, [(number(0), "Shop", "after")])
        rig.wait_listed(2)
        rig.sim.sms(0, "Shop", "announced again")
        self.await_texts(rig, [(number(0), "Shop", t) for t in ("after", "announced again")])

    def test_unplugged_in_the_middle_of_a_listing(self):
        rig = self.rig(2, sim=("--chunk", "1-3"))
        rig.sim.fault(0, "slow_baud", 2000)
        rig.sim.burst(6, "cut")
        rig.sim.send("hangup 0")
        rig.sim.send("plug 0")
        rig.sim.clear()
        self.await_texts(
            rig,
            [(number(i), "+46735550001", f"cut m{i:03d} {k}") for i in (0, 1) for k in range(1, 7)],
        )

    def test_nothing_leaks_over_many_plugs(self):
        rig = self.rig(8)

        def round_trip():
            rig.sim.send("hangup *")
            rig.wait_listed(0)
            rig.sim.send("plug *")
            rig.wait_listed(8)

        round_trip()
        before = self.fds(rig)
        for _ in range(3):
            round_trip()
        rig.wait(lambda: self.fds(rig) <= before + 1, "as few descriptors as before")


class Cards(GatewayCase):
    def test_out_and_in(self):
        rig = self.rig(2)
        rig.sim.send("sim 0 out")
        rig.wait(lambda: rig.platform.numbers() == {number(1)}, "the list without it")
        self.wait_state(rig, 0, "sim")
        rig.sim.sms(0, "Shop", "waits at the network")
        rig.sim.send("sim 0 in")
        self.await_texts(rig, [(number(0), "Shop", "waits at the network")])
        rig.wait_listed(2)

    def test_all_out_is_an_empty_list(self):
        rig = self.rig(2)
        rig.sim.send("sim * out")
        rig.wait(lambda: self.lists(rig)[-1] == set(), "an empty list")
        rig.sim.send("sim * in")
        rig.wait_listed(2)

    def test_swapped(self):
        """Another card is another number, and has nothing of the old one's."""
        rig = self.rig(1)
        old = iccid(rig, 0)
        rig.sim.part(0, "+46735550100", 5, 2, 1, "old ")
        rig.sim.sms(0, "Shop", "to the old")
        self.await_texts(rig, [(number(0), "Shop", "to the old")])
        rig.sim.send("sim 0 swap 8946019999999999999")
        new = rig.sim.cards()[0]["number"]
        self.assertNotEqual(new, number(0))
        rig.wait(lambda: rig.platform.numbers() == {new}, "the new card's number")
        rig.sim.part(0, "+46735550100", 5, 2, 2, "new")
        rig.sim.sms(0, "Shop", "to the new")
        wanted = [(number(0), "Shop", "to the old"), (new, "Shop", "to the new")]
        self.await_texts(rig, wanted)
        self.assertEqual(rig.daemon.ctl("status")["messages"]["parts_pending"], 2)
        rig.sim.send(f"sim 0 swap {old}")
        rig.wait(lambda: rig.platform.numbers() == {number(0)}, "the old card's number")
        rig.sim.part(0, "+46735550100", 5, 2, 2, "rest")
        self.await_texts(rig, wanted + [(number(0), "+46735550100", "old rest")])

    def test_swapped_in_a_modem_that_says_nothing(self):
        """The card alone is looked at more often than the network."""
        rig = self.rig(1, family="generic", gateway={"poll_every": "10m", "card_every": "1s"})
        rig.sim.send("sim 0 swap 8946019999999999997")
        new = rig.sim.cards()[0]["number"]
        rig.wait(lambda: rig.platform.numbers() == {new}, "the new card's number")
        rig.sim.send("sim 0 out")
        rig.wait_listed(0)

    def test_swapped_while_unplugged(self):
        rig = self.rig(1)
        rig.sim.send("hangup 0")
        rig.wait_listed(0)
        rig.sim.send("sim 0 swap 8946019999999999998")
        new = rig.sim.cards()[0]["number"]
        rig.sim.send("plug 0")
        rig.wait(lambda: rig.platform.numbers() == {new}, "the new card's number")

    def test_without_identity(self):
        """No ICCID to be had: the IMSI names the card."""
        rig = self.rig(1, sim=("--no-ccid",))
        rig.sim.sms(0, "Shop", "x")
        self.await_texts(rig, [(number(0), "Shop", "x")])
        self.assertTrue(self.port(rig, 0)["card_id"].startswith("imsi-24001"))


class Pins(GatewayCase):
    def locked(self, pin, count=1, **keys):
        """Cards whose PIN is 1234, in a bank for which this one is configured."""
        rig = self.rig(count, start=False, **keys)
        rig.sim.send("pin * 1234")
        rig.sim.send("reboot *")  # what is in already stays unlocked until then
        self.configure(rig, "bank sim", pin=pin)
        return rig

    def wrong(self, rig, i=0):
        return rig.sim.cards()[i]["pin_wrong"]

    def wait_why(self, rig, words, i=0):
        rig.wait(lambda: words in self.port(rig, i)["why"], words)

    def test_right(self):
        rig = self.locked("1234", 2)
        rig.sim.sms(0, "Shop", "before")
        rig.daemon.start()
        rig.wait_listed()
        self.await_texts(rig, [(number(0), "Shop", "before")])
        rig.sim.send("reboot *")  # locked again
        rig.wait_listed(0)
        rig.wait_listed()
        self.assertEqual(self.wrong(rig), 0)
        self.assert_no_secret(rig.daemon.log_text(), "1234\"", "CPIN=\"")

    def test_wrong_is_tried_once_ever(self):
        rig = self.locked("9999")
        rig.daemon.start()
        self.wait_why(rig, "PIN refused")
        self.wait_log(rig, "event=pin_refused")
        rig.sim.send("reboot 0")
        rig.daemon.ctl("reload")
        for _ in range(3):
            rig.daemon.kill9()
            rig.daemon.start()
            self.wait_why(rig, "PIN refused")
        rig.sim.send("hangup 0")
        self.wait_state(rig, 0, "off")
        rig.sim.send("plug 0")
        self.wait_why(rig, "PIN refused")
        self.assertEqual(self.wrong(rig), 1)
        self.configure(rig, "bank sim", pin="1234")
        rig.daemon.ctl("reload")  # another PIN: at once
        rig.wait_listed(1)
        self.assertEqual(self.wrong(rig), 1)
        self.assert_no_secret(rig.daemon.log_text(), "9999\"", "CPIN=\"")

    def test_killed_while_it_is_tried(self):
        rig = self.locked("9999", gateway={"log.wire": "debug"})
        rig.sim.fault(0, "late", 200)
        rig.daemon.start()
        self.wait_log(rig, "CPIN=***")
        rig.daemon.kill9()
        rig.sim.clear()
        rig.daemon.start()
        self.wait_why(rig, "PIN tried, result not seen")
        self.assertLessEqual(self.wrong(rig), 1)
        log = rig.daemon.log_text()
        self.assertEqual(log.count("> AT+CPIN=***"), 1, log[-3000:])
        self.assert_no_secret(log, "9999")

    def test_each_card_its_own(self):
        rig = self.locked("9999", 2)
        rig.sim.send("pin 1 47110815")
        rig.write_numbers([
            {"iccid": iccid(rig, 0), "pin": "1234"},
            {"iccid": iccid(rig, 1), "pin": "47110815"},
        ])
        rig.daemon.start()
        rig.wait_listed(2)
        self.assertEqual((self.wrong(rig, 0), self.wrong(rig, 1)), (0, 0))

    def test_forgotten_by_hand(self):
        rig = self.locked("9999")
        rig.daemon.start()
        self.wait_why(rig, "PIN refused")
        rig.sim.send("pin 0 9999")  # changed in a phone
        self.assertEqual(rig.daemon.ctl_raw("pin", "forget", "sim/m000"), (0, "done\n", ""))
        rig.wait_listed(1)
        self.assertIn("nothing to forget", rig.daemon.ctl_raw("pin", "forget", "sim/m000")[1])


class ByHand(GatewayCase):
    def test_number_from_the_operator(self):
        rig = self.rig(2, sim=("--no-cnum",), start=False)
        self.configure(rig, "operator 24001", ussd_number="*100#")
        rig.daemon.start()
        rig.wait_listed(2)
        self.assertEqual(self.port(rig, 0)["number_source"], "ussd")
        rig.daemon.restart()
        rig.wait_listed(2)

    def test_commands(self):
        rig = self.rig(2)
        ctl = rig.daemon.ctl_raw
        self.assertEqual(ctl("at", "sim/m000", "AT+CSQ"), (0, "+CSQ: 14,0\nOK\n", ""))
        self.assertEqual(ctl("at", "sim/m000", "i"), (0, "SIM800 R14.18\nOK\n", ""))
        self.assertEqual(ctl("at", "sim/m000", "+CNUM?"), (1, "ERROR\n", ""))
        status, out, _ = ctl("at", "sim/m000", "+CIMI")
        self.assertEqual((status, out.startswith("***")), (0, True))
        status, out, _ = ctl("--full", "at", "sim/m000", "+CIMI")
        self.assertEqual(out.splitlines()[0], rig.sim.cards()[0]["imsi"])
        for bad in ("+CMGD=1", "+CSQ;+CMGD=1", "+CSQ\rAT+CMGD=1", "+EGMR?", "+CPIN=\"1234\"", "D123"):
            status, out, err = ctl("at", "sim/m000", bad)
            self.assertEqual((status, out), (1, ""), bad)
            self.assertTrue(err, bad)
        self.assertEqual(ctl("at", "sim/m009", "+CSQ")[0], 1)
        self.assertEqual(
            ctl("--full", "ussd", "sim/m001", "*100#"),
            (0, f"Your number is {number(1)}\n", ""),
        )
        self.assertNotIn(number(1), ctl("ussd", "sim/m001", "*100#")[1])
        self.assertEqual(ctl("ussd", "sim/m001", "**04*1234*1*1#")[0], 1)
        rig.sim.fault(0, "late", 500)
        answer = rig.daemon.ctl("at", "sim/m000", "+CSQ")
        self.assertEqual(answer["lines"], ["+CSQ: 14,0"])
        rig.sim.clear(0)
        log = rig.daemon.log_text()
        self.assertIn("an operator's command is refused", log)
        self.assert_no_secret(log, "1234")
        rig.sim.sms(0, "Shop", "after all that")
        self.await_texts(rig, [(number(0), "Shop", "after all that")])


class Registration(GatewayCase):
    def test_lost_for_longer_than_the_grace(self):
        rig = self.rig(2)
        rig.sim.send("reg 0 2")
        self.wait_state(rig, 0, "register")
        rig.wait(lambda: rig.platform.numbers() == {number(1)}, "the list without it")
        rig.sim.send("reg 0 1")
        rig.wait_listed(2)

    def test_a_short_loss_changes_nothing(self):
        rig = self.rig(2, gateway={"register_grace": "10m"})
        lists = len(self.lists(rig))
        rig.sim.send("reg 0 2")
        self.wait_state(rig, 0, "register")
        self.assertTrue(self.port(rig, 0)["online"])
        rig.sim.send("reg 0 5")
        self.assertEqual(self.wait_state(rig, 0, "ready")["registration"], "roaming")
        self.assertEqual(rig.daemon.ctl("sync")["platforms"], [
            {"name": "onlinesim", "ok": True, "error": ""}
        ])
        self.assertEqual(self.lists(rig)[lists:], [{number(0), number(1)}])

    def test_denied(self):
        rig = self.rig(2)
        rig.sim.send("reg 0 3")
        rig.wait(lambda: rig.platform.numbers() == {number(1)}, "the list without it")
        self.assertEqual(self.port(rig, 0)["registration"], "denied")
        self.wait_log(rig, "event=denied")


if __name__ == "__main__":
    running()
