"""test_cards.py - modems and cards that come, go and change: the number list stays true."""

import unittest

from gateway_case import GatewayCase, iccid, number, running


class Modems(GatewayCase):
    def test_unplugged_and_plugged(self):
        rig = self.rig(3)
        rig.sim.send("hangup 1")
        rig.wait(lambda: rig.platform.numbers() == {number(0), number(2)}, "the list without it")
        rig.sim.sms(1, "Bank", "meanwhile")
        self.assertEqual(self.port(rig, 1)["state"], "off")
        rig.sim.send("plug 1")
        self.await_texts(rig, [(number(1), "Bank", "meanwhile")])
        rig.wait_listed(3)

    def test_restarts_by_itself(self):
        rig = self.rig(2)
        rig.sim.send("reboot 0")
        rig.sim.sms(0, "Bank", "after")
        self.await_texts(rig, [(number(0), "Bank", "after")])
        rig.wait_listed(2)
        rig.sim.sms(0, "Bank", "announced again")
        self.await_texts(rig, [(number(0), "Bank", t) for t in ("after", "announced again")])

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
        rig.sim.sms(0, "Bank", "waits at the network")
        rig.sim.send("sim 0 in")
        self.await_texts(rig, [(number(0), "Bank", "waits at the network")])
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
        rig.sim.sms(0, "Bank", "to the old")
        self.await_texts(rig, [(number(0), "Bank", "to the old")])
        rig.sim.send("sim 0 swap 8946019999999999999")
        new = rig.sim.cards()[0]["number"]
        self.assertNotEqual(new, number(0))
        rig.wait(lambda: rig.platform.numbers() == {new}, "the new card's number")
        rig.sim.part(0, "+46735550100", 5, 2, 2, "new")
        rig.sim.sms(0, "Bank", "to the new")
        wanted = [(number(0), "Bank", "to the old"), (new, "Bank", "to the new")]
        self.await_texts(rig, wanted)
        self.assertEqual(rig.daemon.ctl("status")["messages"]["parts_pending"], 2)
        rig.sim.send(f"sim 0 swap {old}")
        rig.wait(lambda: rig.platform.numbers() == {number(0)}, "the old card's number")
        rig.sim.part(0, "+46735550100", 5, 2, 2, "rest")
        self.await_texts(rig, wanted + [(number(0), "+46735550100", "old rest")])

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
        rig.sim.sms(0, "Bank", "x")
        self.await_texts(rig, [(number(0), "Bank", "x")])
        self.assertTrue(self.port(rig, 0)["card_id"].startswith("imsi-24001"))


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
