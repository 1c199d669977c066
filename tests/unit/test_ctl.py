#!/usr/bin/env python3
"""test_ctl.py - runs simgatectl against a small daemon double on a unix socket.

SIMGATE_BUILD names the folder with the built simgatectl.
"""
import csv
import fcntl
import json
import os
import pty
import re
import select
import socket
import socketserver
import struct
import subprocess
import tempfile
import termios
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qsl, urlsplit

CTL = os.path.join(os.environ.get("SIMGATE_BUILD", "build"), "simgatectl")
WAIT_S = 20
ICCID = "8946000000000000001"


def status(**changes):
    answer = {
        "version": "0.1.0", "uptime_s": 93784, "host_id": "bank-host-1", "ready": True,
        "ports": {"total": 3, "ready": 3, "states": {"ready": 3, "fault": 0}},
        "banks": [{"bank": "north", "total": 3, "ready": 3, "trouble": ""}],
        "store": {"ok": True, "error": "", "pending": 0},
        "messages": {"total": 120, "last_hour": 7, "undecodable": 0, "parts_pending": 1},
        "platforms": [platform()],
        "counters": {"sms_received": 120, "store_errors": 0},
    }
    answer.update(changes)
    return answer


def platform(**changes):
    answer = {
        "name": "onlinesim", "kind": "onlinesim-push", "health": "up", "reason": "",
        "since": "2026-11-21T08:00:00Z", "numbers": 3, "list_accepted": "2026-11-21T09:00:00Z",
        "list_reason": "", "left_out": 0, "queued": 1, "held": 0, "withheld": 2, "refused": 0,
        "delivered": 117, "in_flight": 0, "oldest_s": 4,
    }
    answer.update(changes)
    return answer


def port(name, **changes):
    answer = {
        "port": name, "state": "ready", "since": "2026-11-21T08:00:00Z", "since_s": 3723,
        "why": "", "signal_dbm": -71, "operator": "Telia", "number": "+467***201",
        "number_source": "file", "registration": "home", "last_sweep_s": 12, "received": 40,
        "errors": 0, "online": True,
    }
    answer.update(changes)
    return answer


def message(mid, **changes):
    answer = {
        "id": mid, "port": "north/p01", "number": "+467***201", "sender": "VK", "chars": 12,
        "parts": 1, "arrived": "2026-11-21T09:00:00Z", "sent": "", "platform": "onlinesim",
        "state": "delivered", "reason": "", "attempts": 1, "done": "2026-11-21T09:00:01Z",
    }
    answer.update(changes)
    return answer


def card(iccid, number="", source="", **changes):
    answer = {
        "port": "", "iccid": iccid, "card_id": iccid, "number": number, "number_source": source,
        "other": "", "other_source": "", "conflict": False, "set": "", "file": "", "sim": "",
        "ussd": "", "label": "", "filter": "", "operator": "", "rent": "", "date_start": 0, "date_stop": 0,
        "price": "", "balance": "", "last_seen": "2026-11-21T09:00:00Z",
    }
    if source:
        answer[source] = number
    answer.update(changes)
    return answer


class Daemon(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """answers: (method, path) to (status, object or bytes) or a function of the query."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 16

    def __init__(self, path):
        self.answers = {}
        self.seen = []
        super().__init__(path, Handler)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "unix"

    def log_message(self, *args):
        pass

    def answer(self):
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        self.server.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((self.command, parts.path, query))
        code, body = 404, {"error": "no such path"}
        found = self.server.answers.get((self.command, parts.path))
        if found:
            code, body = found(query) if callable(found) else found
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = answer
    do_POST = answer


class Bed(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory(prefix="simgate-ctl-")
        self.addCleanup(self.dir.cleanup)
        self.socket = os.path.join(self.dir.name, "control.sock")
        self.daemon = Daemon(self.socket)
        self.addCleanup(self.daemon.server_close)
        self.addCleanup(self.daemon.shutdown)
        self.answers = self.daemon.answers

    def env(self, **changes):
        env = {k: v for k, v in os.environ.items()
               if k not in ("COLUMNS", "LINES", "NO_COLOR", "SIMGATE_CONTROL")}
        env.update(TERM="xterm", LC_ALL="C", http_proxy="http://127.0.0.1:1", TZ="UTC")
        env.update(changes)
        return env

    def ctl(self, *args, where=True, stdin="", **env):
        head = [CTL, "-s", self.socket] if where else [CTL]
        done = subprocess.run(head + list(args), capture_output=True, env=self.env(**env),
                              input=stdin.encode(), timeout=WAIT_S, check=False)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def good(self, *args, **env):
        code, out, err = self.ctl(*args, **env)
        self.assertEqual((code, err), (0, ""), out)
        return out

    def on_terminal(self, *args, until, columns=80, rows=24, **env):
        """Runs it on a terminal until its output has `until`; returns the output and the code."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        process = subprocess.Popen([CTL, "-s", self.socket, *args], stdin=slave, stdout=slave,
                                   stderr=slave, env=self.env(**env))
        os.close(slave)
        out = b""
        try:
            while until not in out:
                ready = select.select([master], [], [], WAIT_S)[0]
                self.assertTrue(ready, out)
                try:
                    out += os.read(master, 65536)
                except OSError:
                    break
        finally:
            process.terminate()
            process.wait(WAIT_S)
            os.close(master)
        self.assertIn(until, out)
        return out.decode()


