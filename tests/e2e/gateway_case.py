"""gateway_case.py - what the tests of the whole daemon share: a tuned rig and the checks after each."""

import collections
import os
import re
import time
import unittest

import harness

GATEWAY = {
    "start_grace": "60s",
    "sweep_every": "2s",
    "poll_every": "1s",
    "register_grace": "1s",
    "quarantine": "2s",
}
PLATFORM = {
    "list_delay": "50ms",
    "retry_max": "500ms",
    "account_probe": "500ms",
    "timeout": "5s",
}


def number(i):
    """What card i of modemsim calls itself."""
    return f"+4670010{i:04d}"


def iccid(rig, i):
    return rig.sim.cards()[i]["iccid"]


def running():
    """For the end of each file: --build DIR, then unittest."""
    harness.build_dir()
    unittest.main()


class GatewayCase(unittest.TestCase):
    """Rigs that are looked over when the test is done."""

    maxDiff = None

    def setUp(self):
        self.rigs = []
        self.wanted = {}  # of a rig: what the platform is to have in the end

    def rig(self, count=1, family="sim800", sim=(), gateway=None, bank=None, platform=None,
            start=True, listed=None):
        """listed: numbers to wait for after the start; all by default, -1 for no waiting."""
        rig = harness.Rig(count, family, sim, (), {**GATEWAY, **(gateway or {})}, bank)
        self.enterContext(rig)
        self.addCleanup(self.look_over, rig)
        self.configure(rig, "platform onlinesim", **{**PLATFORM, **(platform or {})})
        self.rigs.append(rig)
        if start:
            rig.daemon.start()
            if listed != -1:
                rig.wait_listed(listed)
        return rig

    def configure(self, rig, section, **keys):
        """A key that is None is left out."""
        rig.daemon.sections.setdefault(section, {}).update(keys)
        rig.daemon.write_config()

    def look_over(self, rig):
        """Nothing came twice after all, nothing was wrong for the platform or the sanitizers."""
        status = rig.daemon.stop(timeout=harness.DEADLINE_S)
        self.assertIn(status, (0, None), "the daemon did not end well")
        if hasattr(rig.daemon, "log_path"):
            log = rig.daemon.log_text()
            self.assertNotIn("Sanitizer", log, log[-3000:])
            self.assertNotIn("runtime error", log, log[-3000:])
        self.assertEqual(rig.platform.violations(), (0, []))
        if rig in self.wanted:
            self.assert_texts(rig, self.wanted[rig])
        stats = rig.sim.stats()
        self.assertEqual(stats["deleted_unlisted"], 0)
        self.assertEqual(stats["deleted_blanket"], 0)

    def got(self, rig):
        return [(m["number"], m["from"], m["text"]) for m in rig.platform.messages()]

    def assert_texts(self, rig, wanted):
        wanted, got = collections.Counter(wanted), collections.Counter(self.got(rig))
        self.assertEqual((wanted - got, got - wanted), ({}, {}), "(lost, too many)")

    def await_texts(self, rig, wanted, drained=True):
        """Until so many arrived; they have to be these, in any order, now and at the very end."""
        wanted = list(wanted)
        self.wanted[rig] = wanted
        try:
            rig.wait(lambda: rig.platform.message_count() >= len(wanted), f"{len(wanted)} texts")
        except TimeoutError:
            self.assert_texts(rig, wanted)
            raise
        self.assert_texts(rig, wanted)
        if drained:
            rig.wait_drained()

    def wait_log(self, rig, words):
        rig.wait(lambda: words in rig.daemon.log_text(), f"{words!r} in the log")

    def port(self, rig, i):
        return rig.daemon.ctl("--full", "port", f"sim/m{i:03d}")

    def wait_state(self, rig, i, *states):
        return rig.wait(
            lambda: (p := self.port(rig, i))["state"] in states and p, f"m{i:03d} {states}"
        )

    def outbox(self, rig):
        return rig.daemon.ctl("--full", "outbox")["outbox"]

    def wait_outbox(self, rig, predicate, what="outbox"):
        """Until a row fits; the row."""
        return rig.wait(lambda: next((r for r in self.outbox(rig) if predicate(r)), None), what)

    def wait_totals(self, rig, **states):
        """Until the platform's counts of texts by state are these."""

        def fits():
            (platform,) = rig.daemon.ctl("status")["platforms"]
            return all(platform.get(k) == v for k, v in states.items())

        return rig.wait(fits, f"totals {states}")

    def lists(self, rig):
        """The numbers of each list that the platform accepted, in order."""
        return [{n["number"] for n in e["numbers"]} for e in rig.platform.events("list")]

    def assert_recent(self, rig):
        """Texts bear the time at which the network took them."""
        for m in rig.platform.messages():
            self.assertLess(abs(time.time() - int(m["date"])), 3600, m)

    def fds(self, rig):
        return len(os.listdir(f"/proc/{rig.daemon.process.pid}/fd"))

    def assert_no_secret(self, text, *secrets):
        for secret in secrets:
            found = re.search(re.escape(secret), text)
            self.assertIsNone(found, found and text[max(0, found.start() - 200) : found.end()])
