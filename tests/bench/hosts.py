"""hosts.py - several hosts on one PostgreSQL server: what the pool does, against one host by itself."""

import asyncio
import contextlib
import os
import random
import time

import measure
import orders
from measure import check, harness

HOSTS = 3
PORTS = 64  # a host
TEXTS = 20  # a card's memory, full
TICK_S = 0.02  # so often each host gets a text
PULLS = 10  # times a card of each host is out and in
FOR_SALE = 50  # a host, to the platform and to customers each
KEY = "bench-key"
LIST_DELAY = "50ms"
SPANS = {"sweep_every": "1h", "poll_every": "1h"}


class Pool(measure.Rig):
    """hosts daemons with so many modems each; server: where they share a database, None: SQLite."""

    def __init__(self, hosts, ports, server, sections=None):
        super().__init__(hosts * ports)
        self.count, self.ports, self.server = hosts, ports, server
        self.sections = sections or (lambda i, cards: {
            f"bank b{i}": {"devices": self.devices(cards)},
            "platform onlinesim": {"kind": "onlinesim-push"}})
        self.hosts = []

    def __enter__(self):
        super().__enter__()
        store = {}
        if self.server:
            store["store"], self.name = self.server.database()
        for i in range(self.count):
            workdir = os.path.join(self.workdir, f"h{i}")
            os.mkdir(workdir)
            sections = self.sections(i, self.cards(i))
            sections["gateway"] = {"log_level": measure.LOG_LEVEL, "host_id": f"host-{i}",
                                   "start_grace": "60s", **SPANS, **store}
            sections["platform onlinesim"] = {"list_delay": LIST_DELAY, "url": self.platform.url,
                                              "key": harness.KEY, **sections["platform onlinesim"]}
            self.hosts.append(self.enter_context(harness.Daemon(workdir, sections)))
        return self

    def cards(self, i):
        return range(i * self.ports, (i + 1) * self.ports)

    def devices(self, cards):
        return ", ".join(self.sim.path(n) for n in cards)

    def store_rows(self, sql):
        if self.server:
            return self.server.sql(sql, self.name)
        self.daemon.state_dir = self.hosts[0].state_dir
        return super().store_rows(sql)

    def wait_hosts(self, ready=None):
        """Until nothing is under way at any."""
        for host in self.hosts:
            def settled(host=host):
                now = measure.status(host)
                return now["store"]["pending"] == 0 and (
                    ready is None or now["ports"]["ready"] == ready)

            self.wait(settled, "hosts that are settled", 180)

    def stop(self):
        for host in self.hosts:
            host.stop()

    def cpu_ms(self):
        return sum(measure.cpu_ms(host.process.pid) for host in self.hosts)

    def server_cpu_ms(self):
        return sum(map(measure.cpu_ms, self.server.pids())) if self.server else 0


def start(pool):
    """Seconds until the platform has the numbers of all hosts."""
    began = time.monotonic()
    for host in pool.hosts:
        host.start()
    pool.wait(lambda: len(pool.platform.numbers()) == pool.sim.count, "the whole list", 180)
    took = time.monotonic() - began
    pool.wait_hosts(pool.ports)
    return took


def wait_moved(pool, cards, there, times):
    """Seconds from a command to all cards to the list that has each of them, or has it no more."""
    began = time.monotonic()
    numbers = {pool.sim.cards()[card]["number"] for card in cards}
    for card in cards:
        pool.sim.send(f"sim {card} {'in' if there else 'out'}")

    def moved():
        done = {n for n in numbers if (n in pool.platform.numbers()) is there}
        times.extend([time.monotonic() - began] * len(done))
        numbers.difference_update(done)
        return not numbers

    pool.wait(moved, "a list")


def pulls(pool, count, chance):
    """Seconds from the loss of a card to a list without it, and from its return to one with it. It is
    at a host that does not lead, where there is one."""
    leads = {h["name"] for h in pool.hosts[0].ctl("hosts")["hosts"] if h["leader"]}
    others = [i for i in range(pool.count) if f"host-{i}" not in leads] or [0]
    off, on = [], []
    for _ in range(count):
        cards = [chance.choice(pool.cards(i)) for i in others]
        wait_moved(pool, cards, False, off)
        wait_moved(pool, cards, True, on)
    return off, on


def paced(pool, count, chance):
    """Microseconds of each text, a text a host at each tick; what was sent."""
    cards = pool.sim.cards()
    sent = {}
    turn = time.monotonic()
    for n in range(count):
        for i in range(pool.count):
            card, text = chance.choice(pool.cards(i)), f"paced {i} {n}"
            sent[cards[card]["number"], text] = pool.sim.sms(card, "Shop", text)[1]
        turn += TICK_S
        time.sleep(max(0, turn - time.monotonic()))
    pool.wait(lambda: pool.platform.message_count() >= len(sent), f"{len(sent)} texts")
    times = [e["t"] - sent[e["number"], e["text"]] for e in pool.platform.messages()]
    return times, set(sent)


