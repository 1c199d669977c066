"""test_faults.py - modems that misbehave: nothing lost, nothing twice, the others go on."""


from gateway_case import GatewayCase, number, running

SENDER = "+46735550001"  # of burst


class Many(GatewayCase):
    def test_a_full_bank_at_start(self):
        """What waits at the network when the daemon starts, through the worst of lines."""
        rig = self.rig(16, sim=("--chunk", "1-3", "--echo", "sticky"), start=False)
        rig.sim.fault("*", "urc_in_list")
        rig.sim.burst(20, "many")
        rig.daemon.start()
        self.await_texts(
            rig,
            [(number(i), SENDER, f"many m{i:03d} {k}") for i in range(16) for k in range(1, 21)],
        )
        self.assertEqual(rig.platform.doubles(), 0)
        self.assertEqual(rig.sim.stats()["deleted"], 320)

    def test_a_full_card_is_drained_and_the_network_follows(self):
        rig = self.rig(1, sim=("--sim-size", "5"), start=False)
        rig.sim.send("fill 0 5")
        rig.sim.burst(12, "queue")
        self.assertEqual(rig.sim.stats(0)["queued"], 12)
        rig.daemon.start()
        fills = [(number(0), "+46735550099", f"FILL m000 {k}") for k in range(1, 6)]
        self.await_texts(
            rig, fills + [(number(0), SENDER, f"queue m000 {k}") for k in range(1, 13)]
        )
        self.assertEqual(rig.sim.stats()["queued"], 0)


class Deleting(GatewayCase):
    def test_delete_that_fails_or_lies(self):
        rig = self.rig(2)
        rig.sim.fault(0, "cmgd_error", 3)
        rig.sim.fault(1, "cmgd_lies", 3)
        for i in range(2):
            for k in range(4):
                rig.sim.sms(i, "Shop", f"{k}")
        self.await_texts(rig, [(number(i), "Shop", f"{k}") for i in range(2) for k in range(4)])

    def test_restart_before_the_delete(self):
        rig = self.rig(2)
        rig.sim.fault("*", "cmgd_error", 100000)
        rig.sim.sms(0, "Shop", "once")
        rig.sim.sms(1, "Shop", "once")
        wanted = [(number(i), "Shop", "once") for i in range(2)]
        self.await_texts(rig, wanted, drained=False)
        self.assertEqual(rig.sim.left(), 2)
        self.wait_totals(rig, delivered=2)
        rig.daemon.restart()
        rig.wait_listed()
        rig.daemon.kill9()
        rig.sim.clear()
        rig.daemon.start()
        self.await_texts(rig, wanted)
        # With the entry gone, the very same text is another one.
        rig.sim.sms(0, "Shop", "once")
        self.await_texts(rig, wanted + [(number(0), "Shop", "once")])

    def test_killed_while_texts_come_in(self):
        rig = self.rig(4)
        rig.sim.burst(10, "first")
        rig.wait(lambda: rig.sim.stats()["deleted"] >= 5, "some of them")
        rig.daemon.stop()
        rig.sim.burst(5, "second")
        rig.daemon.start()
        self.await_texts(
            rig,
            [(number(i), SENDER, f"first m{i:03d} {k}") for i in range(4) for k in range(1, 11)]
            + [(number(i), SENDER, f"second m{i:03d} {k}") for i in range(4) for k in range(1, 6)],
        )


