"""test_modemsim.py - modemsim by itself: what its families say, its faults, its devices' names."""

import os
import unittest

import harness
import modem_tty
from test_families import lines_of
from test_sims import ModemCase

TEXT_MODE_OFF = ("ATE0", "AT+CMEE=1", "AT+CMGF=0")
# (family, command, answer); the number, the ICCID and its swapped digits stand for the card's.
ANSWERS = [
    ("sim800", "AT+CCID", ["{iccid}", "OK"]),
    ("sim800", "AT+SPIC", ["+SPIC: 3,10,3,10", "OK"]),
    ("sim5320", "AT+CNMI=2,1,0,0,0", ["ERROR"]),
    ("sim5320", "AT+CNMI=1,1,0,0,0", ["OK"]),
    ("sim5320", "AT+CICCID", ["+ICCID: {iccid}F", "OK"]),
    ("sim7600", 'AT+CPMS="SM"', ["ERROR"]),
    ("sim7600", "AT+CEREG=2;+CEREG?", ['+CEREG: 2,1,"00A1","0F00",7', "OK"]),
    ("a76xx", "AT+CNMI=2,1,0,2,0", ["ERROR"]),
    ("quectel-gsm", "AT+MODE=2", ["+CME ERROR: 100"]),
    ("quectel-gsm", "AT+QTRPIN", ["+QTRPIN: 3,10,3,10", "OK"]),
    ("quectel-lte", "AT+CPMS?", ['+CPMS: "ME",0,250,"ME",0,250,"ME",0,250', "OK"]),
    ("quectel-lte", "AT+QSIMSTAT?", ["+QSIMSTAT: 1,1", "OK"]),
    ("huawei", "AT^ICCID?", ['^ICCID: "{swapped}"', "OK"]),
    ("huawei", "AT+WHAT", ["COMMAND NOT SUPPORT"]),
    ("huawei", "AT+CNMI=1,1,0,0,0,0", ["TOO MANY PARAMETERS"]),
    ("huawei", "AT+CREG=2;+CREG?", ["+CREG: 2,1,00A1,0F00", "OK"]),
    ("huawei", 'AT+CUSD=1,"*100#",15', ["ERROR"]),
    ("zte", "AT+CFUN?", ["+CFUN: (0-1,4-7),(0-1)", "OK"]),
    ("zte", "AT+ICCID", ["ICCID: {iccid}F", "OK"]),
    ("wavecom", "AT+CPMS=?", ['+CPMS: (("SM","BM","SR"),("SM"))', "OK"]),
    ("wavecom", 'AT+CPMS="SM","SM","SM"', ["ERROR"]),
    ("wavecom", 'AT+CPMS="SM","SM"', ["+CPMS: 0,20,0,20,0,20", "OK"]),
    ("wavecom", "AT+CNMI=2,1,0,2,0", ["ERROR"]),
    ("wavecom", "AT+CNMI=2,1,0,2", ["OK"]),
    ("wavecom", "AT+CGMR", ["ERROR"]),
    ("cinterion", "AT+CNMI=2,1,0,0,0", ["+CME ERROR: 4"]),
    ("cinterion", "AT+CNMI=2,1,0,0,1", ["OK"]),
    ("cinterion", "AT+CMGD=2,0", ["+CMS ERROR: 500"]),
    ("cinterion", 'AT+CPMS="SM","SM","ME"', ["+CMS ERROR: 302"]),
    ("cinterion", "AT^SCID", ["^SCID: {iccid}f", "OK"]),
    ("telit", "AT#CCID", ["#CCID: {iccid}", "OK"]),
    ("telit", "AT#QSS?", ["#QSS: 2,3", "OK"]),
    ("ublox", "AT+CREG?", ["+CREG: 0,6", "OK"]),
    ("neoway", "AT+CMGL=4", ["ERROR"]),
    ("neoway", 'AT+CMGL="ALL"', ["OK"]),
    ("fibocom", "AT+CCID", ['+CCID: "{iccid}F"', "OK"]),
    ("aithinker", "AT+WHAT", ["+CME ERROR:58"]),
    ("aithinker", "AT+CCID", ["+SCID: SIM Card ID: {iccid}F", "OK"]),
    ("luat", "AT+CPIN?", ["+CPIN: READY", "OK"]),
    ("generic", "AT+CPBS?;+CPBR=1", ['+CPBS: "SM",0,50', '+CPBR: 1,"112",129,"SOS"', "OK"]),
]