class Options(Bed):
    def test_help_and_version(self):
        code, out, err = self.ctl("--help", where=False)
        self.assertEqual((code, err), (0, ""))
        for word in ("status", "ports [BANK]", "port BANK/SLOT", "messages", "outbox", "sync",
                     "numbers [export|set ICCID NUMBER|forget ICCID]", "reload", "watch",
                     "at BANK/SLOT COMMAND", "ussd BANK/SLOT CODE", "pin forget", "--json", "--full", "SIMGATE_CONTROL"):
            self.assertIn(word, out)
        code, out, err = self.ctl("--version", where=False)
        self.assertEqual((code, err), (0, ""))
        self.assertRegex(out, r"^simgatectl \d+\.\d+\.\d+\n$")

    def test_usage(self):
        cases = [
            [], ["nonsense"], ["port"], ["port", "north"], ["port", "north/"], ["port", "a/b/c"],
            ["ports", "a", "b"], ["status", "x"], ["--nonsense", "status"],
            ["status", "--follow"], ["ports", "--limit", "3"], ["messages", "--since", "soon"],
            ["messages", "--since", "2026-13-01"], ["messages", "--since", "2026-11-21T10:00:00Q"],
            ["messages", "--limit", "0"], ["messages", "--limit", "10x"],
            ["messages", "--port", "north"], ["outbox", "retry"], ["outbox", "drop"],
            ["outbox", "drop", "--all"], ["outbox", "retry", "x", "--all"], ["outbox", "eat"],
            ["outbox", "list", "x"], ["outbox", "drop", ""], ["outbox", "drop", "x", ""], ["outbox", "drop", "x" * 2000],
            ["-c", "/dev/null", "status"], ["ports", "b" * 2000], ["messages", "--port"],
            ["at"], ["at", "north/p01"], ["at", "north", "+CSQ"], ["at", "north/p01", "+CSQ", "x"],
            ["at", "north/p01", "x" * 2000], ["ussd", "north/p01"], ["ussd", "north", "*100#"],
            ["pin"], ["pin", "forget"], ["pin", "forget", "north"], ["pin", "set", "north/p01"],
            ["numbers", "eat"], ["numbers", "export", "x"], ["numbers", "set"],
            ["numbers", "set", ICCID], ["numbers", "set", ICCID, "46700100201"],
            ["numbers", "set", ICCID, "+46700100201x"], ["numbers", "set", ICCID, ""],
            ["numbers", "set", "8846" + ICCID[4:], "+46700100201"],
            ["numbers", "set", ICCID, "+46700100201", "x"], ["numbers", "forget"],
            ["numbers", "forget", "north/p01"], ["numbers", "forget", ICCID, "x"],
            ["numbers", "forget", ICCID + "&number=1"], ["numbers", "forget", "--all"],
            ["takeoff"], ["takeoff", "--sum", "0"], ["takeoff", "--sum", "x"],
            ["takeoff", "--sum", "-1"], ["takeoff", "--sum", "1.00001"], ["takeoff", "1"],
            ["takeoff", "--sum", "1", "--since", "soon"], ["takeoff", "--sum", "1", "--test"],
            ["sync", "--sum", "1"], ["reload", "--test"], ["numbers", "--test"],
            ["activations", "eat"], ["activations", "release"], ["activations", "release", "x"],
            ["activations", "release", "0"], ["activations", "release", "1", "2"],
            ["activations", "--limit", "0"], ["status", "--open"], ["customer"],
            ["customer", "eat"], ["customer", "list", "x"], ["customer", "add"],
            ["customer", "add", "a", "b"], ["customer", "topup", "a"], ["customer", "disable"],
            ["customer", "add", "x" * 2000],
        ]
        for args in cases:
            code, out, err = self.ctl(*args)
            self.assertEqual((code, out), (2, ""), args)
            self.assertTrue(err, args)
        self.assertEqual(self.daemon.seen, [])

    def test_not_reachable(self):
        absent = os.path.join(self.dir.name, "absent.sock")
        code, out, err = self.ctl("-s", absent, "status", where=False)
        self.assertEqual((code, out), (3, ""))
        self.assertIn(absent, err)
        self.assertIn("is simgated running?", err)
        stale = os.path.join(self.dir.name, "stale.sock")
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(stale)
        self.assertEqual(self.ctl("-s", stale, "ports", where=False)[0], 3)
        code, _, err = self.ctl("-s", "/" + "x" * 120, "ports", where=False)
        self.assertEqual(code, 2)
        self.assertIn("107", err)

    def test_daemon_leaves_without_an_answer(self):
        path = os.path.join(self.dir.name, "mute.sock")
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(path)
            sock.listen(4)

            def hang_up():
                peer = sock.accept()[0]
                peer.recv(100)
                peer.close()
            thread = threading.Thread(target=hang_up, daemon=True)
            thread.start()
            code, _, err = self.ctl("-s", path, "status", where=False)
            thread.join(WAIT_S)
        self.assertEqual(code, 3)
        self.assertIn("did not answer", err)

    def test_socket_from(self):
        self.answers["GET", "/api/v1/status"] = 200, status()
        self.assertEqual(self.ctl("status", where=False, SIMGATE_CONTROL=self.socket)[0], 0)
        conf = os.path.join(self.dir.name, "simgate.conf")
        text = ("; comment\n[bank north]\ncontrol = /nowhere\n[gateway]\nhost_id = x"
                + "y" * 9000 + "\n   control   = " + self.socket
                + "   ; the socket\n[platform p]\ncontrol = /elsewhere\n")
        with open(conf, "w", encoding="utf-8") as file:
            file.write(text)
        self.assertEqual(self.ctl("-c", conf, "status", where=False)[0], 0)
        # -c is stronger than the environment
        self.assertEqual(self.ctl("-c", conf, "status", where=False, SIMGATE_CONTROL="/x")[0], 0)
        code, _, err = self.ctl("-c", conf + ".none", "status", where=False)
        self.assertEqual(code, 1)
        self.assertIn(conf + ".none", err)
        with open(conf, "w", encoding="utf-8") as file:
            file.write("[gateway]\nhost_id = x\n")
        code, _, err = self.ctl("-c", conf, "status", where=False, SIMGATE_CONTROL=self.socket)
        if not os.path.exists("/run/simgate/control.sock"):
            self.assertEqual(code, 3)
            self.assertIn("/run/simgate/control.sock", err)

    def test_rules_by_place(self):
        conf = os.path.join(self.dir.name, "simgate.conf")

        def rules(text):
            with open(conf, "w", encoding="utf-8") as file:
                file.write(text)
            return self.ctl("-c", conf, "rules", where=False)

        pci = "pci-0000:00:14.0"
        code, out, err = rules(f"[bank north]\npath = {pci}-usb-0:1\nslot.p01 = 1.1:1.2\n"
                               "slot.p02 = 1.2\nslot.p03 = 1.3:1.0-port3\n"
                               "[bank fixed]\ndevices = /dev/ttyS0\n"
                               "[bank card]\npath = pci-0000:02:00.0\nslot.a = 4:1.1\n")
        self.assertEqual((code, err), (0, ""))
        for line in (
            f'ENV{{ID_PATH}}!="{pci}-usb-0:1|{pci}-usb-0:1.*|{pci}-usb-0:1:*", GOTO="simgate_bank1_end"',
            'ENV{ID_MM_DEVICE_IGNORE}="1", ENV{ID_MM_PORT_IGNORE}="1"',
            'SUBSYSTEM=="net", ENV{NM_UNMANAGED}="1"',
            f'ENV{{ID_PATH}}=="{pci}-usb-0:1.1.1:1.2", SYMLINK+="simgate/north/p01"',
            f'ENV{{ID_PATH}}=="{pci}-usb-0:1.1.2|{pci}-usb-0:1.1.2:*", '
            'SYMLINK+="simgate/north/p02-if$env{ID_USB_INTERFACE_NUM}"',
            f'ENV{{ID_PATH}}=="{pci}-usb-0:1.1.3:1.0", ATTRS{{port_number}}=="3", '
            'SYMLINK+="simgate/north/p03"',
            'ENV{ID_PATH}=="pci-0000:02:00.0-usb-0:4:1.1", SYMLINK+="simgate/card/a"',
        ):
            self.assertIn(line + "\n", out)
        self.assertIn('ATTR{power/control}="on"', out)
        self.assertIn('ATTR{latency_timer}="1"', out)
        self.assertIn('GROUP="dialout", MODE="0664", RUN+="/bin/sh -c \'cd /sys%p && for f in '
                      'authorized port/disable; do', out)
        self.assertNotIn("fixed", out)
        # a parent's "!=" holds wherever one of them is something else: always
        self.assertNotRegex(out, r"\b(SUBSYSTEMS|KERNELS|DRIVERS|ATTRS\{\w+\})!=")
        # each way out is there once
        for label in re.findall(r'GOTO="(\w+)"', out):
            self.assertEqual(out.count(f'LABEL="{label}"'), 1, label)
        code, out, err = rules("[bank fixed]\ndevices = /dev/ttyS0\n")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("no bank with a path", err)
        code, out, err = rules("[bank north]\npath = nonsense\n")
        self.assertEqual((code, out), (1, ""))
        self.assertIn(conf + ":2: path", err)
        code, _, err = self.ctl("rules", where=False)
        self.assertEqual(code, 2)
        self.assertIn("-c FILE", err)

    def test_errors_of_the_daemon(self):
        cases = [(500, {"error": "store is closed"}, "store is closed"),
                 (404, {"error": "a\x1b[31mb\nc"}, "a?[31mb c"),
                 (503, b"gone", "503"), (422, b"", "422"), (400, b"", "400"),
                 (200, b"<html>", "no JSON"), (200, b"[1]", "no JSON"), (200, b"", "no JSON")]
        for code, body, wanted in cases:
            self.answers["GET", "/api/v1/status"] = code, body
            for args in (["status"], ["--json", "status"]):
                code, out, err = self.ctl(*args)
                self.assertEqual((code, out), (2 if wanted == "400" else 1, ""), body)
                self.assertIn(wanted, err)
                self.assertNotIn("\x1b", err)

    def test_json_as_it_came(self):
        raw = b'{ "ports" : [],\n "extra": 1.50 }'
        for target, args in (("status", ["status"]), ("ports", ["ports"]), ("ports", ["watch"]),
                             ("ports/n/1", ["port", "n/1"]), ("messages", ["messages"]),
                             ("outbox", ["outbox"]), ("numbers", ["numbers"]),
                             ("numbers", ["numbers", "export"])):
            self.answers["GET", "/api/v1/" + target] = 200, raw
            self.assertEqual(self.good(*args, "--json"), raw.decode() + "\n")

    def test_full_disk(self):
        self.answers["GET", "/api/v1/status"] = 200, status()
        with open("/dev/full", "wb") as full:
            done = subprocess.run([CTL, "-s", self.socket, "status"], stdout=full, check=False,
                                  stderr=subprocess.PIPE, env=self.env(), timeout=WAIT_S)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"cannot write", done.stderr)

    def test_missing_fields(self):
        """An older or newer daemon may leave fields out, or give them another type."""
        for args, target in ((["status"], "status"), (["ports"], "ports"),
                             (["port", "n/1"], "ports/n/1"), (["messages"], "messages"),
                             (["outbox"], "outbox"), (["numbers"], "numbers"),
                             (["numbers", "export"], "numbers")):
            for body in ({}, {"ports": [{}, 1, None], "messages": [[], {}], "outbox": [{}, "x"],
                              "numbers": [{}, 3, {"number": 1, "label": [], "conflict": 1}],
                              "platforms": [{}], "banks": [3], "counters": [1, "x"],
                              "store": 7, "history": [1], "at": [{"line": 4}], "error": 5}):
                self.answers["GET", "/api/v1/" + target] = 200, body
                self.good(*args, "--full")


