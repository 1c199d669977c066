"""sick.py - eight modems that fail, each in its own way, and what the others notice of it."""

import random
import time

import measure
from measure import check

GAP_S = 0.1  # between two texts: the sick ones are spoken to meanwhile
SPANS = {"sweep_every": "2s", "poll_every": "1s", "register_grace": "1s", "quarantine": "2s"}
# What is wrong, and how modemsim is told; {i}: the modem.
SICK = (
    ("silence", "fault {i} silent"),
    ("endless listing", "fault {i} endless"),
    ("garbage", "fault {i} garbage"),
    ("ERROR storm", "fault {i} error_storm"),
    ("reboot chatter", "fault {i} reboots 700"),
    ("card pulled", "sim {i} out"),
    ("hang-up", "hangup {i}"),
    ("deaf", "fault {i} list_error 1000000"),
)


def latencies_us(rig, ports, count, chance, prefix):
    """One text after the other, each on one of the ports, a while apart."""
    numbers = [card["number"] for card in rig.sim.cards()]
    times, expected = [], set()
    for n in range(count):
        port = chance.choice(ports)
        text = f"{prefix} {n}"
        expected.add((numbers[port], text))
        before = rig.platform.message_count()
        _, sent_us = rig.sim.sms(port, "Shop", text)
        rig.wait(lambda: rig.platform.message_count() > before, "delivery")
        got = rig.platform.messages()[-1]
        check((got["number"], got["text"]) == (numbers[port], text), f"got {got}")
        times.append(got["t"] - sent_us)
        time.sleep(GAP_S)
    return times, expected


def print_states(rig, sick):
    """As `simgatectl ports` has them."""
    shown = {row["port"]: row for row in rig.daemon.ctl("ports")["ports"]}
    for name, port in sick.items():
        row = shown[f"sim/m{port:03d}"]
        listed = "listed" if row["online"] else "not listed"
        why = row["trouble"] or row["why"]
        print(f"  {name:<16} m{port:03d}  {row['state']:<9} {listed:<11} {why}")


def run(options):
    ports, count = (16, 60) if options.quick else (64, 200)
    step = ports // len(SICK)
    sick = {name: step * k for k, (name, _) in enumerate(SICK)}
    well = [port for port in range(ports) if port not in sick.values()]
    print(f"sick: {count} texts on {len(well)} of {ports} ports, with all well, then with "
          f"{len(sick)} sick")
    with measure.Rig(ports, gateway=SPANS) as rig:
        rig.daemon.start()
        measure.wait_ready(rig)
        before, first = latencies_us(rig, well, count, random.Random(options.seed), "well")
        for name, command in SICK:
            rig.sim.send(command.format(i=sick[name]))
        after, second = latencies_us(rig, well, count, random.Random(options.seed), "sick")
        measure.wait_settled(rig)
        measure.check_received(rig, first | second)
        missing = {rig.sim.cards()[port]["number"] for port in well} - rig.platform.numbers()
        check(not missing, f"{len(missing)} ports that are well are not listed")
        print_times("all well", before)
        print_times(f"{len(sick)} sick", after)
        median = measure.median(after) / measure.median(before)
        p99 = measure.percentile(after, 0.99) / measure.percentile(before, 0.99)
        print(f"  {'sick/well':<12} median {median:6.2f}, p99 {p99:6.2f}")
        print_states(rig, sick)
    return f"median {median:.2f} times, p99 {p99:.2f} times that of all well"


def print_times(name, times):
    print(f"  {name:<12} median {measure.median(times) / 1000:6.2f} ms, "
          f"p99 {measure.percentile(times, 0.99) / 1000:6.2f}, max {max(times) / 1000:6.2f}")
