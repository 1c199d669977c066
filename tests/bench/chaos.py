"""chaos.py - everything goes wrong at random, all at once; then each text is looked for."""

import collections
import contextlib
import random
import time

import measure
from measure import check, harness

PORTS = 12
SPARES = 2 * PORTS  # cards out of all modems, at most
QUEUED_MAX = 10  # texts that wait at the network for a card
GAP_S = 0.02
END_S = 240
FLAGS = ("silent", "garbage", "urc_in_list", "no_ok", "endless", "deaf", "error_storm",
         "sticky_echo", "no_codes")
NUMBERS = {"silent_after": 400, "late": 400, "cmgd_error": 3, "cmgd_lies": 3, "list_error": 3,
           "hang_list": 2, "cms_busy": 5, "busy": 2000, "glued": 40, "split": 40}
PLATFORM = ("fail message {n} 500 oops", "fail message {n} 200 <html>", "fail message {n} 302 {{}}",
            "fail message {n} 429 slow", "cut message {n}", "cut message {n} keep",
            "hang message {n}", "lie message {n}", "fail list {n} 500 oops", "hang list {n}",
            "clear", "clear", "clear")
FORMS = ("chaos {n} code {c}", "chaos {n} " + "a longer text {c} and more " * 12,
         "хаос {n} код {c} " + "ещё немного слов, " * 8)
# What is in a module's own memory when its card was changed unseen may be anybody's: such families
# keep their cards.
ROUNDS = {
    "modems": ("sim5320,sim7600,quectel-lte,quectel-gsm,cinterion,ublox,telit,a76xx",
               {"sms": 60, "fault": 12, "plug": 5, "card": 3, "reg": 3}),
    "all": ("sim800,neoway,wavecom",
            {"sms": 60, "fault": 12, "plug": 5, "swap": 5, "reg": 3, "platform": 5, "death": 1}),
}


