"""test_families.py - each family of modems, as modemsim plays it: all of them in one bank."""

import subprocess

import harness
from gateway_case import GatewayCase, number, running

SENDER = "+46735550001"  # of burst
LONG = "0123456789" * 20 + " [end]"

# What no driver but their own can work with.
BEYOND_GENERIC = {
    "neoway": 'lists with AT+CMGL="ALL" alone',
    "wavecom": 'gives no OK behind "+CPIN: READY"',
}
# Another card is seen after a restart only.
NO_HOTSWAP = ("huawei", "zte")


def lines_of(name, option):
    done = subprocess.run([harness.program(name), option], capture_output=True, text=True,
                          check=True, timeout=harness.DEADLINE_S)
    return [line.split()[0] for line in done.stdout.splitlines() if line.strip()]


class Families(GatewayCase):
    @classmethod
    def setUpClass(cls):
        cls.drivers = set(lines_of("simgated", "--list-drivers"))
        played = lines_of("modemsim", "--families")
        cls.families = [f for f in played if f in cls.drivers or f not in BEYOND_GENERIC]
        cls.index = {f: i for i, f in enumerate(cls.families)}

    def bank(self, *options, **more):
        """A modem of each family, in the order of their names here."""
        return self.rig(len(self.families), ",".join(self.families), sim=options, **more)

    def everyone(self, text):
        return [(number(i), SENDER, text.format(name=f"m{i:03d}"))
                for i in range(len(self.families))]

    def test_cold_start_and_texts(self):
        rig = self.bank()
        for family, i in self.index.items():
            with self.subTest(family):
                port = self.port(rig, i)
                self.assertEqual(
                    port["driver"], family if family in self.drivers else "generic"
                )
                self.assertEqual(port["state"], "ready")
        rig.sim.burst(1, "short")
        rig.sim.send(f"sms * Shop {LONG}")
        rig.sim.send("flash * Shop now")
        wanted = self.everyone("short {name} 1")
        for i in range(len(self.families)):
            wanted += [(number(i), "Shop", LONG), (number(i), "Shop", "now")]
        self.await_texts(rig, wanted)

    def test_own_number_in_the_phone_book(self):
        rig = self.bank("--own", "phonebook", start=False)
        if not {"huawei", "telit"} <= self.drivers:
            self.skipTest("read by the families' drivers")
        rig.daemon.start()
        rig.wait_listed()

    def test_waits_for_what_starts_up(self):
        """Plugged in while the daemon runs; what a real one takes, in a fraction of its time."""
        rig = self.bank("--boot", "10")
        rig.sim.send("hangup *")
        rig.wait(lambda: rig.platform.numbers() == set(), "an empty list")
        rig.sim.send("plug *")
        rig.sim.burst(2, "early")
        self.await_texts(rig, self.everyone("early {name} 1") + self.everyone("early {name} 2"))
        rig.wait_listed()

    def test_card_out_and_in(self):
        rig = self.bank()
        rig.sim.send("sim * out")
        rig.wait(lambda: rig.platform.numbers() == set(), "an empty list")
        rig.sim.burst(1, "meanwhile")
        rig.sim.send("sim * in")
        for family in NO_HOTSWAP:
            rig.sim.send(f"reenumerate {self.index[family]}")
        self.await_texts(rig, self.everyone("meanwhile {name} 1"))
        rig.wait_listed()

    def test_memories_full(self):
        """More than fits, before the start and after it: the network's queue drains as well. Whose
        texts a module's own memory holds is known, for the cards were seen in them."""
        rig = self.bank("--sim-size", "3", "--me-size", "2")
        rig.daemon.stop()
        rig.sim.burst(9, "first")
        self.assertGreater(rig.sim.stats()["queued"], 0)
        rig.daemon.start()
        wanted = [t for k in range(1, 10) for t in self.everyone(f"first {{name}} {k}")]
        self.await_texts(rig, wanted)
        rig.wait_listed()
        rig.sim.burst(9, "second")
        self.await_texts(
            rig, wanted + [t for k in range(1, 10) for t in self.everyone(f"second {{name}} {k}")]
        )

    def test_restarts_in_the_middle(self):
        """By itself on the same line, then as a USB device that goes and comes."""
        rig = self.bank("--boot", "2")
        rig.sim.burst(5, "first")
        for family, i in self.index.items():
            rig.sim.send(f"{'reboot' if family in self.drivers else 'reenumerate'} {i}")
        rig.wait(lambda: rig.platform.message_count() >= 5 * len(self.families), "the first")
        rig.sim.burst(5, "second")
        rig.sim.send("reenumerate *")
        self.await_texts(
            rig,
            [t for name in ("first", "second") for k in range(1, 6)
             for t in self.everyone(f"{name} {{name}} {k}")],
        )
        rig.wait_listed()


if __name__ == "__main__":
    running()