def rush(pool, texts):
    """Texts a second when all cards get so many at one moment; what was sent."""
    before = pool.platform.message_count()
    total, sent_us = pool.sim.burst(texts, "burst")
    pool.wait(lambda: pool.platform.message_count() >= before + total, f"{total} texts", 180)
    measure.wait_settled(pool)
    last_us = max(e["t"] for e in pool.platform.messages())
    return total / ((last_us - sent_us) / 1e6), {
        (card["number"], f"burst {card['name']} {n}")
        for card in pool.sim.cards() for n in range(1, texts + 1)}


def row_of(name, options, hosts, server):
    """What one set of hosts does."""
    ports, texts, count, out = (16, 10, 50, 1) if options.quick else (PORTS, TEXTS, 500, PULLS)
    chance = random.Random(options.seed)
    with Pool(hosts, ports, server) as pool:
        pool.daemon = pool.hosts[0]  # whom the checks ask
        row = {"name": name, "list": start(pool)}
        row["times"], sent = paced(pool, count, chance)
        pool.wait_hosts()
        cpu_ms, server_ms = pool.cpu_ms(), pool.server_cpu_ms()
        before = [measure.counters(host) for host in pool.hosts]
        row["rate"], burst = rush(pool, texts)
        pool.wait_hosts()
        total = len(burst)
        row["cpu"] = (pool.cpu_ms() - cpu_ms) / total
        row["server"] = (pool.server_cpu_ms() - server_ms) / total
        grown = [measure.grown(b, measure.counters(h)) for b, h in zip(before, pool.hosts)]
        row["commits"] = sum(g["store_commits"] for g in grown) / total
        measure.check_received(pool, sent | burst)
        measure.check_sims(pool, len(sent | burst))
        row["off"], row["on"] = pulls(pool, out, chance)
        pool.stop()
        measure.check_store(pool, len(sent | burst), len(sent | burst))
    return row


def print_row(row, base):
    p50, p99 = (measure.percentile(row["times"], s) / 1000 for s in (0.5, 0.99))
    base50, base99 = (measure.percentile(base["times"], s) / 1000 for s in (0.5, 0.99))
    row["ratio"] = row["rate"] / base["rate"], p50 / base50, p99 / base99
    print(f"  {row['name']:<14} {row['rate']:6.0f} {row['ratio'][0]:6.2f} {p50:8.1f} "
          f"{row['ratio'][1]:6.2f} {p99:8.1f} {row['ratio'][2]:6.2f} {row['cpu']:8.3f} "
          f"{row['server']:8.3f} {row['commits']:8.3f} {row['list']:7.2f} "
          f"{1000 * measure.median(row['off']):7.0f} {1000 * measure.median(row['on']):6.0f}")


# ---- round trips ---------------------------------------------------------------------------------


def forwarded(pool):
    """The only host's way to the server, which counts."""
    way = pool.enter_context(harness.Forward(
        pool.workdir, "way", f"{pool.server.folder}/.s.PGSQL.5432"))
    host = pool.hosts[0]
    host.sections["gateway"]["store"] = f"postgresql://simgate@127.0.0.1:{way.port}/{pool.name}"
    host.write_config()
    return way


def run_turns(options, server):
    """Round trips of a text from its card to the platform's answer, when each is by itself, and when
    the cards are full; what the host has to say besides is taken off."""
    alone, ports = (20, 4) if options.quick else (100, 16)
    with Pool(1, ports, server) as pool:
        way = forwarded(pool)
        start(pool)

        def turns(act):
            pool.wait_hosts()
            before, began = int(way.send("turns")), time.monotonic()
            act()
            pool.wait_hosts()
            return int(way.send("turns")) - before, time.monotonic() - began

        def one_by_one():
            for n in range(alone):
                pool.sim.sms(n % ports, "Shop", f"alone {n}")
                pool.wait(lambda: pool.platform.message_count() > n, "a text")
                measure.wait_settled(pool)

        pool.daemon = pool.hosts[0]
        count, took_s = turns(lambda: time.sleep(3))
        idle = count / took_s
        counts = []
        for act, texts in ((one_by_one, alone), (lambda: rush(pool, TEXTS), ports * TEXTS)):
            count, took_s = turns(act)
            counts.append((count - idle * took_s) / texts)
        pool.stop()
    line = f"{counts[0]:.1f} round trips to the server a text alone, {counts[1]:.2f} where many come"
    print(f"  {line}")
    return line


