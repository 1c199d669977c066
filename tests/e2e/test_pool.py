"""test_pool.py - the store on a PostgreSQL server: a text's way, a server that goes and comes, what
keeps the daemon from starting."""

import os
import signal
import subprocess
import time

import harness
from gateway_case import GatewayCase, number, running

PASSWORD = "b4ttery-h0rse"


class Pool(GatewayCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(harness.Postgres())
        cls.server.sql(f"CREATE ROLE guarded LOGIN PASSWORD '{PASSWORD}'")

    def pool(self, password=PASSWORD, **keys):
        """A rig that has not started, with the daemon's environment."""
        rig = self.rig(2, start=False)
        folder = os.path.join(rig.workdir, "credentials")
        os.mkdir(folder)
        with open(os.path.join(folder, "pool"), "w", encoding="utf-8") as secret:
            secret.write(password + "\n")
        os.chmod(secret.name, 0o600)
        url, rig.database = self.server.database("guarded")
        self.configure(rig, "gateway", **{"store": url, "store_password": "@pool", **keys})
        return rig, {"CREDENTIALS_DIRECTORY": folder}

    def refused(self, rig, env, status, *words):
        done = subprocess.run(
            [harness.program("simgated"), "-c", rig.daemon.config_path], capture_output=True,
            text=True, env={**os.environ, **env}, timeout=harness.DEADLINE_S,
        )
        said = done.stdout + done.stderr
        self.assertEqual(done.returncode, status, said)
        for word in words:
            self.assertIn(word, said)
        self.assert_no_secret(said, PASSWORD, "wr0ng-one")

    def test_texts_come_and_go(self):
        rig, env = self.pool()
        rig.daemon.start(env=env)
        rig.wait_listed()
        wanted = [(number(i), "Shop", f"text {n} å") for n in range(5) for i in range(2)]
        for to, sender, text in wanted:
            rig.sim.sms(int(to[-4:]), sender, text)
        rig.sim.part(0, "Shop", 7, 2, 2, "and the end")
        rig.sim.part(0, "Shop", 7, 2, 1, "The begin ")
        wanted.append((number(0), "Shop", "The begin and the end"))
        self.await_texts(rig, wanted)
        self.wait_totals(rig, delivered=11)
        self.assertEqual(len(rig.daemon.ctl("messages")["messages"]), 11)
        for path in ("cmdline", "environ"):
            with open(f"/proc/{rig.daemon.process.pid}/{path}", "rb") as file:
                self.assertNotIn(PASSWORD.encode(), file.read())
        rig.daemon.stop()
        self.assert_no_secret(rig.daemon.log_text(), PASSWORD, "text 1", number(0))
        self.assertEqual(
            {name for name in os.listdir(rig.daemon.state_dir)
             if not name.startswith("journal.db")}, set(),
        )
        self.assertEqual(
            self.server.sql("SELECT (SELECT count(*) FROM message), (SELECT count(*) FROM pdu),"
                            " (SELECT sum(online) FROM port)", rig.database),
            [["11", "12", "2"]],  # a quick restart takes nothing off the lists
        )
        rig.daemon.start(env=env)
        rig.wait_listed()

    def halt(self):
        self.server.command("halt")
        self.addCleanup(self.server.revive)

    def state(self, rig):
        return rig.daemon.ctl("status")["store"]["server"]

    def send(self, rig, wanted, words, count=20):
        for n in range(count):
            rig.sim.sms(n % 2, "Shop", f"{words} {n}")
            wanted.append((number(n % 2), "Shop", f"{words} {n}"))
            # A free place of the card is used again: the next would be read before those behind.
            rig.wait(lambda: rig.sim.stats()["remaining"] == 0, "the text to be read")

    def wait_journalled(self, rig, count):
        """And the cards are free."""
        rig.wait(lambda: self.state(rig)["journal"] == count, f"{count} texts in the journal")
        rig.wait(lambda: rig.sim.stats()["remaining"] == 0, "the cards to be free")

    def await_moved(self, rig, wanted):
        self.await_texts(rig, wanted)
        rig.wait(lambda: self.state(rig)["journal"] == 0, "an empty journal")
        for to in (number(0), number(1)):
            self.assertEqual([text for text in self.got(rig) if text[0] == to],
                             [text for text in wanted if text[0] == to])

    def test_a_server_that_goes_and_comes(self):
        rig, env = self.pool()
        rig.daemon.start(env=env)
        rig.wait_listed()
        self.assertTrue(self.state(rig)["up"])
        wanted = []
        self.send(rig, wanted, "before", 2)
        self.await_texts(rig, wanted)
        self.halt()
        self.send(rig, wanted, "while it is down")
        rig.sim.part(0, "Shop", 9, 2, 1, "one half, ")
        self.wait_log(rig, "event=store_failed")
        self.wait_journalled(rig, 21)
        self.assertFalse(self.state(rig)["up"])
        status, out, _ = rig.daemon.ctl_raw("check")
        self.assertEqual(status, 2)
        self.assertIn("21 texts in the journal", out)
        self.server.command("again")
        rig.sim.part(0, "Shop", 9, 2, 2, "and the other")
        wanted.append((number(0), "Shop", "one half, and the other"))
        self.await_moved(rig, wanted)
        self.wait_log(rig, "event=store_ok")

    def test_a_server_that_freezes(self):
        rig, env = self.pool()
        rig.daemon.start(env=env)
        rig.wait_listed()
        wanted = []
        self.send(rig, wanted, "before", 6)
        self.addCleanup(self.server.signal, signal.SIGCONT)
        self.server.signal(signal.SIGSTOP)
        start = time.monotonic()
        self.send(rig, wanted, "while it is frozen")
        rig.wait(lambda: rig.sim.stats()["remaining"] == 0, "the cards to be free")
        self.assertLess(time.monotonic() - start, 10)
        self.server.signal(signal.SIGCONT)
        self.await_moved(rig, wanted)

    def test_a_start_without_the_server(self):
        rig, env = self.pool()
        self.halt()
        rig.daemon.start(env=env)
        wanted = []
        self.wait_log(rig, "event=store_failed")
        self.send(rig, wanted, "from the first", 10)
        self.wait_journalled(rig, 10)
        self.assertIsNone(rig.platform.list())
        rig.daemon.kill9()
        rig.daemon.start(env=env)  # and once more, in the middle of it
        self.send(rig, wanted, "and then", 10)
        self.wait_journalled(rig, 20)
        self.server.command("again")
        self.await_moved(rig, wanted)
        rig.wait_listed()
        for sent in rig.platform.events("list"):  # the ports were in the store before
            self.assertEqual(len(sent["numbers"]), 2)
        self.assert_no_secret(rig.daemon.log_text(), PASSWORD, "from the first", number(0))
        for name in os.listdir(rig.daemon.state_dir):
            with open(os.path.join(rig.daemon.state_dir, name), "rb") as file:
                self.assertNotIn(b"0791", file.read())  # no PDU is left

        # and the end comes in time where it is not there
        self.server.command("halt")
        rig.sim.sms(1, "Shop", "for the next start")
        start = time.monotonic()
        self.assertEqual(rig.daemon.stop(timeout=harness.DEADLINE_S), 0)
        self.assertLess(time.monotonic() - start, 10)

    def test_what_keeps_it_from_starting(self):
        rig, env = self.pool("wr0ng-one")
        self.refused(rig, env, 2, "cannot start", "password authentication failed",
                     "check the user in store and store_password")
        self.configure(rig, "gateway", store_password=None)
        self.refused(rig, env, 2, "cannot start", "set store_password")
        self.configure(rig, "gateway", store=f"postgresql:///none?host={self.server.folder}"
                                             "&user=simgate")
        self.refused(rig, env, 2, "cannot start", "\"none\" does not exist")
        self.configure(rig, "gateway", store=f"postgresql://u:{PASSWORD}@h/x")
        self.refused(rig, env, 1, "store_password = @NAME")
        rig, env = self.pool()
        rig.daemon.start(env=env)
        rig.daemon.stop()
        self.server.sql("UPDATE meta SET value = 99 WHERE name = 'schema'", rig.database)
        self.refused(rig, env, 2, "cannot start", "newer simgate", "99")


if __name__ == "__main__":
    running()
