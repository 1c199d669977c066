"""test_host_slow.py - one of three hosts reaches the PostgreSQL server over a forwarder that freezes,
whose answers come late, or that is slow."""

import signal
import time

import harness
from gateway_case import number, running
from hosts_case import HostsCase


class Slow(HostsCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(harness.Postgres())

    def test_a_frozen_way_says_late_what_was_done(self):
        rig = self.pool()
        ways = [self.over(rig, i) for i in (0, 1)]
        self.start(rig)
        for k, (first, second) in enumerate(((0.7, 2), (5.5, 1.2))):
            self.send(rig, f"{k} before", count=3)
            for way in ways:
                way.signal(signal.SIGSTOP)
            self.send(rig, f"{k} frozen", count=3)
            for way, after in sorted(zip(ways, (first, second)), key=lambda x: x[1]):
                time.sleep(after)
                way.signal(signal.SIGCONT)
                self.send(rig, f"{k} after {after}", count=3)
            with self.timed(f"frozen for {first} s and {second} s: all is well again"):
                self.await_all(rig)

    def test_a_slow_way(self):
        rig = self.pool()
        way = self.over(rig, 0)
        slow = rig.hosts[0]
        self.start(rig)

        # well below a second: at once to where all look
        way.send("delay 40")
        for k in range(3):
            rig.sim.sms(0, "Shop", f"near {k}")
            rig.sent.append((number(0), "Shop", f"near {k}"))
            self.await_texts(rig, rig.sent)
        self.assertLess(slow.log_text().count("a text of the journal is in the store"), 3)

        # far away, with more to say than it can: nobody waits for that
        way.send("delay 300")
        self.send(rig, "far", count=8)
        with self.timed("72 texts are read"):
            self.read(rig)
        others = [(number(n), "Shop", f"others {k}") for k in range(2) for i in (1, 2)
                  for n in self.cards(i)]
        with self.timed("texts of other hosts arrive"):
            self.send(rig, "others", (1, 2), count=2)
            rig.wait(lambda: set(others) <= set(self.got(rig)), "the texts of the others")
        self.assertGreater(self.store_of(slow)["journal"], 0)
        for host in rig.hosts:
            with self.timed("status", 20):  # it may wait for the server, but not for that queue
                host.ctl("status")

        # of no use
        way.send("delay 3000")
        with self.timed("its numbers are off the list", 30):
            for k in range(3):
                self.send(rig, f"too far {k}")
                self.read(rig)
            self.wait_numbers(rig, 1, 2)
        rig.wait(lambda: not self.store_of(slow)["up"], "a server that is of no use")
        self.assertGreaterEqual(self.store_of(slow)["journal"], 9)
        for host in rig.hosts:
            with self.timed("status and ports", 10):
                host.ctl("status")
                ports = host.ctl("ports")["ports"]
            self.assertEqual([p["state"] for p in ports], ["ready"] * len(ports))
            for port in ports:
                self.assertLess(port["last_sweep_s"], 20, port)
        others = [sent for sent in rig.sent if sent[0] in self.numbers(1, 2)]
        rig.wait(lambda: set(others) <= set(self.got(rig)), "the texts of the others")
        self.assertFalse(self.store_of(slow)["up"])
        way.send("delay 0")
        with self.timed("all is well again"):
            self.await_all(rig)


if __name__ == "__main__":
    running()