class Sim(ModemCase):
    def tty(self, family, *options, i=0):
        self.sim = self.start(i + 1, family, *options)
        tty = self.open(self.sim, i, setup=False)
        for command in TEXT_MODE_OFF:
            self.say(tty, command)
        return tty

    def say(self, tty, command):
        """An answer without the codes that come at any time."""
        noise = ("^BOOT", "^RSSI", "+ZUSIMR", "+CIEV: \"CALL\"")
        return [x for x in self.plain(tty, command) if not x.startswith(noise)]

    def plain(self, tty, command):
        tty.write(command + "\r")
        finals = ("OK", "ERROR", "COMMAND NOT SUPPORT", "TOO MANY PARAMETERS")

        def lines(data):
            plain = data.decode("latin-1").replace("\xff", "").replace("\r", "\n")
            return [x for x in plain.split("\n") if x]

        def done(data):
            return data.endswith(b"\n") and any(
                x in finals or x.startswith(("+CME ERROR", "+CMS ERROR"))
                for x in lines(data)
            )

        return lines(tty.read_until(done))


class Families(Sim):
    def test_all_are_dealt_round(self):
        names = lines_of("modemsim", "--families")
        sim = self.start(len(names) + 1, ",".join(names))
        self.assertEqual([c["family"] for c in sim.cards()], names + names[:1])

    def test_answers(self):
        opened = {}
        for family, command, wanted in ANSWERS:
            if family not in opened:
                if opened:
                    self.sim.stop()
                opened = {family: self.tty(family)}
            with self.subTest(family=family, command=command):
                iccid = self.sim.cards()[0]["iccid"]
                full = iccid + "F"
                swapped = "".join(b + a for a, b in zip(full[::2], full[1::2]))
                self.assertEqual(
                    self.say(opened[family], command),
                    [x.format(iccid=iccid, swapped=swapped) for x in wanted],
                )

    def test_how_lines_end(self):
        def raw(tty, command="AT"):
            tty.write(command + "\r")
            return tty.read_until(lambda d: d.endswith(b"OK\r\n"))

        self.assertEqual(raw(self.tty("sim800")), b"\r\nOK\r\n")
        self.sim.stop()
        self.assertEqual(raw(self.tty("cinterion")), b"\r\n\r\n\r\nOK\r\n")
        self.sim.stop()
        self.assertEqual(raw(self.tty("aithinker")), b"\xff\r\nOK\r\n")
        self.sim.stop()
        self.assertEqual(raw(self.tty("huawei"), "AT+CGMM"), b"\r\nE1752\r\r\n\r\nOK\r\n")
        self.sim.stop()
        tty = self.open(self.start(1, "generic", "--ends", "lf", "--echo", "off"), setup=False)
        tty.write("AT+CGMM\r")
        self.assertEqual(tty.read_until(lambda d: d.endswith(b"OK\n")), b"\nPR-2000\n\nOK\n")
        tty = self.tty("wavecom")
        tty.write("AT+CPIN?\rAT+CSQ\r")  # the first has no OK
        self.assertEqual(tty.line("OK"), b"\r\n+CPIN: READY\r\n\r\n+CSQ: 14,0\r\n\r\nOK")

    def test_where_texts_land_and_how_they_are_shown(self):
        tty = self.tty("quectel-lte")
        tty.at("AT+CNMI=2,1,0,0,0")
        self.sim.sms(0, "A", "in the module")
        tty.line('+CMTI: "ME",0')
        tty.at('AT+CPMS="SM","SM","SM"')
        self.sim.sms(0, "A", "on the card")
        tty.line('+CMTI: "SM",0')
        ((_, _, d),) = tty.entries()
        self.assertEqual(d.text, "on the card")
        tty.at("AT+CNMI=2,1,0,2,0")
        self.sim.send("report 0")
        tty.line('+CDSI: "SM",0')
        self.assertEqual(tty.at('AT+CPMS="SR","SM","SM"')[0], "+CPMS: 1,30,1,20,1,20")
        self.sim.stop()
        tty = self.tty("cinterion")
        tty.at("AT+CNMI=2,1,0,0,1")
        self.sim.burst(21, "more than the card holds")
        self.assertEqual(len(tty.entries()), 21)  # MT is both
        self.sim.stop()
        tty = self.tty("huawei", "--me-size", "0")
        tty.write("AT^CURC=0\r")
        tty.line("OK")
        self.sim.sms(0, "A", "tight")
        tty.write("AT+CMGL=4\r")
        self.assertRegex(tty.line("OK"), rb"\+CMGL:0,0,,\d+\r\r\n")

    def test_full(self):
        tty = self.tty("telit", "--sim-size", "1", "--me-size", "1")
        tty.at("AT+CNMI=2,1,0,0,0")
        self.sim.burst(3, "full")
        tty.line("MEMORY FULL")
        self.assertEqual(self.sim.stats()["queued"], 1)

    def test_codes_for_the_card(self):
        for family, enable, out, back in (
            ("sim800", "+CSDT=1", ["+CPIN: NOT INSERTED"], "SMS Ready"),
            ("quectel-lte", "+QSIMSTAT=1", ["+QSIMSTAT: 1,0", "+CPIN: NOT READY"], "+QUSIM: 1"),
            ("cinterion", "^SCKS=1", ["^SCKS: 1", "^SCKS: 0"], "+CIEV: simstatus,5"),
            ("telit", "#QSS=2", ["#QSS: 0"], "#QSS: 3"),
            ("luat", "+CSDT=1", ["+CPIN: SIM REMOVED 0"], "+CPIN: READY 0"),
            ("wavecom", "+WIND=13", ["+WIND: 0"], "+WIND: 1"),
        ):
            with self.subTest(family):
                tty = self.tty(family)
                self.sim.send("sim 0 out")
                self.sim.send("sim 0 in")
                self.say(tty, "AT")
                self.assertEqual(self.say(tty, "AT" + enable), ["OK"])
                self.sim.send("sim 0 out")
                for line in out:
                    tty.line(line)
                self.sim.send("sim 0 in")
                tty.line(back)
                self.sim.stop()

    def test_a_card_that_wants_a_restart(self):
        tty = self.tty("huawei")
        self.say(tty, "AT^CURC=0")
        self.sim.send("sim 0 out")
        self.assertEqual(self.say(tty, "AT+CPIN?"), ["+CME ERROR: 10"])
        self.sim.send("sim 0 in")
        self.assertEqual(self.say(tty, "AT+CPIN?"), ["+CME ERROR: 13"])
        self.sim.send("reboot 0")
        tty.line("^SIMST:1")
        self.assertEqual(self.say(tty, "AT+CPIN?")[-2:], ["+CPIN: READY", "OK"])

    def test_pin(self):
        tty = self.tty("zte", "--pin", "1234")
        self.assertEqual(self.say(tty, "AT+CPIN?"), ["+CPIN: SIM PIN", "OK"])
        self.assertEqual(self.say(tty, "AT+CGSN"), ["+CME ERROR: 11"])
        self.assertEqual(self.say(tty, 'AT+CPIN="4321"'), ["+CME ERROR: 16"])
        self.assertEqual(self.say(tty, "AT+ZPINPUK=?"), ["+ZPINPUK: 2,10", "OK"])
        self.assertEqual(self.say(tty, 'AT+CPIN="1234"'), ["OK"])
        self.assertEqual(self.say(tty, "AT+CPIN?"), ["+CPIN: READY", "OK"])
        self.assertEqual(self.say(tty, "AT+ZPINPUK=?"), ["+ZPINPUK: 3,10", "OK"])
        for _ in range(3):
            self.sim.send("pin 0 9999")
        self.sim.send("reboot 0")
        for _ in range(3):
            self.say(tty, 'AT+CPIN="1234"')
        self.assertEqual(self.say(tty, "AT+CPIN?")[-2:], ["+CPIN: SIM PUK", "OK"])

    def test_restart_takes_its_time(self):
        """Deaf, then busy, then ready; what comes too early is lost, or is an error."""
        tty = self.tty("a76xx", "--boot", "2")
        self.sim.send("reboot 0")
        tty.write("AT\r")  # lost
        tty.line("*ATREADY: 1")
        self.assertIn("OK", self.say(tty, "ATE0"))  # a code may stand behind it
        self.assertIn("ERROR", self.say(tty, "AT+CMGF=0"))
        tty.line("SMS DONE")
        self.assertEqual(self.say(tty, "AT+CMGF=0")[-1:], ["OK"])
        self.say(tty, "AT+CRESET")
        harness.wait_for(lambda: not os.path.lexists(self.sim.path(0)), "the device gone")
        harness.wait_for(lambda: os.path.lexists(self.sim.path(0)), "the device back")

    def test_ussd(self):
        tty = self.tty("sim800")
        tty.write('AT+CUSD=1,"*100#",15\r')
        answer = b'\r\nOK\r\n\r\n+CUSD: 0,"Your number is +46700100000",15'
        self.assertEqual(tty.lines_until(lambda x: x.startswith(b"+CUSD")), answer)
        self.sim.fault(0, "ussd_form", 2)
        self.assertEqual(
            [x.split(",")[0] for x in tty.at('AT+CUSD=1,"*100#",15')],
            ["+CUSD: 2", "+CUSD: 0", "OK"],
        )
        self.sim.stop()
        tty = self.tty("huawei")
        tty.write('AT+CUSD=1,"AA180C3602",15\r')
        tty.line("^MODE:5,4")
        got = tty.lines_until(lambda x: x.startswith(b"+CUSD"))
        septets = bytes.fromhex(got.split(b'"')[1].decode())
        text = modem_tty.text_of(modem_tty.septets_of(septets, 27))
        self.assertEqual(text, "Your number is +46700100000")
        self.sim.stop()
        tty = self.tty("telit")
        tty.write('AT+CUSD=1,"*100#",15\r')
        got = tty.lines_until(lambda x: x.startswith(b"+CUSD"))
        self.assertTrue(got.endswith(b"0000FFFF60B1\",17"), got)


