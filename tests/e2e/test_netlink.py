"""test_netlink.py - udev's events over a real netlink socket: a pool whose ttys permute, and events
that are lost because they overran the socket's buffer. Needs root, for a world of its own."""

import collections
import json
import os
import random
import re
import signal
import sys
import unittest

import harness
import host_world
from gateway_case import GATEWAY

SKIPPED = 77
COUNT = 12
OVERRAN = "udev's events overran their buffer"
MANY = 200_000  # events are enough to fill any buffer


def port(i):
    return f"usb/{i + 1}"


class Events(unittest.TestCase):
    def setUp(self):
        # Whoever is stopped for a while misses no sweep.
        self.rig = harness.Rig(COUNT, gateway={**GATEWAY, "sweep_every": "10m", "poll_every": "10m"})
        self.enterContext(self.rig)
        self.iccids = [card["iccid"] for card in self.rig.sim.cards()]
        sections = self.rig.daemon.sections
        for name in ("bank sim", "platform onlinesim"):
            del sections[name]
        sections["bank usb"] = {"path": host_world.HUB}
        self.rig.daemon.write_config()
        self.host = host_world.Host()
        self.addCleanup(self.host.close)

    def plug(self, i, name, tell=True):
        self.host.plug(i + 1, name, self.rig.sim.path(i))
        if tell:
            self.host.tell("add", i + 1, name)

    def pull(self, i, tell=True):
        """It hangs up, it is gone, and udevd may say so."""
        name = self.host.ttys[i + 1]
        self.rig.sim.send(f"hangup {i}")
        self.host.pull(i + 1)
        self.rig.sim.send(f"plug {i}")  # it waits, with power, for the next socket
        if tell:
            self.host.tell("remove", i + 1, name)

    def get_json(self, path):
        return json.loads(self.rig.daemon.get(path))

    def wait_ready(self, indices):
        """These are ready and no other, each at its own place, with its own card, by its tty."""
        wanted = {port(i) for i in indices}

        def ready():
            ports = self.get_json("/api/v1/ports")["ports"]
            return {p["port"] for p in ports if p["state"] == "ready"} == wanted and \
                {p["state"] for p in ports if p["port"] not in wanted} <= {"off"}

        harness.wait_for(ready, f"{wanted} ready", alive=[self.rig.sim, self.rig.daemon])
        for i in indices:
            shown = self.get_json(f"/api/v1/ports/{port(i)}?full=1")
            self.assertEqual((shown["iccid"], shown["device"]),
                             (self.iccids[i], f"/dev/{self.host.ttys[i + 1]}"))
        ttys = sorted(os.path.realpath(self.rig.sim.path(i)) for i in indices)
        harness.wait_for(lambda: harness.open_ttys(self.rig.daemon.process.pid) == ttys,
                         "each of them open once")

    def start(self, count):
        for i in range(count):
            self.plug(i, f"ttyUSB{i}", tell=False)
        self.rig.daemon.start()
        self.wait_ready(range(count))
        self.assertNotIn("no events of plugs and pulls", self.rig.daemon.log_text())

    def opened(self, since):
        """How often each port was opened since so much was logged."""
        return collections.Counter(
            re.findall(r"D port (\S+): opened ", self.rig.daemon.log_text()[since:]))

    def resyncs(self):
        text = self.rig.daemon.get("/metrics")
        return int(re.search(r"^simgate_udev_resyncs_total (\d+)$", text, re.M)[1])

    def overrun(self):
        """Events without news, until the daemon, which does not read, has lost some."""
        pid = self.rig.daemon.process.pid
        before = host_world.dropped(pid)
        for n in range(MANY):
            self.host.tell("change", 1, "ttyUSB0")
            if n % 100 == 99 and host_world.dropped(pid) > before:
                return
        self.fail("the buffer holds them all")

    def finish(self):
        log = self.rig.daemon.log_text()
        self.assertEqual(self.rig.daemon.stop(timeout=harness.DEADLINE_S), 0, log[-3000:])
        self.assertNotIn("Sanitizer", log)

    def test_lost_events(self):
        daemon = self.rig.daemon
        self.start(8)
        self.assertEqual((host_world.dropped(daemon.process.pid), self.resyncs()), (0, 0))
        # plugs alone: nothing but the lost events tells of them
        said = len(daemon.log_text())
        daemon.signal(signal.SIGSTOP)
        self.overrun()
        self.plug(8, "ttyUSB8")
        self.plug(9, "ttyUSB9")
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
        for _ in range(100):
            self.host.tell("change", 1, "ttyUSB0")
        self.pull(2)
        self.overrun()
        self.plug(2, "ttyUSB2")
        for i in (3, 4, 5, 6):
            self.pull(i)
        self.plug(5, "ttyUSB6")
        self.plug(6, "ttyUSB5")
        self.plug(10, "ttyUSB4")
        daemon.signal(signal.SIGCONT)
        self.wait_ready([0, 1, 2, 5, 6, 7, 8, 9, 10])
        self.assertIn(OVERRAN, daemon.log_text()[said:])
        harness.wait_for(lambda: self.resyncs() > resyncs, "another resync")
        self.assertEqual(set(self.opened(said)), {port(i) for i in (2, 5, 6, 10)})
        # and events are heard as before
        self.pull(10)
        self.plug(3, "ttyUSB4")
        self.wait_ready([0, 1, 2, 3, 5, 6, 7, 8, 9])
        self.finish()

    def test_permuted_names(self):
        self.start(COUNT)
        said = len(self.rig.daemon.log_text())
        names = [f"ttyUSB{i}" for i in range(COUNT)]
        order = random.Random(3)
        while any(name == f"ttyUSB{i}" for i, name in enumerate(names)):
            order.shuffle(names)
        for i in range(COUNT):
            self.pull(i)
        for i in reversed(range(COUNT)):
            self.plug(i, names[i])
        self.wait_ready(range(COUNT))
        self.assertEqual(len(self.rig.daemon.ctl("ports")["ports"]), COUNT)
        self.assertEqual(self.opened(said), {port(i): 1 for i in range(COUNT)})
        self.finish()


if __name__ == "__main__":
    harness.build_dir()
    try:
        host_world.enter()
    except OSError as error:
        print(f"skipped: no world of its own here: {error}")
        sys.exit(SKIPPED)
    unittest.main()
