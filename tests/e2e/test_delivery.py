"""test_delivery.py - a platform in trouble: everything is kept, delivered once, and in order."""

import os
import shutil
import subprocess
import unittest

import harness
from gateway_case import PLATFORM, GatewayCase, iccid, number, running


class Trouble(GatewayCase):
    def test_down_at_start(self):
        rig = self.rig(2, start=False)
        rig.platform.send("down")
        rig.sim.sms(0, "Shop", "early")
        rig.daemon.start()
        rig.wait_drained()
        self.assertEqual(self.wait_outbox(rig, lambda r: r["attempts"] > 0)["state"], "queued")
        rig.platform.send("up")
        rig.wait_listed()
        self.await_texts(rig, [(number(0), "Shop", "early")])

    def test_down_and_up(self):
        rig = self.rig(4)
        rig.sim.burst(2, "before")
        rig.wait_drained()
        self.wait_totals(rig, delivered=8)  # what is on its way now might go out twice
        rig.platform.send("down")
        rig.sim.burst(4, "down")
        rig.wait_drained()
        rig.wait(
            lambda: rig.daemon.ctl("status")["platforms"][0]["health"] == "down", "health down"
        )
        status, out, _ = rig.daemon.ctl_raw("status")
        self.assertEqual(status, 0)
        self.assertIn("onlinesim", out.split("\n\n")[0])
        rig.platform.send("up")
        self.await_texts(
            rig,
            [
                (number(i), "+46735550001", f"{prefix} m{i:03d} {k}")
                for i in range(4)
                for prefix, n in (("before", 2), ("down", 4))
                for k in range(1, n + 1)
            ],
        )
        rig.wait(lambda: rig.daemon.ctl("status")["platforms"][0]["health"] == "up", "health up")

    def test_restart_while_down(self):
        rig = self.rig(2)
        rig.platform.send("down")
        rig.sim.burst(3, "kept")
        rig.wait_drained()
        rig.daemon.kill9()
        rig.platform.send("up")
        rig.daemon.start()
        self.await_texts(
            rig,
            [(number(i), "+46735550001", f"kept m{i:03d} {k}") for i in (0, 1) for k in (1, 2, 3)],
        )

    def test_answers_that_do_not_come_or_break_off(self):
        rig = self.rig(3, platform={"timeout": "1s"})
        wanted = []
        for script in ("hang 2", "cut 2", "lie 2", 'fail 3 503 {"response":"BUSY"}', "fail 2 500 x",
                       "fail 1 200 ", "fail 1 200 <html>", "fail 1 302 x"):
            rig.platform.send(script)
            for i in range(3):
                rig.sim.sms(i, "Shop", script)
                wanted.append((number(i), "Shop", script))
            self.await_texts(rig, wanted)

    def test_slow(self):
        rig = self.rig(4)
        rig.platform.send("slow 200")
        rig.sim.burst(3, "slow")
        self.await_texts(
            rig,
            [(number(i), "+46735550001", f"slow m{i:03d} {k}") for i in range(4) for k in (1, 2, 3)],
        )

    def test_order_of_a_number(self):
        """The first of a card fails for long; what follows it waits, other cards do not."""
        rig = self.rig(2)
        rig.platform.send("fail 4 500 x")
        for k in range(6):
            rig.sim.sms(0, "Shop", f"{k}")
        rig.sim.sms(1, "Shop", "other card")
        self.await_texts(
            rig, [(number(0), "Shop", f"{k}") for k in range(6)] + [(number(1), "Shop", "other card")]
        )
        mine = [m["text"] for m in rig.platform.messages() if m["number"] == number(0)]
        self.assertEqual(mine, [f"{k}" for k in range(6)])

    def test_lists_are_tried_on(self):
        rig = self.rig(2, start=False)
        rig.platform.send("fail list 2 500 x")
        rig.daemon.start()
        rig.wait_listed()
        rig.platform.send("cut list 1")
        rig.sim.send("sim 0 out")
        rig.wait(lambda: rig.platform.numbers() == {number(1)}, "the list without it")