class Status(Bed):
    def show(self, answer, **env):
        self.answers["GET", "/api/v1/status"] = 200, answer
        return self.good("status", **env)

    def test_all_well(self):
        out = self.show(status())
        lines = out.splitlines()
        self.assertEqual(lines[0], "simgated 0.1.0 on bank-host-1, up 1d 2h")
        self.assertEqual(lines[1], "All is well.")
        self.assertNotIn("TROUBLE\n", out.replace("  TROUBLE", ""))
        self.assertIn("Ports: 3 of 3 ready (3 ready)", out)
        self.assertRegex(out, r"north +3 +3\n")
        self.assertIn("7 in the last hour, 120 in all", out)
        self.assertRegex(out, r"onlinesim +up +3 +1 +0 +2 +0 +117 +0 +4s +onlinesim-push")
        self.assertIn("sms_received 120", out)
        self.assertNotIn("store_errors", out)
        self.assertNotIn("\x1b", out)
        self.assertLess(len(lines), 24)

    def test_trouble_stands_first(self):
        cases = [
            (status(ready=False), "not ready"),
            (status(store={"ok": False, "error": "disk full", "pending": 9}),
             "store: disk full; 9 jobs wait"),
            (status(banks=[{"bank": "north", "total": 3, "ready": 1,
                            "trouble": "1 fault, 1 no card"}]), "bank north: 1 fault, 1 no card"),
            (status(platforms=[platform(health="down", reason="connection refused")]),
             "platform onlinesim: down since 2026-11-21T08:00:00Z: connection refused"),
            (status(platforms=[platform(health="account", reason="blocked")]),
             "platform onlinesim: account refused since 2026-11-21T08:00:00Z: blocked"),
            (status(platforms=[platform(list_accepted="")]), "no number list accepted yet"),
            (status(platforms=[platform(list_reason="400 bad number")]), "400 bad number"),
            (status(platforms=[platform(left_out=2)]), "2 numbers left out"),
            (status(platforms=[platform(dropped=3)]), "took the list and dropped 3 numbers of it"),
            (status(platforms=[platform(blocked_until="2026-11-21T10:30:00Z")]),
             "platform onlinesim: blocked by the platform, probably until 2026-11-21T10:30:00Z"),
            (status(platforms=[platform(refused=4)]), "4 messages refused"),
            (status(platforms=[platform(held=5)]), "5 messages held"),
            (status(messages={"total": 1, "last_hour": 1, "undecodable": 6, "parts_pending": 0}),
             "6 texts could not be decoded"),
        ]
        for answer, wanted in cases:
            lines = self.show(answer).splitlines()
            self.assertEqual(lines[1], "TROUBLE", wanted)
            self.assertTrue(any(wanted in line for line in lines[2:4]), lines)
            self.assertEqual(lines[3], "", lines)

    def test_a_platform_without_a_list(self):
        hook = platform(name="own", kind="webhook", list=False)
        for key in ("numbers", "list_accepted", "list_reason", "left_out"):
            del hook[key]
        out = self.show(status(platforms=[platform(), hook]))
        self.assertEqual(out.splitlines()[1], "All is well.")
        self.assertRegex(out, r"own +up +- +1 +0 +2 +0 +117 +0 +4s +webhook +no list\n")

    def test_width(self):
        answer = status(platforms=[platform(), platform(name="hook", kind="webhook")],
                        counters={f"counter_{i}": i for i in range(30)})
        for width in (40, 60, 80):
            for line in self.show(answer, COLUMNS=str(width)).splitlines():
                if width >= 80 or not line.startswith("Messages:"):
                    self.assertLessEqual(len(line), width, line)


class Ports(Bed):
    def setUp(self):
        super().setUp()
        self.list = [
            port("north/p01"),
            port("north/p02", state="fault", why="modem does not answer after three resets",
                 signal_dbm=None, operator="", number="", last_sweep_s=None, online=False,
                 errors=17),
            port("södra/p03", operator="Tele2 Сеть 中国", since_s=59),
        ]
        self.answers["GET", "/api/v1/ports"] = lambda query: (200, {"ports": self.list})

    def test_table(self):
        out = self.good("ports")
        lines = out.splitlines()
        self.assertEqual(lines[0].split(), ["PORT", "STATE", "FOR", "dBm", "OPERATOR", "NUMBER",
                                            "LIST", "SWEEP", "RECV", "ERR", "WHY"])
        self.assertRegex(lines[1], r"^north/p01  ready +1h 2m +-71  Telia +\+467\*\*\*201  yes "
                                   r"+12s +40 +0$")
        self.assertRegex(lines[2], r"^north/p02  fault .* no .* 17  modem does not answer after "
                                   r"three resets$")
        self.assertEqual(lines[-1], "2 of 3 ready")
        # the same column, in characters: the name has a letter of two bytes
        self.assertEqual(lines[3].index("ready"), lines[1].index("ready"))
        self.assertNotIn("\x1b", out)
        self.assertEqual(self.daemon.seen, [("GET", "/api/v1/ports", {})])

    def test_wide_characters(self):
        lines = self.good("ports").splitlines()
        # each of the two ideographs takes two columns
        self.assertEqual(lines[3].index("+467") + 2, lines[1].index("+467"))

    def test_query(self):
        self.good("ports", "north & süd", "--full")
        self.assertEqual(self.daemon.seen[-1],
                         ("GET", "/api/v1/ports", {"bank": "north & süd", "full": "1"}))

    def test_width(self):
        for width in range(10, 140, 7):
            lines = self.good("ports", COLUMNS=str(width)).splitlines()
            for line in lines[:4]:
                columns = len(line) + sum(c in "中国" for c in line)
                self.assertLessEqual(columns, max(width, 16), line)
            for line, name in zip(lines[1:], ("north/p01", "north/p02", "södra/p03")):
                self.assertRegex(line, f"^{name}  (ready|fault)")
            if width > 50:  # what an operator needs most stays
                self.assertIn("+467***201", lines[1])
                self.assertIn("modem does not", lines[2])

    def test_why_is_cut_first(self):
        full = self.good("ports").splitlines()
        width = len(full[2]) - 5
        lines = self.good("ports", COLUMNS=str(width)).splitlines()
        self.assertEqual(len(lines[2]), width)
        self.assertTrue(lines[2].endswith("…"))
        self.assertEqual(lines[1], full[1])

    def test_control_characters(self):
        why = "\x1b]0;title\x07 \u009b31m \u202eabc\tz"
        self.list = [port("north/p01", why=why, operator="a\nb")]
        self.answers["GET", "/api/v1/ports"] = 200, {"ports": self.list}
        for out in (self.good("ports"), self.on_terminal("ports", until=b"1 of 1 ready",
                                                         columns=200, NO_COLOR="1")):
            self.assertIn("?]0;title? ?31m ?abc z", out)
            self.assertIn("a b", out)
            self.assertNotRegex(out, "[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]")
        # what is not UTF-8 at all
        raw = json.dumps({"ports": [port("north/p01", why="XX")]}).encode()
        raw = raw.replace(b"XX", b"\xff\xc3")
        self.answers["GET", "/api/v1/ports"] = 200, raw
        self.assertIn("??\n", self.good("ports"))

    def test_color(self):
        out = self.on_terminal("ports", until=b"2 of 3 ready", columns=100)
        self.assertIn("\x1b[32mready", out)
        self.assertIn("\x1b[31mfault", out)
        for line in re.sub("\x1b\\[[0-9;]*m", "", out).splitlines()[:4]:
            self.assertLessEqual(len(line) + sum(c in "中国" for c in line), 100)
        out = self.on_terminal("ports", until=b"2 of 3 ready", columns=100, NO_COLOR="1")
        self.assertNotIn("\x1b", out)
        out = self.on_terminal("ports", until=b"2 of 3 ready", columns=100, TERM="dumb")
        self.assertNotIn("\x1b", out)

    def test_none(self):
        self.answers["GET", "/api/v1/ports"] = 200, {"ports": []}
        self.assertEqual(self.good("ports"), "0 of 0 ready\n")

    def test_watch_without_terminal_shows_once(self):
        self.assertEqual(self.good("watch"), self.good("ports"))

    def test_watch(self):
        states = iter(["ready", "sim"])

        def answer(query):
            state = next(states, "fault")
            return 200, {"ports": [port("north/p01", state=state)]}
        self.answers["GET", "/api/v1/ports"] = answer
        out = self.on_terminal("watch", "north", until=b"\x1b[33msim")
        self.assertGreaterEqual(out.count("\x1b[H"), 2)
        self.assertEqual(self.daemon.seen[1][2], {"bank": "north"})
        self.assertIn("ready", out)

    def test_watch_small_screen_shows_trouble(self):
        many = [port(f"north/p{i:02}") for i in range(40)]
        many[39].update(state="fault", why="no answer")
        self.answers["GET", "/api/v1/ports"] = 200, {"ports": many}
        out = self.on_terminal("watch", until=b"39 of 40 ready", rows=12)
        self.assertIn("north/p39", out)
        self.assertIn("and 33 more", out)
        self.assertLess(len(out.splitlines()), 12)

    def test_watch_of_nothing(self):
        self.assertIn("no daemon at", self.on_terminal("-s", self.socket + "x", "watch",
                                                       until=b"is simgated running?"))

    def test_port(self):
        detail = port("north/p 1", device="/dev/ttyUSB3", driver="sim800", model="SIM800L",
                      imei="***********2345", iccid="***************1234", imsi="", card_id="c",
                      baud=115200,
                      history=[{"at": "2026-11-21T08:00:00Z", "from": "sim", "to": "ready",
                                "why": "registered \x1b home"}],
                      at=[{"at": "2026-11-21T08:00:01Z", "dir": ">", "line": "AT+CSQ"},
                          {"at": "2026-11-21T08:00:02Z", "dir": "<", "line": "+CSQ: 2\x7f"}])
        self.answers["GET", "/api/v1/ports/north/p%201"] = 200, detail
        out = self.good("port", "north/p 1")
        for wanted in ("port          north/p 1", "signal        -71 dBm",
                       "driver        sim800", "baud          115200", "listed        yes",
                       "ICCID         ***************1234", "registered ? home",
                       "2026-11-21T08:00:01Z > AT+CSQ", "2026-11-21T08:00:02Z < +CSQ: 2?"):
            self.assertIn(wanted, out)
        self.assertNotIn("IMSI", out)
        self.good("port", "north/p 1", "--full")
        self.assertEqual(self.daemon.seen[-1][2], {"full": "1"})
        code, _, err = self.ctl("port", "north/p02")
        self.assertEqual(code, 1)
        self.assertIn("no such path", err)


