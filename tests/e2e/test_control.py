"""test_control.py - simgatectl and signals on a living daemon."""

import csv
import json
import os
import signal
import subprocess

import harness
from gateway_case import GatewayCase, iccid, number, running


class Commands(GatewayCase):
    def test_every_command(self):
        rig = self.rig(2)
        rig.sim.sms(0, "Shop", "secret words")
        self.await_texts(rig, [(number(0), "Shop", "secret words")])
        self.wait_totals(rig, delivered=1)
        for args, words in (
            (["status"], "onlinesim"),
            (["ports"], "sim/m001"),
            (["ports", "sim"], "sim/m001"),
            (["port", "sim/m000"], "SIMCOM_SIM800L"),
            (["watch"], "sim/m001"),
            (["messages"], "sim/m000"),
            (["messages", "--port", "sim/m000", "--since", "1h", "--limit", "5"], "Shop"),
            (["outbox"], ""),
            (["outbox", "list"], ""),
            (["outbox", "retry", "--all"], None),
            (["numbers"], "sim/m001"),
            (["sync"], "onlinesim: list accepted"),
            (["reload"], "Reloaded"),
        ):
            with self.subTest(args=args):
                status, out, err = rig.daemon.ctl_raw(*args)
                # Nothing to retry is told, and is no success.
                self.assertIn(status, (0, 1) if words is None else (0,), out + err)
                self.assertIn(words or "", out)
                self.assertNotIn("secret words", out)
                self.assertNotIn(number(0), out)
                if words is not None:
                    json.loads(rig.daemon.ctl_raw("--json", *args)[1])
        self.assertIn("secret words", rig.daemon.ctl_raw("--full", "messages")[1])
        self.assertIn(number(0), rig.daemon.ctl_raw("--full", "ports")[1])

    def test_exit_status(self):
        rig = self.rig(1)
        for args, wanted in (
            (["status"], 0),
            (["port", "sim/m999"], 1),
            (["ports", "nobank"], 1),
            (["messages", "--port", "sim/m000"], 0),
            (["messages", "--port", "sim/m999"], 1),
            (["outbox", "retry", "no-such"], 1),
            (["outbox", "drop", "no-such"], 1),
            (["numbers", "forget", "8946000000000000999"], 1),
            (["numbers", "set", "8946000000000000999"], 2),
            (["nonsense"], 2),
            (["port"], 2),
            (["port", "m000"], 2),
            (["messages", "--since", "yesterday"], 2),
            (["status", "--limit", "3"], 2),
        ):
            status, out, err = rig.daemon.ctl_raw(*args)
            self.assertEqual(status, wanted, (args, out, err))
            self.assertEqual(bool(err), wanted != 0, (args, err))
        rig.platform.send("fail list 1 500 x")
        status, _, err = rig.daemon.ctl_raw("sync")
        self.assertEqual(status, 1)
        rig.daemon.stop()
        status, out, err = rig.daemon.ctl_raw("status")
        self.assertEqual((status, out), (3, ""))
        self.assertIn(rig.daemon.control_path, err)

    def test_check(self):
        rig = self.rig(2)
        self.wait_totals(rig)
        self.assertEqual(rig.daemon.ctl_raw("check", "x")[0], 3)
        status, out, _ = rig.daemon.ctl_raw("check")
        self.assertEqual((status, out.split(" | ")[0]), (0, "SIMGATE OK - 2 of 2 ports ready"), out)
        self.assertRegex(out, r"\| ready=2;;;0;2 queued=0 oldest=0s;60;600 hour=0 undecodable=0\n$")
        rig.sim.send("sim 1 out")
        rig.wait(lambda: rig.daemon.ctl_raw("check")[0] == 1, "a warning")
        self.assertIn("WARNING - bank sim: 1 ", rig.daemon.ctl_raw("check")[1])
        rig.platform.send("fail list 100 500 x")
        rig.daemon.ctl_raw("sync")
        status, out, _ = rig.daemon.ctl_raw("check")
        self.assertEqual(status, 2)
        self.assertRegex(out, "^SIMGATE CRITICAL - onlinesim takes no number list: .*; bank sim: 1 ")
        rig.daemon.stop()
        status, out, err = rig.daemon.ctl_raw("check")
        self.assertEqual((status, err), (2, ""))
        self.assertIn("CRITICAL - simgated is not reachable", out)

    def test_follow(self):
        rig = self.rig(1)
        with subprocess.Popen(
            [harness.program("simgatectl"), "-s", rig.daemon.control_path, "--json", "--full",
             "messages", "--follow"],
            stdout=subprocess.PIPE, text=True,
        ) as follow:
            try:
                rig.sim.sms(0, "Shop", "as it comes")
                self.assertEqual(json.loads(follow.stdout.readline())["text"], "as it comes")
            finally:
                follow.kill()