class Refused(GatewayCase):
    def test_a_text_that_is_not_taken(self):
        rig = self.rig(1)
        rig.platform.send('fail 1 400 {"response":"ERROR_PARAMS"}')
        rig.sim.sms(0, "Shop", "bad")
        rig.sim.sms(0, "Shop", "good")
        self.await_texts(rig, [(number(0), "Shop", "good")])
        (row,) = self.outbox(rig)
        self.assertEqual(
            (row["state"], row["reason"], row["text"], row["platform"]),
            ("refused", "ERROR_PARAMS", "bad", "onlinesim"),
        )
        rig.daemon.restart()
        status, out, err = rig.daemon.ctl_raw("outbox", "retry", row["id"])
        self.assertEqual(status, 0, err)
        self.await_texts(rig, [(number(0), "Shop", t) for t in ("good", "bad")])
        self.wait_totals(rig, delivered=2, refused=0)
        self.assertEqual(self.outbox(rig), [])

    def test_dropped(self):
        rig = self.rig(1)
        rig.platform.send('fail 2 400 {"response":"ERROR_PARAMS"}')
        for text in ("one", "two"):
            rig.sim.sms(0, "Shop", text)
        self.wait_totals(rig, refused=2)
        row = self.wait_outbox(rig, lambda r: r["text"] == "one")
        self.assertEqual(rig.daemon.ctl_raw("outbox", "drop", row["id"])[0], 0)
        self.assertEqual(rig.daemon.ctl_raw("outbox", "drop", "no-such-id")[0], 1)
        self.assertEqual(rig.daemon.ctl("outbox", "retry", "--all")["count"], 1)
        self.await_texts(rig, [(number(0), "Shop", "two")])
        self.wait_totals(rig, delivered=1, refused=0, dropped=1)

    def test_a_number_that_the_platform_has_forgotten(self):
        """The list goes out again, and then the text."""
        rig = self.rig(2)
        lists = len(self.lists(rig))
        rig.platform.send('fail 1 400 {"response":"NO_NUMBER"}')
        rig.sim.sms(0, "Shop", "x")
        self.await_texts(rig, [(number(0), "Shop", "x")])
        self.assertGreater(len(self.lists(rig)), lists)

    def test_a_number_that_stays_unknown(self):
        rig = self.rig(2)
        rig.platform.send(f"unknown {number(0)} on")
        rig.sim.sms(0, "Shop", "waits")
        rig.sim.sms(1, "Shop", "goes")
        row = self.wait_outbox(rig, lambda r: r["attempts"] > 0)
        self.assertEqual((row["text"], row["state"], row["reason"]), ("waits", "queued", "number_unknown"))
        self.await_texts(rig, [(number(1), "Shop", "goes")])
        rig.platform.send(f"unknown {number(0)} off")
        rig.daemon.ctl("outbox", "retry", row["id"])
        self.await_texts(rig, [(number(1), "Shop", "goes"), (number(0), "Shop", "waits")])

    def test_account_off_and_on(self):
        rig = self.rig(2)
        rig.platform.send("account off")
        rig.sim.burst(3, "kept")
        rig.wait_drained()

        def refused():
            (platform,) = rig.daemon.ctl("status")["platforms"]
            return platform["health"] == "account" and platform

        self.assertEqual(rig.wait(refused, "health account")["reason"], "ERROR_WRONG_KEY")
        self.assertIn("ERROR_WRONG_KEY", rig.daemon.ctl_raw("status")[1])
        self.assertEqual(len(self.outbox(rig)), 6)
        rig.daemon.restart()
        rig.platform.send("account on")
        self.await_texts(
            rig,
            [(number(i), "+46735550001", f"kept m{i:03d} {k}") for i in (0, 1) for k in (1, 2, 3)],
        )
        rig.wait_listed()

    def test_the_wrong_key(self):
        rig = self.rig(1, start=False)
        self.configure(rig, "platform onlinesim", key="not-the-key")
        rig.sim.sms(0, "Shop", "x")
        rig.daemon.start()
        rig.wait_drained()
        rig.wait(
            lambda: rig.daemon.ctl("status")["platforms"][0]["health"] == "account", "account"
        )
        self.assertEqual(rig.platform.message_count(), 0)
        self.assertGreater(rig.platform.violations()[0], 0)
        self.assertNotIn("not-the-key", rig.daemon.log_text())
        self.assertEqual(rig.daemon.stop(), 0)
        rig.platform.stop()
        rig.platform = rig.enter_context(harness.Platform(rig.workdir))
        self.configure(rig, "platform onlinesim", key=harness.KEY, url=rig.platform.url)
        rig.daemon.start()
        rig.wait(lambda: rig.platform.message_count() == 1, "the text")


