"""test_host_faults.py - three hosts on one PostgreSQL server, and kill -9 amid a burst of texts: of
the server, of a host, of one that cannot reach the server."""

import signal

import harness
from gateway_case import running
from hosts_case import HostsCase

ON_THEIR_WAY = 8  # to the platform, of one host, at most: [platform] concurrency


class Faults(HostsCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(harness.Postgres())

    def some(self, rig):
        """Until the burst is under way."""
        at = rig.platform.message_count() + 5
        rig.wait(lambda: rig.platform.message_count() >= at, "5 texts")

    def test_the_server_is_killed(self):
        rig = self.pool()
        self.start(rig)
        self.addCleanup(self.server.revive)
        for k in range(3):
            self.send(rig, f"{k} before", count=6)
            self.some(rig)
            self.server.crash()
            self.send(rig, f"{k} while it is gone", count=3)
            if k > 0:
                self.read(rig)
            self.server.revive()
            self.send(rig, f"{k} after", count=3)
            with self.timed("all is well again"):
                self.await_all(rig)

    def test_a_host_is_killed(self):
        rig = self.pool()
        way = self.over(rig, 1)
        self.start(rig)
        for i in (0, 2):
            self.send(rig, f"{i} before", count=6)
            self.some(rig)
            rig.hosts[i].kill9()
            self.send(rig, f"{i} while it is gone", count=3)
            rig.hosts[i].start()
            self.send(rig, f"{i} after", count=3)
            with self.timed("what it had claimed is delivered, all is well again"):
                self.await_all(rig, twice=ON_THEIR_WAY)

        # with texts in its journal, and in a commit that the server hears of later
        cut = rig.hosts[1]
        self.send(rig, "before", count=6)
        self.some(rig)
        way.signal(signal.SIGSTOP)
        self.send(rig, "frozen", count=3)
        self.read(rig)
        self.assertGreater(self.store_of(cut)["journal"], 0)
        cut.kill9()
        cut.start()
        self.send(rig, "as before", count=3)
        self.read(rig)
        way.signal(signal.SIGCONT)
        with self.timed("the journal of before has moved, all is well again"):
            self.await_all(rig, twice=ON_THEIR_WAY)


if __name__ == "__main__":
    running()