class Numbers(GatewayCase):
    def ctl(self, rig, *args, warned=False):
        status, out, err = rig.daemon.ctl_raw(*args)
        self.assertEqual((status, bool(err)), (0, warned), out + err)
        return out

    def test_all_of_a_number(self):
        rig = self.rig(2)
        for k in range(2):
            rig.sim.sms(k, "Shop", f"secret words {k}")
        self.await_texts(rig, [(number(k), "Shop", f"secret words {k}") for k in range(2)])
        self.wait_totals(rig, delivered=2)
        out = rig.daemon.ctl_raw("messages", "export", "--number", number(0))[1]
        self.assertEqual([json.loads(line)["text"] for line in out.splitlines()], ["secret words 0"])
        self.assertIn("erased: 1 messages", rig.daemon.ctl_raw(
            "messages", "erase", "--number", number(0))[1])
        self.assertEqual(rig.daemon.ctl_raw("messages", "export", "--number", number(0))[1], "")
        self.assertEqual([m["text"] for m in rig.daemon.ctl("--full", "messages")["messages"]],
                         ["secret words 1"])
        for args in (["messages", "erase"], ["messages", "lose", "--number", number(1)],
                     ["messages", "--number", number(1)],
                     ["messages", "erase", "--number", number(1), "--port", "sim/m000"]):
            self.assertEqual(rig.daemon.ctl_raw(*args)[0], 2, args)
        self.assertEqual(rig.daemon.ctl_raw("messages", "erase", "--number", "46701")[0], 2)

    def test_set_by_hand(self):
        rig = self.rig(2, sim=("--no-cnum",), listed=0)
        rig.sim.sms(0, "Shop", "held")
        rig.wait(lambda: len(self.outbox(rig)) == 1, "the outbox")
        self.assertIn("0 of 2 with a number", self.ctl(rig, "numbers"))
        self.assertEqual(self.ctl(rig, "numbers", "set", iccid(rig, 0), number(0)),
                         "set; deliveries that waited and go out: 1\n")
        rig.wait(lambda: rig.platform.numbers() == {number(0)}, "the number")
        self.await_texts(rig, [(number(0), "Shop", "held")])
        self.assertEqual(self.port(rig, 0)["number_source"], "set")

        # the file says otherwise: off the list, and texts wait
        rig.write_numbers([{"iccid": iccid(rig, 0), "number": number(7)}])
        rig.daemon.ctl("reload")
        rig.wait(lambda: rig.platform.numbers() == set(), "the list without it")
        rig.sim.sms(0, "Shop", "in conflict")
        rig.wait(lambda: len(self.outbox(rig)) == 1, "the outbox")
        self.assertIn("CONFLICT set/file", self.ctl(rig, "numbers"))
        self.ctl(rig, "numbers", "set", iccid(rig, 0), number(8), warned=True)
        self.assertIn("the numbers file still has its number; deliveries",
                      self.ctl(rig, "numbers", "forget", iccid(rig, 0)))
        rig.wait(lambda: rig.platform.numbers() == {number(7)}, "the file's number")
        self.await_texts(rig, [(number(0), "Shop", "held"), (number(7), "Shop", "in conflict")])
        for secret in (number(0), number(7), number(8), iccid(rig, 0)):
            self.assertNotIn(secret, rig.daemon.log_text())

    def test_what_is_exported_is_a_numbers_file(self):
        rig = self.rig(3)
        self.ctl(rig, "numbers", "set", "8946000000000000999", "+46700000999")
        text = self.ctl(rig, "numbers", "export")
        rows = list(csv.DictReader(text.splitlines()))
        self.assertEqual({row["iccid"]: row["number"] for row in rows},
                         {**{iccid(rig, i): number(i) for i in range(3)},
                          "8946000000000000999": "+46700000999"})
        rig.write_numbers(rows)
        with open(rig.daemon.sections["gateway"]["numbers"], "w", encoding="utf-8") as file:
            file.write(text)
        self.assertEqual(rig.daemon.check()[0], 0)
        rig.daemon.ctl("reload")
        rig.wait(lambda: self.port(rig, 0)["number_source"] == "file", "the file's number")
        self.assertEqual(self.ctl(rig, "numbers", "export"), text)


