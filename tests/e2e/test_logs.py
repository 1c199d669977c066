"""test_logs.py - a busy life, looked over for what no line may tell, and for what each has to."""

import base64
import collections
import contextlib
import http.client
import json
import os
import re
import socket
import threading

import harness
from gateway_case import GatewayCase, iccid, number, running

MARK = "Zanzibar 424242"
SENDER = "46735550177"
PINS = "47110815", "90210733"
DASHBOARD, HOOK = "dashb0ard-of-the-test", "h00k-of-the-test"
JOURNAL = "/run/systemd/journal/socket"
BAD = "sim/m005"  # its PIN is wrong

# What troubles bring, how often may differ.
TROUBLES = {"recovery", "recovered", "platform_down", "platform_up", "roster_blocked", "draining"}


def packed(text):
    """Septets as a PDU has them."""
    bits = sum(ord(c) << 7 * i for i, c in enumerate(text))
    return bits.to_bytes((7 * len(text) + 7) // 8, "little").hex()


def data_pdu(text):
    """An SMS-DELIVER of 8-bit data."""
    digits = SENDER + "F"
    swapped = "".join(digits[i + 1] + digits[i] for i in range(0, 12, 2))
    data = text.encode()
    return f"00040B91{swapped}000462111211000000{len(data):02X}{data.hex().upper()}"


# In any dress: as it is, UCS-2 and septets in hexadecimal, the middle of it as well.
BODIES = ["Zanzibar", "424242", "Zanzibar".encode("utf-16-be").hex(), "424242".encode().hex(),
          packed("Zanzibar"), "Zanzibar".encode().hex(), "amount 500 EUR"]
KEYS = [harness.KEY, DASHBOARD, HOOK, *PINS,
        *(base64.b64encode(f"x:{k}".encode()).decode() for k in (DASHBOARD, "guess-" + DASHBOARD))]


class Journal:
    """What stands where the journal's socket would, where there is none."""

    def __init__(self, case):
        if os.path.exists(JOURNAL):
            case.skipTest("this host's journal would get the lines")
        try:
            os.makedirs(os.path.dirname(JOURNAL), exist_ok=True)
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
            self.socket.bind(JOURNAL)
        except OSError as e:
            case.skipTest(f"no journal can be played: {e}")
        self.entries = []
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()
        case.addCleanup(self.close)

    def read(self):
        while True:
            data = self.socket.recv(1 << 17)
            if data == b"end":
                return
            lines = data.decode("utf-8").splitlines()
            self.entries.append([line.partition("=")[::2] for line in lines])

    def text(self):
        return "\n".join(f"{k}={v}" for entry in list(self.entries) for k, v in entry)

    def close(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.connect(JOURNAL)
            s.send(b"end")
        self.thread.join(10)
        self.socket.close()
        with contextlib.suppress(OSError):
            os.unlink(JOURNAL)
            os.rmdir(os.path.dirname(JOURNAL))


class Life(GatewayCase):
    def life(self, form):
        """Six modems, one with a wrong PIN; a platform and a webhook; the operator's page."""
        rig = self.rig(6, start=False, gateway={"log_format": form, "log_level": "info"})
        rig.platform.stop()
        rig.platform = rig.enter_context(harness.Platform(rig.workdir, "--hook-key", HOOK))
        rig.port = harness.free_port()
        rig.sim.send(f"pin 0 {PINS[0]}")
        rig.sim.send("pin 5 1234")
        rig.sim.send("reboot *")
        rig.write_numbers([
            {"iccid": iccid(rig, 0), "number": number(0), "pin": PINS[0]},
            {"iccid": iccid(rig, 5), "number": number(5), "pin": PINS[1]},
        ])
        self.configure(rig, "http", listen=f"127.0.0.1:{rig.port}", dashboard_key=DASHBOARD)
        self.configure(rig, "platform onlinesim", url=rig.platform.url)
        self.configure(rig, "platform own", kind="webhook", url=rig.platform.url + "/hook",
                       hmac_key=HOOK, retry_max="500ms", account_probe="500ms", timeout="5s")
        rig.daemon.start()
        rig.wait_listed(5)
        return rig

    def texts(self, rig):
        """Texts of every kind pass through; how often each event is to be in the log."""
        sim, platform = rig.sim, rig.platform
        before = platform.message_count()
        for i in range(20):
            sim.sms(i % 5, "+46735550001", f"{MARK} {i}")
        rig.wait(lambda: platform.message_count() >= before + 20, "the first texts")
        platform.send('fail 1 400 {"response":"ERROR_PARAMS","text":"' + MARK + '"}')
        sim.sms(1, "+" + SENDER, MARK)
        rig.wait(lambda: self.outbox(rig), "a refusal")
        sim.sms(1, "Shop", MARK + " 😀")
        sim.sms(2, "Shop", (MARK + " ") * 20)  # three parts
        sim.part(2, "+" + SENDER, 1, 3, 1, MARK)  # the others never come
        sim.send(f"flash 3 Shop {MARK}")
        sim.send("pdu 1 07916407058099F904")
        sim.send("pdu 1 " + data_pdu(MARK))
        sim.sms(3, "Swedbank", "amount 500 EUR " + MARK)
        rig.wait_drained()
        return {
            "sms_received": 20 + 1 + 1 + 3 + 1 + 1 + 2 + 1,
            "sms_stored": 20 + 1 + 1 + 1 + 1 + 1 + 1,  # the data as well
            "sms_undecodable": 1,
            "sms_refused": 1,
            "sms_filtered": 2,  # by two platforms
            "sms_delivered": 2 * (20 + 1 + 1 + 1 + 1) - 1,
        }

    def troubles(self, rig):
        """What else happens; the same."""
        sim, platform = rig.sim, rig.platform
        platform.send("account off")
        sim.sms(0, "Shop", MARK)
        self.wait_health(rig, "account")
        platform.send("account on")
        self.wait_health(rig, "up")
        platform.send("down")
        sim.sms(0, "Shop", MARK)
        self.wait_health(rig, "down")
        platform.send("up")
        self.wait_health(rig, "up")
        sim.send("sim 4 out")
        rig.wait_listed(4)
        sim.send("sim 4 in")
        rig.wait_listed(5)
        sim.send("hangup 3")
        sim.fault(2, "silent")
        rig.wait_listed(4)
        sim.send("plug 3")
        rig.wait(lambda: self.port(rig, 2)["trouble"], "trouble")
        sim.clear(2)
        rig.wait_listed(5)
        platform.send("fail list 1 400 ERROR_DATE")
        rig.daemon.ctl_raw("sync")
        rig.daemon.ctl_raw("sync")
        rig.daemon.ctl_raw("drain", "sim/m004")
        rig.daemon.ctl_raw("resume", "sim/m004")
        rig.wait_listed(5)
        return {"sms_received": 2, "sms_stored": 2, "sms_delivered": 4, "platform_account": 1,
                "port_lost": 1, "sim_out": 1, "drained": 1, "resumed": 1}

    def busy(self, rig, troubles):
        wanted = collections.Counter(self.texts(rig))
        if troubles:
            wanted += collections.Counter(self.troubles(rig))
        rig.wait(lambda: not any(p["queued"] for p in rig.daemon.ctl("status")["platforms"]),
                 "empty queues")
        return wanted

    def wait_health(self, rig, health):
        rig.wait(lambda: rig.daemon.ctl("status")["platforms"][0]["health"] == health, health)

    def ask(self, rig, path, key=None):
        headers = {}
        if key:
            headers["Authorization"] = "Basic " + base64.b64encode(f"x:{key}".encode()).decode()
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", rig.port, timeout=30)) as c:
            c.request("GET", path, headers=headers)
            return c.getresponse().read().decode()

    def shown(self, rig):
        """What simgatectl and HTTP show to who asks for no whole numbers and texts."""
        ctl = rig.daemon.ctl_raw
        out = "".join(
            "".join(ctl(*options, *words)[1:])
            for options in ((), ("--json",))
            for words in (
                ("status",), ("ports",), ("port", "sim/m000"), ("port", BAD), ("messages",),
                ("outbox",), ("numbers",), ("check",), ("at", "sim/m001", "+CIMI"),
                ("at", "sim/m001", "+CNUM"), ("ussd", "sim/m001", "*100#"), ("sync",), ("reload",),
            )
        )
        for path in ("/metrics", "/healthz", "/readyz", "/api/v1/status", "/api/v1/ports",
                     "/api/v1/ports/sim/m000", "/api/v1/messages", "/api/v1/outbox"):
            out += self.ask(rig, path, DASHBOARD)
        out += self.ask(rig, "/metrics", "guess-" + DASHBOARD)
        return out

    def people(self, rig):
        """Whole numbers and identities."""
        names = [SENDER[2:], "46735550001", *(number(i)[1:] for i in range(6))]
        for card in rig.sim.cards():
            names += [card["iccid"], card["imsi"], card["imei"]]
        return names

    def assert_clean(self, text, *words):
        for word in words:
            at = text.lower().find(word.lower())
            self.assertEqual(at, -1, f"{word}: {text[max(0, at - 600):at + 60]}")

    def run_life(self, form, read, troubles=False):
        """The log of two lives: at info, then at debug with the wire. read(rig): the log so far.

        The part at info, and how often each event is to be there."""
        rig = self.life(form)
        wanted = self.busy(rig, troubles)
        rig.daemon.ctl_raw("--full", "messages", "export", "--number", number(0))
        rig.daemon.ctl_raw("--full", "numbers", "set", iccid(rig, 1), number(1))
        shown = self.shown(rig)
        info = read(rig)
        self.assertRegex(shown, r'\nsimgate_sms_filtered_total\{reason="\w+"\} 2\n')
        self.assertIn('simgate_roster_numbers{platform="onlinesim"} 5', shown)
        self.assertNotIn('simgate_roster_numbers{platform="own"}', shown)  # it has no list
        self.configure(rig, "gateway", log_level="debug", **{"log.wire": "debug"})
        rig.daemon.ctl("reload")
        self.busy(rig, False)
        rig.daemon.ctl_raw("--full", "ussd", "sim/m001", "*100#")
        shown += self.shown(rig)
        rig.daemon.stop()
        debug = read(rig)[len(info):]
        self.assertIn("AT+CMGL=4", debug)
        self.assert_clean(info + debug + shown, *BODIES, *KEYS)
        self.assert_clean(info + debug, "Your number is", "r number i".encode("utf-16-be").hex())
        self.assert_clean(info + shown, *self.people(rig))
        for pdu in re.findall(r"(?<![0-9a-z-])[0-9A-Fa-f]{33,}", info + debug + shown):
            self.fail(f"maybe a PDU: {pdu}")
        return info, wanted

    def assert_counts(self, events, wanted, least=()):
        """events: (name, port) of each line."""
        count = collections.Counter(name for name, _ in events)
        self.assertEqual({name: count[name] for name in wanted}, dict(wanted))
        self.assertEqual({"port_found", "state", "registered", "sim_in", "number_known",
                          "roster_sent", *least} - set(count), set())
        self.assertEqual([port for name, port in events if name == "pin_refused"], [BAD])


class Text(Life):
    def test_text(self):
        info, wanted = self.run_life("text", lambda rig: rig.daemon.log_text(), troubles=True)
        events = []
        repeated = collections.Counter()
        for line in info.splitlines():
            self.assertRegex(line, r"^20\d\d-\d\d-\d\dT[\d:.]+Z [EWNID] [a-z]+( \S+)?: ")
            _, level, rest = line.split(" ", 2)
            self.assertNotEqual(level, "D")
            event = re.search(r" event=(\w+)$", line)
            port = re.match(r"\w+ (sim/\w+): ", rest)
            if event:
                events.append((event.group(1), port and port.group(1)))
            if level in "EWN":
                repeated[rest] += 1
        self.assert_counts(events, wanted, TROUBLES)
        self.assertNotIn('operator=""', info)  # what is not known yet is left out
        self.assertIn(("port_lost", "sim/m003"), events)
        self.assertIn(("sim_out", "sim/m004"), events)
        self.assertLessEqual(max(repeated.values()), 4, repeated.most_common(3))
        self.assertRegex(info, r" sim/m004: \w+ -> \w+: .* from=\w+ to=\w+ reason=\S.* event=state\n")


class Json(Life):
    def test_json(self):
        info, wanted = self.run_life("json", lambda rig: rig.daemon.log_text())
        lines = [json.loads(line) for line in info.splitlines()]
        for line in lines:
            self.assertLessEqual({"ts", "level", "cat", "msg"}, set(line))
            if line.get("event") == "state":
                self.assertLessEqual({"from", "to", "reason", "object"}, set(line))
        self.assert_counts([(x["event"], x.get("object")) for x in lines if "event" in x],
                           wanted)


class ToJournal(Life):
    def test_journal(self):
        journal = Journal(self)
        info, wanted = self.run_life("journal", lambda rig: journal.text())
        entries = []
        for line in info.split("\nMESSAGE="):
            entries.append(dict(part.split("=", 1) for part in ("MESSAGE=" + line).split("\n")
                                if "=" in part))
        ids = {}
        for entry in entries:
            self.assertLessEqual({"MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER", "SIMGATE_CATEGORY"},
                                 set(entry), entry)
            self.assertEqual("MESSAGE_ID" in entry, "SIMGATE_EVENT" in entry, entry)
            if "MESSAGE_ID" in entry:
                ids.setdefault(entry["SIMGATE_EVENT"], set()).add(entry["MESSAGE_ID"])
            if entry.get("SIMGATE_EVENT") == "state":
                self.assertLessEqual(
                    {"SIMGATE_PORT", "SIMGATE_FROM", "SIMGATE_TO", "SIMGATE_REASON"}, set(entry))
        self.assertTrue(all(len(numbers) == 1 for numbers in ids.values()), ids)
        self.assertEqual(len({n for (n,) in ids.values()}), len(ids))
        self.assert_counts([(e["SIMGATE_EVENT"], e.get("SIMGATE_PORT")) for e in entries
                            if "SIMGATE_EVENT" in e], wanted)


if __name__ == "__main__":
    running()