class Messages(Bed):
    def test_table(self):
        self.answers["GET", "/api/v1/messages"] = 200, {"messages": [
            message("b", arrived="2026-11-21T09:00:02Z", state="queued", sender="Я-Такси"),
            message("a", text="secret 1234"),
            message("c", arrived="2026-11-21T09:00:03Z", state="refused", reason="400 number")]}
        out = self.good("messages")
        lines = out.splitlines()
        self.assertEqual(lines[0].split(), ["ARRIVED", "PORT", "NUMBER", "SENDER", "CHARS",
                                            "PARTS", "PLATFORM", "STATE", "TRIES", "REASON"])
        self.assertRegex(lines[1], r"^2026-11-21T09:00:00Z  north/p01 .* VK .* 12 +1  onlinesim  "
                                   r"delivered +1$")
        self.assertIn("Я-Такси", lines[2])
        self.assertEqual(lines[1].index("onlinesim"), lines[2].index("onlinesim"))
        self.assertTrue(lines[3].endswith("400 number"))
        self.assertNotIn("secret", out)
        self.assertEqual(self.daemon.seen, [("GET", "/api/v1/messages", {})])

    def test_full(self):
        self.answers["GET", "/api/v1/messages"] = 200, {"messages": [
            message("a", text="code\n1234\x1b[2J"), message("b", text="")]}
        out = self.good("messages", "--full")
        self.assertIn("\n    code 1234?[2J\n", out)
        self.assertEqual(self.daemon.seen[-1][2], {"full": "1"})

    def test_query(self):
        self.answers["GET", "/api/v1/messages"] = 200, {"messages": []}
        cases = {
            "2026-11-21T10:00:00Z": 1795255200000, "2026-11-21 10:00:00.250Z": 1795255200250,
            "2026-11-21T10:00:00+02:00": 1795248000000, "2026-11-21T10:00": 1795255200000,
            "2026-11-21": 1795219200000,
        }
        for text, wanted in cases.items():
            out = self.good("messages", "--since", text, "--port", "north/p+1", "--limit", "5")
            self.assertEqual(out, "No messages.\n")
            self.assertEqual(self.daemon.seen[-1][2], {"port": "north/p+1", "since": str(wanted),
                                                       "limit": "5"})

    def test_duration(self):
        self.answers["GET", "/api/v1/messages"] = 200, {"messages": []}
        since = []
        for text in ("2h", "90s"):
            self.good("messages", "--since", text)
            since.append(int(self.daemon.seen[-1][2]["since"]))
        self.assertAlmostEqual(since[1] - since[0], 7110000, delta=WAIT_S * 1000)

    def follow(self, *args, until):
        queries = []
        batches = [
            [message("b", arrived="2026-11-21T09:00:02Z"), message("a")],
            [message("b", arrived="2026-11-21T09:00:02Z")],
            [message("b", arrived="2026-11-21T09:00:02Z"),
             message("b", arrived="2026-11-21T09:00:02Z", platform="hook"),
             message("d", arrived="2026-11-21T09:00:05.500Z", port="north/p02")],
            [message("d", arrived="2026-11-21T09:00:05.500Z", port="north/p02"),
             message("e", arrived="2026-11-21T09:00:06Z", port="north/p03")],
        ]

        def answer(query):
            queries.append(query)
            return 200, {"messages": batches[min(len(queries), len(batches)) - 1]}
        self.answers["GET", "/api/v1/messages"] = answer
        process = subprocess.Popen([CTL, "-s", self.socket, "messages", "--follow", *args],
                                   stdout=subprocess.PIPE, env=self.env())
        out = b""
        try:
            while until not in out:
                self.assertTrue(select.select([process.stdout], [], [], WAIT_S)[0], out)
                out += os.read(process.stdout.fileno(), 65536)
        finally:
            process.terminate()
            process.wait(WAIT_S)
            process.stdout.close()
        return out.decode().splitlines(), queries

    def test_follow(self):
        lines, queries = self.follow(until=b"north/p03")
        self.assertEqual(len(lines), 6, lines)
        self.assertTrue(lines[0].startswith("ARRIVED"))
        self.assertEqual([line.split()[1] for line in lines[1:]],
                         ["north/p01"] * 3 + ["north/p02", "north/p03"])
        self.assertIn("hook", lines[3])
        self.assertNotIn("since", queries[0])
        self.assertEqual([q["since"] for q in queries[1:4]],
                         ["1795251602000", "1795251602000", "1795251605500"])

    def test_follow_json(self):
        lines, queries = self.follow("--json", "--since", "2026-11-21T09:00:00Z",
                                     until=b"north/p03")
        self.assertEqual([json.loads(line)["id"] for line in lines], ["a", "b", "b", "d", "e"])
        self.assertEqual(queries[0]["since"], "1795251600000")

    def test_follow_of_nothing(self):
        code, _, err = self.ctl("-s", self.socket + "x", "messages", "--follow")
        self.assertEqual(code, 3)
        self.assertIn("is simgated running?", err)