class Trouble(GatewayCase):
    def test_one_misbehaves_and_the_others_go_on(self):
        """A modem for each fault, and one that is well."""
        faults = [
            ("list_error", 2), ("cms_busy", 3), ("late", 300), ("no_ok", None),
            ("silent", None), ("silent_after", 2), ("garbage", None),
        ]
        well = len(faults)
        rig = self.rig(well + 1)
        for i, (name, value) in enumerate(faults):
            rig.sim.fault(i, name, value)
        rig.sim.burst(3, "bad")
        good = [(number(well), SENDER, f"bad m{well:03d} {k}") for k in (1, 2, 3)]
        rig.wait(lambda: set(good) <= set(self.got(rig)), "the texts of the one that is well")
        silent = (3, 4, 5, 6)
        for i in (4, 6):
            rig.wait(lambda i=i: number(i) not in rig.platform.numbers(), f"m{i:03d} off the list")
        self.assertIn(number(well), rig.platform.numbers())
        rig.sim.sms(well, "Shop", "still there")
        good.append((number(well), "Shop", "still there"))
        rig.wait(lambda: set(good) <= set(self.got(rig)), "a text meanwhile")
        for i in silent:
            rig.sim.clear(i)
        self.await_texts(
            rig,
            good + [(number(i), SENDER, f"bad m{i:03d} {k}") for i in range(well) for k in (1, 2, 3)],
        )
        rig.wait_listed()

    def hang(self, fault, value=None, **gateway):
        """A modem with a fault, and a neighbour that must not notice. (rig, port of the first)"""
        rig = self.rig(2, gateway={"quarantine": "1s", **gateway})
        rig.sim.fault(0, fault, value)
        rig.wait(lambda: rig.platform.numbers() == {number(1)}, "the list without it")
        rig.sim.sms(1, "Shop", "meanwhile")
        self.await_texts(rig, [(number(1), "Shop", "meanwhile")], drained=False)
        rig.wait(lambda: self.port(rig, 0)["trouble"], "trouble that is told")
        self.assertEqual(self.port(rig, 1)["trouble"], "")
        return rig, self.port(rig, 0)

    def come_back(self, rig):
        """The fault is cleared, and nobody needs to do more."""
        rig.sim.clear(0)
        rig.sim.sms(0, "Shop", "again")
        self.await_texts(rig, [(number(1), "Shop", "meanwhile"), (number(0), "Shop", "again")])
        rig.wait_listed()
        rig.wait(lambda: "event=recovered" in rig.daemon.log_text(), "recovered")
        self.assertEqual(self.port(rig, 0)["trouble"], "")
        log = rig.daemon.log_text()
        self.assertIn("last AT lines:", log)
        self.assertNotRegex(log, r"sim/m001.*event=(recovery|quarantined)")

    def test_silence(self):
        rig, _ = self.hang("silent")
        rig.wait(lambda: "does not answer" in self.port(rig, 0)["trouble"], "the reason")
        self.wait_state(rig, 0, "fault")
        self.come_back(rig)

    def test_a_listing_that_never_ends(self):
        rig, port = self.hang("endless")
        self.assertIn("deaf", port["trouble"])
        self.assertTrue(port["deaf"])
        self.come_back(rig)

    def test_a_storm_of_errors(self):
        rig, port = self.hang("error_storm")
        self.assertRegex(port["trouble"], "ERROR|deaf")
        self.come_back(rig)

    def test_a_module_that_restarts_again_and_again(self):
        rig, port = self.hang("reboots", 200, quarantine="3s")
        self.wait_log(rig, "event=quarantined")
        rig.wait(
            lambda: "restarts again and again: check its power supply"
            in self.port(rig, 0)["trouble"],
            "the reason",
        )
        self.come_back(rig)

    def test_unplugged_again_and_again(self):
        rig = self.rig(2, gateway={"quarantine": "3s"})
        for _ in range(6):
            rig.sim.send("hangup 0")
            self.wait_state(rig, 0, "off")
            rig.sim.send("plug 0")
            self.wait_state(rig, 0, "ready", "fault")
        rig.wait(
            lambda: "restarts again and again" in self.port(rig, 0)["trouble"], "the reason"
        )
        self.assertNotIn("event=recovery", rig.daemon.log_text())
        rig.wait_listed()
        self.wait_log(rig, "event=recovered")

    def test_reset_by_hand(self):
        rig = self.rig(1)
        for step, name in (("at", "reopen"), ("radio", "radio"), ("modem", "restart")):
            status, out, err = rig.daemon.ctl_raw("reset", "sim/m000", "--step", step)
            self.assertEqual((status, out), (0, f"sim/m000: {name} begun\n"), err)
            rig.wait_listed(0)
            rig.wait_listed(1)
        for step in ("usb", "power"):
            status, _, err = rig.daemon.ctl_raw("reset", "sim/m000", "--step", step)
            self.assertEqual(status, 1)
            self.assertIn(f"this place offers no {step} reset", err)
        self.assertEqual(rig.daemon.ctl_raw("reset", "sim/m000", "--step", "x")[0], 2)
        self.assertEqual(rig.daemon.ctl_raw("reset", "sim/m009")[0], 1)
        self.assertEqual(rig.daemon.log_text().count("reason=\"asked for by the operator\""), 3)
        self.assertNotIn("event=recovered", rig.daemon.log_text())


if __name__ == "__main__":
    running()
