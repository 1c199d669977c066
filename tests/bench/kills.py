"""kills.py - the daemon is killed under load, at random; the platform is slow or goes away."""

import random
import time

import measure

PORTS = 16
CONCURRENCY = 8  # the platform's default: texts in flight at most
GAP_S = 0.004
SLOW_MS = 40  # with this the platform takes fewer texts than come
LIFE_S = (0.0, 1.2)
SHORT = "bench {n}: your code is {code}"
LONG = "bench {n}: " + "a longer text of several parts, with some digits {code} and more. " * 5
WIDE = "bench {n}: " + "длинное сообщение {code} из нескольких частей, 😀. " * 4


def text_of(chance, n):
    form = chance.choices((SHORT, LONG, WIDE), (6, 2, 1))[0]
    return form.format(n=n, code=chance.randrange(100000, 1000000))


class Stream:
    """Sends texts while something else goes on, and remembers them."""

    def __init__(self, rig, chance):
        self.rig = rig
        self.chance = chance
        self.numbers = [card["number"] for card in rig.sim.cards()]
        self.expected = set()
        self.parts = 0

    def send(self):
        port = self.chance.randrange(len(self.numbers))
        text = text_of(self.chance, len(self.expected))
        count, _ = self.rig.sim.sms(port, "Shop", text)
        self.parts += count
        self.expected.add((self.numbers[port], text))

    def run(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.send()
            time.sleep(GAP_S)


def one_life(rig, stream, chance, events):
    """The daemon from its start to its kill; half the time all the platform's connections are in
    use when it comes, and half the time the platform goes away as well."""
    life_s = chance.uniform(*LIFE_S)
    away = chance.random() < 0.5
    rig.platform.send(f"slow {chance.choice((0, SLOW_MS))}")
    rig.daemon.start()
    stream.run(life_s / 2)
    if away:
        rig.platform.send("down")
        stream.run(min(0.2, life_s / 4))
        events.append(time.monotonic_ns() // 1000)
        rig.platform.send("up")
    stream.run(life_s / 2)
    rig.daemon.kill9()
    stream.run(chance.uniform(0.01, 0.05))
    events.append(time.monotonic_ns() // 1000)


def doubles_by_event(rig, events):
    """For each kill or outage, how many texts came before it and again after it."""
    last = {}
    doubles = [0] * (len(events) + 1)
    for message in rig.platform.messages():
        key = (message["number"], message["text"])
        if key in last:
            doubles[sum(t <= last[key] for t in events)] += 1
        last[key] = message["t"]
    return doubles


def wait_swept(rig):
    """Until every card has been listed again: only then is the end of a text sure whose deletion
    was not recorded. Nothing but the sweep speaks to the modems now."""
    before = [rig.sim.stats(i)["commands"] for i in range(PORTS)]
    rig.wait(
        lambda: all(rig.sim.stats(i)["commands"] >= n + 2 for i, n in enumerate(before)), "sweeps"
    )
    measure.wait_settled(rig)


def check_end(rig, stream):
    """How many doubles."""
    doubles = measure.check_received(rig, stream.expected, doubles_allowed=True)
    stats = rig.sim.stats()
    for name in ("remaining", "queued", "direct", "deleted_unlisted", "deleted_blanket"):
        measure.check(stats[name] == 0, f"modems: {name} is {stats[name]}")
    measure.check(stats["injected"] == stream.parts, "modems: injected differs")
    now = measure.status(rig.daemon)
    measure.check(now["messages"]["undecodable"] == 0, "a text became undecodable")
    rig.daemon.stop()
    measure.check_store(rig, stream.parts, len(stream.expected))
    return doubles


def last_life(rig, stream):
    """Seconds until all is delivered, this time without a kill."""
    want = len(stream.expected)
    rig.platform.send("slow 0")
    rig.daemon.sections["gateway"].update({"sweep_every": "1s", "poll_every": "10m"})
    rig.daemon.write_config()
    rig.daemon.start()
    start = time.monotonic()
    rig.wait(
        lambda: len({(e["number"], e["text"]) for e in rig.platform.messages()}) >= want,
        f"delivery of {want} texts",
        timeout=120 + want / 20,
    )
    measure.wait_settled(rig)
    after_s = time.monotonic() - start
    wait_swept(rig)
    return after_s


def run(options):
    seed = options.seed
    print(f"kill: seed {seed}, {options.kills} kills, {PORTS} ports, --chunk 1-3", flush=True)
    chance = random.Random(seed)
    events = []
    chunks = ("--chunk", "1-3", "--seed", 1 + seed % 1000)
    with measure.Rig(PORTS, *chunks, platform={"retry_max": "1s"}) as rig:
        stream = Stream(rig, chance)
        for _ in range(options.kills):
            one_life(rig, stream, chance, events)
        after_s = last_life(rig, stream)
        doubles = check_end(rig, stream)
        by_event = doubles_by_event(rig, events)
    texts, worst = len(stream.expected), max(by_event)
    print(f"  {texts} texts in {stream.parts} parts, {len(events)} kills and outages, "
          f"all there {after_s:.1f} s after the last start")
    print(f"  doubles: {doubles} in all, at most {worst} at one event (bound {CONCURRENCY})")
    measure.check(by_event[-1] == 0, f"{by_event[-1]} doubles after the last kill")
    measure.check(worst <= CONCURRENCY, f"{worst} doubles at one kill, bound {CONCURRENCY}")
    return f"{texts} texts, {options.kills} kills: none lost, {doubles} doubled (most {worst})"
