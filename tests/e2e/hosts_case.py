"""hosts_case.py - what the tests of several daemons on one PostgreSQL store share."""

import collections
import contextlib
import json
import os
import signal
import sys
import time

import harness
from gateway_case import GATEWAY, PLATFORM, GatewayCase, number

STALE_S = 3
CARDS = 3  # a host, where a test does not say otherwise


class HostsCase(GatewayCase):
    each = CARDS  # cards of a host

    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(harness.Postgres())

    def pool(self, hosts=3, modems=()):
        """A rig whose daemon is unused, and daemons of their own for its modems."""
        rig = self.rig(self.each * hosts, *modems, start=False)
        self.url, self.database = self.server.database()
        rig.hosts = [self.host(rig, i) for i in range(hosts)]
        rig.sent = []
        self.addCleanup(self.stop, rig)
        return rig

    def stop(self, rig):
        """All at a time."""
        for host in rig.hosts:
            if host.alive():
                host.signal(signal.SIGTERM)
        for host in rig.hosts:
            self.assertIn(host.stop(timeout=harness.DEADLINE_S), (0, None))

    def start(self, rig):
        with self.timed("started"):
            for host in rig.hosts:
                if not host.alive():
                    host.start()
            self.wait_numbers(rig, 0, 1, 2)

    def over(self, rig, i):
        """A forwarder for this host, which is not started yet, to reach the server over."""
        forward = self.enterContext(harness.Forward(
            rig.workdir, f"forward{i}", f"{self.server.folder}/.s.PGSQL.5432"))
        self.addCleanup(forward.signal, signal.SIGCONT)
        self.addCleanup(self.stop, rig)
        self.store_at(rig.hosts[i], f"127.0.0.1:{forward.port}")
        return forward

    def store_at(self, host, place):
        host.sections["gateway"]["store"] = f"postgresql://simgate@{place}/{self.database}"
        host.write_config()

    def host(self, rig, i, host_id=None):
        """One with all its cards in one bank."""
        return self.daemon(rig, i, {
            "gateway": {"host_id": host_id or f"host-{i}", "host_stale": f"{STALE_S}s",
                        "start_grace": "30s"},
            f"bank b{i}": {"devices": self.devices(rig, self.cards(i))},
            "platform onlinesim": {"kind": "onlinesim-push"},
        })

    def daemon(self, rig, i, sections):
        """One that is not started yet, with what all of them have."""
        workdir = os.path.join(rig.workdir, f"h{i}-{len(os.listdir(rig.workdir))}")
        os.mkdir(workdir)
        common = {"gateway": {**GATEWAY, "store": self.url, "host_id": f"host-{i}"},
                  "platform onlinesim": {**PLATFORM, "url": rig.platform.url, "key": harness.KEY}}
        host = self.enterContext(harness.Daemon(workdir, {
            name: {**common.get(name, {}), **keys} for name, keys in sections.items()}))
        self.addCleanup(self.look_at, host)
        return host

    def devices(self, rig, cards):
        return ", ".join(rig.sim.path(n) for n in cards)

    def look_at(self, host):
        host.stop()
        if hasattr(host, "log_path"):
            self.assertNotIn("Sanitizer", host.log_text())
            self.assertNotIn("runtime error", host.log_text())

    def cards(self, i):
        return range(self.each * i, self.each * (i + 1))

    def numbers(self, *hosts):
        return {number(n) for i in hosts for n in self.cards(i)}

    def leader(self, rig, hosts=(0, 1, 2)):
        """The index of the one that leads."""
        name = rig.wait(lambda: self.led(rig, hosts), "a leader")
        return int(name[-1])

    def led(self, rig, hosts):
        status, out, _ = rig.hosts[hosts[0]].ctl_raw("--json", "hosts")
        if status != 0:  # who has the turn to write is frozen, and has not lost it yet
            return None
        listed = json.loads(out)["hosts"]
        names = [h["name"] for h in listed if h["leader"] and int(h["name"][-1]) in hosts]
        return names[0] if len(names) == 1 else None

    def wait_numbers(self, rig, *hosts):
        want = self.numbers(*hosts)
        rig.wait(lambda: rig.platform.numbers() == want, f"the list of {hosts}")

    def send(self, rig, words, hosts=(0, 1, 2), count=1):
        """To each card of these hosts; which have to read them."""
        for k in range(count):
            for n in (n for i in hosts for n in self.cards(i)):
                text = f"{words} {k}"
                rig.sim.sms(n, "Shop", text)
                rig.sent.append((number(n), "Shop", text))

    def read(self, rig, hosts=(0, 1, 2)):
        """Until the cards of these hosts are empty."""

        def fits():
            stats = [rig.sim.stats(n) for i in hosts for n in self.cards(i)]
            return all(s["remaining"] == 0 and s["queued"] == 0 for s in stats)

        rig.wait(fits, f"empty cards of {hosts}")

    def store_of(self, host):
        return host.ctl("status")["store"]["server"]

    @contextlib.contextmanager
    def timed(self, what, within=None):
        """Prints how long it took. within: what the product promises."""
        start = time.monotonic()
        yield
        took = time.monotonic() - start
        print(f"{self.id().rpartition('.')[2]}: {what}: {took:.1f} s", file=sys.stderr)
        if within:
            self.assertLess(took, within, what)

    def await_all(self, rig, twice=0):
        """All that was sent has arrived, once, in each card's order; the list is whole, and nothing
        waits anywhere. twice: so many of them may have come once more."""
        self.take_doubles(rig, twice)
        self.await_texts(rig, rig.sent)
        self.wanted[rig] = rig.sent  # with what follows
        self.wait_numbers(rig, 0, 1, 2)
        for host in rig.hosts:
            rig.wait(lambda h=host: (s := self.store_of(h))["up"] and s["journal"] == 0,
                     "an empty journal")
        self.assert_order(rig)

    def take_doubles(self, rig, most):
        """What came once more counts as sent so often, if it is no more than that."""
        rig.wait(lambda: set(rig.sent) <= set(self.got(rig)), "all of them")
        if most:
            more = collections.Counter(self.got(rig)) - collections.Counter(rig.sent)
            self.assertLessEqual(more.total(), most, more)
            rig.sent += more.elements()

    def assert_order(self, rig):
        """Texts are in the store in the order in which they were read, and left it so."""
        rows = self.server.sql(
            "SELECT p.bank, p.id, p.message_id FROM pdu p ORDER BY p.bank, p.id", self.database)
        for bank in {row[0] for row in rows}:
            ids = [row[2] for row in rows if row[0] == bank]
            self.assertEqual(ids, sorted(ids), bank)
        rows = self.server.sql("SELECT number, text FROM message ORDER BY id", self.database)
        got = self.got(rig)
        for to in {row[0] for row in rows}:
            came = dict.fromkeys(text for number, _, text in got if number == to)
            self.assertEqual(list(came), [text for number, text in rows if number == to], to)