class Chaos:
    """Modems that fail, and what was sent to them."""

    def __init__(self, rig, chance, swaps):
        # A card that is changed without a word is seen at the next look: what came before has the
        # other's number.
        self.flags = [flag for flag in FLAGS if flag != "no_codes" or not swaps]
        self.rig = rig
        self.sim = rig.sim
        self.chance = chance
        self.expected = set()
        self.spares = []  # ICCIDs
        self.done = collections.Counter()
        self.plugged = [True] * PORTS
        self.sim_in = [True] * PORTS

    def port(self):
        return self.chance.randrange(PORTS)

    def send(self, line):
        """A modem may be away by itself."""
        with contextlib.suppress(harness.ControlError):
            self.sim.send(line)

    def sms(self):
        i = self.port()
        if self.sim.stats(i)["queued"] > QUEUED_MAX:
            return
        form = self.chance.choices(FORMS, (6, 2, 1))[0]
        text = form.format(n=len(self.expected), c=self.chance.randrange(1000, 10000))
        self.sim.sms(i, self.chance.choice(("Shop", "Market", "+46735550100")), text)
        self.expected.add((self.sim.cards()[i]["number"], text))

    def fault(self):
        i, kind = self.port(), self.chance.random()
        if kind < 0.4:
            self.sim.clear(i)
        elif kind < 0.7:
            self.sim.fault(i, self.chance.choice(self.flags))
        else:
            name = self.chance.choice(list(NUMBERS))
            self.sim.fault(i, name, self.chance.randint(1, NUMBERS[name]))

    def plug(self):
        i = self.port()
        kind = self.chance.choice(("hangup", "reboot", "reenumerate")) if self.plugged[i] else "plug"
        self.send(f"{kind} {i}")
        self.plugged[i] = kind != "hangup"

    def card(self):
        i = self.port()
        self.sim_in[i] = not self.sim_in[i]
        self.sim.send(f"sim {i} {'in' if self.sim_in[i] else 'out'}")

    def swap(self):
        if self.chance.random() < 0.5:
            self.card()
            return
        i = self.port()
        old = self.sim.cards()[i]["iccid"]
        new = self.chance.randrange(len(self.spares)) if len(self.spares) == SPARES else None
        self.sim.send(f"sim {i} swap" + (f" {self.spares.pop(new)}" if new is not None else ""))
        self.spares.append(old)
        self.sim_in[i] = True

    def reg(self):
        self.sim.send(f"reg {self.port()} {self.chance.choice((1, 1, 2, 3, 5))}")

    def platform(self):
        what = self.chance.choice(PLATFORM)
        self.rig.platform.send(what.format(n=self.chance.randint(1, 4)))
        if "429" in what:
            self.rig.platform.send("retry-after 1")

    def death(self):
        if self.chance.random() < 0.7:
            self.rig.daemon.kill9()
        else:
            check(self.rig.daemon.stop(60) == 0, "the daemon did not end well")
        self.sms()
        time.sleep(self.chance.uniform(0, 0.1))
        self.rig.daemon.start()

    def run(self, seconds, weights):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            (name,) = self.chance.choices(list(weights), list(weights.values()))
            getattr(self, name)()
            self.done[name] += 1
            self.rig.daemon.check_alive()
            time.sleep(GAP_S)

    # ---- the end ---------------------------------------------------------------------------------

    def heal(self):
        self.rig.platform.send("clear")
        self.sim.clear()
        for i in range(PORTS):
            if not self.plugged[i]:
                self.send(f"plug {i}")
            self.sim.send(f"sim {i} in")
            self.sim.send(f"reg {i} 1")

    def help_up(self):
        """What restarted too often rests for long: an operator does not wait for that."""
        for port in self.rig.daemon.ctl("ports")["ports"]:
            if port["state"] == "fault":
                self.rig.daemon.ctl("reset", port["port"], ok=(0, 1))

    def drained(self):
        stats = [self.sim.stats(i) for i in range(PORTS)]
        return all(s["remaining"] + s["queued"] == 0 for s in stats)

    def wait_empty(self):
        helped = time.monotonic()

        def empty():
            nonlocal helped
            if time.monotonic() > helped + 5:
                helped = time.monotonic()
                self.help_up()
            return self.drained()

        self.rig.wait(empty, "empty cards", END_S)
        numbers = {card["number"] for card in self.sim.cards()}
        self.rig.wait(lambda: self.rig.platform.numbers() == numbers, "their numbers", END_S)

    def got(self):
        return collections.Counter(
            (e["number"], e["text"]) for e in self.rig.platform.messages())

    def end(self):
        """Every card has its turn in a modem, until it is empty."""
        self.heal()
        self.wait_empty()
        while self.spares:
            for i in range(min(PORTS, len(self.spares))):
                self.sim.send(f"sim {i} swap {self.spares.pop()}")
            self.wait_empty()
        self.rig.wait(lambda: len(self.missing()) <= self.held(), "the last texts", END_S)

    def missing(self):
        return self.expected - self.got().keys()

    def held(self):
        """Texts in a module's memory from before its card was known: they wait for an operator."""
        return sum(p.get("held", 0) for p in measure.status(self.rig.daemon)["platforms"])

    def check(self, well):
        """How many doubles."""
        got = self.got()
        strange = got.keys() - self.expected
        check(not strange, f"{len(strange)} texts nobody sent: {sorted(strange)[:3]}")
        doubles = sum(got.values()) - len(got)
        check(not well or not doubles, f"{doubles} texts delivered twice")
        stats = self.sim.stats()
        for name in ("deleted_unlisted", "deleted_blanket"):
            check(stats[name] == 0, f"modems: {name} is {stats[name]}")
        check(self.rig.daemon.stop(60) == 0, "the daemon did not end well")
        held = {text for (text,) in self.rig.store_rows(
            "SELECT m.text FROM message m JOIN delivery d ON d.message_id = m.id"
            " WHERE d.state = 1 AND d.reason = 'unattributed'")}
        lost = {key for key in self.missing() if key[1] not in held}
        check(not lost, f"{len(lost)} texts lost: {sorted(lost)[:3]}")
        log = self.rig.daemon.log_text()
        check("Sanitizer" not in log and "runtime error" not in log, log[-2000:])
        return doubles


def one_round(name, seed, seconds):
    families, weights = ROUNDS[name]
    gateway = {"sweep_every": "2s", "poll_every": "2s", "card_every": "1s"}
    keys = {"retry_max": "1s", "timeout": "1s", "list_every": "2s"}
    sim = ("--family", families, "--seed", 1 + seed % 1000)
    with measure.Rig(PORTS, *sim, gateway=gateway, platform=keys) as rig:
        rig.platform.send("remember on")
        rig.daemon.start()
        measure.wait_ready(rig)
        chaos = Chaos(rig, random.Random(seed), "swap" in weights)
        chaos.run(seconds, weights)
        try:
            chaos.end()
        except TimeoutError:
            print(rig.daemon.ctl_raw("ports")[1], sorted(chaos.missing())[:3])
            raise
        doubles = chaos.check("platform" not in weights)
    done = ", ".join(f"{count} {what}" for what, count in sorted(chaos.done.items()))
    print(f"  {name:<7} {len(chaos.expected)} texts, {doubles} doubles; {done}")
    return f"{name}: {len(chaos.expected)} texts, none lost or invented, {doubles} doubled"


def run(options):
    seconds = 8 if options.quick else 25
    print(f"chaos: seed {options.seed}, {PORTS} ports", flush=True)
    return "; ".join(one_round(name, options.seed, seconds) for name in ROUNDS)