class Changes(Bed):
    def test_outbox(self):
        mid = "0192f3a4-1111-7222-8333-444455556666"
        self.answers["GET", "/api/v1/outbox"] = 200, {"outbox": [
            message(mid, state="held", reason="no_number", next="")]}
        for args in (["outbox"], ["outbox", "list"], ["outbox", "list", "--limit", "7"]):
            out = self.good(*args)
            self.assertRegex(out, mid + r"  north/p01  held .* no_number\n")
        self.assertEqual(self.daemon.seen[-1][2], {"limit": "7"})
        narrow = self.good("outbox", COLUMNS="60")
        self.assertIn(mid + "  north/p01  held", narrow)
        self.assertRegex(self.good("outbox", COLUMNS="80"), "held .*no_number\n")
        self.answers["GET", "/api/v1/outbox"] = 200, {"outbox": []}
        self.assertEqual(self.good("outbox"), "The outbox is empty.\n")

    def test_retry_and_drop(self):
        self.answers["POST", "/api/v1/outbox/retry"] = 200, {"count": 2}
        self.answers["POST", "/api/v1/outbox/drop"] = 200, {"count": 1}
        self.assertEqual(self.good("outbox", "retry", "a b&all=1"), "2 queued again\n")
        self.assertEqual(self.daemon.seen[-1],
                         ("POST", "/api/v1/outbox/retry", {"id": "a b&all=1"}))
        self.assertEqual(self.good("outbox", "retry", "--all"), "2 queued again\n")
        self.assertEqual(self.daemon.seen[-1], ("POST", "/api/v1/outbox/retry", {"all": "1"}))
        self.assertEqual(self.good("outbox", "drop", "x"), "1 dropped\n")
        self.assertEqual(self.good("outbox", "drop", "x", "y"), "x: 1 dropped\ny: 1 dropped\n")
        self.assertEqual(self.good("--json", "outbox", "drop", "x"), '{"count": 1}\n')
        self.answers["POST", "/api/v1/outbox/retry"] = 200, {"count": 0}
        self.assertEqual(self.good("outbox", "retry", "--all"), "0 queued again\n")
        code, out, err = self.ctl("outbox", "retry", "x")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("nothing in the outbox", err)
        self.answers["POST", "/api/v1/outbox/drop"] = 404, {"error": "no such id"}
        code, _, err = self.ctl("outbox", "drop", "x")
        self.assertEqual((code, err), (1, "simgatectl: no such id\n"))
        self.assertEqual(self.ctl("outbox", "drop", "x", "y"),
                         (1, "", "simgatectl: no such id\n" * 2))

    def test_trouble_is_why(self):
        trouble = "reopen (3): does not answer"
        self.answers["GET", "/api/v1/ports"] = 200, {"ports": [
            port("north/p01", state="probe", why="open", trouble=trouble),
            port("north/p02", why="registered, home", trouble="")]}
        lines = self.good("ports", COLUMNS="200").splitlines()
        self.assertTrue(lines[1].endswith(trouble), lines)
        self.assertTrue(lines[2].endswith("registered, home"), lines)

    def test_check_of_a_daemon_that_does_not_answer(self):
        self.answers["GET", "/api/v1/status"] = lambda _: time.sleep(2 * WAIT_S)
        began = time.monotonic()
        code, out, _ = self.ctl("check")
        self.assertEqual(code, 2)
        self.assertIn("SIMGATE CRITICAL - simgated is not reachable, or does not answer", out)
        self.assertLess(time.monotonic() - began, 10)

    def test_why_a_port_is_not_listed(self):
        unlisted = "its number is not known: see simgatectl numbers"
        many = [port(f"north/p{i:02}", why="registered, home") for i in range(40)]
        many[38].update(online=False, unlisted=unlisted)
        self.answers["GET", "/api/v1/ports"] = 200, {"ports": many}
        line = self.good("ports", COLUMNS="200").splitlines()[39]
        self.assertRegex(line, f" no .* {unlisted}$")
        self.assertIn("north/p38", self.on_terminal("watch", until=b"40 of 40 ready", rows=12))

    def test_reset(self):
        path = "/api/v1/ports/north/p01/reset"
        self.answers["POST", path] = 200, {"ok": True, "port": "north/p01", "step": "reopen"}
        self.assertEqual(self.good("reset", "north/p01"), "north/p01: reopen begun\n")
        self.assertEqual(self.daemon.seen[-1], ("POST", path, {"step": "at"}))
        self.good("reset", "north/p01", "--step", "power")
        self.assertEqual(self.daemon.seen[-1], ("POST", path, {"step": "power"}))
        self.assertIn('"ok": true', self.good("--json", "reset", "north/p01"))
        self.answers["POST", path] = 409, {"error": "this place offers no usb reset"}
        code, out, err = self.ctl("reset", "north/p01", "--step", "usb")
        self.assertEqual((code, out, err), (1, "", "simgatectl: this place offers no usb reset\n"))
        for args in (["reset"], ["reset", "p01"], ["reset", "a/b", "c/d"], ["sync", "--step", "at"]):
            self.assertEqual(self.ctl(*args)[0], 2, args)

    def test_at(self):
        path = "/api/v1/ports/north/p01/at"
        answer = {"port": "north/p01", "lines": ["+CSQ: 20,0", "a\x1bb"], "cut": 0,
                  "result": "OK", "ok": True}
        self.answers["POST", path] = 200, answer
        self.assertEqual(self.good("at", "north/p01", "+CSQ"), "+CSQ: 20,0\na?b\nOK\n")
        self.assertEqual(self.daemon.seen[-1], ("POST", path, {"cmd": "+CSQ"}))
        self.good("--full", "at", "north/p01", "AT+X=?;\r&")
        self.assertEqual(self.daemon.seen[-1][2], {"full": "1", "cmd": "AT+X=?;\r&"})
        answer.update(lines=[], cut=3, result="+CME ERROR: 100", ok=False)
        code, out, err = self.ctl("at", "north/p01", "I")
        self.assertEqual((code, out, err), (1, "... and 3 lines\n+CME ERROR: 100\n", ""))
        code, out, _ = self.ctl("--json", "at", "north/p01", "I")
        self.assertEqual((code, json.loads(out)), (1, answer))
        for status_code, why in ((403, "it can change the IMEI"), (409, "the port is not open"),
                                 (504, "the modem did not answer in time")):
            self.answers["POST", path] = status_code, {"error": why}
            self.assertEqual(self.ctl("at", "north/p01", "I"), (1, "", f"simgatectl: {why}\n"))

    def test_ussd(self):
        path = "/api/v1/ports/north/p01/ussd"
        answer = {"port": "north/p01", "status": "done", "text": "Saldo\n5\x1b kr", "ok": True}
        self.answers["POST", path] = 200, answer
        self.assertEqual(self.good("ussd", "north/p01", "*100#"), "Saldo\n5? kr\n")
        self.assertEqual(self.daemon.seen[-1], ("POST", path, {"code": "*100#"}))
        answer["status"] = "reply expected"
        self.assertEqual(self.good("ussd", "north/p01", "*100#"),
                         "Saldo\n5? kr\n(reply expected)\n")

    def test_select(self):
        path = "/api/v1/ports/north/p01"
        answer = {"port": "north/p01", "column": "1/01", "row": 5, "switch": "switching",
                  "switch_text": "switching to row 5"}
        done = {**answer, "switch": "done", "switch_text": "row 5 is\x1b in"}
        self.answers["POST", f"{path}/select"] = 202, answer
        self.answers["GET", path] = 200, done
        self.assertEqual(self.good("select", "north/p01", "5"), "north/p01: row 5 is? in\n")
        self.assertEqual(self.daemon.seen[-2:],
                         [("POST", f"{path}/select", {"sim": "5"}), ("GET", path, {})])
        self.assertEqual(json.loads(self.good("--json", "select", "north/p01", ICCID)), done)
        done.update(switch="failed", switch_text="row 5: the card did not change, in 4 tries")
        self.assertEqual(self.ctl("select", "north/p01", "5"),
                         (1, "", "simgatectl: north/p01: row 5: the card did not change, in 4 tries\n"))
        self.answers["POST", f"{path}/select"] = 409, {"error": "a switch is under way"}
        self.assertEqual(self.ctl("select", "north/p01", "5"),
                         (1, "", "simgatectl: a switch is under way\n"))
        for args in (["select", "north/p01"], ["select", "p01", "5"]):
            self.assertEqual(self.ctl(*args)[0], 2, args)

    def test_calibrate(self):
        path = "/api/v1/banks/north/calibrate"
        lines = ["column.p01 = 1/01"]
        self.answers["POST", path] = 202, {"bank": "north", "state": "under way", "lines": lines}
        done = {"bank": "north", "state": "done", "why": "", "lines": [*lines, "; 1/02: none"]}
        self.answers["GET", path] = 200, done
        self.assertEqual(self.good("calibrate", "north"), "column.p01 = 1/01\n; 1/02: none\n")
        self.assertEqual(json.loads(self.good("--json", "calibrate", "north")), done)
        done.update(state="failed", why="a control line is not open")
        self.assertEqual(self.ctl("calibrate", "north"),
                         (1, "column.p01 = 1/01\n; 1/02: none\n",
                          "simgatectl: a control line is not open\n"))

    def test_pin_forget(self):
        path = "/api/v1/ports/north/p01/forget_pin"
        self.answers["POST", path] = 200, {"ok": True, "count": 2}
        self.assertEqual(self.good("pin", "forget", "north/p01"), "done\n")
        self.assertEqual(self.daemon.seen[-1], ("POST", path, {}))
        self.answers["POST", path] = 200, {"ok": True, "count": 0}
        self.assertIn("nothing to forget", self.good("pin", "forget", "north/p01"))
        self.answers["POST", path] = 404, {"error": "no such port"}
        self.assertEqual(self.ctl("pin", "forget", "north/p01"),
                         (1, "", "simgatectl: no such port\n"))

    def test_drain_and_resume(self):
        answer = {"ok": True, "ports": 1, "drained": 1, "draining": []}
        self.answers["POST", "/api/v1/drain"] = 200, answer
        self.answers["POST", "/api/v1/resume"] = 200, {"ok": True, "count": 2}
        self.assertEqual(self.good("drain", "north/p01"), "1 of 1 drained\n")
        self.assertEqual(self.daemon.seen[-1],
                         ("POST", "/api/v1/drain", {"port": "north/p01", "timeout": "60000"}))
        self.good("drain", "--all", "--timeout", "2min")
        self.assertEqual(self.daemon.seen[-1][2], {"all": "1", "timeout": "120000"})
        self.good("drain", "--all", "--no-wait")
        self.assertEqual(self.daemon.seen[-1][2], {"all": "1", "timeout": "0"})
        answer.update(ok=False, drained=0,
                      draining=[{"port": "north/p01", "waits": "2 queued\x1b"}])
        self.assertEqual(self.ctl("drain", "north/p01"),
                         (1, "north/p01: draining: 2 queued?\n0 of 1 drained\n", ""))
        self.assertEqual(self.good("resume", "--all"), "2 resumed\n")
        self.assertEqual(self.daemon.seen[-1], ("POST", "/api/v1/resume", {"all": "1"}))
        for args in (("drain",), ("drain", "p01"), ("drain", "--all", "north/p01"), ("resume",),
                     ("drain", "--all", "--timeout", "soon"),
                     ("drain", "--all", "--timeout", "9d"),
                     ("drain", "--all", "--timeout", "9s", "--no-wait"),
                     ("resume", "--all", "--no-wait")):
            self.assertEqual(self.ctl(*args)[0], 2, args)

    def test_sync(self):
        answer = {"platforms": [{"name": "a", "ok": True, "error": ""},
                                {"name": "b", "ok": True, "error": ""}]}
        self.answers["POST", "/api/v1/sync"] = 200, answer
        self.assertEqual(self.good("sync"), "a: list accepted\nb: list accepted\n")
        answer["platforms"][0] = {"name": "a", "ok": False, "error": "timed out"}
        code, out, _ = self.ctl("sync")
        self.assertEqual((code, out), (1, "a: failed: timed out\nb: list accepted\n"))
        code, out, _ = self.ctl("--json", "sync")
        self.assertEqual((code, json.loads(out)), (1, answer))
        self.answers["POST", "/api/v1/sync"] = 200, {"platforms": []}
        self.assertEqual(self.good("sync"), "No platform with a number list is configured.\n")

    def test_sync_test(self):
        answer = {"platforms": [
            {"name": "a", "ok": True, "error": "", "numbers": 3, "echo": "same"},
            {"name": "b", "ok": True, "error": "", "numbers": 2, "echo": "none"}]}
        self.answers["POST", "/api/v1/sync"] = lambda query: (
            200, answer if query == {"test": "1"} else {"platforms": []})
        self.assertEqual(self.good("sync", "--test"),
                         "a: test: 3 numbers, printed back as they were sent\n"
                         "b: test: 2 numbers taken; they were not printed back\n")
        answer["platforms"] = [{"name": "a", "ok": True, "numbers": 3, "echo": "other"}]
        code, out, _ = self.ctl("sync", "--test")
        self.assertEqual((code, out), (1, "a: test: 3 numbers, but printed back as something else\n"))
        answer["platforms"] = [{"name": "a", "ok": False, "error": "ERROR_DATE", "echo": "none"}]
        code, out, _ = self.ctl("sync", "--test")
        self.assertEqual((code, out), (1, "a: failed: ERROR_DATE\n"))

    def test_activations(self):
        row = {"id": 12, "seller": "customers", "customer": "acme", "service": "vk",
               "number": "+467***201", "port": "north/p01", "state": "open", "age_s": 125,
               "texts": 1, "withheld": 2, "price": "0.30", "sum": "0.00",
               "expires": "2026-11-21T10:00:00Z", "reason": "", "unanswered": False}
        rows = [row, {**row, "id": 13, "seller": "pull", "customer": "", "sum": "5.50",
                      "withheld": 0, "unanswered": True},
                {**row, "id": 14, "wait_retry": True, "withheld": 0},
                {**row, "id": 15, "state": "cancelled", "reason": "expired", "withheld": 0}]
        seen = []

        def taken(query):
            seen.append(query)
            return 200, {"activations": rows}

        self.answers["GET", "/api/v1/activations"] = taken
        lines = self.good("activations").splitlines()
        self.assertEqual(lines[0].split(), ["ID", "BY", "SERVICE", "NUMBER", "PORT", "STATE", "AGE",
                                            "TEXTS", "PRICE", "ENDS", "WHY"])
        self.assertEqual(lines[1].split(), ["12", "acme", "vk", "+467***201", "north/p01", "open",
                                            "2m", "1+", "0.30", "2026-11-21T10:00:00Z"])
        self.assertIn("pull", lines[2])
        self.assertIn("open, unanswered", lines[2])
        self.assertIn("5.50", lines[2])
        self.assertIn("open, waits for another", lines[3])
        self.assertTrue(lines[4].endswith("expired"))
        self.assertIn("withholds", lines[5])
        self.good("--full", "activations", "--open", "--limit", "7")
        self.assertEqual(seen, [{}, {"open": "1", "full": "1", "limit": "7"}])
        rows.clear()
        self.assertEqual(self.good("activations"), "Nothing was ordered.\n")
        self.assertEqual(self.good("activations", "--open"), "Nothing is on order.\n")
        self.answers["POST", "/api/v1/activations/release"] = lambda query: (
            200, {"id": int(query["id"])})
        self.assertEqual(self.good("activations", "release", "12"), "released: 12\n")

    def test_customers(self):
        rows = [{"name": "acme", "state": "active", "balance": "99.70", "open": 1, "orders": 7,
                 "orders_today": 2, "spent_today": "0.30", "configured": True},
                {"name": "hand", "state": "disabled", "balance": "0.00", "open": 0, "orders": 0,
                 "orders_today": 0, "spent_today": "0.00", "configured": False}]
        self.answers["GET", "/api/v1/customers"] = 200, {"customers": rows}
        lines = self.good("customer", "list").splitlines()
        self.assertEqual(lines[1].split(),
                         ["acme", "active", "99.70", "1", "2", "0.30", "7", "configuration"])
        self.assertEqual(lines[2].split(), ["hand", "disabled", "0.00", "0", "0", "0.00", "0", "hand"])
        self.answers["GET", "/api/v1/customers"] = 200, {"customers": []}
        self.assertEqual(self.good("customer", "list"), "There are no customers.\n")
        for verb in ("add", "topup", "disable", "enable"):
            self.answers["POST", f"/api/v1/customers/{verb}"] = lambda query: (
                200, {"name": query["name"], "key": "k3y", "balance": query.get("amount"),
                      "state": "active"})
        code, out, err = self.ctl("customer", "add", "a b")
        self.assertEqual((code, out), (0, "k3y\n"))
        self.assertIn("key of a b", err)
        self.assertEqual(self.good("customer", "topup", "hand", "12.50"), "balance: 12.50\n")
        self.assertEqual(self.good("customer", "topup", "--", "hand", "-5"), "balance: -5\n")
        self.assertEqual(self.good("customer", "enable", "hand"), "active\n")

    def test_hosts(self):
        host = {"name": "host-a", "version": "1.2", "state": "up", "own": True, "leader": True,
                "since": "2026-11-21T10:00:00Z", "uptime_s": 93600, "seen": "", "seen_s": 2,
                "ports": 64, "ready": 60, "banks": ["north", "south"]}
        answer = {"hosts": [host, {**host, "name": "host-b", "state": "stale", "leader": False,
                                   "seen_s": 65, "banks": []}]}
        self.answers["GET", "/api/v1/hosts"] = lambda query: (200, answer)
        lines = self.good("hosts").splitlines()
        self.assertEqual(lines[0].split(), ["HOST", "STATE", "LISTS", "READY", "UP", "SEEN",
                                            "VERSION", "BANKS"])
        self.assertEqual(lines[1].split(), ["host-a", "up", "leads", "60/64", "1d", "2h", "2s",
                                            "1.2", "north", "south"])
        self.assertEqual(lines[2].split()[:3], ["host-b", "stale", "60/64"])
        self.assertEqual(json.loads(self.good("--json", "hosts")), answer)

    def test_takeoff(self):
        row = {"number": "+467***201", "id": "810045", "profit": "37.50", "balance": "100.00",
               "country": 46, "known": True, "port": "north/p01", "iccid": ICCID, "label": "blue"}
        answer = {"sum": "30.00", "platforms": [
            {"name": "a", "ok": True, "error": "", "ignored": 0, "numbers": [
                row, {**row, "port": "", "profit": ""},
                {**row, "port": "", "known": False, "iccid": "", "label": ""}]}]}
        seen = []

        def taken(query):
            seen.append(query)
            return 200, answer

        self.answers["POST", "/api/v1/takeoff"] = taken
        lines = self.good("takeoff", "--sum", "30").splitlines()
        self.assertEqual(lines[0], "a: 3 can be replaced")
        self.assertEqual(lines[1].split(), ["PORT", "NUMBER", "PROFIT", "BALANCE", "ICCID", "ID",
                                            "LABEL"])
        self.assertEqual(lines[2].split(),
                         ["north/p01", "+467***201", "37.50", "100.00", ICCID, "810045", "blue"])
        self.assertEqual(lines[3].split()[0], "-")
        self.assertTrue(lines[4].startswith("not here"))
        self.good("--full", "takeoff", "--sum", "30.5", "--since", "2026-11-21T10:00:00Z")
        self.assertEqual(seen, [{"sum": "30"}, {"sum": "30.5", "since": "1795255200000",
                                                "full": "1"}])
        self.assertEqual(json.loads(self.good("--json", "takeoff", "--sum", "30")), answer)
        answer["platforms"][0].update(numbers=[], ignored=7)
        self.assertEqual(self.good("takeoff", "--sum", "30"),
                         "a: 0 can be replaced\nThere are 7 more, which were passed over.\n")
        answer["platforms"] = [{"name": "a", "ok": False, "error": "ERROR_PARAMS"}]
        code, out, _ = self.ctl("takeoff", "--sum", "30")
        self.assertEqual((code, out), (1, "a: failed: ERROR_PARAMS\n"))
        answer["platforms"] = []
        self.assertEqual(self.good("takeoff", "--sum", "30"),
                         "No platform that can be asked is configured.\n")

    def test_reload(self):
        self.answers["POST", "/api/v1/reload"] = 200, {"ok": True, "changes": ["north/p01: baud"]}
        self.assertEqual(self.good("reload"), "Reloaded:\n  north/p01: baud\n")
        self.answers["POST", "/api/v1/reload"] = 200, {"ok": True, "changes": []}
        self.assertEqual(self.good("reload"), "Reloaded: nothing changed.\n")
        kept = "http: all stays as it was: 127.0.0.1:1: in use"
        self.answers["POST", "/api/v1/reload"] = 200, {"ok": False, "changes": [kept]}
        self.assertEqual(self.ctl("reload"), (1, f"Reloaded, but not all of it:\n  {kept}\n", ""))
        self.answers["POST", "/api/v1/reload"] = 422, {
            "error": "the configuration has 2 errors",
            "report": ["/etc/x:3: unknown key", "/etc/x:9: bad \x1bvalue", 7]}
        code, out, err = self.ctl("reload")
        self.assertEqual((code, out), (1, ""))
        self.assertEqual(err.splitlines()[:3], ["simgatectl: the configuration has 2 errors",
                                                "/etc/x:3: unknown key",
                                                "/etc/x:9: bad ?value"])