class Reload(GatewayCase):
    def test_a_bank_comes_and_goes_and_the_others_do_not_notice(self):
        rig = self.rig(3, start=False)
        self.configure(rig, "bank sim", devices=rig.sim.path(0))
        rig.daemon.start()
        rig.wait_listed(1)
        before = self.port(rig, 0)
        self.configure(rig, "bank more", devices=f"{rig.sim.path(1)}, {rig.sim.path(2)}")
        rig.daemon.ctl("reload")
        rig.wait_listed(3)
        after = self.port(rig, 0)
        self.assertEqual((before["since"], before["history"]), (after["since"], after["history"]))
        rig.sim.burst(1, "n")
        wanted = [(number(i), "+46735550001", f"n m{i:03d} 1") for i in range(3)]
        self.await_texts(rig, wanted)
        del rig.daemon.sections["bank more"]
        rig.daemon.write_config()
        status, out, _ = rig.daemon.ctl_raw("reload")
        self.assertEqual(status, 0)
        self.assertIn("more/m001", out)
        rig.wait(lambda: rig.platform.numbers() == {number(0)}, "the list without them")
        after = self.port(rig, 0)
        self.assertEqual((before["since"], before["history"]), (after["since"], after["history"]))

    def test_errors_keep_the_old_configuration(self):
        rig = self.rig(1)
        self.configure(rig, "gateway", nonsense="1")
        status, out, err = rig.daemon.ctl_raw("reload")
        self.assertEqual(status, 1)
        self.assertRegex(err, r"simgate\.conf:\d+: .*nonsense")
        rig.sim.sms(0, "Shop", "still there")
        self.await_texts(rig, [(number(0), "Shop", "still there")])
        rig.daemon.signal(signal.SIGHUP)
        rig.wait(lambda: rig.daemon.log_text().count("the old one stays") == 2, "the complaint")
        self.configure(rig, "gateway", nonsense=None)
        self.assertEqual(rig.daemon.ctl_raw("reload")[0], 0)

    def test_says_what_is_not_as_it_was(self):
        rig = self.rig(1, start=False)
        rules = os.path.join(rig.workdir, "rules")
        key = os.path.join(rig.workdir, "hook")

        def write(path, text):
            with open(path, "w", encoding="utf-8") as out:
                out.write(text)

        def changes():
            return rig.daemon.ctl("reload")["changes"]

        write(rules, "withhold from:/^A/\n")
        write(key, "0123456789abcdef\n")
        rig.write_numbers([{"iccid": iccid(rig, 0), "number": number(0)}])
        self.configure(rig, "platform hook", kind="webhook", url="http://127.0.0.1:1/x",
                       hmac_key="@hook", filter=rules)
        rig.daemon.start(env={"CREDENTIALS_DIRECTORY": rig.workdir})
        self.assertEqual(changes(), [])
        write(rules, "withhold from:/^B/\n")
        self.assertEqual(changes(), [f"filter {rules}: changed"])
        write(key, "fedcba9876543210\n")
        self.assertEqual(changes(), ["secrets: changed"])
        rig.write_numbers([{"iccid": iccid(rig, 0), "number": number(1)}])
        self.assertEqual(changes(), ["the numbers file: changed"])
        self.configure(rig, "gateway", retention="2h")
        self.configure(rig, "service vk", title="VKontakte")
        self.assertEqual(changes(), ["[gateway]: changed", "[service vk]: new"])
        del rig.daemon.sections["service vk"]
        rig.daemon.write_config()
        self.assertEqual(changes(), ["[service vk]: gone"])
        self.assertEqual(rig.daemon.ctl_raw("reload")[1], "Reloaded: nothing changed.\n")

    def test_hangup_signal(self):
        rig = self.rig(2, start=False)
        self.configure(rig, "bank sim", devices=rig.sim.path(0))
        rig.daemon.start()
        rig.wait_listed(1)
        self.configure(rig, "bank sim", devices=rig.sim.devices)
        rig.daemon.signal(signal.SIGHUP)
        rig.wait_listed(2)

    def test_what_needs_a_restart_says_so(self):
        rig = self.rig(1)
        self.configure(rig, "gateway", host_id="another-host")
        status, out, _ = rig.daemon.ctl_raw("reload")
        self.assertEqual(status, 0)
        self.assertRegex(out, r"host_id.*restart")

    def test_a_new_key(self):
        rig = self.rig(1)
        other = os.path.join(rig.workdir, "p2")
        os.mkdir(other)
        second = rig.enter_context(harness.Platform(other))
        self.configure(rig, "platform onlinesim", url=second.url)
        rig.daemon.ctl("reload")
        rig.wait(lambda: second.numbers() == {number(0)}, "the list at the new address")
        rig.sim.sms(0, "Shop", "new address")
        rig.wait(lambda: second.message_count() == 1, "the text at the new address")
        self.assertEqual(rig.platform.message_count(), 0)


