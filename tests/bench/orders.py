"""orders.py - a platform that orders: all numbers at one moment, then order and end in turn."""

import asyncio
import json
import time

import measure
from measure import check, harness
from partner import Partner

SERVICES = 20
CLIENTS = 32  # connections of the second part
SPAN_S = 5
PULL = {"kind": "onlinesim-pull", "key": harness.KEY}


def request(action, **fields):
    body = json.dumps({"action": action, "key": harness.KEY, **fields}).encode()
    head = (f"POST /onlinesim HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n")
    return head.encode() + body


def order(service="s0"):
    return request("GET_NUMBER", country="sweden", operator="any", service=service, sum=1)


async def exchange(stream, data):
    """(seconds, the body of the answer) on a connection that is open."""
    reader, writer = stream
    began = time.perf_counter()
    writer.write(data)
    head = await reader.readuntil(b"\r\n\r\n")
    check(head.startswith(b"HTTP/1.1 200 "), f"{head[:200]}")
    (size,) = [int(line.split(b":")[1]) for line in head.split(b"\r\n")
               if line.lower().startswith(b"content-length:")]
    return time.perf_counter() - began, await reader.readexactly(size)


async def ask(stream, data):
    took, body = await exchange(stream, data)
    return took, json.loads(body)


async def opened(port, count):
    return [await asyncio.open_connection("127.0.0.1", port) for _ in range(count)]


async def rush(port, count):
    """So many orders at one moment, each on a connection of its own."""
    streams = await opened(port, count)
    got = await asyncio.gather(*(ask(s, order()) for s in streams))
    for _, writer in streams:
        writer.close()
    return got


async def turns(port, end):
    """Orders and ends until then, on one connection; seconds of each order."""
    (stream,) = await opened(port, 1)
    times, calls = [], 0
    while time.perf_counter() < end:
        took, got = await ask(stream, order())
        calls += 1
        if got["status"] != "SUCCESS":
            continue
        times.append(took)
        done = request("FINISH_ACTIVATION", activationId=got["activationId"], status=4)
        check((await ask(stream, done))[1] == {"status": "SUCCESS"}, "not finished")
        calls += 1
    stream[1].close()
    return times, calls


async def in_turn(port):
    end = time.perf_counter() + SPAN_S
    return await asyncio.gather(*(turns(port, end) for _ in range(CLIENTS)))


def shown(times):
    return (f"p50 {1000 * measure.median(times):.1f} ms, "
            f"p99 {1000 * measure.percentile(times, 0.99):.1f} ms")


def run(options):
    ports, count = (40, 100) if options.quick else (200, 500)
    print(f"orders: {count} GET_NUMBER at one moment for {ports} numbers; then {CLIENTS} "
          f"connections that order and end for {SPAN_S} s")
    with measure.Rig(ports, gateway={"sweep_every": "1h", "poll_every": "1h"}) as rig:
        port = harness.free_port()
        sections = rig.daemon.sections
        sections["platform onlinesim"] = {**PULL, "url": rig.platform.url}
        sections["http"] = {"listen": f"127.0.0.1:{port}"}
        sections |= {f"service s{k}": {"title": "x"} for k in range(SERVICES)}
        rig.daemon.write_config()
        rig.daemon.start()
        partner = Partner(port, harness.KEY)

        def counted():
            got = partner.call("GET_SERVICES")
            row = got.get("countryList") or [{"operatorMap": {"any": {}}}]
            return row[0]["operatorMap"]["any"].get("s0", 0)

        rig.wait(lambda: counted() == ports, f"{ports} numbers", timeout=180)
        began = time.perf_counter()
        got = asyncio.run(rush(port, count))
        span_s = time.perf_counter() - began
        given = [a for _, a in got if a["status"] == "SUCCESS"]
        check(len({a["number"] for a in given}) == len(given) == ports,
              f"{len(given)} given, {len({a['number'] for a in given})} of them different")
        check(len({a["activationId"] for a in given}) == ports, "an id twice")
        check(all(a == {"status": "NO_NUMBERS"} for _, a in got if a not in given), "neither")
        times = [t for t, _ in got]
        rush_line = f"{shown(times)}, all {count} in {span_s:.2f} s"
        print(f"  at one moment  {rush_line}: {ports} given, the rest NO_NUMBERS")
        for a in given:
            check(partner.finish(a["activationId"], 4), "not finished")
        cpu_ms = measure.cpu_ms(rig.daemon.process.pid)
        results = asyncio.run(in_turn(port))
        cpu_ms = measure.cpu_ms(rig.daemon.process.pid) - cpu_ms
        calls = sum(c for _, c in results)
        times = [t for ts, _ in results for t in ts]
        print(f"  in turn        {calls / SPAN_S:.0f} calls/s, GET_NUMBER {shown(times)}, "
              f"{cpu_ms / calls:.3f} ms CPU a call")
        began = time.perf_counter()
        for _ in range(20):
            partner.services()
        print(f"  GET_SERVICES   {(time.perf_counter() - began) / 20 * 1000:.1f} ms, "
              f"{SERVICES} services")
        partner.close()
        check(counted() == ports, "not all are free again")
        partner.close()
        rig.daemon.stop()
    return f"{rush_line}; {calls / SPAN_S:.0f} calls/s in turn, {shown(times)}"
