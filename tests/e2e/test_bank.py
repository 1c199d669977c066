"""test_bank.py - a SIM bank that switches cards: select, rotation, calibration, and its faults."""

import json

from gateway_case import GatewayCase, running

BANK = {
    "board": "swit",
    "rows": "4",
    "switch_wait": "200ms",
    "switch_stagger": "100ms",
    "switch_timeout": "12s",
}


class BankCase(GatewayCase):
    def bank_rig(self, count, columns=True, wired="order", rows=4, start=True, **bank):
        """count modems, rows cards behind each; columns: whether the configuration knows them."""
        options = ("--rows", rows, "--wired", wired)
        rig = self.rig(count, "quectel-gsm", options, start=False)
        keys = {**BANK, "rows": str(rows), "control.1": f"{rig.sim.dir}/bank1", **bank}
        for i in range(count if columns else 0):
            keys[f"column.m{i:03d}"] = f"1/{i + 1:02d}"
        self.configure(rig, "bank sim", **keys)
        if start:
            rig.daemon.start()
            rig.wait_listed()
        self.addCleanup(self.assert_truthful, rig)
        return rig

    def bank(self, rig):
        return json.loads(rig.sim.send("bank"))

    def number(self, rig, modem, row):
        return self.bank(rig)["modems"][modem]["cards"][row - 1]["number"]

    def iccid(self, rig, modem, row):
        return self.bank(rig)["modems"][modem]["cards"][row - 1]["iccid"]

    def radio(self, rig):
        """The numbers whose cards are in a modem now."""
        return {c["number"] for c in rig.sim.cards() if c["in"]}

    def assert_truthful(self, rig):
        """No list ever held the number of a card that was in no modem while it counted: its card
        left after the next list had come, and came before it was sent."""
        if not rig.sim.alive():
            return
        bank = self.bank(rig)
        self.assertEqual(bank["too_soon"], 0)
        events = sorted(
            [(e["t"], 1, {n["number"] for n in e["numbers"]}) for e in rig.platform.events("list")]
            + [(m["t"], 0, m) for m in bank["moves"]],
            key=lambda e: e[:2],
        )
        first = {m["modem"]: m["out"] for m in reversed(bank["moves"])}
        now = self.radio(rig)
        for move in bank["moves"]:
            now.discard(move["in"])
        inside = (now | set(first.values())) - {""}
        listed = set()
        for _, is_list, what in events:
            if is_list:
                listed = what
            else:
                inside -= {what["out"]}
                inside |= {what["in"]} - {""}
            self.assertLessEqual(listed, inside, "a number is listed whose card is in no modem")

    def select(self, rig, modem, sim, ok=0):
        status, out, err = rig.daemon.ctl_raw("select", f"sim/m{modem:03d}", str(sim))
        self.assertEqual(status, ok, out + err)
        return out + err


class Select(BankCase):
    def test_a_card_is_put_in_and_listed_only_then(self):
        rig = self.bank_rig(2, start=False)
        self.configure(rig, "platform onlinesim", list_delay="1500ms")  # the switch waits for it
        rig.daemon.start()
        rig.wait_listed()
        first, second = self.number(rig, 0, 1), self.number(rig, 0, 2)
        rig.sim.sms(0, "Shop", "before")
        self.assertIn("row 2 is in", self.select(rig, 0, 2))
        rig.wait(lambda: second in rig.platform.numbers(), "the new number")
        self.assertEqual(rig.platform.numbers(), self.radio(rig))
        port = self.port(rig, 0)
        self.assertEqual((port["column"], port["row"], port["rows"]), ("1/01", 2, 4))
        self.assertEqual((port["switch"], port["iccid"]), ("done", self.iccid(rig, 0, 2)))
        rig.sim.sms(0, "Shop", "after")
        self.await_texts(rig, [(first, "Shop", "before"), (second, "Shop", "after")])
        # by ICCID, once a switch has shown its row; and what is in already is no switch
        self.assertIn("name the row", self.select(rig, 0, self.iccid(rig, 0, 3), ok=1))
        self.assertIn("a row is 1 to 4", self.select(rig, 0, 5, ok=2))
        self.assertIn("already", self.select(rig, 0, self.iccid(rig, 0, 2)))
        # the card that is in may be the one: another row tells
        self.assertIn("row 1 is in", self.select(rig, 1, 1))

    def test_a_bank_without_a_word_and_a_busy_card(self):
        rig = self.bank_rig(1)
        rig.sim.send("bank fault 1 silent")
        rig.sim.send("bank fault 1 busy 1500")
        self.select(rig, 0, 2)
        rig.wait_listed()
        self.assertEqual(rig.platform.numbers(), self.radio(rig))


class Rotation(BankCase):
    def test_each_card_has_its_turn_and_no_text_is_lost(self):
        rig = self.bank_rig(2, rows=2, start=False, rotate="1s")
        wanted = []
        for modem in range(2):
            for row in range(1, 3):
                rig.sim.send(f"post {modem} {row} Shop for {modem} {row}")
                wanted.append((self.number(rig, modem, row), "Shop", f"for {modem} {row}"))
        rig.daemon.start()
        rig.wait(lambda: rig.platform.message_count() >= 3, "three cards' texts")
        rig.daemon.restart()  # goes on where it was
        self.await_texts(rig, wanted)


class Calibration(BankCase):
    def test_columns_are_found_and_taken(self):
        rig = self.bank_rig(2, columns=False, wired="reverse")
        self.assertIn("calibrate", self.select(rig, 0, 2, ok=1))
        status, out, err = rig.daemon.ctl_raw("calibrate", "sim")
        self.assertEqual(status, 0, out + err)
        lines = [x for x in out.splitlines() if not x.startswith(";")]
        self.assertEqual(lines, ["column.m001 = 1/01", "column.m000 = 1/02"])
        rig.wait_listed()
        self.assertEqual(rig.platform.numbers(), self.radio(rig))
        self.configure(rig, "bank sim", **{"column.m000": "1/09"})
        self.assertEqual(rig.daemon.ctl_raw("reload")[0], 1)
        self.configure(rig, "bank sim", **dict(x.split(" = ") for x in lines))
        rig.daemon.ctl("reload")
        rig.wait(lambda: self.port(rig, 1).get("row") == 2, "what the calibration has shown")
        controls = rig.daemon.ctl("status")["banks"][0]["controls"]
        rig.wait(lambda: controls[0]["open"], "the control line")
        self.select(rig, 1, 3)
        rig.wait_listed()


if __name__ == "__main__":
    running()
