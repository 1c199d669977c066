#!/usr/bin/env python3
"""demo.py - texts on their way from simulated modems, through simgated, to a platform double.

Shows each text when it arrives on a modem and when the platform has it; takes the platform down for
a moment, pulls a card, unplugs a modem. Ends by itself with a summary: exit 0 if every text arrived
exactly once, 1 otherwise. --stay: keeps running until Ctrl-C, with a text now and then.
"""

import sys
import time

import harness
from harness import Rig, wait_for

PORTS = 8
LONG = (
    "A longer text travels in several parts. Each part is stored before it is deleted from the card,"
    " whatever order they come in; the platform gets one message. "
) * 3


class Show:
    def __init__(self, rig):
        self.rig = rig
        self.sent = []  # (number, sender, text, stamp in us)
        self.shown = 0
        self.waits = []
        self.color = sys.stdout.isatty()
        self.cards = {}

    def say(self, text="", code="1"):
        print(f"\033[{code}m{text}\033[0m" if self.color else text, flush=True)

    def note(self, sign, line):
        print(f"  {sign} {line}", flush=True)

    def text(self, i, sender, text):
        parts, stamp = self.rig.sim.sms(i, sender, text)
        number = self.rig.sim.cards()[i]["number"]
        self.sent.append((number, sender, text, stamp))
        of_parts = f" ({parts} parts)" if parts > 1 else ""
        self.note("->", f"sim/m{i:03d} {number} from {sender}: {short(text)}{of_parts}")

    def arrivals(self):
        """Shows what the platform took since the last look."""
        messages = self.rig.platform.messages()
        for m in messages[self.shown :]:
            stamps = [s[3] for s in self.sent if same(m, s)]
            ms = (m["t"] - stamps[0]) / 1000 if stamps else 0
            self.waits.append(ms)
            self.note("=>", f"platform has {m['number']} from {m['from']}: {short(m['text'])}"
                            f"  after {ms:.1f} ms")
        self.shown = len(messages)
        return self.shown

    def all_there(self):
        wait_for(lambda: self.arrivals() >= len(self.sent), "text at the platform",
                 alive=[self.rig.daemon])

    def online(self, count, what):
        wait_for(lambda: len(self.rig.platform.numbers()) == count, what, alive=[self.rig.daemon])
        self.note("==", f"the platform's list: {count} numbers")

    def verdict(self):
        missing = [s for s in self.sent if not any(same(m, s) for m in self.rig.platform.messages())]
        doubled = self.rig.platform.message_count() - len(self.sent) + len(missing)
        return missing, doubled


def same(message, sent):
    return (message["number"], message["from"], message["text"]) == sent[:3]


def short(text):
    line = text.replace("\n", " ")
    return repr(line if len(line) <= 48 else line[:45] + "...")


def scenes(show, rig):
    show.say(f"{PORTS} simulated modems are starting; the first list waits for all of them")
    show.online(PORTS, "first list")
    for item in rig.platform.list()[:2]:
        show.note("  ", f"{item['number']} port_id={item['port_id']} operator={item['operator']}")

    show.say("Texts of all kinds arrive")
    show.text(0, "ExampleApp", "Your code is 40 17 22")
    show.text(1, "+46701234567", "Price: 5 € {ok} [~]")
    show.text(2, "Gosuslugi", "Код подтверждения 481516 🙂")
    show.text(3, "LongSender", LONG)
    show.all_there()

    show.say("Two long texts at once, their parts in any order")
    for seq in (3, 1):
        rig.sim.part(4, "+46709", 7, 3, seq, f"part {seq} of the first; ")
    rig.sim.part(4, "+46708", 7, 2, 2, "second's end")
    rig.sim.part(4, "+46709", 7, 3, 2, "part 2 of the first; ")
    _, stamp = rig.sim.part(4, "+46708", 7, 2, 1, "second's beginning, ")
    number = rig.sim.cards()[4]["number"]
    first = "".join(f"part {n} of the first; " for n in (1, 2, 3))
    show.sent += [(number, "+46709", first, stamp),
                  (number, "+46708", "second's beginning, second's end", stamp)]
    show.note("->", f"sim/m004 {number} five parts of two texts")
    show.all_there()

    show.say("The platform is down; texts keep coming, and wait in the store")
    rig.platform.send("down")
    for i in range(3):
        show.text(i, "ExampleApp", f"while it was down, no. {i}")
    wait_for(lambda: rig.daemon.ctl("status")["messages"]["total"] >= len(show.sent), "store")
    show.note("==", f"{len(rig.daemon.ctl('outbox')['outbox'])} texts wait in the outbox")
    rig.platform.send("up")
    show.note("==", "the platform is back")
    show.all_there()

    show.say("A card is pulled, a modem unplugged: their numbers go off the list, and come back")
    rig.sim.send("sim 6 out")
    rig.sim.send("hangup 7")
    show.online(PORTS - 2, "shorter list")
    rig.sim.send("sim 6 in")
    rig.sim.send("plug 7")
    show.online(PORTS, "full list")

    show.say("kill -9 in the middle of a burst, then a restart")
    rig.sim.burst(5, "burst")
    stamp = time.monotonic_ns() // 1000
    for card in rig.sim.cards():
        show.sent += [(card["number"], None, None, stamp)] * 5
    rig.daemon.kill9()
    rig.daemon.start()
    show.note("->", f"{5 * PORTS} texts")


def burst_there(show, rig):
    """The burst's texts, once each; a text that was in flight at the kill may come twice."""
    def texts():
        return {(m["number"], m["text"]) for m in rig.platform.messages()
                if m["text"].startswith("burst")}
    wait_for(lambda: len(texts()) == 5 * PORTS, "burst at the platform", alive=[rig.daemon])
    doubled = sum(m["text"].startswith("burst") for m in rig.platform.messages()) - 5 * PORTS
    show.note("=>", f"platform has all {5 * PORTS}; {doubled} of them twice")
    show.sent = [s for s in show.sent if s[1]]
    return doubled


def stay(show, rig):
    ctl = f"{harness.program('simgatectl')} -s {rig.daemon.control_path}"
    show.say("\nStaying up until Ctrl-C. In another terminal:")
    for command in ("status", "ports", "watch", "port sim/m003", "messages --full", "outbox"):
        print(f"    {ctl} {command}")
    print(f"    log: {rig.daemon.log_path}\n")
    try:
        for n in range(10**9):
            show.text(n % PORTS, "ExampleApp", f"text {n}")
            show.all_there()
            time.sleep(5)
    except KeyboardInterrupt:
        print()


def main():
    staying = "--stay" in sys.argv[1:]
    harness.build_dir()
    with Rig(PORTS, gateway={"log_level": "info", "start_grace": "30s"}) as rig:
        show = Show(rig)
        rig.daemon.start()
        scenes(show, rig)
        again = burst_there(show, rig)
        if staying:
            stay(show, rig)
        wait_for(lambda: rig.sim.left() == 0, "empty cards", alive=[rig.daemon])
        messages = [m for m in rig.platform.messages() if not m["text"].startswith("burst")]
        missing, _ = show.verdict()
        doubled = len(messages) - len(show.sent) + len(missing)
        waits = sorted(show.waits)
        total = len(show.sent) + 5 * PORTS
        show.say(f"\n{total} texts: {total - len(missing)} delivered, {len(missing)} missing, "
                 f"{doubled} doubled, {again} repeated after the kill; cards empty; "
                 f"median {waits[len(waits) // 2]:.1f} ms", "32" if not missing else "31")
        return 1 if missing or doubled > 0 else 0


if __name__ == "__main__":
    sys.exit(main())
