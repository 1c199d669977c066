"""test_sims.py - the test doubles themselves: modemsim on its ptys, platformsim over HTTP."""

import glob
import http.client
import json
import os
import select
import shutil
import tempfile
import termios
import threading
import time
import unittest

import harness
import modem_tty

harness.build_dir()  # takes --build out of the arguments

class Case(unittest.TestCase):
    def setUp(self):
        self.workdir = tempfile.mkdtemp(prefix="simgate-sims-", dir="/tmp")
        self.addCleanup(shutil.rmtree, self.workdir, ignore_errors=True)

    def stop(self, double):
        """Ends well: under a sanitizer that is also a check of what it left."""
        self.assertIn(double.stop(), (0, None))


class ModemCase(Case):
    def start(self, count=1, family="sim800", *options):
        sim = harness.Sim(self.workdir, count, family, *options)
        self.addCleanup(self.stop, sim)
        return sim

    def open(self, sim, i=0, setup=True):
        tty = modem_tty.Tty(sim.path(i))
        self.addCleanup(tty.close)
        if setup:
            tty.setup()
        return tty


class Identity(ModemCase):
    def test_echo_is_on_until_switched_off(self):
        tty = self.open(self.start(), setup=False)
        tty.write("AT\r")
        self.assertEqual(tty.read_until(lambda d: b"OK\r\n" in d), b"AT\r\r\nOK\r\n")
        tty.write("ATE0\r")
        tty.read_until(lambda d: b"OK\r\n" in d)
        tty.write("AT\r\n")
        self.assertEqual(tty.read_until(lambda d: b"OK\r\n" in d), b"\r\nOK\r\n")

    def test_sticky_echo_stays(self):
        tty = self.open(self.start(1, "sim800", "--echo", "sticky"), setup=False)
        self.assertEqual(tty.at("ATE0"), ["OK"])
        tty.write("AT\r")
        self.assertTrue(tty.read_until(lambda d: b"OK" in d).startswith(b"AT\r"))

    def test_two_families_and_unique_identities(self):
        for family in ("sim800", "generic"):
            sim = self.start(3, family)
            cards = sim.cards()
            for field in ("imei", "iccid", "imsi", "number"):
                self.assertEqual(len({c[field] for c in cards}), 3, field)
            tty = self.open(sim, 1)
            self.assertEqual(tty.at("AT+CGSN")[0], cards[1]["imei"])
            self.assertEqual(tty.at("AT+CIMI")[0], cards[1]["imsi"])
            self.assertRegex(cards[1]["iccid"], r"^89\d{17,18}$")
            self.assertRegex(cards[1]["imsi"], r"^24001\d{10}$")
            self.assertEqual(cards[1]["number"], "+46700100001")
            self.assertIn(cards[1]["number"], tty.at("AT+CNUM")[0])
            ccid = tty.at("AT+CCID")[0]
            if family == "sim800":
                self.assertEqual(ccid, cards[1]["iccid"])
                self.assertEqual(tty.at("AT+CGMM")[0], "SIMCOM_SIM800L")
                self.assertEqual(tty.at("AT+CEREG?"), ["ERROR"])
                self.assertEqual(tty.at("AT+WHAT"), ["ERROR"])
            else:
                self.assertEqual(ccid.removeprefix("+CCID: ").rstrip("F"), cards[1]["iccid"])
                self.assertEqual(tty.at("AT+CEREG?"), ["+CEREG: 0,1", "OK"])
                self.assertEqual(tty.at("AT+WHAT"), ["+CME ERROR: 100"])
                self.assertEqual(tty.at("AT+CNMI=2,1,0,1,0"), ["+CMS ERROR: 303"])
            self.assertEqual(tty.at("AT+CICCID"), ["ERROR"])
            self.assertEqual(tty.at("AT+CREG=1;+CREG?"), ["+CREG: 1,1", "OK"])
            sim.stop()

    def test_links_go_with_the_program(self):
        sim = self.start(2)
        self.assertTrue(os.path.islink(sim.path(1)))
        self.assertEqual(sim.stop(), 0)
        self.assertEqual(glob.glob(os.path.join(self.workdir, "dev", "m*")), [])

    def test_settings_of_the_tty_are_raw(self):
        sim = self.start()
        tty = self.open(sim, setup=False)
        self.assertEqual(termios.tcgetattr(tty.fd)[3] & (termios.ECHO | termios.ICANON), 0)

    def test_reopening_finds_the_same_modem(self):
        sim = self.start()
        first = modem_tty.Tty(sim.path(0))
        first.setup()
        first.close()
        second = self.open(sim, setup=False)
        self.assertEqual(second.at("AT"), ["OK"])


