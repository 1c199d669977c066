"""test_list.py - the number list: when it goes out, what is in it, what is not."""

import os
import time

import harness
from gateway_case import GatewayCase, iccid, number, running


class When(GatewayCase):
    def test_the_first_waits_for_every_port(self):
        rig = self.rig(3, start=False)
        rig.sim.fault(2, "late", 400)  # later than a woken modem is asked again
        rig.daemon.start()
        rig.wait_listed(3)
        self.assertEqual(self.lists(rig)[0], {number(i) for i in range(3)})

    def test_the_first_waits_no_longer_than_the_grace(self):
        rig = self.rig(3, gateway={"start_grace": "3s"}, start=False)
        rig.sim.fault(1, "silent")
        rig.daemon.start()
        rig.wait(lambda: rig.platform.numbers() == {number(0), number(2)}, "a list without it")
        rig.sim.clear(1)
        rig.wait_listed(3)

    def test_an_empty_holder_does_not_hold_it_up(self):
        rig = self.rig(2, start=False)
        rig.sim.send("sim 0 out")
        rig.daemon.start()
        rig.wait(lambda: self.lists(rig)[:1] == [{number(1)}], "a list of the other")

    def test_no_port_at_all(self):
        rig = self.rig(1, gateway={"start_grace": "1s"}, start=False)
        rig.sim.send("hangup 0")
        rig.daemon.start()
        rig.wait(lambda: self.lists(rig) == [set()], "an empty list")
        self.assertTrue(rig.daemon.ctl("status")["ready"])

    def test_again_and_again(self):
        rig = self.rig(1, platform={"list_every": "200ms"})
        rig.wait(lambda: len(self.lists(rig)) >= 5, "the list again")
        self.assertEqual(set(map(frozenset, self.lists(rig))), {frozenset({number(0)})})

    def test_stopping_sends_nothing(self):
        rig = self.rig(2)
        before = rig.platform.stats()["requests"]
        self.assertEqual(rig.daemon.stop(), 0)
        self.assertEqual(rig.platform.stats()["requests"], before)
        self.assertEqual(rig.platform.numbers(), {number(0), number(1)})