class Numbers(Bed):
    path = "/api/v1/numbers"

    def answer(self, *rows, **changes):
        self.answers["GET", self.path] = 200, {"numbers": list(rows), "more": False, **changes}

    def test_table(self):
        self.answer(card("***0001", "+467***201", "sim", port="north/p01", label="röd",
                         other="+467***202", other_source="ussd"),
                    card("***0002", "+467***203", "set", port="north/p02"),
                    card("***0003"), card("", "+467***204", "ussd", card_id="***2401"))
        lines = self.good("numbers").splitlines()
        self.assertEqual(lines[0].split(), ["PORT", "ICCID", "NUMBER", "FROM", "OTHER", "LABEL"])
        self.assertEqual(lines[1].split(), ["north/p01", "***0001", "+467***201", "sim",
                                            "+467***202", "röd"])
        self.assertEqual(lines[2].split(), ["north/p02", "***0002", "+467***203", "set"])
        self.assertEqual(lines[3].split(), ["-", "***0003", "unknown"])
        self.assertEqual(lines[4].split(), ["-", "***2401", "+467***204", "ussd"])
        self.assertEqual(lines[5:], ["3 of 4 with a number"])
        self.assertEqual(self.daemon.seen, [("GET", self.path, {})])
        self.good("numbers", "--full")
        self.assertEqual(self.daemon.seen[-1][2], {"full": "1"})
        self.answer()
        self.assertEqual(self.good("numbers"), "No card is known.\n")
        self.answer(card("***0003"), more=True)
        self.assertIn("more cards than can be shown", self.good("numbers"))

    def test_conflict(self):
        declared = card("***0001", port="north/p01", conflict=True, set="+467***201",
                        file="+467***202", sim="+467***203")
        discovered = card("***0002", conflict=True, sim="+467***203", ussd="+467***204")
        self.answer(declared, card("***0003", "+467***205", "file"))
        out = self.good("numbers")
        lines = out.splitlines()
        self.assertEqual(lines[1].split(), ["north/p01", "***0001", "CONFLICT", "set/file"])
        self.assertEqual(lines[2], "    set by hand +467***201, numbers file +467***202, "
                                   "the card +467***203")
        self.assertTrue(lines[4].startswith("CONFLICT set/file: off the list"))
        self.assertIn("numbers forget ICCID", lines[5])
        self.assertEqual(lines[6], "1 of 2 with a number")
        self.assertNotIn("sim/ussd", out)
        self.answer(discovered)
        out = self.good("numbers")
        self.assertRegex(out, r"-  +\*\*\*0002  CONFLICT  sim/ussd\n"
                              r"    the card \+467\*\*\*203, the operator \+467\*\*\*204\n")
        self.assertIn("CONFLICT sim/ussd: off the list", out)
        self.assertIn("numbers set ICCID NUMBER", out)
        self.assertNotIn("set/file", out)
        self.answer(declared, discovered)
        self.assertEqual(self.good("numbers").count("off the list"), 2)
        for width in (30, 60, 80):
            for line in self.good("numbers", COLUMNS=str(width)).splitlines()[:4]:
                if not line.startswith("    "):
                    self.assertLessEqual(len(line), width)
                    self.assertNotIn("…", line)

    def test_one_number_on_two_cards(self):
        self.answers["GET", "/api/v1/numbers"] = 200, {"numbers": [
            card("***0001", "+467***201", "file", port="north/p01", twice="north/p02"),
            card("***0002", "+467***201", "sim", port="north/p02", twice="north/p01")]}
        out = self.good("numbers")
        self.assertIn("the card of north/p02 has the same number", out)
        self.assertIn("One number on several cards: none of them is on the list", out)

    def test_replaceable(self):
        self.answer(card("***0001", "+467***201", "sim", port="north/p01", takeoff_profit="37.50",
                         takeoff_platform="onlinesim", takeoff_sum="30.00"),
                    card("***0002", "+467***202", "sim", takeoff_platform="onlinesim",
                         takeoff_sum="30.00", takeoff_profit=""),
                    card("***0003", "+467***203", "sim", takeoff_platform=""))
        lines = self.good("numbers").splitlines()
        self.assertEqual(lines[0].split()[-1], "REPLACEABLE")
        self.assertTrue(lines[1].endswith("  37.50 of 30.00"))
        self.assertTrue(lines[2].endswith("  ? of 30.00"))
        self.assertTrue(lines[3].endswith("  sim"))
        self.assertEqual(lines[4:], ["3 of 3 with a number",
                                     "2 can be replaced, by the last simgatectl takeoff"])

    def test_export(self):
        label = 'a "b", c'
        self.answer(
            card(ICCID, "+46700100201", "set", label=label, operator="24007", rent="yes", sell="a customers", filter="off",
                 date_start=1795219200, date_stop=1895219200, price="0.30", balance="12.3456"),
            card("8946000000000000002", "+46700100202", "sim", label=" x", port="north/p01"),
            card("8946000000000000003", label="none"),
            card("", "+46700100204", "sim", card_id="imsi-240010000000001"))
        out = self.good("numbers", "export")
        self.assertEqual(out, (
            "iccid,number,operator,rent,label,sell,filter,date_start,date_stop,price,balance\n"
            + ICCID + ',+46700100201,24007,yes,"a ""b"", c",a customers,off,1795219200,1895219200,0.30,12.3456\n'
            '8946000000000000002,+46700100202,,," x",,,,,,\n'))
        rows = list(csv.DictReader(out.splitlines()))
        self.assertEqual(rows[0]["label"], label)
        self.assertEqual(self.daemon.seen[-1], ("GET", self.path, {"full": "1"}))

        self.answer(card(ICCID, conflict=True, set="+46700100201", file="+46700100202"),
                    more=True)
        code, out, err = self.ctl("numbers", "export")
        self.assertEqual((code, len(out.splitlines())), (0, 1))
        self.assertIn("1 left out: their numbers are in conflict", err)
        self.assertIn("more cards than can be exported", err)

    def test_set(self):
        path = self.path + "/set"
        self.answers["POST", path] = 200, {"freed": 0, "known": True}
        self.assertEqual(self.good("numbers", "set", ICCID, "+46700100201"), "set\n")
        self.assertEqual(self.daemon.seen[-1],
                         ("POST", path, {"iccid": ICCID, "number": "+46700100201"}))
        self.answers["POST", path] = 200, {"freed": 3, "warning": "the file \x1bsays otherwise"}
        code, out, err = self.ctl("numbers", "set", ICCID, "+46700100201")
        self.assertEqual((code, out), (0, "set; deliveries that waited and go out: 3\n"))
        self.assertEqual(err, "simgatectl: warning: the file ?says otherwise\n")
        out = self.good("--json", "numbers", "set", ICCID, "+46700100201")
        self.assertEqual(json.loads(out)["freed"], 3)
        self.answers["POST", path] = 503, {"error": "the store says: No space left on device"}
        code, out, err = self.ctl("numbers", "set", ICCID, "+46700100201")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("No space left", err)

    def test_forget(self):
        path = self.path + "/forget"
        self.answers["POST", path] = 200, {"count": 1, "freed": 0, "number_source": ""}
        self.assertEqual(self.good("numbers", "forget", ICCID), "forgotten\n")
        self.assertEqual(self.daemon.seen[-1], ("POST", path, {"iccid": ICCID}))
        self.answers["POST", path] = 200, {"count": 1, "freed": 2, "number_source": "file"}
        self.assertEqual(self.good("numbers", "forget", ICCID),
                         "forgotten; the numbers file still has its number; "
                         "deliveries that waited and go out: 2\n")
        self.answers["POST", path] = 404, {"error": "no card with this ICCID is known"}
        code, out, err = self.ctl("numbers", "forget", ICCID)
        self.assertEqual((code, out), (1, ""))
        self.assertEqual(err, "simgatectl: no card with this ICCID is known\n")


