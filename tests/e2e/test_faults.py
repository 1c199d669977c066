"""test_faults.py - modems that misbehave: nothing lost, nothing twice, the others go on."""

import unittest

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
                rig.sim.sms(i, "Bank", f"{k}")
        self.await_texts(rig, [(number(i), "Bank", f"{k}") for i in range(2) for k in range(4)])

    def test_restart_before_the_delete(self):
        rig = self.rig(2)
        rig.sim.fault("*", "cmgd_error", 100000)
        rig.sim.sms(0, "Bank", "once")
        rig.sim.sms(1, "Bank", "once")
        wanted = [(number(i), "Bank", "once") for i in range(2)]
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
        rig.sim.sms(0, "Bank", "once")
        self.await_texts(rig, wanted + [(number(0), "Bank", "once")])

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
        rig.sim.sms(well, "Bank", "still there")
        good.append((number(well), "Bank", "still there"))
        rig.wait(lambda: set(good) <= set(self.got(rig)), "a text meanwhile")
        for i in silent:
            rig.sim.clear(i)
        self.await_texts(
            rig,
            good + [(number(i), SENDER, f"bad m{i:03d} {k}") for i in range(well) for k in (1, 2, 3)],
        )
        rig.wait_listed()


if __name__ == "__main__":
    running()
