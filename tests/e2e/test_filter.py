"""test_filter.py - what the filter withholds: kept here, seen by the operator, never sent."""

import json
import os

from gateway_case import GatewayCase, iccid, number, running

TRANSFER = "Your transfer of 500 EUR from card *1234 was accepted"
CODE = "Your shop code is 551200"


class Withheld(GatewayCase):
    def rules(self, rig, text):
        path = os.path.join(rig.workdir, "own.rules")
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path

    def reasons(self, rig):
        return {r["text"]: (r["state"], r["reason"]) for r in self.outbox(rig)}

    def test_by_default(self):
        rig = self.rig(1)
        rig.sim.sms(0, "Info", TRANSFER)
        rig.sim.sms(0, "Swedbank", "Din kod 4417")
        rig.sim.sms(0, "Shop", CODE)
        self.await_texts(rig, [(number(0), "Shop", CODE)])
        self.assertEqual(
            self.reasons(rig),
            {TRANSFER: ("withheld", "card"), "Din kod 4417": ("withheld", "bank")},
        )
        self.assertEqual({r["next"] for r in self.outbox(rig)}, {""})
        self.wait_totals(rig, delivered=1, withheld=2)
        status = rig.daemon.ctl("status")
        self.assertEqual(status["filtered"], {"card": 1, "bank": 1})
        self.assertEqual(status["platforms"][0]["filter"], "default")
        self.assertIn("Withheld since start: card 1, bank 1", rig.daemon.ctl_raw("status")[1])
        log = rig.daemon.log_text()
        self.assertEqual(log.count("event=sms_filtered"), 2)
        self.assertRegex(log, r"sim/m000: .*platform=onlinesim reason=card event=sms_filtered")
        self.assert_no_secret(log, "500 EUR", "4417", "Swedbank")

        # kept over a restart; released by its id alone, and the rest stays
        rig.daemon.restart()
        rig.wait_listed()
        self.assertEqual(rig.daemon.ctl("outbox", "retry", "--all")["count"], 0)
        (row,) = [r for r in self.outbox(rig) if r["reason"] == "card"]
        self.assertIn("1 queued again", rig.daemon.ctl_raw("outbox", "retry", row["id"])[1])
        self.await_texts(rig, [(number(0), "Shop", CODE), (number(0), "Info", TRANSFER)])
        self.assertEqual(list(self.reasons(rig)), ["Din kod 4417"])

    def test_what_the_whole_text_says(self):
        """Neither part says it alone; a gap between them does not hide it, nor does a late part."""
        rig = self.rig(1, gateway={"parts_wait": "2s", "start_grace": "1s"})
        rig.sim.part(0, "Info", 5, 2, 2, "card *1234 was accepted")
        rig.sim.part(0, "Info", 5, 2, 1, "Your transfer of 500 EUR from ")
        rig.sim.part(0, "Info", 6, 3, 1, "Hello, 500 EUR were ")
        rig.sim.part(0, "Info", 6, 3, 3, " debited from it")
        gap = "Hello, 500 EUR were [...] debited from it"
        self.wait_outbox(rig, lambda r: r["text"] == gap)
        self.assertEqual(
            self.reasons(rig), {TRANSFER: ("withheld", "card"), gap: ("withheld", "money")}
        )
        rig.sim.part(0, "Info", 6, 3, 2, "from your card *1234")
        self.wait_outbox(rig, lambda r: r["text"] == "[2/3] from your card *1234")
        self.wait_totals(rig, withheld=3)
        self.await_texts(rig, [])

    def test_rules_of_ones_own(self):
        rig = self.rig(2, start=False)
        path = self.rules(rig, "withhold from:/^shop$/i card:%s\nallow from:/swedbank/i\n"
                               "withhold text:/private/ reason:mine\n"
                               "withhold text:/let/ rent reason:rented\n" % iccid(rig, 1))
        rig.write_numbers([{"iccid": iccid(rig, 1), "rent": "yes"}])
        self.configure(rig, "platform onlinesim", filter=path)
        status, out = rig.daemon.check()
        self.assertEqual(status, 0, out)
        rig.daemon.start()
        rig.wait_listed()
        for i in range(2):
            rig.sim.sms(i, "Shop", "one")
            rig.sim.sms(i, "Swedbank", "my private one")
            rig.sim.sms(i, "Info", "a private one")
            rig.sim.sms(i, "Info", "to let")
        self.await_texts(rig, [
            (number(0), "Shop", "one"),
            (number(0), "Info", "to let"),
            *((number(i), "Swedbank", "my private one") for i in range(2)),
        ])
        self.wait_totals(rig, withheld=4, delivered=4)
        self.assertEqual(
            sorted((r["number"], r["reason"]) for r in self.outbox(rig)),
            [(number(0), "mine"), (number(1), "mine"), (number(1), "own.rules:1"),
             (number(1), "rented")],
        )

    def test_off(self):
        rig = self.rig(2, platform={"filter": "off"})
        rig.sim.sms(0, "Swedbank", TRANSFER)
        self.await_texts(rig, [(number(0), "Swedbank", TRANSFER)])
        self.wait_log(rig, "the filter is off")
        self.assertRegex(rig.daemon.log_text(), r"W config onlinesim: the filter is off")
        # on again, but for one card
        self.configure(rig, "platform onlinesim", filter=None)
        rig.write_numbers([{"iccid": iccid(rig, 1), "filter": "off"}])
        rig.daemon.ctl("reload")
        self.wait_log(rig, "the numbers file switches the filter off for cards")
        rig.sim.sms(0, "Swedbank", "held back")
        rig.sim.sms(1, "Swedbank", "goes out")
        self.await_texts(rig, [(number(0), "Swedbank", TRANSFER), (number(1), "Swedbank", "goes out")])
        self.wait_totals(rig, withheld=1)
        self.assertIn("8946", rig.daemon.ctl_raw("numbers", "export")[1])
        self.assertIn(",off,", rig.daemon.ctl_raw("numbers", "export")[1])

    def test_errors(self):
        rig = self.rig(1)
        path = self.rules(rig, "withhold from:/a(/\n# good\nallow nobody\n")
        self.configure(rig, "platform onlinesim", filter=path)
        status, out = rig.daemon.check()
        self.assertEqual(status, 1)
        self.assertIn(f"{path}:1: from: missing closing parenthesis, at offset 2", out)
        self.assertIn(f"{path}:3: \"nobody\" is no part of a rule", out)
        self.assertIn("2 errors", out)
        status, _, err = rig.daemon.ctl_raw("reload")
        self.assertEqual(status, 1)
        self.assertIn(f"{path}:3: ", err)
        rig.sim.sms(0, "Swedbank", "the old filter stays")
        rig.sim.sms(0, "Shop", CODE)
        self.await_texts(rig, [(number(0), "Shop", CODE)])
        self.wait_totals(rig, withheld=1)
        self.rules(rig, "allow from:/a/\n")
        self.assertEqual(rig.daemon.ctl_raw("reload")[0], 0)
        self.assertEqual(rig.daemon.ctl("status")["platforms"][0]["filter"], path)