class What(GatewayCase):
    def test_entries(self):
        rig = self.rig(2)
        items = rig.platform.list()
        self.assertEqual({i["port_id"] for i in items}, {"sim/m000", "sim/m001"})
        for item in items:
            self.assertEqual(
                (item["country_id"], item["operator"], item["rent"]), (46, 24001, 0), item
            )

    def test_the_name_of_2019(self):
        rig = self.rig(1, start=False)
        rig.platform.stop()
        rig.platform = rig.enter_context(
            type(rig.platform)(rig.workdir, "--list-name", "list")
        )
        self.configure(
            rig, "platform onlinesim", url=rig.platform.url, list_name="list", rent="yes"
        )
        rig.daemon.start()
        rig.wait_listed()
        self.assertEqual(rig.platform.numbers(), {number(0)})

    def test_every_field_of_2019(self):
        rig = self.rig(1, start=False)
        rig.platform.stop()
        rig.platform = rig.enter_context(
            type(rig.platform)(rig.workdir, "--list-name", "number")
        )
        self.configure(rig, "platform onlinesim", url=rig.platform.url, list_name="number")
        start, stop = int(time.time()) - 86400, int(time.time()) + 86400
        rig.write_numbers([{"iccid": iccid(rig, 0), "number": number(0), "operator": 24007,
                            "date_start": start, "date_stop": stop, "price": "12.50",
                            "balance": "100"}])
        rig.daemon.start()
        rig.wait_listed()
        self.assertEqual(rig.platform.list(), [{
            "number": number(0), "country_id": 46, "operator": 24007, "date_start": start,
            "date_stop": stop, "price": 13, "balance": 100, "port_id": "sim/m000",
        }])

    def test_a_card_that_others_sell(self):
        rig = self.rig(2)
        rig.write_numbers([{"iccid": iccid(rig, 1), "number": number(1), "sell": "customers"}])
        rig.daemon.ctl("reload")
        rig.wait(lambda: rig.platform.numbers() == {number(0)}, "a list without it")
        self.assertIn(",customers,", rig.daemon.ctl_raw("numbers", "export")[1])
        rig.sim.sms(0, "Shop", "to the platform")
        rig.sim.sms(1, "Shop", "to nobody")
        self.await_texts(rig, [(number(0), "Shop", "to the platform")])
        rig.write_numbers([{"iccid": iccid(rig, 1), "number": number(1),
                            "sell": "onlinesim customers"}])
        status, said = rig.daemon.check()
        self.assertEqual(status, 1)
        self.assertRegex(said, r"numbers\.csv:2: column \"sell\": names two")
        rig.write_numbers([{"iccid": iccid(rig, 1), "number": number(1)}])
        rig.daemon.ctl("reload")
        rig.wait_listed()

    def test_the_numbers_file_is_stronger_than_the_card(self):
        rig = self.rig(2, start=False)
        rig.write_numbers([{"iccid": iccid(rig, 0), "number": "+46761234567", "rent": 1}])
        rig.daemon.start()
        rig.wait_listed()
        self.assertEqual(rig.platform.numbers(), {"+46761234567", number(1)})
        (item,) = [i for i in rig.platform.list() if i["number"] == "+46761234567"]
        self.assertEqual((item["rent"], item["port_id"]), (1, "sim/m000"))
        rig.sim.sms(0, "Shop", "x")
        self.await_texts(rig, [("+46761234567", "Shop", "x")])
        self.assertEqual(self.port(rig, 0)["number_source"], "file")
        self.wait_log(rig, 'source="the numbers file"')

    def test_an_unknown_number_holds_texts_until_it_is_known(self):
        rig = self.rig(2, sim=("--no-cnum",), listed=0)
        for i in (0, 1):
            for k in (1, 2):
                rig.sim.sms(i, "Shop", f"held {k}")
        rig.wait_drained()
        rig.wait(lambda: len(self.outbox(rig)) == 4, "the outbox")
        for row in self.outbox(rig):
            self.assertEqual((row["state"], row["reason"]), ("held", "no_number"))
        port = self.port(rig, 0)
        self.assertEqual((port["state"], port["online"]), ("ready", False))
        self.assertIn("number is not known", port["unlisted"])
        self.assertIn("bank sim: 2 ready and not listed", rig.daemon.ctl_raw("check")[1])
        rig.write_numbers([{"iccid": iccid(rig, 0), "number": number(0)}])
        rig.daemon.ctl("reload")
        rig.wait(lambda: rig.platform.numbers() == {number(0)}, "the number")
        self.await_texts(rig, [(number(0), "Shop", f"held {k}") for k in (1, 2)])
        self.assertEqual([m["text"] for m in rig.platform.messages()], ["held 1", "held 2"])
        rig.wait(lambda: len(self.outbox(rig)) == 2, "the other card's")
        self.assertEqual((self.port(rig, 0)["online"], self.port(rig, 0)["unlisted"]), (True, ""))

    def test_a_device_that_is_gone_at_the_next_start(self):
        rig = self.rig(2)
        self.wait_log(rig, "sim: 2/2 ready")
        rig.daemon.stop()
        os.rename(rig.sim.path(1), os.path.join(rig.sim.dir, "away"))
        for starts in (1, 2):
            rig.daemon.start()
            rig.wait(lambda: rig.daemon.log_text().count("sim: 1/1 ready") == starts, "a summary")
            rig.daemon.stop()
            said = rig.daemon.log_text().count("sim/m001: a card was here before")
            self.assertEqual(said, 1)  # at the first start alone

    def test_one_number_on_two_cards_is_no_configuration(self):
        rig = self.rig(2, start=False)
        rig.write_numbers([{"iccid": iccid(rig, i), "number": number(0)} for i in range(2)])
        status, said = rig.daemon.check()
        self.assertEqual(status, 1)
        self.assertRegex(said, r"numbers\.csv:3: ")

    def test_one_number_on_two_cards_is_left_out(self):
        """The numbers file gives a card what the other card says of itself."""
        rig = self.rig(3, start=False)
        rig.write_numbers([{"iccid": iccid(rig, 0), "number": number(1)}])
        rig.daemon.start()
        rig.wait(lambda: rig.platform.list() is not None, "a list")
        rig.wait(lambda: number(2) in rig.platform.numbers(), "the one without conflict")
        self.assertEqual(rig.platform.numbers(), {number(2)})
        (platform,) = rig.daemon.ctl("status")["platforms"]
        self.assertEqual(platform["left_out"], 2)
        ports = [self.port(rig, i) for i in range(3)]
        self.assertEqual([(p["online"], p["unlisted"]) for p in ports],
                         [(False, "sim/m001 has the same number"),
                          (False, "sim/m000 has the same number"), (True, "")])
        self.assertEqual([c["twice"] for c in rig.daemon.ctl("numbers")["numbers"]],
                         ["sim/m001", "sim/m000", ""])

    def test_one_card_in_two_ports_is_listed_once(self):
        rig = self.rig(1, start=False)
        other = os.path.join(rig.workdir, "clones")
        os.mkdir(other)
        clones = self.enterContext(harness.Sim(other, 1))  # they have the cards of the others
        self.configure(rig, "bank two", devices=clones.path(0))
        rig.daemon.start()
        rig.wait_listed(1)
        words = "one card shows in several ports"
        self.wait_log(rig, words)
        self.assertEqual([(p["online"], p["unlisted"]) for p in rig.daemon.ctl("ports")["ports"]],
                         [(True, ""), (False, "sim/m000 has the same card: a clone, or a fault "
                                              "of a reader")])
        rig.sim.sms(0, "Shop", "one")
        clones.sms(0, "Shop", "two")
        self.await_texts(rig, [(number(0), "Shop", "one"), (number(0), "Shop", "two")])
        rig.sim.send("sim 0 out")
        rig.wait(lambda: rig.platform.list()[0]["port_id"] == "two/m000", "the other one")
        self.assertTrue(rig.daemon.ctl("port", "two/m000")["online"])
        self.assertEqual(rig.daemon.log_text().count(words), 1)

    def test_a_refused_number_does_not_take_the_others_off(self):
        rig = self.rig(8, start=False)
        rig.platform.send(f"fail list-number {number(5)}")
        rig.daemon.start()
        rig.wait_listed(7)
        self.assertEqual(
            rig.platform.numbers(), {number(i) for i in range(8) if i != 5}
        )
        self.wait_log(rig, "refuses this entry")
        rig.sim.burst(1, "n")
        rig.wait(lambda: rig.platform.message_count() == 7, "texts of the others")