class Filter(Bed):
    def setUp(self):
        super().setUp()
        self.calls = []
        self.answers["POST", "/api/v1/filter/test"] = self.decide

    def decide(self, _query):
        """Withholds a text that a line of the rules is part of."""
        body = json.loads(self.daemon.body)
        self.assertLessEqual(len(self.daemon.body), 64 * 1024)
        self.calls.append(body)
        rules = body.get("rules", "built-in").split("\n")
        results = []
        for text in body["texts"]:
            hits = [n for n, rule in enumerate(rules) if rule and rule in text["text"]]
            results.append({"verdict": "withhold", "line": body["line"] + hits[0], "reason": "r",
                            "rule": rules[hits[0]]} if hits else
                           {"verdict": "pass", "line": 0, "reason": "", "rule": ""})
        return 200, {"results": results}

    def rules(self, text):
        path = os.path.join(self.dir.name, "rules")
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path

    def test_table(self):
        out = self.good("filter", "test", "default", stdin="Shop\ta built-in \x1bthing\r\n\nother")
        self.assertEqual(self.calls[0]["texts"], [])
        self.assertNotIn("rules", self.calls[1])
        self.assertEqual(self.calls[1]["texts"], [{"from": "Shop", "text": "a built-in \x1bthing"},
                                                  {"from": "", "text": "other"}])
        lines = out.splitlines()
        self.assertRegex(lines[0], "VERDICT +REASON +LINE +FROM +TEXT")
        self.assertRegex(lines[1], r"withhold +r +1 +Shop +a built-in \?thing")
        self.assertIn("built-in", lines[2])
        self.assertRegex(lines[3], "pass +- +other")
        self.assertEqual(self.good("filter", "test", "default"), "")

    def test_pieces(self):
        path = self.rules("".join(f"line{n:05d}.{'x' * 90}\n" for n in range(2000)) + "last")
        texts = "".join(f"s\tline{n:05d}.{'x' * 90}\n" for n in range(0, 2000, 20)) + "last\nno\n"
        out = self.good("--json", "filter", "test", path, stdin=texts)
        results = json.loads(out)["results"]
        self.assertEqual([r["line"] for r in results],
                         [n + 1 for n in range(0, 2000, 20)] + [2001, 0])
        self.assertGreater(len(self.calls), 30)
        self.assertLessEqual(max(len(c["texts"]) for c in self.calls), 50)

    def test_errors(self):
        path = self.rules("x" * 15000 + "\n" + "y" * 15000 + "\n")
        self.answers["POST", "/api/v1/filter/test"] = 422, {"error": "the rules have errors",
                                                           "report": ["rules:1: bad"]}
        code, out, err = self.ctl("filter", "test", path, stdin="a\n")
        self.assertEqual((code, out), (1, ""))
        self.assertEqual(err, "simgatectl: the rules have errors\nrules:1: bad\n" * 2)
        self.answers["POST", "/api/v1/filter/test"] = 200, {"results": []}
        code, out, err = self.ctl("filter", "test", path, stdin="a\n")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("lacks results", err)
        code, _, err = self.ctl("filter", "test", path + ".none")
        self.assertEqual(code, 1)
        self.assertIn("cannot read", err)
        self.assertEqual(self.ctl("filter", "show", path)[0], 2)
        self.assertEqual(self.ctl("filter")[0], 2)


if __name__ == "__main__":
    unittest.main()