class ErrorTables(GatewayCase):
    """Each code in its three forms: {"response":"CODE"}, "CODE" and CODE."""

    def test_every_account_error(self):
        rig = self.rig(1)
        sent = []
        for account, code in (
            ("off", "ERROR_WRONG_KEY"), ("nokey", "ERROR_NO_KEY"), ("blocked", "ACCOUNT_BLOCKED"),
            ("disabled", "API_ACCESS_DISABLED"), ("ip", "API_ACCESS_IP"),
        ):
            for form in ("object", "string", "plain"):
                rig.platform.send(f"form {form}")
                rig.platform.send(f"account {account}")
                sent.append((number(0), "Shop", f"{account} {form}"))
                rig.sim.sms(0, *sent[-1][1:])
                rig.wait(lambda: self.platform(rig)["health"] == "account", "health account")
                self.assertEqual(self.platform(rig)["reason"], code)
                self.assertEqual(len(self.outbox(rig)), 1)
                rig.platform.send("account on")
                self.await_texts(rig, sent)
                rig.wait(lambda: self.platform(rig)["health"] == "up", "health up")

    def test_every_message_error(self):
        rig = self.rig(1)
        refused, taken = [], []
        for form in ("object", "string", "plain"):
            rig.platform.send(f"form {form}")
            for code in ("ERROR_PARAMS", "NUMBER_FORMAT_ERROR"):
                body = {"object": f'{{"response":"{code}"}}', "string": f'"{code}"', "plain": code}
                rig.platform.send(f"fail 1 400 {body[form]}")
                refused.append((f"{form} {code}", code))
                rig.sim.sms(0, "Shop", refused[-1][0])
                self.wait_outbox(rig, lambda r: r["text"] == refused[-1][0] and r["state"] == "refused")
            rig.platform.send(f"unknown {number(0)} on")
            taken.append((number(0), "Shop", f"{form} NO_NUMBER"))
            rig.sim.sms(0, *taken[-1][1:])
            row = self.wait_outbox(rig, lambda r: r["reason"] == "number_unknown")
            rig.platform.send(f"unknown {number(0)} off")
            # A list that was accepted meanwhile has sent it already.
            rig.daemon.ctl("outbox", "retry", row["id"], ok=(0, 1))
            self.await_texts(rig, taken)
        # a code that is not in the tables says nothing of the text: it is tried again
        rig.platform.send('fail 2 400 {"response":"SOMETHING_NEW"}')
        taken.append((number(0), "Shop", "new"))
        rig.sim.sms(0, *taken[-1][1:])
        self.await_texts(rig, taken)
        self.assertEqual(
            sorted((r["text"], r["reason"]) for r in self.outbox(rig)), sorted(refused)
        )

    def test_retry_after(self):
        rig = self.rig(2)
        rig.platform.send("retry-after 2")
        rig.platform.send('fail 1 429 {"response":"BUSY"}')
        rig.sim.sms(0, "Shop", "a")
        rig.wait(lambda: rig.platform.events("refused"), "the answer")
        rig.sim.sms(1, "Shop", "b")
        self.await_texts(rig, [(number(0), "Shop", "a"), (number(1), "Shop", "b")])
        first = rig.platform.events("refused")[0]["t"]
        self.assertGreater(min(m["t"] for m in rig.platform.messages()) - first, 1_500_000)

    def platform(self, rig):
        return rig.daemon.ctl("status")["platforms"][0]