class Block(GatewayCase):
    def platform(self, rig):
        return rig.daemon.ctl("status")["platforms"][0]

    def test_waited_out(self):
        rig = self.rig(3, platform={"block_wait": "3s"}, start=False)
        rig.platform.send("capacity 2 2500")
        rig.daemon.start()
        rig.wait(lambda: self.platform(rig)["list_reason"] == "ACCOUNT_BLOCKED", "the block")
        self.assertRegex(self.platform(rig)["blocked_until"], "^20..-")
        self.assertIn("blocked by the platform, probably until", rig.daemon.ctl_raw("status")[1])
        self.wait_log(rig, "event=roster_blocked")
        refused = len(rig.platform.events("refused"))
        self.assertLessEqual(refused, 2)
        rig.platform.send("capacity 0 0")
        rig.wait_listed(3)
        self.assertLessEqual(len(rig.platform.events("refused")), 2)  # nobody knocked meanwhile
        self.assertEqual(self.platform(rig)["blocked_until"], "")
        rig.sim.burst(1, "after")
        self.await_texts(rig, [(number(i), "+46735550001", f"after m{i:03d} 1") for i in range(3)])


class ByHand(GatewayCase):
    def test_self_test(self):
        rig = self.rig(2)
        before = rig.platform.stats()["lists"]
        status, out, err = rig.daemon.ctl_raw("sync", "--test")
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(out, "onlinesim: test: 2 numbers, printed back as they were sent\n")
        rig.platform.send("fail list 1 400 ERROR_DATE")
        status, out, _ = rig.daemon.ctl_raw("sync", "--test")
        self.assertEqual((status, out), (1, "onlinesim: failed: ERROR_DATE\n"))
        self.assertEqual(rig.platform.stats()["lists"], before)

    def test_takeoff(self):
        rig = self.rig(3)
        for i, profit in enumerate(("37.5", "12", "30")):
            rig.platform.send(f"profit {number(i)} {profit}")
        status, out, err = rig.daemon.ctl_raw("--full", "takeoff", "--sum", "30.00")
        self.assertEqual((status, err), (0, ""))
        lines = out.splitlines()
        self.assertEqual(lines[0], "onlinesim: 2 can be replaced")
        self.assertEqual(lines[2].split()[:3], ["sim/m000", number(0), "37.50"])
        self.assertEqual(lines[3].split()[:3], ["sim/m002", number(2), "30.00"])
        (event,) = rig.platform.events("takeoff")
        self.assertEqual(event["sum"], "30")
        # they stay in the list, and are shown, over a restart too
        self.assertEqual(rig.platform.numbers(), {number(i) for i in range(3)})
        for _ in range(2):
            rows = rig.daemon.ctl("--full", "numbers")["numbers"]
            self.assertEqual(
                {r["number"]: (r["takeoff_platform"], r["takeoff_profit"], r["takeoff_sum"])
                 for r in rows},
                {number(0): ("onlinesim", "37.50", "30.00"), number(1): ("", "", ""),
                 number(2): ("onlinesim", "30.00", "30.00")},
            )
            rig.daemon.restart()
        self.assertIn("2 can be replaced", rig.daemon.ctl_raw("numbers")[1])
        status, out, _ = rig.daemon.ctl_raw("takeoff", "--sum", "1", "--since", "2099-01-01T00:00Z")
        self.assertEqual((status, out), (0, "onlinesim: 0 can be replaced\n"))
        self.assertNotIn("can be replaced", rig.daemon.ctl_raw("numbers")[1])

    def test_takeoff_refused(self):
        """Newer servers may not know the call: no word on the account."""
        rig = self.rig(1)
        rig.platform.send("unknown takeoff on")
        status, out, _ = rig.daemon.ctl_raw("takeoff", "--sum", "30")
        self.assertEqual((status, out), (1, "onlinesim: failed: REQUEST_NOT_FOUND\n"))
        self.assertEqual(rig.daemon.ctl("status")["platforms"][0]["health"], "up")
        rig.sim.sms(0, "Shop", "x")
        self.await_texts(rig, [(number(0), "Shop", "x")])


if __name__ == "__main__":
    running()
