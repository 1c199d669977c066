"""host_chaos.py - hosts on one PostgreSQL server, and all that may happen to the server, to the ways
to it and to the hosts, at random; then each text is looked for."""

import collections
import contextlib
import os
import random
import signal
import time

import hosts
import measure
from measure import check, harness

HOSTS, PORTS = 3, 3
CONCURRENCY = 8  # the platform's default: texts in flight at most, of one host
GAP_S = 0.15
QUEUED_MAX = 15  # texts that wait at the network for a card
END_S = 150
STALE_S = 3
DELAYS_MS = (0, 0, 10, 40, 150, 400, 1500, 5000)
GATEWAY = {"host_stale": f"{STALE_S}s", "sweep_every": "2s", "poll_every": "1s",
           "register_grace": "1s", "quarantine": "2s"}
PLATFORM = {"kind": "onlinesim-push", "retry_max": "500ms", "account_probe": "500ms",
            "timeout": "5s"}
WEIGHTS = {"sms": 40, "freeze": 6, "thaw": 8, "delay": 4, "cut": 4, "server_dies": 1,
           "server_sleeps": 1, "host_dies": 2, "host_restarts": 1, "host_sleeps": 1}



class Chaos:
    """Hosts with a forwarder each, and what was sent to their cards."""

    def __init__(self, pool, chance):
        self.pool, self.chance = pool, chance
        self.numbers = [card["number"] for card in pool.sim.cards()]
        self.ways, self.frozen = [], set()
        self.sent = set()
        self.done = collections.Counter()
        for i, host in enumerate(pool.hosts):
            way = pool.enter_context(harness.Forward(
                pool.workdir, f"way{i}", f"{pool.server.folder}/.s.PGSQL.5432"))
            pool.callback(way.signal, signal.SIGCONT)
            self.ways.append(way)
            host.sections["gateway"].update(
                GATEWAY, store=f"postgresql://simgate@127.0.0.1:{way.port}/{pool.name}",
                log_level=os.environ.get("SIMGATE_BENCH_LOG", "debug"))
            host.write_config()

    # ---- what happens ----------------------------------------------------------------------------

    def sms(self):
        card = self.chance.randrange(len(self.numbers))
        if self.pool.sim.stats(card)["queued"] > QUEUED_MAX:
            return
        for _ in range(self.chance.choice((1, 1, 2, 6))):
            text = f"{len(self.sent)} of chaos"
            self.pool.sim.sms(card, "Shop", text)
            self.sent.add((self.numbers[card], text))

    def some(self):
        return self.chance.randrange(HOSTS)

    def freeze(self):
        i = self.some()
        self.ways[i].signal(signal.SIGSTOP)
        self.frozen.add(i)

    def thaw(self):
        for i in sorted(self.frozen)[:1]:
            self.ways[i].signal(signal.SIGCONT)
            self.frozen.remove(i)

    def way(self):
        """One that hears; None: none does."""
        return self.chance.choice([way for i, way in enumerate(self.ways)
                                   if i not in self.frozen] or [None])

    def delay(self):
        if way := self.way():
            way.send(f"delay {self.chance.choice(DELAYS_MS)}")

    def cut(self):
        if way := self.way():
            way.send("cut")

    def server_dies(self):
        self.pool.server.crash()
        self.rest(2)
        self.pool.server.revive()

    def server_sleeps(self):
        self.pool.server.signal(signal.SIGSTOP)
        self.rest(3)
        self.pool.server.signal(signal.SIGCONT)

    def host_dies(self):
        host = self.pool.hosts[self.some()]
        host.kill9()
        self.rest(self.chance.choice((0, 1, 2 * STALE_S)))
        host.start()

    def host_restarts(self):
        host = self.pool.hosts[self.some()]
        check(host.stop(60) == 0, f"{host.workdir}: did not end well")
        self.rest(1)
        host.start()

    def host_sleeps(self):
        host = self.pool.hosts[self.some()]
        host.signal(signal.SIGSTOP)
        self.rest(self.chance.choice((1, 2 * STALE_S)))
        host.signal(signal.SIGCONT)

    def rest(self, most_s):
        """Texts come meanwhile."""
        end = time.monotonic() + self.chance.uniform(0, most_s)
        while time.monotonic() < end:
            self.sms()
            time.sleep(GAP_S)

    def run(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            (name,) = self.chance.choices(list(WEIGHTS), list(WEIGHTS.values()))
            getattr(self, name)()
            self.done[name] += 1
            for host in self.pool.hosts:
                host.check_alive()
            time.sleep(GAP_S)

    # ---- the end ---------------------------------------------------------------------------------

    def heal(self):
        while self.frozen:
            self.thaw()
        for way in self.ways:
            way.send("delay 0")

    def got(self):
        """Texts by number, in the order in which they came first."""
        came = collections.defaultdict(dict)
        for text in self.pool.platform.messages():
            came[text["number"]][text["text"]] = True
        return {number: list(texts) for number, texts in came.items()}

    def missing(self):
        return self.sent - {(n, text) for n, texts in self.got().items() for text in texts}

    def is_quiet(self, host):
        store = measure.status(host)["store"]
        return store["server"]["up"] and store["server"]["journal"] == 0 and store["pending"] == 0

    def wait_quiet(self):
        self.pool.wait(lambda: not self.missing(), "the last texts", END_S)
        self.pool.wait(lambda: self.pool.platform.numbers() == set(self.numbers), "the list", END_S)
        self.pool.wait_drained()
        for host in self.pool.hosts:
            self.pool.wait(lambda host=host: self.is_quiet(host), "an empty journal", END_S)
        self.pool.wait(lambda: not self.undelivered(), "the end of all claims", END_S)

    def undelivered(self):
        return self.pool.store_rows(
            "SELECT message_id, state, reason, claimed_by FROM delivery WHERE state <> 4")

    def check(self):
        """How many doubles."""
        count = self.pool.platform.message_count()
        rows = self.pool.store_rows("SELECT number, text FROM message ORDER BY id")
        stored = collections.defaultdict(list)
        for number, text in rows:
            stored[number].append(text)
        twice = self.pool.store_rows(
            "SELECT p.* FROM pdu p JOIN message m ON m.id = p.message_id WHERE (m.number, m.text)"
            " IN (SELECT number, text FROM message GROUP BY number, text HAVING COUNT(*) > 1)")
        check(not twice, f"texts are in the store twice: {twice[:4]}")
        got = self.got()
        strange = {(n, t) for n, texts in got.items() for t in texts} - self.sent
        check(not strange, f"{len(strange)} texts nobody sent: {sorted(strange)[:3]}")
        for number, texts in got.items():
            check(texts == stored[number], f"{number}: came {texts}, stored {stored[number]}")
        rows = self.pool.store_rows(
            "SELECT p.bank, p.message_id, p.id, p.slot, p.card_id, p.memory, p.idx, m.text FROM"
            " pdu p LEFT JOIN message m ON m.id = p.message_id ORDER BY p.bank, p.id")
        turned = [pair for pair in zip(rows, rows[1:]) if pair[0][:2] >= pair[1][:2]]
        check(not turned, f"texts are stored in another order than read: {turned[:3]}")
        doubles = count - len(self.sent)
        most = CONCURRENCY * self.done["host_dies"]
        check(doubles <= most, f"{doubles} doubles by {self.done['host_dies']} kills")
        wrong, whys = self.pool.platform.violations()
        check(wrong == 0, f"{wrong} requests against the letter of the interface: {whys[:3]}")
        for host in self.pool.hosts:
            check(host.stop(60) == 0, f"{host.workdir}: did not end well")
            log = host.log_text()
            check("Sanitizer" not in log and "runtime error" not in log, log[-2000:])
            check("another simgated" not in log, f"{host.workdir}: locked out")
        return doubles


def one_round(seed, seconds, server):
    sections = lambda i, cards: {f"bank b{i}": {"devices": pool.devices(cards)},
                                 "platform onlinesim": dict(PLATFORM)}
    pool = hosts.Pool(HOSTS, PORTS, server, sections)
    with pool:
        pool.callback(server.revive)
        chaos = Chaos(pool, random.Random(seed))
        try:
            hosts.start(pool)
            chaos.run(seconds)
            chaos.heal()
            began = time.monotonic()
            chaos.wait_quiet()
            healed_s = time.monotonic() - began
            doubles = chaos.check()
        except BaseException:
            print(f"  seed {seed}, after {dict(chaos.done)}: {len(chaos.missing())} missing: "
                  f"{sorted(chaos.missing())[:5]}", flush=True)
            with contextlib.suppress(Exception):
                print(chaos.undelivered()[:5])
            raise
    done = ", ".join(f"{count} {what}" for what, count in sorted(chaos.done.items()))
    print(f"  seed {seed}: {len(chaos.sent)} texts, {doubles} doubles, well after {healed_s:.1f} s; "
          f"{done}", flush=True)
    return len(chaos.sent), doubles


def run(options):
    rounds, seconds = (1, 15) if options.quick else (8, 30)
    print(f"host_chaos: seed {options.seed}, {HOSTS} hosts of {PORTS} ports", flush=True)
    with harness.Postgres() as server:
        ended = [one_round(options.seed + k, seconds, server) for k in range(rounds)]
    texts, doubles = (sum(column) for column in zip(*ended))
    return f"{rounds} rounds: {texts} texts, none lost or invented, {doubles} doubled"
