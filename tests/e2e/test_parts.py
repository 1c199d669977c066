"""test_parts.py - long texts of which parts are missing or late, and what a later version can read."""

import sqlite3

from gateway_case import GatewayCase, number, running

SENDER = "+46735550100"
SPANS = {"parts_wait": "2s", "start_grace": "2s"}

# An SMS-DELIVER from +46735550100: "hello" in the default alphabet, and class 0's coding of it.
HELLO = "07916407058099F9" "040B916437550501F00000" "52101021000000" "05E8329BFD06"


class Parts(GatewayCase):
    def test_a_gap_and_then_the_part(self):
        rig = self.rig(gateway=SPANS)
        rig.sim.part(0, SENDER, 3, 4, 1, "one ")
        rig.sim.part(0, SENDER, 3, 4, 4, " four")
        gap = (number(0), SENDER, "one [...] four")
        self.await_texts(rig, [gap])
        rig.sim.part(0, SENDER, 3, 4, 2, "two")
        late = (number(0), SENDER, "[2/4] two")
        self.await_texts(rig, [gap, late])
        counters = rig.daemon.ctl("status")["counters"]
        self.assertEqual((counters["sms_gaps"], counters["sms_late"]), (1, 1))

    def test_a_part_that_comes_too_late_is_a_text_of_its_own(self):
        rig = self.rig(gateway={**SPANS, "parts_late": "0"})
        rig.sim.part(0, SENDER, 3, 2, 1, "one")
        first = (number(0), SENDER, "one[...]")
        self.await_texts(rig, [first])
        rig.sim.part(0, SENDER, 3, 2, 2, "two")
        self.await_texts(rig, [first, (number(0), SENDER, "[...]two")])

    def test_the_wait_goes_on_over_a_crash(self):
        rig = self.rig(gateway=SPANS)
        rig.sim.part(0, SENDER, 3, 2, 2, "end")
        rig.wait_drained()
        rig.daemon.kill9()
        rig.daemon.start()
        self.await_texts(rig, [(number(0), SENDER, "[...]end")])

    def test_a_part_sent_again_by_the_network_is_no_text(self):
        rig = self.rig(gateway=SPANS)
        rig.sim.part(0, SENDER, 3, 2, 1, "one ")
        rig.sim.part(0, SENDER, 3, 2, 2, "two")
        self.await_texts(rig, [(number(0), SENDER, "one two")])
        self.wait_totals(rig, delivered=1)
        rig.daemon.stop()
        with sqlite3.connect(self.store(rig)) as db:
            (raw,) = db.execute("SELECT raw FROM pdu ORDER BY id DESC LIMIT 1").fetchone()
        db.close()
        rig.daemon.start()
        rig.sim.send(f"pdu 0 {raw}")
        rig.wait(
            lambda: rig.daemon.ctl("status")["counters"]["sms_repeated"] == 1, "the repetition"
        )
        self.assertEqual(rig.daemon.ctl("status")["messages"]["parts_pending"], 0)

    def test_what_was_undecodable_is_read_after_an_upgrade(self):
        rig = self.rig()
        rig.sim.send(f"pdu 0 {HELLO[:-20]}")
        rig.wait(lambda: self.outbox(rig), "a row of the outbox")
        rig.wait_drained()
        (row,) = self.outbox(rig)
        self.assertEqual((row["state"], row["reason"]), ("undecodable", "truncated"))
        status, _, err = rig.daemon.ctl_raw("outbox", "retry", row["id"])
        self.assertEqual(status, 1)
        self.assertIn("still undecodable", err)

        # What an older version could not read is there as it came, with the reason of then.
        rig.daemon.stop()
        with sqlite3.connect(self.store(rig)) as db:
            db.execute("UPDATE pdu SET raw = ?, tpdu_len = -1, undecodable = 'header'", (HELLO,))
        db.close()
        rig.daemon.start()
        status, out, _ = rig.daemon.ctl_raw("outbox", "retry", "--all")
        self.assertEqual((status, out.split()[0]), (0, "1"))
        self.await_texts(rig, [(number(0), SENDER, "hello")])
        self.assertEqual(self.outbox(rig), [])

    def test_an_undecodable_entry_can_be_put_away(self):
        rig = self.rig()
        rig.sim.send(f"pdu 0 {HELLO[:-20]}")
        rig.wait(lambda: self.outbox(rig), "a row of the outbox")
        status, _, _ = rig.daemon.ctl_raw("outbox", "drop", self.outbox(rig)[0]["id"])
        self.assertEqual((status, self.outbox(rig)), (0, []))

    def store(self, rig):
        return rig.daemon.sections["gateway"]["state_dir"] + "/simgate.db"


if __name__ == "__main__":
    running()