class Batches(GatewayCase):
    BATCH = {"batch": "300ms"}

    def test_batches(self):
        rig = self.rig(8, platform=self.BATCH)
        rig.sim.burst(5, "b")
        self.await_texts(
            rig,
            [(number(i), "+46735550001", f"b m{i:03d} {k}") for i in range(8) for k in range(1, 6)],
        )
        batches = rig.platform.events("batch")
        self.assertEqual(sum(b["count"] for b in batches), 40)
        self.assertGreater(max(b["count"] for b in batches), 1)
        for i in range(8):
            mine = [m["text"] for m in rig.platform.messages() if m["number"] == number(i)]
            self.assertEqual(mine, [f"b m{i:03d} {k}" for k in range(1, 6)])

    def test_a_batch_that_is_refused(self):
        """One unknown number in it: the others are delivered, and it waits for the list."""
        rig = self.rig(3, platform=self.BATCH)
        rig.platform.send(f"unknown {number(1)} on")
        for i in range(3):
            rig.sim.sms(i, "Shop", f"t{i}")
        self.await_texts(rig, [(number(i), "Shop", f"t{i}") for i in (0, 2)])
        row = self.wait_outbox(rig, lambda r: r["reason"] == "number_unknown")
        self.assertEqual(row["text"], "t1")
        rig.platform.send(f"unknown {number(1)} off")
        rig.daemon.ctl("outbox", "retry", row["id"])
        self.await_texts(rig, [(number(i), "Shop", f"t{i}") for i in range(3)])

    def test_a_server_that_knows_no_batches(self):
        rig = self.rig(2, platform=self.BATCH)
        rig.platform.send("unknown batch on")
        rig.sim.burst(3, "s")
        self.await_texts(
            rig,
            [(number(i), "+46735550001", f"s m{i:03d} {k}") for i in (0, 1) for k in (1, 2, 3)],
        )
        self.assertEqual(rig.platform.stats()["batches"], 0)
        self.assertEqual(rig.daemon.ctl("status")["platforms"][0]["health"], "up")

    def test_broken_batches(self):
        rig = self.rig(3, platform={**self.BATCH, "timeout": "1s"})
        wanted = []
        for script in ("hang batch 1", "cut batch 1", "lie batch 1", "fail batch 1 500 x",
                       "fail batch 1 200 <html>", "fail batch 1 404 x"):
            rig.platform.send(script)
            for i in range(3):
                rig.sim.sms(i, "Shop", script)
                wanted.append((number(i), "Shop", script))
            self.await_texts(rig, wanted)


class ById(GatewayCase):
    def test_texts_by_id(self):
        rig = self.rig(2, platform={"message_by": "id"})
        rig.wait(lambda: "list accepted" in rig.daemon.log_text(), "the ids")
        rig.wait(lambda: rig.daemon.ctl("status")["store"]["pending"] == 0, "the ids stored")
        for i in range(2):
            rig.sim.sms(i, "Shop", f"t{i}")
        self.await_texts(rig, [(number(i), "Shop", f"t{i}") for i in range(2)])
        self.assertEqual([m["by_id"] for m in rig.platform.messages()], [True, True])