class Messages(ModemCase):
    def test_texts_arrive_whole(self):
        long7 = "0123456789" * 20 + "{" * 70 + "end"
        wide = "Привет 😀 " * 20
        texts = [
            ("+46735550100", "plain"),
            ("71000", "GSM: @£$ àé [~] € \n next"),
            ("My Shop", "code 12 34"),
            ("@Shop_1", ""),
            ("+46735550100", "x" * 160),
            ("+46735550100", "Ж" * 70),
        ]
        sim = self.start()
        tty = self.open(sim)
        for sender, text in texts:
            count, _ = sim.sms(0, sender, text)
            self.assertEqual(count, 1)
            tty.line('+CMTI: "SM",1')
            ((index, stat, d),) = tty.entries()
            self.assertEqual((index, stat, d.sender, d.text), (1, 0, sender, text))
            self.assertEqual(tty.at("AT+CMGD=1"), ["OK"])
        for text in (long7, wide):
            count, _ = sim.sms(0, "Shop", text)
            self.assertGreater(count, 1)
            tty.line(f'+CMTI: "SM",{count}')
            parts = [d for _, _, d in tty.entries()]
            self.assertEqual({d.concat[:2] for d in parts}, {(parts[0].concat[0], count)})
            self.assertEqual([d.concat[2] for d in parts], list(range(1, count + 1)))
            if parts[0].dcs:
                joined = b"".join(d.units for d in parts).decode("utf-16-be")
            else:
                joined = "".join(d.text for d in parts)
            self.assertEqual(joined, text)
            for i in range(1, count + 1):
                tty.at(f"AT+CMGD={i}")
        self.assertEqual(sim.left(), 0)

    def test_reading_marks_as_read(self):
        sim = self.start(1, "generic")
        tty = self.open(sim)
        sim.sms(0, "A", "one")
        tty.line('+CMTI: "SM",0')
        self.assertEqual([e[1] for e in tty.entries("AT+CMGL=0")], [0])
        self.assertEqual(tty.entries("AT+CMGL=0"), [])
        self.assertEqual([e[1] for e in tty.entries()], [1])
        self.assertTrue(tty.at("AT+CMGR=0")[0].startswith("+CMGR: 1,,"))

    def test_full_card_makes_the_network_wait(self):
        sim = self.start(1, "sim800", "--sim-size", 3)
        tty = self.open(sim)
        self.assertEqual(sim.burst(5, "b")[0], 5)
        self.assertEqual((sim.left(), sim.stats()["queued"]), (3, 2))
        self.assertEqual(len(tty.entries()), 3)
        tty.at("AT+CMGD=2")
        tty.line('+CMTI: "SM",2')
        self.assertEqual([d.text[-1] for _, _, d in tty.entries()], ["1", "4", "3"])
        for i in (1, 2, 3, 1):
            tty.at(f"AT+CMGD={i}")
        s = sim.stats()
        self.assertEqual((s["injected"], s["deleted"], s["remaining"], s["queued"]), (5, 5, 0, 0))
        self.assertEqual(s["deleted_unlisted"], 1)  # index 1 was filled again and never shown

    def test_second_memory_takes_what_the_card_cannot(self):
        sim = self.start(1, "generic", "--sim-size", 1, "--me-size", 5)
        tty = self.open(sim)
        sim.burst(2, "b")
        tty.line('+CMTI: "ME",0')
        self.assertEqual(tty.at('AT+CPMS="ME"')[0], "+CPMS: 1,5,1,1,1,1")
        self.assertEqual(tty.entries()[0][2].text, "b m000 2")

    def test_other_ways_in(self):
        sim = self.start()
        tty = self.open(sim)
        sim.part(0, "Part", 7, 3, 2, "middle")
        d = tty.entries()[0][2]
        self.assertEqual((d.concat, d.text), ((7, 3, 2), "middle"))
        sim.send("pdu 0 " + "00" + "FF" * 20)
        self.assertIn("00" + "FF" * 20, tty.at("AT+CMGL=4"))
        self.assertEqual(sim.counted("fill 0 18")[0], 18)
        with self.assertRaises(harness.ControlError):
            sim.send("fill 0 1")
        sim.send("flash 0 Now look")
        tty.line("+CMT: ,20")
        self.assertEqual(sim.left(), 20)
        for bad in ("pdu 0 0", "sms 9 A b", "sms 0", "nonsense", "fault 0 x", "sms 0 TwelveLetter x"):
            with self.assertRaises(harness.ControlError):
                sim.send(bad)

    def test_stamp_is_the_monotonic_clock(self):
        sim = self.start()
        before = time.monotonic_ns() // 1000
        stamp = sim.sms(0, "A", "b")[1]
        self.assertTrue(before <= stamp <= time.monotonic_ns() // 1000)

    def test_small_pieces_change_nothing(self):
        sim = self.start(1, "sim800", "--chunk", "1-3")
        tty = self.open(sim)
        sim.burst(20, "piece")
        self.assertEqual(len(tty.entries()), 20)


class Faults(ModemCase):
    def test_silence_and_its_end(self):
        sim = self.start(2)
        dead, live = self.open(sim, 0), self.open(sim, 1)
        sim.fault(0, "silent_after", 1)
        self.assertEqual(dead.at("AT"), ["OK"])
        dead.write("AT\r")
        live.at("AT")
        sim.stats()
        self.assertTrue(dead.quiet())
        sim.clear(0)
        self.assertEqual(dead.at("AT"), ["OK"])

    def test_errors_that_count_down(self):
        sim = self.start()
        tty = self.open(sim)
        sim.sms(0, "A", "b")
        tty.line('+CMTI: "SM",1')
        sim.fault(0, "cmgd_error", 1)
        self.assertEqual(tty.at("AT+CMGD=1"), ["+CMS ERROR: 500"])
        self.assertEqual(sim.left(), 1)
        sim.fault(0, "cmgd_lies", 1)
        self.assertEqual(tty.at("AT+CMGD=1"), ["ERROR"])
        self.assertEqual(sim.left(), 0)
        sim.fault(0, "list_error", 1)
        self.assertEqual(tty.at("AT+CMGL=4"), ["+CMS ERROR: 500"])
        sim.fault(0, "cms_busy", 1)
        self.assertEqual(tty.at("AT+CPMS?"), ["+CMS ERROR: 314"])
        self.assertEqual(tty.at("AT+CMGL=4"), ["OK"])

    def test_lines_inside_a_listing(self):
        sim = self.start()
        tty = self.open(sim)
        sim.burst(3, "n")
        clean = [x for x in tty.at("AT+CMGL=4") if len(x) > 40]
        sim.fault(0, "urc_in_list")
        dirty = tty.at("AT+CMGL=4")
        noise = ("+CREG: 1", '+CIEV: "CALL",0', "^RSSI:18")
        self.assertEqual(sum(x in noise for x in dirty), 6)
        kept = [x for x in dirty if x not in noise and not x.startswith("+CM") and x != "OK"]
        digits = "".join(kept)
        self.assertEqual(digits, "".join(clean))

    def test_garbage_late_and_missing_ok(self):
        sim = self.start()
        tty = self.open(sim)
        sim.fault(0, "garbage")
        tty.write("AT\r")
        self.assertNotEqual(tty.read_until(lambda d: len(d) >= 20), b"\r\nOK\r\n")
        sim.clear(0)
        sim.fault(0, "late", 50)
        tty.write("AT+CSQ\r")
        tty.line("OK")
        sim.clear(0)
        sim.fault(0, "no_ok")
        tty.write("AT+CSQ\r")
        tty.line("+CSQ: 14,0")
        self.assertEqual(tty.at("AT"), ["OK"])

    def test_slow_line(self):
        sim = self.start()
        tty = self.open(sim)
        sim.fault("*", "slow_baud", 2000)
        sim.counted("fill 0 3")
        self.assertEqual(len(tty.entries()), 3)

    def test_card_out_in_and_swapped(self):
        sim = self.start()
        tty = self.open(sim)
        tty.at("AT+CSDT=1")
        tty.at("AT+CREG=1")
        old = sim.cards()[0]["iccid"]
        sim.send("sim 0 out")
        tty.line("+CREG: 0")
        self.assertEqual(tty.at("AT+CPIN?"), ["+CPIN: NOT INSERTED", "OK"])
        self.assertEqual(tty.at("AT+CMGL=4"), ["+CMS ERROR: 310"])
        self.assertEqual(tty.at("AT+CCID"), ["+CME ERROR: 10"])
        sim.sms(0, "A", "waits")
        self.assertEqual((sim.left(), sim.stats()["queued"]), (0, 1))
        sim.send("sim 0 in")
        tty.line('+CMTI: "SM",1')
        sim.send("sim 0 swap 8946019999999999999")
        tty.line("+CREG: 1")
        self.assertEqual(tty.at("AT+CCID")[0], "8946019999999999999")
        self.assertEqual(tty.entries(), [])
        sim.send(f"sim 0 swap {old}")
        tty.line("+CREG: 1")
        self.assertEqual([d.text for _, _, d in tty.entries()], ["waits"])

    def test_registration(self):
        sim = self.start()
        tty = self.open(sim)
        tty.at("AT+CREG=2")
        sim.send("reg 0 2")
        tty.line('+CREG: 2,"00A1","0F00"')
        sim.sms(0, "A", "later")
        self.assertEqual(sim.left(), 0)
        sim.send("reg 0 5")
        tty.line('+CMTI: "SM",1')

    def test_unplugged_and_plugged(self):
        sim = self.start()
        tty = self.open(sim)
        sim.send("hangup 0")
        self.assertFalse(os.path.lexists(sim.path(0)))
        select.select([tty.fd], [], [], harness.DEADLINE_S)
        try:
            self.assertEqual(os.read(tty.fd, 100), b"")
        except OSError as e:
            self.assertEqual(e.errno, 5)
        sim.sms(0, "A", "meanwhile")
        sim.send("plug 0")
        new = self.open(sim, 0, setup=False)
        new.line("SMS Ready")
        self.assertEqual(sim.left(), 1)

    def test_restart_loses_settings(self):
        sim = self.start()
        tty = self.open(sim)
        sim.send("reboot 0")
        self.assertEqual(
            [x for x in tty.line("SMS Ready").decode().split("\r\n") if x],
            ["RDY", "+CFUN: 1", "+CPIN: READY", "Call Ready", "SMS Ready"],
        )
        tty.write("AT\r")
        self.assertEqual(tty.read_until(lambda d: b"OK\r\n" in d), b"AT\r\r\nOK\r\n")
        self.assertEqual(tty.at("AT+CNMI?")[0], "+CNMI: 0,0,0,0,0")


class Many(ModemCase):
    def test_512_modems(self):
        sim = self.start(512)
        self.assertEqual(sim.burst(4, "many")[0], 2048)
        total = 0
        for i in range(512):
            tty = modem_tty.Tty(sim.path(i))
            tty.setup()
            for index, _, d in tty.entries():
                self.assertEqual(d.text, f"many m{i:03d} {index}")
                tty.at(f"AT+CMGD={index}")
                total += 1
            tty.close()
        s = sim.stats()
        self.assertEqual((total, s["deleted"], s["remaining"]), (2048, 2048, 0))
        self.assertEqual((s["deleted_unlisted"], s["lost_tx"], s["lost_rx"]), (0, 0, 0))

    def test_idle_modems_cost_nothing(self):
        sim = self.start(64)
        stat = f"/proc/{sim.process.pid}/stat"

        def ticks():
            with open(stat, encoding="ascii") as f:
                fields = f.read().rpartition(")")[2].split()
            return int(fields[11]) + int(fields[12])

        before = ticks()
        for _ in range(50):
            select.select([], [], [], 0.01)
        self.assertLessEqual(ticks() - before, 5)


HEAD = {
    "Authorization": f"Bearer {harness.KEY}",
    "Content-Type": "application/json; charset=utf-8",
    "User-Agent": "test/1",
}
LIST = "/api/resellers/sendNumbersOnline"
MESSAGE = "/api/resellers/addMessage"


def item(n, **more):
    return {"number": f"+4670010{n:04d}", "country_id": 46, "operator": 24001, "rent": 0, **more}


def message(n, text, **more):
    date = str(int(time.time()))
    return {"date": date, "number": f"+4670010{n:04d}", "from": "Shop", "message": text, **more}


class PlatformCase(Case):
    def setUp(self):
        super().setUp()
        self.platform = harness.Platform(self.workdir)
        self.addCleanup(self.stop, self.platform)
        self.client = self.connect()

    def connect(self, timeout=harness.DEADLINE_S):
        client = http.client.HTTPConnection("127.0.0.1", self.platform.port, timeout=timeout)
        self.addCleanup(client.close)
        return client

    def post(self, path, body, head=None, client=None, method="POST"):
        client = client or self.client
        data = body if isinstance(body, (str, bytes)) else json.dumps(body)
        if isinstance(data, str):
            data = data.encode()
        client.request(method, path, data, HEAD if head is None else head)
        answer = client.getresponse()
        return answer.status, json.loads(answer.read())

    def list(self, *numbers, **more):
        return self.post(LIST, {"numbers": [item(n) for n in numbers], **more})


class Accepting(PlatformCase):
    def test_list_then_messages(self):
        self.assertIsNone(self.platform.list())
        status, first = self.list(1, 2)
        self.assertEqual((status, first["response"], len(first["ids"])), (200, 1, 2))
        status, second = self.list(2, 3)
        self.assertIsNone(second["ids"]["+46700100001"])
        self.assertEqual(second["ids"]["+46700100002"], first["ids"]["+46700100002"])
        self.assertEqual(self.platform.numbers(), {"+46700100002", "+46700100003"})
        before = time.monotonic_ns() // 1000
        self.assertEqual(self.post(MESSAGE, message(2, "hej å 😀")), (200, {"response": 1}))
        (event,) = self.platform.messages()
        self.assertEqual((event["number"], event["from"]), ("+46700100002", "Shop"))
        self.assertEqual(event["text"], "hej å 😀")
        self.assertTrue(before <= event["t"] <= time.monotonic_ns() // 1000)
        self.assertEqual(self.post(MESSAGE, message(1, "x")), (400, {"response": "NO_NUMBER"}))
        self.assertEqual(self.platform.violations(), (0, []))
        self.assertEqual(self.platform.stats()["connections"], 1)

    def test_doubles_are_counted(self):
        self.list(1)
        same = message(1, "same")
        for _ in range(3):
            self.post(MESSAGE, same)
        self.post(MESSAGE, message(1, "other"))
        self.assertEqual((self.platform.message_count(), self.platform.doubles()), (4, 2))

    def test_test_modes_store_nothing(self):
        self.assertEqual(self.list(1, test="test1"), (200, {"response": 1}))
        self.assertIsNone(self.platform.list())
        status, body = self.list(1, test="test2")
        self.assertEqual(body["request"]["numbers"][0]["number"], "+46700100001")
        self.list(1)
        self.post(MESSAGE, message(1, "x", test="test1"))
        self.assertEqual(self.platform.message_count(), 0)

    def test_many_messages_on_one_connection(self):
        self.list(1)
        for k in range(1500):
            self.assertEqual(self.post(MESSAGE, message(1, f"k {k}"))[0], 200)
        self.assertEqual((self.platform.message_count(), self.platform.doubles()), (1500, 0))
        self.assertEqual(len(self.platform.messages()), 1500)


class Refusing(PlatformCase):
    def test_violations(self):
        good = message(1, "x")
        without = lambda **drop: {k: v for k, v in good.items() if k not in drop}
        bodies = [
            (MESSAGE, "{"),
            (MESSAGE, "[]"),
            (MESSAGE, json.dumps(good) + "x"),
            (MESSAGE, b'{"message":"\xff"}'),
            (MESSAGE, without(date=1)),
            (MESSAGE, without(message=1)),
            (MESSAGE, {**good, "date": int(good["date"])}),
            (MESSAGE, {**good, "date": "2025-01-01"}),
            (MESSAGE, {**good, "number": "+46 70"}),
            (MESSAGE, {**good, "extra": 1}),
            (MESSAGE, '{"date":"1","date":"1"}'),
            (LIST, {"numbers": item(1)}),
            (LIST, {"list": [item(1)]}),
            (LIST, {"numbers": [item(1), item(1)]}),
            (LIST, {"numbers": [item(1, port_id="a"), item(2, port_id="a")]}),
            (LIST, {"numbers": [item(1, country_id="46")]}),
            (LIST, {"numbers": [item(1, country_id=47)]}),
            (LIST, {"numbers": [item(1, operator="24001")]}),
            (LIST, {"numbers": [item(1, date_start="1")]}),
            (LIST, {"numbers": [item(1, port_id="p" * 101)]}),
            (LIST, {"numbers": [item(1, price=1)]}),
            (LIST, {"numbers": [], "test": "yes"}),
        ]
        for k, (path, body) in enumerate(bodies):
            with self.subTest(body=body):
                self.assertEqual(self.post(path, body)[0], 400)
                self.assertEqual(self.platform.violations()[0], k + 1)

    def test_heads(self):
        body = {"numbers": []}
        for change, status in (
            ({"Authorization": "Bearer other"}, 401),
            ({"Authorization": None}, 401),
            ({"Content-Type": "text/plain"}, 400),
            ({"Content-Type": "application/json; charset=latin1"}, 400),
            ({"User-Agent": None}, 400),
            ({"Content-Encoding": "gzip"}, 400),
        ):
            head = {k: v for k, v in {**HEAD, **change}.items() if v}
            self.assertEqual(self.post(LIST, body, head)[0], status, change)
        self.assertEqual(self.post("/api/other", body)[0], 405)
        self.assertEqual(self.post(LIST, body, method="PUT")[0], 405)
        self.assertEqual(self.post(LIST + "?apikey=1", body)[0], 400)
        self.assertEqual(self.platform.violations()[0], 9)
        head = {**HEAD, "Content-Type": "application/json"}
        self.assertEqual(self.post(LIST, body, head)[0], 200)

    def test_scripted_answers(self):
        self.list(1, 2)
        self.platform.send('fail 1 503 {"response":"BUSY"}')
        self.assertEqual(self.post(MESSAGE, message(1, "a")), (503, {"response": "BUSY"}))
        self.platform.send("lie 1")
        self.assertEqual(self.post(MESSAGE, message(1, "a")), (200, {"response": "ERROR"}))
        self.assertEqual(self.post(MESSAGE, message(1, "a"))[0], 200)
        self.platform.send('fail list 1 500 "x"')
        self.assertEqual(self.list(1), (500, "x"))
        self.platform.send("fail list-number +46700100002")
        for more in ({}, {"test": "test1"}):
            self.assertEqual(self.list(1, 2, **more), (400, {"response": "NUMBER_FORMAT_ERROR"}))
        self.assertEqual(self.list(1)[0], 200)
        self.platform.send("unknown +46700100001 on")
        self.assertEqual(self.post(MESSAGE, message(1, "b"))[0], 400)
        self.platform.send("account off")
        self.assertEqual(self.list(1), (401, {"response": "ERROR_WRONG_KEY"}))
        self.platform.send("clear")
        self.assertEqual(self.post(MESSAGE, message(1, "b"))[0], 200)
        self.assertEqual((self.platform.message_count(), self.platform.violations()[0]), (2, 0))

    def test_cut_hang_and_slow(self):
        self.list(1)
        self.platform.send("cut 1")
        with self.assertRaises(http.client.HTTPException):
            self.post(MESSAGE, message(1, "a"), client=self.connect())
        self.assertEqual(self.platform.message_count(), 0)
        self.platform.send("cut 1 keep")
        with self.assertRaises(http.client.HTTPException):
            self.post(MESSAGE, message(1, "a"), client=self.connect())
        self.assertEqual(self.platform.message_count(), 1)
        self.platform.send("hang 2")
        for _ in range(2):
            with self.assertRaises(TimeoutError):
                self.post(MESSAGE, message(1, "b"), client=self.connect(timeout=0.2))
        self.platform.send("slow 100")
        self.assertEqual(self.post(MESSAGE, message(1, "c"), client=self.connect())[0], 200)
        self.assertEqual(self.platform.message_count(), 2)
        self.platform.send("clear")

    def test_down_and_up_with_a_waiting_request(self):
        self.list(1)
        self.platform.send("hang 1")
        ended = []

        def wait():
            try:
                self.post(MESSAGE, message(1, "a"), client=self.connect())
            except (http.client.HTTPException, OSError) as e:
                ended.append(e)

        thread = threading.Thread(target=wait)
        thread.start()
        harness.wait_for(lambda: self.platform.events("refused"), "the request")
        self.platform.send("down")
        thread.join()
        self.assertEqual(len(ended), 1)
        with self.assertRaises(ConnectionRefusedError):
            self.post(MESSAGE, message(1, "a"), client=self.connect())
        self.platform.send("up")
        self.assertEqual(self.post(MESSAGE, message(1, "a"), client=self.connect())[0], 200)


if __name__ == "__main__":
    unittest.main()
