"""test_host_cut.py - one of three hosts loses its way to the PostgreSQL server: packets vanish, and
the platform is there as before. Needs root."""

import subprocess
import sys
import tempfile

import harness
from gateway_case import running
from hosts_case import HostsCase

SKIPPED = 77


class Cut(HostsCase):
    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="simgate-e2e-space-"))
        cls.space = cls.enterClassContext(harness.Space(folder))
        cls.server = cls.enterClassContext(
            harness.Postgres(f"listen_addresses = '{cls.space.address}'"))

    def test_a_leader_is_cut_off(self):
        rig = self.pool()
        self.store_at(rig.hosts[0], self.space.address)
        rig.hosts[0].prefix = self.space.enter
        self.enterContext(harness.Forward(
            rig.workdir, "forward", rig.platform.port, self.space, rig.platform.port))
        rig.hosts[0].start()
        self.wait_numbers(rig, 0)
        self.assertEqual(self.leader(rig), 0)
        self.start(rig)
        self.send(rig, "before")
        self.await_all(rig)

        cut = rig.hosts[0]
        self.space.cut()
        lists = len(self.lists(rig))
        with self.timed("its numbers are off the list", 30):
            with self.timed("another leads", 15):
                self.leader(rig, (1, 2))
            with self.timed("18 texts are read"):
                for k in range(2):
                    self.send(rig, f"while it is cut {k}")
                    self.read(rig)
            self.wait_numbers(rig, 1, 2)
        for sent in self.lists(rig)[lists:]:
            self.assertLessEqual(self.numbers(1, 2), sent)
        rig.wait(lambda: self.store_of(cut)["journal"] == 6, "6 texts in the journal")
        self.assertFalse(self.store_of(cut)["up"])
        status, out, _ = cut.ctl_raw("check")
        self.assertEqual(status, 2)
        self.assertIn("6 texts in the journal", out)
        metrics = cut.metrics()
        self.assertEqual(metrics["simgate_store_server_up"], 0)
        self.assertEqual(metrics["simgate_store_journal_texts"], 6)
        for event in ("store_failed", "leader_lost"):
            self.assertIn(f"event={event}", cut.log_text())
        self.assertNotIn("event=roster_sent", cut.log_text().partition("event=leader_lost")[2])
        status, _, err = cut.ctl_raw("hosts")
        self.assertNotEqual(status, 0, err)
        lists = len(self.lists(rig))
        self.space.up()
        with self.timed("all is well again"):
            self.send(rig, "after it")
            self.await_all(rig)
        for sent in self.lists(rig)[lists:]:
            self.assertLessEqual(self.numbers(1, 2), sent)
        self.assertIn("event=store_ok", cut.log_text())
        self.assertNotIn("event=leader_lost", rig.hosts[self.leader(rig)].log_text())


def why_not():
    """What keeps this test from a network namespace, None if nothing does."""
    try:
        with tempfile.TemporaryDirectory() as folder, harness.Space(folder):
            return None
    except (OSError, RuntimeError, TimeoutError, subprocess.CalledProcessError) as error:
        return error


if __name__ == "__main__":
    if error := why_not():
        print(f"skipped: no network namespace: {error}")
        sys.exit(SKIPPED)
    running()