class Faults(Sim):
    def setUp(self):
        super().setUp()
        self.at = self.tty("sim800")
        self.at.setup()

    def test_listing_without_end(self):
        self.sim.sms(0, "A", "again and again")
        self.at.line('+CMTI: "SM",1')
        self.sim.fault(0, "endless")
        self.at.write("AT+CMGL=4\r")
        self.at.read_until(lambda d: d.count(b"+CMGL: 1,") >= 5)
        self.at.write("AT\r")
        self.assertNotIn(b"OK", self.at.read_until(lambda d: d.count(b"+CMGL: 1,") >= 5))
        self.sim.clear(0)
        self.at.write("AT\r")
        self.at.line("OK")

    def test_listing_that_hangs(self):
        self.sim.sms(0, "A", "half")
        self.at.line('+CMTI: "SM",1')
        self.sim.fault(0, "hang_list", 1)
        self.at.write("AT+CMGL=4\r")
        self.at.read_until(lambda d: b"+CMGL: 1,0" in d and d.count(b"\r\n") == 3)
        self.at.write("AT\r")
        harness.wait_for(lambda: self.sim.stats()["ignored_rx"] == 3, "AT, unheard")
        self.assertTrue(self.at.quiet())
        self.sim.send("reboot 0")
        self.at.line("SMS Ready")
        self.at.setup()
        self.assertEqual([d.text for _, _, d in self.at.entries()], ["half"])

    def test_deaf(self):
        self.sim.fault(0, "deaf")
        self.sim.sms(0, "A", "unheard")
        self.assertEqual(self.at.at("AT+CMGL=4"), ["OK"])
        self.assertEqual(self.at.at("AT+CMGR=1"), ["OK"])
        self.assertEqual(self.at.at("AT+CREG?")[0], "+CREG: 0,1")
        self.sim.fault(0, "heals", 1)
        self.at.at("AT+CFUN=0")
        self.assertEqual(self.at.at("AT+CMGL=4")[-1], "+CMS ERROR: 302")
        self.at.at("AT+CFUN=1")
        self.at.line("SMS Ready")
        self.assertEqual(len(self.at.entries()), 1)
        self.sim.fault(0, "deaf")
        self.sim.fault(0, "heals", 2)
        self.at.at("AT+CFUN=0")
        self.at.at("AT+CFUN=1")
        self.at.line("SMS Ready")
        self.assertEqual(self.at.entries(), [])
        self.sim.send("reboot 0")
        self.at.line("SMS Ready")
        self.at.setup()
        self.assertEqual(len(self.at.entries()), 1)

    def test_error_storm(self):
        self.sim.fault(0, "error_storm")
        self.at.write("AT\r")
        self.at.read_until(lambda d: d.count(b"ERROR\r\n") >= 5)
        self.assertEqual(self.sim.stats()["unknown"], 0)

    def test_reboots_again_and_again(self):
        self.sim.fault(0, "reboots", 30)
        for _ in range(3):
            self.at.line("SMS Ready")
        self.sim.clear(0)
        self.at.setup()

    def test_texts_busy_for_a_while(self):
        self.sim.fault(0, "busy", 200)
        self.assertEqual(self.at.at("AT+CMGF=0"), ["+CMS ERROR: 314"])
        harness.wait_for(lambda: self.at.at("AT+CMGF=0") == ["OK"], "the end of it")
        self.sim.send("reboot 0")
        self.at.line("SMS Ready")
        self.at.at("ATE0")
        self.assertEqual(self.at.at("AT+CMGF=0"), ["+CMS ERROR: 314"])

    def test_spoilt_lines(self):
        self.sim.fault(0, "glued", 1)
        self.at.write("AT+CSQ\r")
        self.assertIn(b"+CME ERROR: 25+CSQ: 14,0\r\n\r\nOK", self.at.line("OK"))
        self.sim.fault(0, "split", 1)
        self.assertEqual(
            self.at.at("AT+CSQ"), ["+CSQ:", "^BOOT:12345678,0,0,0,77", " 14,0", "OK"]
        )
        self.assertEqual(self.at.at("AT+CSQ"), ["+CSQ: 14,0", "OK"])

    def test_echo_and_codes(self):
        self.sim.fault(0, "sticky_echo")
        self.at.write("AT\r")
        self.assertTrue(self.at.read_until(lambda d: b"OK" in d).startswith(b"AT\r"))
        self.sim.clear(0)
        self.sim.fault(0, "no_codes")
        self.sim.sms(0, "A", "b")
        self.assertEqual(self.at.at("AT"), ["OK"])
        self.sim.clear(0)
        for form, code in ((1, '+CMTI: "SM",-1'), (2, "+CMTI: ,-1"), (3, "+CMTI: 0,4")):
            self.sim.fault(0, "cmti_form", form)
            self.sim.sms(0, "A", "b")
            self.at.line(code)
        self.sim.fault(0, "list_shape", 7)
        self.assertIn('+CMGL: 1,"REC UNREAD","",', self.at.at("AT+CMGL=4")[0])
        self.sim.send("say 0 \\sRING")
        self.at.line(" RING")


