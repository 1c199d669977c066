"""test_texts.py - texts from the card to the platform: each arrives whole, once, and leaves the card."""


from gateway_case import GatewayCase, number, running

LONG_GSM = "0123456789" * 20 + "{[~]}" * 20 + "end"
LONG_WIDE = "Привет 😀 " * 30

# An SMS-DELIVER from +46735550100 at 2025-01-01 12:00, up to the DCS; then DCS, time, UDL, UD.
HEAD = "07916407058099F9" "040B916437550501F0" "00"
TIME = "52101021000000"


def data_text(octets):
    return f"{HEAD}04{TIME}{len(octets):02X}{octets.hex().upper()}"


class Texts(GatewayCase):
    def test_every_kind(self):
        rig = self.rig(2)
        texts = [
            ("+46735550100", "plain"),
            ("71000", "GSM: @£$ àé [~] {x} \\ | ^ € end"),
            ("+46735550100", "emoji 😀 and Ж"),
            ("My Shop", "from a name"),
            ("+46735550100", ""),
            ("+46735550100", "two\nlines\nand a \"quote\""),
            ("+46735550100", "x" * 160),
            ("+46735550100", "Ж" * 70),
            ("+46735550100", LONG_GSM),
            ("Shop@Home", LONG_WIDE),
            ("+46735550100", "+CMTI: \"SM\",1\nOK"),
        ]
        for sender, text in texts:
            for i in range(2):
                rig.sim.sms(i, sender, text)
        self.await_texts(rig, [(number(i), s, t) for s, t in texts for i in range(2)])
        self.assert_recent(rig)
        self.assertEqual(self.outbox(rig), [])

    def test_another_family(self):
        rig = self.rig(1, family="generic", sim=("--echo", "sticky"))
        texts = [("+46735550100", "hej"), ("Shop", LONG_GSM), ("71000", "😀")]
        for sender, text in texts:
            rig.sim.sms(0, sender, text)
        self.await_texts(rig, [(number(0), s, t) for s, t in texts])

    def test_parts_in_any_order_and_mixed(self):
        rig = self.rig(2)
        for ref, seq in ((7, 3), (8, 2), (7, 1), (9, 1), (8, 1), (7, 2), (9, 2)):
            total = 3 if ref == 7 else 2
            rig.sim.part(0, "+46735550100", ref, total, seq, f"<{ref}.{seq}>")
        # The same reference from another sender, and to another card, is another text.
        rig.sim.part(0, "+46735550999", 9, 2, 1, "<other>")
        rig.sim.part(1, "+46735550100", 9, 2, 2, "<card>")
        self.await_texts(
            rig,
            [
                (number(0), "+46735550100", "<7.1><7.2><7.3>"),
                (number(0), "+46735550100", "<8.1><8.2>"),
                (number(0), "+46735550100", "<9.1><9.2>"),
            ],
        )
        self.assertEqual(rig.daemon.ctl("status")["messages"]["parts_pending"], 2)

    def test_a_repeated_part_does_no_harm(self):
        rig = self.rig()
        rig.sim.part(0, "+46735550100", 3, 2, 1, "one ")
        rig.wait_drained()
        rig.sim.part(0, "+46735550100", 3, 2, 1, "one ")
        rig.wait_drained()
        rig.sim.part(0, "+46735550100", 3, 2, 2, "two")
        self.await_texts(rig, [(number(0), "+46735550100", "one two")])

    def test_parts_over_a_restart(self):
        rig = self.rig()
        rig.sim.part(0, "+46735550100", 1, 3, 2, "b")
        rig.sim.part(0, "+46735550100", 1, 3, 3, "c")
        rig.wait_drained()
        self.assertEqual(rig.daemon.stop(), 0)
        rig.sim.part(0, "+46735550100", 1, 3, 1, "a")
        rig.daemon.start()
        self.await_texts(rig, [(number(0), "+46735550100", "abc")])

    def test_parts_over_a_crash(self):
        rig = self.rig()
        rig.sim.part(0, "+46735550100", 1, 2, 2, "b")
        rig.wait_drained()
        rig.daemon.kill9()
        rig.sim.part(0, "+46735550100", 1, 2, 1, "a")
        rig.daemon.start()
        self.await_texts(rig, [(number(0), "+46735550100", "ab")])

    def test_what_is_no_text_is_kept_and_not_in_the_way(self):
        rig = self.rig()
        raw = [
            data_text(b"\x01\x02\xfe"),
            "07916407058099F904",  # ends in the middle of its address
            "00",
        ]
        for pdu in raw:
            rig.sim.send(f"pdu 0 {pdu}")
        rig.sim.sms(0, "+46735550100", "after them")
        self.await_texts(rig, [(number(0), "+46735550100", "after them")])
        rows = self.outbox(rig)
        self.assertEqual(sorted(r["state"] for r in rows), ["no_text"] + ["undecodable"] * 2)
        self.assertTrue(all(r["reason"] for r in rows), rows)
        messages = rig.daemon.ctl("status")["messages"]
        self.assertEqual((messages["undecodable"], messages["no_text"]), (2, 1))
        status, out, _ = rig.daemon.ctl_raw("outbox")
        self.assertEqual((status, out.count("undecodable")), (0, 2))
        rig.daemon.restart()
        self.assertEqual(len(self.outbox(rig)), 3)

    def test_a_flash_text_arrives_without_a_copy_on_the_card(self):
        rig = self.rig()
        rig.sim.sms(0, "Shop", "one")
        rig.sim.send("flash 0 Shop shown and gone")
        rig.sim.sms(0, "Shop", "two")
        self.await_texts(
            rig, [(number(0), "Shop", text) for text in ("one", "shown and gone", "two")]
        )
        rig.wait(lambda: rig.sim.stats()["acks"] == 1, "the acknowledgement")
        self.assertEqual(rig.sim.stats()["shown_again"], 0)

    def test_a_flash_text_where_nothing_can_be_acknowledged(self):
        rig = self.rig(family="generic", start=False)
        rig.sim.fault(0, "csms_refused")
        rig.daemon.start()
        rig.wait_listed()
        rig.sim.send("flash 0 Shop shown")
        self.await_texts(rig, [(number(0), "Shop", "shown")])
        self.assertEqual(rig.sim.stats()["acks"], 0)

    def test_a_flash_text_whose_acknowledgement_is_refused_is_one_text(self):
        rig = self.rig(start=False)
        rig.sim.fault(0, "cnma_error", 500)
        rig.sim.fault(0, "ack_ms", 300)
        rig.daemon.start()
        rig.wait_listed()
        rig.sim.send("flash 0 Shop shown")
        rig.wait(lambda: rig.sim.stats()["acks_refused"] > 0, "a refusal")
        rig.sim.clear(0)
        rig.wait(lambda: rig.sim.stats()["acks"] > 0, "the acknowledgement")
        self.await_texts(rig, [(number(0), "Shop", "shown")])

    def test_reports_and_pages_are_kept_and_do_not_disturb(self):
        rig = self.rig()
        rig.sim.send("report 0")
        rig.sim.send("page 0 Weather warning")
        rig.sim.sms(0, "Shop", "text")
        self.await_texts(rig, [(number(0), "Shop", "text")])
        rig.wait(lambda: len(self.outbox(rig)) == 2, "two rows")
        self.assertEqual(
            sorted(r["reason"] for r in self.outbox(rig)), ["cell-broadcast", "status-report"]
        )
        self.assertEqual(rig.daemon.ctl_raw("check")[0], 0)
        status, out, _ = rig.daemon.ctl_raw("outbox", "retry", "--all")
        self.assertEqual((status, out), (0, "0 queued again\n"))

    def test_listings_in_every_shape(self):
        rig = self.rig(6)
        for i in range(6):
            rig.sim.fault(i, "list_shape", i + 1)
        texts = [("Shop", "hello"), ("+46735550100", LONG_GSM)]
        for i in range(6):
            for sender, text in texts:
                rig.sim.sms(i, sender, text)
        self.await_texts(rig, [(number(i), s, t) for i in range(6) for s, t in texts])

    def test_the_same_text_twice_is_two_texts(self):
        rig = self.rig()
        for _ in range(2):
            rig.sim.sms(0, "Shop", "code 1234")
        rig.wait_drained()
        rig.sim.sms(0, "Shop", "code 1234")
        self.await_texts(rig, [(number(0), "Shop", "code 1234")] * 3)

    def test_messages_command_shows_what_arrived(self):
        rig = self.rig()
        rig.sim.sms(0, "Shop", "secret 77")
        self.await_texts(rig, [(number(0), "Shop", "secret 77")])
        self.wait_totals(rig, delivered=1)
        (row,) = rig.daemon.ctl("messages")["messages"]
        self.assertEqual(
            (row["port"], row["sender"], row["state"], row["chars"]),
            ("sim/m000", "Shop", "delivered", 9),
        )
        self.assertNotIn("text", row)
        self.assertNotIn(number(0), str(row))
        (row,) = rig.daemon.ctl("--full", "messages", "--port", "sim/m000")["messages"]
        self.assertEqual((row["text"], row["number"]), ("secret 77", number(0)))


if __name__ == "__main__":
    running()
