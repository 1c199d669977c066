"""customers.py - what customers cost: activations that are polled each second, and how many calls
one core answers."""

import http.client
import threading
import time
import urllib.parse

import measure
from measure import check, harness

CARDS = 200
POLL_S = 10  # 3 with --quick
POLLERS = 8  # connections that share the polls
CALLS = 20000
ORDERS = 300
KEY = "bench-key"


class Client:
    """A connection that is kept."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=harness.DEADLINE_S)

    def ask(self, action, **parameters):
        query = urllib.parse.urlencode({"api_key": KEY, "action": action, **parameters})
        self.connection.request("GET", f"/stubs/handler_api.php?{query}")
        answer = self.connection.getresponse()
        body = answer.read().decode()
        check(answer.status == 200, f"{action}: {answer.status} {body}")
        return body

    def order(self):
        text = self.ask("getNumber", service="any", country=46)
        check(text.startswith("ACCESS_NUMBER:"), text)
        return text.split(":")[1]


def poll(port, idents, ends):
    """Each of idents once a second."""
    client = Client(port)
    turn = time.monotonic()
    while turn < ends:
        for ident in idents:
            text = client.ask("getStatus", id=ident)
            check(text.startswith(("STATUS_WAIT_CODE", "STATUS_OK:")), text)
        turn += 1
        time.sleep(max(0, turn - time.monotonic()))
    client.connection.close()


def polled(port, idents, pid, span_s):
    """ms of CPU a second while every one of idents is polled each second."""
    ends = time.monotonic() + span_s
    threads = [threading.Thread(target=poll, args=(port, idents[i::POLLERS], ends))
               for i in range(POLLERS)]
    cpu_ms = measure.cpu_ms(pid)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (measure.cpu_ms(pid) - cpu_ms) / span_s


def idle(pid, span_s):
    cpu_ms = measure.cpu_ms(pid)
    time.sleep(span_s)
    return (measure.cpu_ms(pid) - cpu_ms) / span_s


def status_calls(port, idents, pid, count):
    """us of CPU of one getStatus."""
    client = Client(port)
    cpu_ms = measure.cpu_ms(pid)
    for i in range(count):
        client.ask("getStatus", id=idents[i % len(idents)])
    client.connection.close()
    return (measure.cpu_ms(pid) - cpu_ms) * 1000 / count


def orders(port, pid, count):
    """(us of CPU, ms to wait) of a getNumber and of the setStatus 8 behind it, each."""
    client = Client(port)
    cpu_ms, start = measure.cpu_ms(pid), time.monotonic()
    for _ in range(count):
        text = client.ask("setStatus", status=8, id=client.order())
        check(text == "ACCESS_CANCEL", text)
    client.connection.close()
    return ((measure.cpu_ms(pid) - cpu_ms) * 1000 / count / 2,
            (time.monotonic() - start) * 1000 / count / 2)


def run(options):
    cards = 40 if options.quick else CARDS
    count = 2000 if options.quick else CALLS
    span_s = 3 if options.quick else POLL_S
    spans = {"sweep_every": "1h", "poll_every": "1h"}
    with measure.Rig(cards + 1, gateway=spans, bank={"sell": "customers"}) as rig:
        port = harness.free_port()
        del rig.daemon.sections["platform onlinesim"]
        rig.daemon.sections["http"] = {"listen": f"127.0.0.1:{port}"}
        rig.daemon.sections["service any"] = {"price": "0.01", "window": "1h"}
        rig.daemon.sections["customer bench"] = {"key": KEY, "balance": "1000", "rate": "0"}
        rig.daemon.write_config()
        rig.daemon.start()
        pid = rig.daemon.process.pid
        client = Client(port)
        rig.wait(lambda: client.ask("getNumbersStatus") == f'{{"any_0":{cards + 1}}}',
                 "cards in sale", 180)
        rest = idle(pid, span_s)
        idents = [client.order() for _ in range(cards)]
        for i in range(0, cards, 2):
            rig.sim.sms(i, "Shop", f"code {10000 + i}")
        rig.wait(lambda: sum(client.ask("getStatus", id=i).startswith("STATUS_OK")
                             for i in idents) >= cards // 2 - 1, "texts")
        busy = polled(port, idents, pid, span_s)
        status_us = status_calls(port, idents, pid, count)
        order_us, order_ms = orders(port, pid, ORDERS)
        rig.daemon.stop()
    print(f"customers: {cards} activations")
    print(f"  idle      {rest:8.2f} ms of CPU a second")
    print(f"  polled    {busy:8.2f} ms of CPU a second, each activation once a second")
    print(f"  getStatus {status_us:8.1f} us of CPU: {1e6 / status_us:.0f} calls a second on one core")
    print(f"  getNumber {order_us:8.1f} us of CPU, {order_ms:.2f} ms to wait: "
          f"{1e6 / order_us:.0f} calls a second on one core")
    return (f"{cards} polled each second: {busy / 10:.1f} % of a core; a core answers "
            f"{1e6 / status_us:.0f} getStatus or {1e6 / order_us:.0f} getNumber a second")
