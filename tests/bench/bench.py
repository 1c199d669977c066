#!/usr/bin/env python3
"""bench.py - speed and cost of simgated, against simulated modems and a platform double.

    bench.py [--build DIR] [--only NAME] [--kills N] [--ports LIST] [--seed N] [--quick] [--long]
             [--postgres]

drain    64 ports with 20 texts each waiting at the start; once plain, once over a bad line: 1 to 3
         bytes at a time, echo that cannot be switched off, unsolicited codes inside the listings
latency  from the modem's +CMTI to the platform, one text at a time on 64 idle ports; then with
         lists, polls and sweeps of all ports going on, and with ten browsers' streams of events
         open; beside it what one commit costs on this disk
scale    at each of --ports (8,64,512): time to ready, memory, descriptors, CPU a text and idle
metrics  a scrape of /metrics, and of /api/v1/ports, with the most of --ports: CPU, bytes, plain and
         compressed
decode   texts a second that one core reads from their PDUs, by kind
filter   microseconds that the built-in rules of the filter take for a text, by kind
sick     latency on 56 of 64 ports: with all well, then with the other 8 sick in eight ways
customers  200 activations polled each second: CPU; calls of getStatus and getNumber that one core answers
orders   500 orders at one moment for 200 numbers; then order and end in turn on 32 connections
hosts    three hosts of 64 ports each on one PostgreSQL server, and ratios to one host on SQLite with
         the same texts a host: texts a second, latency, CPU a text, time until the list is right;
         round trips to the server a text; then 600 orders at one moment at the three for 300
         numbers
kill     kill -9 at random moments under load, --kills times (5; 50 with --long)
chaos    named, or with --long: modems that fail in every way, then with them cards that are changed,
         a platform that answers nonsense or nothing, and kills; at random, for each text once
host_chaos  named, or with --long: three hosts on one PostgreSQL server; ways to it that freeze, break or
         are slow, a server that sleeps or is killed, hosts that are; at random, then each text

Build with CMAKE_BUILD_TYPE=Release and SIMGATE_TESTS=ON. Speed is printed, never asserted: another
machine has another. What is asserted, with exit status 1: no text is lost, doubled or damaged (a
kill may double what was in flight), nothing leaves a card before it is stored, nothing else is deleted.
$SIMGATE_BENCH_LOG sets the daemon's log level (notice). --postgres: the stores are databases on a
PostgreSQL server, started for it on this disk.
"""

import argparse
import contextlib
import http.client
import os
import random
import socket
import subprocess
import sys
import time
import traceback

import measure
from measure import check, harness

PORTS = 64
TEXTS = 20  # a card's memory, full
FILLED = "FILL m{port:03d} {n}"
IDLE_S = 10
SCALE_TEXTS = 5
QUIET_S = 0.003


def add_http(rig):
    """Gives the daemon, before its start, a port for HTTP."""
    port = harness.free_port()
    rig.daemon.sections["http"] = {"listen": f"127.0.0.1:{port}"}
    rig.daemon.write_config()
    return port


# ---- drain ---------------------------------------------------------------------------------------


def watch_order(rig, samples):
    """At no moment have the modems lost more than the store has. Looks at the modems first."""
    deleted = rig.sim.stats()["deleted"]
    stored = measure.counters(rig.daemon)["sms_received"]
    samples.append((deleted, stored))
    check(deleted <= stored, f"{deleted} texts deleted, {stored} committed")