class Test(GatewayCase):
    def test_rules_on_texts(self):
        rig = self.rig(1)
        status, out, err = rig.daemon.ctl_raw(
            "filter", "test", "default", stdin=f"Info\t{TRANSFER}\nShop\t{CODE}\nno sender\n\n"
        )
        self.assertEqual((status, err), (0, ""))
        lines = out.splitlines()
        self.assertRegex(lines[1], r"withhold +card +\d+ +Info +Your transfer")
        self.assertIn("withhold text:/", lines[2])
        self.assertRegex(lines[3], r"pass +- +Shop")
        self.assertRegex(lines[4], r"pass +- +no sender")

        # more rules than one call takes: the line of a file of 60 KiB, the first that matches
        path = os.path.join(rig.workdir, "long.rules")
        with open(path, "w", encoding="utf-8") as file:
            for n in range(900):
                file.write(f"# {'x' * 30}\nwithhold text:/\\b{n}\\b/ from:/^n$/ reason:n{n}\n")
            file.write("allow from:/^n$/\nwithhold from:/^n$/")
        texts = "".join(f"n\tsay {n}\n" for n in range(0, 1000, 7)) + "m\tsay 5\n"
        status, out, err = rig.daemon.ctl_raw("--json", "filter", "test", path, stdin=texts)
        self.assertEqual((status, err), (0, ""))
        results = json.loads(out)["results"]
        self.assertEqual(
            [(r["verdict"], r["line"], r["reason"]) for r in results],
            [("withhold", 2 * n + 2, f"n{n}") if n < 900 else ("allow", 1801, "")
             for n in range(0, 1000, 7)] + [("pass", 0, "")],
        )

        with open(path, "a", encoding="utf-8") as file:
            file.write("\nwithhold text:/[/\n")
        with open(path, "r+", encoding="utf-8") as file:
            file.write("hold ")
        status, out, err = rig.daemon.ctl_raw("filter", "test", path, stdin=texts)
        self.assertEqual((status, out), (1, ""))
        self.assertIn("long.rules:1803: text: missing terminating ]", err)
        self.assertIn("long.rules:1: \"hold", err)
        for args in (["filter"], ["filter", "test"], ["filter", "try", "default"]):
            self.assertEqual(rig.daemon.ctl_raw(*args)[0], 2)
        self.assertEqual(rig.daemon.ctl_raw("filter", "test", "/none")[0], 1)
        status, _, err = rig.daemon.ctl_raw("filter", "test", "default", stdin="x" * 20000)
        self.assertEqual(status, 1)
        self.assertIn("line 1 of the input is longer", err)


if __name__ == "__main__":
    running()