class Devices(ModemCase):
    def target(self, path):
        return os.path.realpath(path)

    def imei(self, path):
        tty = modem_tty.Tty(path)
        try:
            tty.at("ATE0")
            return tty.at("AT+CGSN")[-2]
        finally:
            tty.close()

    def test_places_stay_when_numbers_permute(self):
        places = os.path.join(self.workdir, "by-place")
        sim = self.start(6, "sim800", "--links", places)

        def place(i):
            return os.path.join(places, f"usb-0:1.{i + 1}:1.0")

        imeis = [self.imei(place(i)) for i in range(6)]
        self.assertEqual(imeis, [c["imei"] for c in sim.cards()])
        sim.send("permute 50")
        self.assertEqual(os.listdir(places), [])
        harness.wait_for(lambda: all(c["plugged"] for c in sim.cards()), "all back")
        cards = sim.cards()
        self.assertNotEqual([c["tty"] for c in cards], [f"m{i:03d}" for i in range(6)])
        for i, card in enumerate(cards):
            self.assertEqual(self.imei(place(i)), imeis[i])
            self.assertEqual(self.target(place(i)), self.target(os.path.join(sim.dir, card["tty"])))

    def test_two_interfaces_of_one_modem(self):
        sim = self.start(2, "sim800", "--interfaces", "2", "--codes-on", "1")
        first = self.open(sim, 1)
        second = modem_tty.Tty(sim.path(1) + "-if1")
        self.addCleanup(second.close)
        self.assertEqual(second.at("AT+CNMI?")[-2], "+CNMI: 2,1,0,0,0")
        sim.sms(1, "A", "b")
        second.line('+CMTI: "SM",1')
        self.assertEqual(first.at("AT"), ["OK"])
        sim.send("codes 1 0")
        sim.sms(1, "A", "c")
        first.line('+CMTI: "SM",2')
        sim.send("hangup 1")
        self.assertEqual(sorted(os.listdir(sim.dir)), ["m000", "m000-if1"])

    def test_one_imei_for_all(self):
        sim = self.start(16, "sim800", "--imei", "same")
        self.assertEqual(len({c["imei"] for c in sim.cards()}), 1)
        self.assertEqual(len({c["iccid"] for c in sim.cards()}), 16)

    def test_reenumerated(self):
        sim = self.start(1, "quectel-lte")
        tty = self.open(sim)
        sim.send("reenumerate 0 50")
        self.assertFalse(os.path.lexists(sim.path(0)))
        harness.wait_for(lambda: os.path.lexists(sim.path(0)), "the device back")
        tty = self.open(sim, setup=False)
        tty.line("+QIND: PB DONE")


if __name__ == "__main__":
    unittest.main()
