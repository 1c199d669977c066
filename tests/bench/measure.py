"""measure.py - what the benchmarks ask of processes, disk and control socket, and check."""

import collections
import contextlib
import http.client
import json
import os
import resource
import socket
import sqlite3
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import harness  # noqa: E402

LOG_LEVEL = os.environ.get("SIMGATE_BENCH_LOG", "notice")
PTYS_SPARE = 64
FDS_PER_MODEM = 4


class Failed(Exception):
    """Something was lost, doubled or damaged."""


def check(ok, what):
    if not ok:
        raise Failed(what)


def raise_limits():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def ports_possible():
    """How many modems this host has ptys and descriptors for."""
    with open("/proc/sys/kernel/pty/max", encoding="ascii") as most:
        ptys = int(most.read())
    with open("/proc/sys/kernel/pty/nr", encoding="ascii") as used:
        ptys -= int(used.read()) + PTYS_SPARE
    return min(ptys, raise_limits() // FDS_PER_MODEM)


def cpu_ms(pid):
    """CPU time of all threads of a process, ended ones too: its clock, as clock_getcpuclockid()."""
    return time.clock_gettime_ns((~pid << 3) | 2) / 1e6


def status_kib(pid, name):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith(name + ":"):
                return int(line.split()[1])
    raise KeyError(name)


def rss_kib(pid):
    return status_kib(pid, "VmRSS")


def fd_count(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=harness.DEADLINE_S)
        self.unix_path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.unix_path)


def status(daemon):
    """As `simgatectl --json status`, without a process for each look."""
    connection = UnixConnection(daemon.control_path)
    try:
        connection.request("GET", "/api/v1/status")
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def counters(daemon):
    return status(daemon)["counters"]


def grown(before, after):
    return {name: after[name] - before[name] for name in after}


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def median(values):
    return percentile(values, 0.5)


def commit_us(folder, count=200):
    """Microseconds of count one-row commits in a folder, journalled as the store does it."""
    path = os.path.join(folder, "commit.db")
    db = sqlite3.connect(path, isolation_level=None)
    times = []
    try:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)")
        for i in range(count):
            start = time.monotonic_ns()
            db.execute("INSERT INTO t (text) VALUES (?)", ("x" * 300 + str(i),))
            times.append((time.monotonic_ns() - start) / 1000)
    finally:
        db.close()
        for end in ("", "-wal", "-shm"):
            if os.path.exists(path + end):
                os.unlink(path + end)
    return times


class Rig(harness.Rig):
    """A rig whose daemon logs little; platform: more keys of the platform's section."""

    postgres = None  # a server: each rig's store is a database there

    def __init__(self, count, *sim, gateway=None, platform=None, bank=None):
        super().__init__(
            count, sim=sim, gateway={"log_level": LOG_LEVEL, **(gateway or {})}, bank=bank)
        self.platform_keys = platform or {}
        if self.postgres:
            self.arguments[4]["store"], self.database = self.postgres.database()

    def store_rows(self, sql):
        """Of the stopped daemon's store."""
        if self.postgres:
            return self.postgres.sql(sql, self.database)
        with contextlib.closing(
            sqlite3.connect(os.path.join(self.daemon.state_dir, "simgate.db"))
        ) as db:
            return db.execute(sql).fetchall()

    def __enter__(self):
        super().__enter__()
        self.daemon.sections["platform onlinesim"].update(self.platform_keys)
        self.daemon.write_config()
        return self


def wait_ready(one, count=None, timeout=harness.DEADLINE_S):
    """Until all ports are ready and listed, with nothing under way in the store."""
    want = one.sim.count if count is None else count

    def ready():
        now = status(one.daemon)
        return now["ports"]["ready"] == want and now["store"]["pending"] == 0

    one.wait(ready, f"{want} ready ports", timeout)
    one.wait_listed(want)


def wait_settled(one):
    """Until the cards are empty and the daemon has recorded it."""
    one.wait_drained()
    one.wait(lambda: status(one.daemon)["store"]["pending"] == 0, "end of the store's work")


def check_sims(one, parts):
    """Every part was shown once, then deleted by its index, and nothing else was."""
    stats = one.sim.stats()
    want = {
        "injected": parts,
        "listed": parts,
        "deleted": parts,
        "direct": 0,
        "deleted_unlisted": 0,
        "deleted_blanket": 0,
        "remaining": 0,
        "queued": 0,
        "unknown": 0,
        "lost_tx": 0,
        "lost_rx": 0,
    }
    for name, value in want.items():
        check(stats[name] == value, f"modems: {name} is {stats[name]}, not {value}")


def check_received(one, expected, doubles_allowed=False):
    """expected: {(number, text)}. The number of doubles."""
    got = collections.Counter((e["number"], e["text"]) for e in one.platform.messages())
    lost = expected - got.keys()
    strange = got.keys() - expected
    check(not lost, f"{len(lost)} of {len(expected)} texts lost: {sorted(lost)[:3]}")
    check(not strange, f"{len(strange)} texts nobody sent: {sorted(strange)[:3]}")
    doubles = sum(got.values()) - len(expected)
    check(doubles_allowed or doubles == 0, f"{doubles} texts delivered twice")
    count, whys = one.platform.violations()
    check(count == 0, f"{count} requests against the letter of the interface: {whys[:3]}")
    return doubles


def check_store(one, parts, texts):
    """Opens the stopped daemon's database: each part and each text is there once, and done."""
    for what, sql, want in (
        ("journalled parts", "SELECT count(*) FROM pdu", parts),
        ("undecodable parts", "SELECT count(*) FROM pdu WHERE undecodable IS NOT NULL", 0),
        ("parts not marked deleted", "SELECT count(*) FROM pdu WHERE deleted = 0", 0),
        ("messages", "SELECT count(*) FROM message", texts),
        ("sets not joined", "SELECT count(*) FROM part_set WHERE joined_message_id = ''", 0),
        ("deliveries", "SELECT count(*) FROM delivery", texts),
        ("deliveries not made", "SELECT count(*) FROM delivery WHERE state <> 4", 0),
    ):
        ((value,),) = one.store_rows(sql)
        check(int(value) == want, f"store: {what}: {value}, not {want}")