# ---- orders --------------------------------------------------------------------------------------


def call_api(action, **parameters):
    query = "&".join(f"{k}={v}" for k, v in {"api_key": KEY, "action": action,
                                             **parameters}.items())
    return f"GET /stubs/handler_api.php?{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


async def one(port, data):
    (stream,) = await orders.opened(port, 1)
    try:
        return await orders.exchange(stream, data)
    finally:
        stream[1].close()


async def at_one_moment(calls):
    """(seconds, answer) of each (port, request), all connected before the first is sent."""
    streams = [(await orders.opened(port, 1))[0] for port, _ in calls]
    got = await asyncio.gather(*(orders.exchange(s, d) for s, (_, d) in zip(streams, calls)))
    for _, writer in streams:
        writer.close()
    return got


def in_sale(port, count):
    """Whether a host offers so many to the platform and to customers."""
    with contextlib.suppress(OSError, asyncio.IncompleteReadError, measure.Failed):
        services = asyncio.run(one(port, orders.request("GET_SERVICES")))[1]
        there = asyncio.run(one(port, call_api("getNumbersStatus", country=46)))[1]
        return b'"any":{"s0":%d}' % count in services and there == b'{"s0_0":%d}' % count
    return False


def given_of(answers):
    """The numbers and ids of the answers to orders; all the others have none."""
    given = []
    for text in answers:
        if text.startswith(b"ACCESS_NUMBER:"):
            given.append(tuple(int(x) for x in reversed(text.split(b":")[1:])))
        elif text.startswith(b'{"status":"SUCCESS","number":'):
            given.append(tuple(int(x.split(b":")[1]) for x in text.strip(b"{}").split(b",")[1:]))
        else:
            check(text in (b"NO_NUMBERS", b'{"status":"NO_NUMBERS"}'), f"an answer: {text}")
    return given


def run_orders(options, server):
    cards = 10 if options.quick else FOR_SALE
    ports = [harness.free_port() for _ in range(HOSTS)]

    def sections(i, some):
        return {
            "platform onlinesim": {"kind": "onlinesim-pull", "list_delay": None},
            "http": {"listen": f"127.0.0.1:{ports[i]}"},
            "service s0": {"price": "0.01"},
            "customer bench": {"key": KEY, "balance": "1000", "rate": "0"},
            **{f"bank {seller}{i}": {"devices": pool.devices(part), "sell": seller}
               for seller, part in (("onlinesim", some[:cards]), ("customers", some[cards:]))},
        }

    pool = Pool(HOSTS, 2 * cards, server, sections)
    with pool:
        for host in pool.hosts:
            host.start()
        count = HOSTS * cards
        for port in ports:
            pool.wait(lambda: in_sale(port, count), f"{count} numbers in sale twice", 180)
        calls = [(ports[k % HOSTS], data) for k in range(2 * count)
                 for data in (orders.order(), call_api("getNumber", service="s0", country=46))]
        began = time.perf_counter()
        got = asyncio.run(at_one_moment(calls))
        span_s = time.perf_counter() - began
        given = given_of(text for _, text in got)
        check(len({n for n, _ in given}) == len(given) == 2 * count,
              f"{len(given)} given, {len({n for n, _ in given})} of them different")
        check(len({ident for _, ident in given}) == len(given), "an id twice")
        pool.stop()
    line = f"{orders.shown([t for t, _ in got])}, all {len(calls)} in {span_s:.2f} s"
    print(f"  orders at one moment at {HOSTS} hosts, both ways to sell: {line}: {len(given)} given, "
          "the rest refused")
    return line


def run(options):
    ports = 16 if options.quick else PORTS
    print(f"hosts: {ports} ports a host; a text a host each {TICK_S * 1000:.0f} ms for the latency, "
          "full cards at one moment for the rate")
    with contextlib.ExitStack() as stack:
        server = measure.Rig.postgres or stack.enter_context(harness.Postgres())
        rows = [row_of("1, SQLite", options, 1, None), row_of("1, PostgreSQL", options, 1, server),
                row_of(f"{HOSTS}, PostgreSQL", options, HOSTS, server)]
        print("  hosts          texts/s  ratio   p50 ms  ratio   p99 ms  ratio  ms CPU/text  server"
              "  commits/text  list s  off ms  on ms")
        for row in rows:
            print_row(row, rows[0])
        turns = run_turns(options, server)
        line = run_orders(options, server)
    last = rows[-1]
    return (f"{HOSTS} hosts: {last['rate']:.0f} texts/s, {last['ratio'][0]:.2f} times one on SQLite, "
            f"latency {last['ratio'][1]:.2f} times (p99 {last['ratio'][2]:.2f}); {turns}; orders: {line}")