def drain_once(name, ports, options, sim=(), faults=(), watch=False):
    with measure.Rig(ports, *sim) as rig:
        for fault in faults:
            rig.sim.fault("*", fault)
        daemon = rig.daemon
        daemon.start()  # makes the database
        measure.wait_ready(rig)
        daemon.restart()
        measure.wait_ready(rig)
        start_cpu_ms = measure.cpu_ms(daemon.process.pid)
        start_counts = measure.counters(daemon)
        daemon.stop()
        for port in range(ports):
            rig.sim.counted(f"fill {port} {TEXTS}")
        total = ports * TEXTS
        start_us = time.monotonic_ns() // 1000
        daemon.start()
        samples = []
        while rig.platform.message_count() < total:
            rig.sim.check_alive()
            daemon.check_alive()
            if watch:
                watch_order(rig, samples)
            check(time.monotonic_ns() // 1000 - start_us < 120e6, "the drain does not end")
            time.sleep(0.02)
        measure.wait_settled(rig)
        measure.wait_ready(rig)
        cpu_ms = measure.cpu_ms(daemon.process.pid) - start_cpu_ms
        counts = measure.grown(start_counts, measure.counters(daemon))
        stamps = [e["t"] for e in rig.platform.messages()]
        expected = {
            (card["number"], FILLED.format(port=port, n=n))
            for port, card in enumerate(rig.sim.cards())
            for n in range(1, TEXTS + 1)
        }
        measure.check_received(rig, expected)
        measure.check_sims(rig, total)
        daemon.stop()
        measure.check_store(rig, total, total)
    span_s = (max(stamps) - min(stamps)) / 1e6
    whole_s = (max(stamps) - start_us) / 1e6
    print(f"  {name:<10} {total} texts: {total / span_s:6.0f} texts/s from first to last, "
          f"{total / whole_s:5.0f} with the start")
    print(f"  {'':<10} {counts['store_commits'] / total:.3f} commits and "
          f"{counts['store_jobs'] / total:.2f} jobs a text, {cpu_ms / total:.3f} ms CPU a text")
    if watch:
        amid = sum(0 < d < total for d, _ in samples)
        print(f"  {'':<10} deleted never ahead of stored: {len(samples)} looks, {amid} amid it")
    return f"{total / span_s:.0f} texts/s, {cpu_ms / total:.3f} ms CPU, " + (
        f"{counts['store_commits'] / total:.3f} commits a text"
    )


def run_drain(options):
    ports = 16 if options.quick else PORTS
    print(f"drain: {ports} ports, {TEXTS} texts each, waiting at the start")
    plain = drain_once("plain", ports, options)
    bad = drain_once(
        "bad line", ports, options, ("--chunk", "1-3", "--echo", "sticky"), ("urc_in_list",), True
    )
    return f"plain: {plain}; bad line: {bad}"


# ---- latency -------------------------------------------------------------------------------------


def latencies_us(rig, count, chance, prefix):
    """One text after the other, each on a random port once all is quiet again."""
    numbers = [card["number"] for card in rig.sim.cards()]
    times = []
    for n in range(count):
        port = chance.randrange(len(numbers))
        text = f"{prefix} {n}"
        before = rig.platform.message_count()
        _, sent_us = rig.sim.sms(port, "Shop", text)
        rig.wait(lambda: rig.platform.message_count() > before, "delivery")
        got = rig.platform.messages()[-1]
        check((got["number"], got["text"]) == (numbers[port], text), f"got {got}")
        times.append(got["t"] - sent_us)
        rig.wait_drained()
        time.sleep(QUIET_S)
    return times


def print_times(name, times):
    print(f"  {name:<34} median {measure.median(times) / 1000:6.2f} ms, "
          f"p99 {measure.percentile(times, 0.99) / 1000:6.2f}, max {max(times) / 1000:6.2f}")


def open_streams(port, count):
    """Connections that ask for events; the kernel keeps what comes for each."""
    streams = []
    for _ in range(count):
        streams.append(socket.create_connection(("127.0.0.1", port)))
        streams[-1].sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return streams


def check_streams(streams, texts):
    """All of them were told of texts."""
    for stream in streams:
        told = b""
        stream.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while piece := stream.recv(1 << 20):
                told += piece
        stream.close()
        check(0 < told.count(b"event: message\n") <= 2 * texts, "a stream has not told of the texts")


def latency_once(name, options, ports, count, streams=0, **keys):
    with measure.Rig(ports, **keys) as rig:
        port = add_http(rig)
        rig.daemon.start()
        measure.wait_ready(rig)
        listeners = open_streams(port, streams)
        commit = measure.commit_us(rig.workdir, count)
        rig.platform.events()
        before = rig.platform.stats()["lists"], rig.sim.stats()["commands"]
        start = time.monotonic()
        times = latencies_us(rig, count, random.Random(options.seed), name)
        span_s = time.monotonic() - start
        lists = (rig.platform.stats()["lists"] - before[0]) / span_s
        commands = (rig.sim.stats()["commands"] - before[1]) / span_s
        time.sleep(1 if streams else 0)
        check_streams(listeners, count)
        measure.check_sims(rig, count)
        rig.daemon.stop()
        measure.check_store(rig, count, count)
    print_times(f"{name}", times)
    print_times("  one commit on this disk", commit)
    ratio = measure.median(times) / measure.median(commit)
    print(f"  {'  latency/commit':<34} median {ratio:6.2f} "
          f"   ({lists:.0f} lists/s, {commands:.0f} AT commands/s meanwhile)")
    line = f"{name}: {measure.median(times) / 1000:.1f} ms median, " + (
        f"{measure.percentile(times, 0.99) / 1000:.1f} p99, {ratio:.1f} x a commit"
    )
    return line, measure.median(times)


def run_latency(options):
    ports, count = (16, 40) if options.quick else (PORTS, 200)
    print(f"latency: {count} texts, one after the other, {ports} ports")
    idle, idle_us = latency_once("idle", options, ports, count)
    watched, watched_us = latency_once("ten streams", options, ports, count, streams=10)
    print(f"  {'ten streams/idle':<34} median {watched_us / idle_us:6.2f}")
    busy, _ = latency_once(
        "busy",
        options,
        ports,
        count,
        gateway={"sweep_every": "1s", "poll_every": "1s"},
        platform={"list_every": "50ms", "list_delay": "10ms"},
    )
    return f"{idle}; {watched}, {watched_us / idle_us:.2f} x idle; {busy}"


# ---- scale ---------------------------------------------------------------------------------------


def scale_once(ports, options):
    """A row of the table, as a dictionary."""
    idle_s = 2 if options.quick else IDLE_S
    spans = {"sweep_every": f"{idle_s}s", "poll_every": f"{idle_s}s"}
    with measure.Rig(ports, gateway=spans) as rig:
        row = {"ports": ports}
        start = time.monotonic()
        rig.daemon.start()
        pid = rig.daemon.process.pid
        measure.wait_ready(rig, timeout=180)
        row["ready_s"] = time.monotonic() - start
        row["start_cpu_ms"] = measure.cpu_ms(pid)
        row["rss_kib"] = measure.rss_kib(pid)
        time.sleep(0.5)
        cpu_ms, wall = measure.cpu_ms(pid), time.monotonic()
        time.sleep(idle_s)
        row["idle"] = (measure.cpu_ms(pid) - cpu_ms) / (time.monotonic() - wall) / 10
        row["fds"] = measure.fd_count(pid)
        before, cpu_ms = measure.counters(rig.daemon), measure.cpu_ms(pid)
        total, _ = rig.sim.burst(SCALE_TEXTS, "scale")
        rig.wait(lambda: rig.platform.message_count() >= total, f"{total} texts")
        measure.wait_settled(rig)
        row["cpu_ms"] = (measure.cpu_ms(pid) - cpu_ms) / total
        grown = measure.grown(before, measure.counters(rig.daemon))
        row["commits"] = grown["store_commits"] / total
        row["rss_after_kib"] = measure.rss_kib(pid)
        stamps = [e["t"] for e in rig.platform.messages()]
        row["rate"] = total / max(1e-6, (max(stamps) - min(stamps)) / 1e6)
        expected = {
            (card["number"], f"scale {card['name']} {n}")
            for card in rig.sim.cards()
            for n in range(1, SCALE_TEXTS + 1)
        }
        measure.check_received(rig, expected)
        measure.check_sims(rig, total)
        rig.daemon.stop()
        measure.check_store(rig, total, total)
    return row


def run_scale(options):
    possible = measure.ports_possible()
    sizes = [n for n in options.ports if n <= possible]
    for n in sorted(set(options.ports) - set(sizes)):
        print(f"scale: {n} ports left out: this host has ptys and descriptors for {possible}")
    rows = [scale_once(n, options) for n in [1, *sizes]]
    base = rows[0]
    print("scale: 5 texts a port; idle with a poll and a sweep of every port in the window")
    print("  ports  ready s  RSS KiB  KiB/port  after  fds  idle %  ms CPU/text  commits/text"
          "  texts/s  ms start CPU/port")
    for row in rows:
        share = (row["rss_kib"] - base["rss_kib"]) / max(1, row["ports"] - 1)
        after = (row["rss_after_kib"] - base["rss_after_kib"]) / max(1, row["ports"] - 1)
        row["share"] = share
        print(f"  {row['ports']:5} {row['ready_s']:8.2f} {row['rss_kib']:8} {share:9.1f} "
              f"{after:6.1f} {row['fds']:4} {row['idle']:7.3f} {row['cpu_ms']:12.3f} {row['commits']:13.3f} "
              f"{row['rate']:8.0f} {row['start_cpu_ms'] / row['ports']:9.2f}")
    last = rows[-1]
    return (f"{last['ports']} ports: {last['share']:.0f} KiB a port, {last['cpu_ms']:.3f} ms CPU a "
            f"text, idle {last['idle']:.2f} %")


# ---- decode --------------------------------------------------------------------------------------


def run_program(name, span_ms):
    """Prints what it says of each kind; its last line."""
    done = subprocess.run(
        [harness.program(name), str(span_ms)], capture_output=True, text=True, timeout=60
    )
    check(done.returncode == 0, f"{name}: {done.stderr.strip()}")
    print(done.stdout, end="")
    return " ".join(done.stdout.splitlines()[-1].split())


def run_decode(options):
    span_ms = 300 if options.quick else 1000
    print(f"decode: from a PDU's digits to its text, one core, {span_ms} ms a kind")
    return run_program("bench_sms", span_ms)


def run_filter(options):
    span_ms = 300 if options.quick else 1000
    print(f"filter: the built-in rules, one core, {span_ms} ms a kind")
    return run_program("bench_filter", span_ms)


# ---- metrics -------------------------------------------------------------------------------------

SCRAPES = 50


def scrape(connection, path, headers):
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    check(answer.status == 200, f"{path}: {answer.status}")
    return body


def scrapes(pid, port, path, headers):
    """(ms of CPU, ms to wait, bytes) of one scrape, the first one aside, which asks the store."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=harness.DEADLINE_S)
    try:
        scrape(connection, path, headers)
        cpu_ms, start = measure.cpu_ms(pid), time.monotonic()
        for _ in range(SCRAPES):
            size = len(scrape(connection, path, headers))
        return ((measure.cpu_ms(pid) - cpu_ms) / SCRAPES,
                (time.monotonic() - start) * 1000 / SCRAPES, size)
    finally:
        connection.close()


def run_metrics(options):
    ports = max(n for n in [1, *options.ports] if n <= measure.ports_possible())
    spans = {"sweep_every": "1h", "poll_every": "1h"}
    results = []
    with measure.Rig(ports, gateway=spans) as rig:
        port = add_http(rig)
        rig.daemon.start()
        measure.wait_ready(rig, timeout=180)
        pid = rig.daemon.process.pid
        for path in ("/metrics", "/api/v1/ports"):
            for name, headers in (("plain", {}), ("gzip", {"Accept-Encoding": "gzip"})):
                results.append((path, name, *scrapes(pid, port, path, headers)))
        rig.daemon.stop()
    print(f"metrics: {ports} ports, mean of {SCRAPES} scrapes")
    for path, name, cpu_ms, wait_ms, size in results:
        print(f"  {path:<13} {name:<6} {cpu_ms:7.3f} ms CPU, {wait_ms:7.3f} ms to wait, {size} bytes")
    return f"{ports} ports: " + ", ".join(
        f"{path} {name} {cpu_ms:.2f} ms CPU" for path, name, cpu_ms, _, _ in results)


# ---- the whole -----------------------------------------------------------------------------------


def run_kill(options):
    import kills

    return kills.run(options)


def run_sick(options):
    import sick

    return sick.run(options)


def run_customers(options):
    import customers

    return customers.run(options)


def run_orders(options):
    import orders

    return orders.run(options)


def run_chaos(options):
    import chaos

    return chaos.run(options)


def run_hosts(options):
    import hosts

    return hosts.run(options)


def run_host_chaos(options):
    import host_chaos

    return host_chaos.run(options)


BENCHES = {
    "drain": run_drain,
    "latency": run_latency,
    "scale": run_scale,
    "metrics": run_metrics,
    "decode": run_decode,
    "filter": run_filter,
    "sick": run_sick,
    "customers": run_customers,
    "orders": run_orders,
    "hosts": run_hosts,
    "kill": run_kill,
    "chaos": run_chaos,
    "host_chaos": run_host_chaos,
}
LONG = ("chaos", "host_chaos")


def parse_options():
    harness.build_dir()  # takes --build out of the arguments
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--build", metavar="DIR", help="build directory, else $SIMGATE_BUILD")
    parser.add_argument("--only", action="append", choices=BENCHES, help="may be given again")
    parser.add_argument("--kills", type=int)
    parser.add_argument(
        "--ports", type=lambda t: [int(n) for n in t.split(",")], help="for scale and metrics (8,64,512)"
    )
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3), "little"))
    parser.add_argument("--quick", action="store_true", help="fewer ports, texts and kills")
    parser.add_argument("--long", action="store_true", help="50 kills, and chaos")
    parser.add_argument("--postgres", action="store_true", help="not SQLite")
    options = parser.parse_args()
    if options.kills is None:
        options.kills = 50 if options.long else 2 if options.quick else 5
    if options.ports is None:
        options.ports = [8, 16] if options.quick else [8, 64, 512]
    return options


def main():
    options = parse_options()
    measure.raise_limits()
    if not options.postgres:
        return run(options)
    with harness.Postgres() as measure.Rig.postgres:
        return run(options)


def run(options):
    results, failed = {}, []
    usual = [name for name in BENCHES if name not in LONG or options.long]
    for name in options.only or usual:
        try:
            results[name] = BENCHES[name](options)
        except measure.Failed as wrong:
            results[name] = f"FAILED: {wrong}"
            failed.append(name)
        except Exception as wrong:  # the others still run
            traceback.print_exc()
            results[name] = f"FAILED: {type(wrong).__name__}: {str(wrong)[:200]}"
            failed.append(name)
        sys.stdout.flush()
    print("\nsummary")
    for name, line in results.items():
        print(f"  {name:<8} {line}")
    print(f"bench: failed: {', '.join(failed)}" if failed else "bench: ok")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