class Webhook(GatewayCase):
    KEY = "hook key of the test"

    def hooked(self, count=1, sell=None, **keys):
        """A platform, and beside it a webhook that gets the same texts."""
        rig = self.rig(count, start=False)
        rig.platform.stop()
        rig.platform = rig.enter_context(harness.Platform(rig.workdir, "--hook-key", self.KEY))
        self.configure(rig, "platform onlinesim", url=rig.platform.url)
        self.configure(rig, "platform own", kind="webhook", url=rig.platform.url + "/hook",
                       hmac_key=self.KEY, retry_max="500ms", account_probe="500ms", timeout="5s",
                       **keys)
        self.configure(rig, "bank sim", sell=sell)
        rig.daemon.start()
        return rig

    def hooks(self, rig, count):
        rig.wait(lambda: rig.platform.stats()["hooks"] >= count, f"{count} hooks")
        return rig.platform.events("hook")

    def own(self, rig):
        return rig.daemon.ctl("status")["platforms"][1]

    def test_beside_a_platform(self):
        rig = self.hooked(2)
        rig.wait_listed(2)
        for k in range(3):
            rig.sim.sms(0, "VK", f"k{k}")
        rig.sim.sms(1, "VK", "other")
        self.await_texts(
            rig, [(number(0), "VK", f"k{k}") for k in range(3)] + [(number(1), "VK", "other")]
        )
        hooks = self.hooks(rig, 4)
        self.assertEqual([h["text"] for h in hooks if h["number"] == number(0)], ["k0", "k1", "k2"])
        (other,) = [h for h in hooks if h["text"] == "other"]
        self.assertEqual(
            (other["port"], other["card"], other["sender"], other["parts"]),
            ("sim/m001", iccid(rig, 1), "VK", 1),
        )
        self.assertEqual(len({h["id"] for h in hooks}), 4)
        # it has no list, and says so
        own = self.own(rig)
        self.assertEqual((own["kind"], own["list"], own["health"]), ("webhook", False, "up"))
        self.assertNotIn("numbers", own)
        said = rig.daemon.ctl_raw("status")[1]
        self.assertIn("no list", said)
        self.assertIn("All is well", said)
        self.assertEqual(
            [p["name"] for p in rig.daemon.ctl("sync")["platforms"]], ["onlinesim"]
        )

    def test_trouble_of_one_is_none_of_the_other(self):
        rig = self.hooked(1)
        rig.wait_listed(1)
        rig.platform.send("account off")
        rig.sim.sms(0, "VK", "a")
        self.assertEqual([h["text"] for h in self.hooks(rig, 1)], ["a"])
        rig.platform.send("account on")
        self.await_texts(rig, [(number(0), "VK", "a")])
        rig.platform.send("fail hook 3 503 x")
        rig.sim.sms(0, "VK", "b")
        self.await_texts(rig, [(number(0), "VK", "a"), (number(0), "VK", "b")])
        self.assertEqual([h["text"] for h in self.hooks(rig, 2)], ["a", "b"])

    def test_refused_and_account(self):
        rig = self.hooked(1)
        rig.wait_listed(1)
        rig.platform.send("fail hook 1 410 gone")
        rig.sim.sms(0, "VK", "a")
        row = self.wait_outbox(rig, lambda r: r["platform"] == "own" and r["state"] == "refused")
        self.assertEqual(row["reason"], "http-410")
        rig.platform.send("fail hook 1000 401 no")
        rig.sim.sms(0, "VK", "b")
        rig.wait(lambda: self.own(rig)["health"] == "account", "account")
        self.assertIn("hmac_key", rig.daemon.log_text())
        rig.platform.send("fail hook 0")
        self.assertEqual([h["text"] for h in self.hooks(rig, 1)], ["b"])
        self.assertEqual(rig.daemon.ctl("outbox", "retry", row["id"])["count"], 1)
        self.assertEqual({h["text"] for h in self.hooks(rig, 2)}, {"a", "b"})
        self.assertNotIn(self.KEY, rig.daemon.log_text())

    def test_an_answer_that_is_lost(self):
        """The receiver has the text, and knows by its id that it has it."""
        rig = self.hooked(1)
        rig.wait_listed(1)
        rig.platform.send("cut hook 1 keep")
        rig.sim.sms(0, "VK", "a")
        rig.wait(lambda: rig.platform.stats()["hook_repeats"] == 1, "the text again")
        self.assertEqual(rig.platform.stats()["hooks"], 1)
        rig.wait(lambda: self.own(rig)["delivered"] == 1, "delivered")

    def test_a_hook_alone(self):
        rig = self.hooked(1, sell="own")
        rig.sim.sms(0, "VK", "a")
        self.assertEqual([h["text"] for h in self.hooks(rig, 1)], ["a"])
        rig.wait(lambda: self.lists(rig) == [set()], "a list without numbers")
        self.assertEqual(rig.platform.message_count(), 0)

    def test_comes_and_goes_by_reload(self):
        rig = self.hooked(1)
        rig.wait_listed(1)
        own = rig.daemon.sections.pop("platform own")
        rig.daemon.write_config()
        closed = "platform own: closed, its texts wait"
        self.assertEqual(rig.daemon.ctl("reload")["changes"], ["[platform own]: gone", closed])
        rig.sim.sms(0, "VK", "a")
        self.await_texts(rig, [(number(0), "VK", "a")])
        # under the same name as another kind, and back
        rig.daemon.sections["platform own"] = own
        rig.daemon.write_config()
        rig.daemon.ctl("reload")
        rig.sim.sms(0, "VK", "b")
        self.await_texts(rig, [(number(0), "VK", "a"), (number(0), "VK", "b")])
        self.assertEqual([h["text"] for h in self.hooks(rig, 1)], ["b"])
        rig.daemon.sections["platform own"] = {
            "kind": "onlinesim-push", "url": rig.platform.url, "key": harness.KEY, **PLATFORM}
        self.configure(rig, "bank sim", sell="onlinesim")
        self.assertEqual(rig.daemon.ctl("reload")["changes"],
                         ["[bank sim]: changed", "[platform own]: changed", closed])
        self.assertTrue(self.own(rig)["list"])
        rig.sim.sms(0, "VK", "c")
        self.await_texts(rig, [(number(0), "VK", t) for t in "abc"])

    def test_what_would_sell_twice_is_no_configuration(self):
        rig = self.rig(1, start=False)
        self.configure(rig, "platform second", kind="onlinesim-push", url=rig.platform.url,
                       key=harness.KEY, **PLATFORM)
        self.configure(rig, "bank sim", sell="onlinesim, second")
        status, said = rig.daemon.check()
        self.assertEqual(status, 1)
        self.assertIn("would sell the same numbers twice", said)
        self.configure(rig, "platform second", kind="webhook", key=None, hmac_key="k" * 20,
                       list_delay=None)
        status, said = rig.daemon.check()
        self.assertEqual(status, 0, said)


