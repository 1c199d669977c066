"""test_netlink.py - udevd's events over a real netlink socket: a pool whose ttys permute, and events
that are lost because they overran the socket's buffer."""

import collections
import json
import random
import re
import signal
import unittest

import harness
import udev_bed
from gateway_case import GATEWAY

COUNT = 12
OVERRAN = "udev's events overran their buffer"
SOME = 100
MANY = 200  # times so many events are enough to fill any buffer that a process without rights has


def port(i):
    return f"usb/{i + 1}"


class Events(udev_bed.DaemonCase):
    def setUp(self):
        super().setUp()
        # Whoever is stopped for a while misses no sweep.
        self.make(COUNT, {
            "gateway": {**GATEWAY, "sweep_every": "10m", "poll_every": "10m"},
            "bank usb": {"path": f"{udev_bed.PCI}-usb-0:1"},
        })
        self.iccids = [card["iccid"] for card in self.sim.cards()]
        self.ttys = {}  # by modem: its name
        self.paths = {}  # by modem: its events', the tty's the last

    def plug_in(self, *ttys):
        """Each (modem, tty) at its place."""
        for i, tty in ttys:
            self.ttys[i] = tty
            self.paths[i] = self.plug(f"1-1.{i + 1}", i, tty)
        udev_bed.tell("add", *(path for i, _ in ttys for path in self.paths[i]))

    def pull(self, *modems):
        """They hang up, they are gone, and the kernel says so."""
        words = []
        for i in modems:
            paths = self.paths.pop(i)
            del self.ttys[i]
            words += [udev_bed.word("remove", path) for path in reversed(paths)]
            self.sim.send(f"hangup {i}")
            self.tree.drop(paths[0])
            self.sim.send(f"plug {i}")  # it waits, with power, for the next socket
        udev_bed.say(*words)

    def change(self):
        """Events without news."""
        udev_bed.tell("change", *SOME * [self.paths[0][-1]])

    def get_json(self, path):
        return json.loads(self.daemon.get(path))

    def wait_ready(self, indices):
        """These are ready and no other, each at its own place, with its own card, by its tty."""
        wanted = {port(i) for i in indices}

        def ready():
            ports = self.get_json("/api/v1/ports")["ports"]
            return {p["port"] for p in ports if p["state"] == "ready"} == wanted and \
                {p["state"] for p in ports if p["port"] not in wanted} <= {"off"}

        self.wait(ready, f"{wanted} ready")
        for i in indices:
            shown = self.get_json(f"/api/v1/ports/{port(i)}?full=1")
            self.assertEqual((shown["iccid"], shown["device"]),
                             (self.iccids[i], f"/dev/{self.ttys[i]}"))
        wanted = sorted(f"/dev/{self.ttys[i]}" for i in indices)
        self.wait(lambda: self.open_ttys() == wanted, "each of them open once")

    def open_ttys(self):
        return sorted(name for name in harness.open_files(self.daemon.process.pid)
                      if "ttyUSB" in name)

    def start(self, count):
        self.udevd.start()
        self.plug_in(*((i, f"ttyUSB{i}") for i in range(count)))
        self.daemon.start()
        self.wait_ready(range(count))
        self.assertNotIn("no events of plugs and pulls", self.daemon.log_text())

    def opened(self, since):
        """How often each port was opened since so much was logged."""
        return collections.Counter(
            re.findall(r"D port (\S+): opened ", self.daemon.log_text()[since:]))

    def resyncs(self):
        return self.daemon.metrics()["simgate_udev_resyncs_total"]

    def dropped(self):
        return udev_bed.dropped(self.daemon.process.pid)

    def overrun(self):
        """Until the daemon, which does not read, has lost some events."""
        before = self.dropped()
        for _ in range(MANY):
            self.change()
            if self.dropped() > before:
                return
        self.fail("the buffer holds them all")

    def test_lost_events(self):
        daemon = self.daemon
        self.start(8)
        self.assertEqual((self.dropped(), self.resyncs()), (0, 0))
        # plugs alone: nothing but the lost events tells of them
        said = len(daemon.log_text())
        daemon.signal(signal.SIGSTOP)
        self.overrun()
        self.plug_in((8, "ttyUSB8"), (9, "ttyUSB9"))
        daemon.signal(signal.SIGCONT)
        self.wait_ready(range(10))
        self.assertIn(OVERRAN, daemon.log_text()[said:])
        self.assertRegex(daemon.log_text()[said:], r"looked at anew differed=2 .* event=resync")
        resyncs = harness.wait_for(self.resyncs, "a resync")
        self.assertEqual(self.opened(said), {port(8): 1, port(9): 1})
        # pulls, other names, names that another gets. Of one only the pull is told: it waits in the
        # middle of what can still be read
        said = len(daemon.log_text())
        daemon.signal(signal.SIGSTOP)
        self.change()
        self.pull(2)
        self.overrun()
        self.plug_in((2, "ttyUSB2"))
        self.pull(3, 4, 5, 6)
        self.plug_in((5, "ttyUSB6"), (6, "ttyUSB5"), (10, "ttyUSB4"))
        daemon.signal(signal.SIGCONT)
        self.wait_ready([0, 1, 2, 5, 6, 7, 8, 9, 10])
        self.assertIn(OVERRAN, daemon.log_text()[said:])
        harness.wait_for(lambda: self.resyncs() > resyncs, "another resync")
        self.assertEqual(set(self.opened(said)), {port(i) for i in (2, 5, 6, 10)})
        # and events are heard as before
        self.pull(10)
        self.plug_in((3, "ttyUSB4"))
        self.wait_ready([0, 1, 2, 3, 5, 6, 7, 8, 9])

    def test_permuted_names(self):
        self.start(COUNT)
        said = len(self.daemon.log_text())
        names = [f"ttyUSB{i}" for i in range(COUNT)]
        order = random.Random(3)
        while any(name == f"ttyUSB{i}" for i, name in enumerate(names)):
            order.shuffle(names)
        self.pull(*range(COUNT))
        self.plug_in(*((i, names[i]) for i in reversed(range(COUNT))))
        self.wait_ready(range(COUNT))
        self.assertEqual(len(self.daemon.ctl("ports")["ports"]), COUNT)
        self.assertEqual(self.opened(said), {port(i): 1 for i in range(COUNT)})


if __name__ == "__main__":
    harness.build_dir()
    udev_bed.enter()
    unittest.main()