class Stop(GatewayCase):
    def test_sigterm(self):
        rig = self.rig(2)
        rig.platform.send("hang 100")
        rig.sim.burst(2, "in flight")
        rig.wait(lambda: rig.platform.stats()["refused"] > 0, "a request that hangs")
        rig.wait_drained()
        lists = len(self.lists(rig))
        rig.daemon.signal(signal.SIGTERM)
        self.assertEqual(rig.daemon.wait(), 0)
        rig.daemon.stop()
        self.assertEqual(len(self.lists(rig)), lists)
        self.assertEqual(rig.platform.numbers(), {number(0), number(1)})
        self.assertFalse(rig.daemon.answers())
        rig.platform.send("clear")
        rig.daemon.start()
        self.await_texts(
            rig,
            [(number(i), "+46735550001", f"in flight m{i:03d} {k}") for i in (0, 1) for k in (1, 2)],
        )

    def test_sigterm_twice(self):
        rig = self.rig(2)
        rig.platform.send("hang 100")
        rig.sim.burst(1, "kept")
        rig.wait(lambda: rig.platform.stats()["refused"] > 0, "a request that hangs")
        rig.wait_drained()
        rig.daemon.signal(signal.SIGTERM)
        rig.daemon.signal(signal.SIGINT)
        self.assertEqual(rig.daemon.wait(), 0)
        rig.daemon.stop()
        rig.platform.send("clear")
        rig.daemon.start()
        self.await_texts(rig, [(number(i), "+46735550001", f"kept m{i:03d} 1") for i in (0, 1)])

    def test_sigterm_while_starting(self):
        rig = self.rig(4, start=False)
        rig.sim.fault("*", "silent")
        rig.daemon.start()
        self.assertEqual(rig.daemon.stop(timeout=harness.DEADLINE_S), 0)
        self.assertEqual(rig.platform.events("list"), [])


if __name__ == "__main__":
    running()