@unittest.skipUnless(shutil.which("openssl"), "needs openssl to make a certificate")
class Tls(GatewayCase):
    def certificate(self, rig, name):
        cert, key = (os.path.join(rig.workdir, f"{name}.{kind}") for kind in ("pem", "key"))
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
             "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
            check=True, capture_output=True,
        )
        return cert, key

    def secure(self, ca):
        rig = self.rig(1, start=False)
        cert, key = self.certificate(rig, "server")
        self.certificate(rig, "other")
        rig.platform.stop()
        rig.platform = rig.enter_context(
            harness.Platform(rig.workdir, "--tls", cert, key, tls=True)
        )
        self.configure(
            rig, "platform onlinesim", url=rig.platform.url, ca_file=f"{rig.workdir}/{ca}.pem"
        )
        rig.sim.sms(0, "Shop", "behind TLS")
        rig.daemon.start()
        return rig

    def test_with_its_own_certificate(self):
        rig = self.secure("server")
        rig.wait_listed()
        self.await_texts(rig, [(number(0), "Shop", "behind TLS")])

    def test_with_another(self):
        rig = self.secure("other")
        row = self.wait_outbox(rig, lambda r: r["attempts"] > 1)
        self.assertEqual(row["state"], "queued")
        self.assertEqual(rig.platform.stats()["requests"], 0)
        self.configure(rig, "platform onlinesim", ca_file=f"{rig.workdir}/server.pem")
        rig.daemon.ctl("reload")
        self.await_texts(rig, [(number(0), "Shop", "behind TLS")])


class TwoPlatforms(GatewayCase):
    def test_each_bank_is_sold_where_it_says(self):
        rig = self.rig(2, start=False)
        other_dir = os.path.join(rig.workdir, "other")
        os.mkdir(other_dir)
        other = rig.enter_context(harness.Platform(other_dir))
        self.configure(rig, "platform second", kind="onlinesim-push", url=other.url,
                       key=harness.KEY, **PLATFORM)
        self.configure(rig, "bank sim", devices=rig.sim.path(0), sell="onlinesim")
        self.configure(rig, "bank two", devices=rig.sim.path(1), sell="second")
        rig.sim.burst(2, "to")
        rig.daemon.start()
        self.await_texts(rig, [(number(0), "+46735550001", f"to m000 {k}") for k in (1, 2)])
        rig.wait(lambda: other.message_count() == 2, "texts of the other")
        rig.wait(lambda: other.numbers() == {number(1)}, "list of the other")
        self.assertEqual(rig.platform.numbers(), {number(0)})
        self.assertEqual({m["text"] for m in other.messages()}, {"to m001 1", "to m001 2"})


if __name__ == "__main__":
    running()
