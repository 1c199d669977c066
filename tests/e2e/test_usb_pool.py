"""test_usb_pool.py - a whole pool on umockdev's USB: 48 ttys of 12 modules come at once, go at once,
and come back under other names; a module goes in the middle of a listing."""

import collections
import os
import random
import re
import unittest

import harness
from gateway_case import GATEWAY, PLATFORM
from usb_case import UsbCase

STARTS = 2  # ports of a hub at a time
OPENS = 4  # in one turn of the daemon's loop
# Three hubs with four modules each. Which interface takes commands: as the table has it, but for two.
PLACES = [f"{hub}.{port}" for hub in (1, 2, 3) for port in (1, 2, 3, 4)]
AT = {place: 3 if place in ("1.3", "3.2") else 2 for place in PLACES}
SENDER = "+46735550001"


def number(card):
    return f"+467002000{card:02d}"


def pdu(text):
    """An SMS-DELIVER of SENDER's in UCS2."""
    digits = SENDER[1:] + "F"
    sender = "".join(digits[i + 1] + digits[i] for i in range(0, len(digits), 2))
    data = text.encode("utf-16-be")
    return f"0004{len(SENDER) - 1:02X}91{sender}000862111221000000{len(data):02X}{data.hex().upper()}"


class Pool(UsbCase):
    def sections(self):
        self.platform = harness.Platform(self.dir.name)
        self.addCleanup(self.platform.stop)
        numbers = os.path.join(self.dir.name, "numbers.csv")
        with open(numbers, "w", encoding="utf-8") as out:
            out.write("iccid,number\n")
            out.writelines(f"894600000000000000{i:02d},{number(i)}\n" for i in range(12))
        return {
            "gateway": {**GATEWAY, "numbers": numbers, "hub_starts": STARTS},
            "bank usb": {"path": "pci-0000:00:14.0-usb-0:1"},
            "platform onlinesim": {"kind": "onlinesim-push", "url": self.platform.url,
                                   "key": harness.KEY, **PLATFORM},
        }

    def fds(self):
        """How many ttys the daemon has open, and how many other files."""
        pid = self.bed.daemon_pid()
        ttys = len(harness.open_ttys(pid))
        return ttys, len(harness.open_files(pid)) - ttys

    def wait_fds(self, ttys, files):
        """One more than those files: the connection to the platform."""
        self.bed.wait(lambda: (now := self.fds())[0] == ttys and now[1] <= files + 1,
                      f"{ttys} ttys open, and {files} files")

    def plug_all(self, places, numbers):
        """Each of a module's four ttys takes the next number."""
        for place in places:
            mine = ",".join(str(next(numbers)) for _ in range(4))
            self.bed.say("plug", place, mine, AT[place], PLACES.index(place))

    def wait_all(self):
        """Every place is one port that receives, with its own card, and is on the list."""
        self.bed.wait_cards(**{place: f"{i:02d}" for i, place in enumerate(PLACES)})
        self.bed.wait(lambda: self.platform.numbers() == {number(i) for i in range(12)}, "the list")

    def check_starts(self, log):
        """Few at a time of one hub, few in one turn: those that the log gives the same instant."""
        turns, starting, most = collections.Counter(), collections.defaultdict(set), 0
        for line in log.splitlines():
            started = re.match(r"(\S+) I port usb/(\d)\.\d: (plugged in|another interface)", line)
            if started:
                turns[started[1]] += 1
                starting[started[2]].add(line.split()[3])
                most = max(most, len(starting[started[2]]))
            if ready := re.match(r"\S+ I modem (usb/(\d)\.\d:) .* to=ready ", line):
                starting[ready[2]].discard(ready[1])
        self.assertLessEqual(most, STARTS)
        self.assertGreaterEqual(turns.total(), 12)
        self.assertLessEqual(max(turns.values()), OPENS)
        return most

    def test_all_at_once(self):
        bed = self.bed
        bed.start()
        bed.wait(lambda: "what is plugged in is known" in bed.log_text(), "the first look")
        _, files = self.fds()
        self.plug_all(PLACES, iter(range(48)))
        self.wait_all()
        self.assertEqual(len(bed.ports()), 12)
        # one is silent for long, another starts meanwhile
        self.assertEqual(self.check_starts(bed.log_text()), STARTS)
        self.wait_fds(12, files)
        for place in PLACES:
            bed.say("pull", place)
        bed.wait(lambda: set(bed.ports().values()) == {"off"}, "no port")
        bed.wait(lambda: self.platform.list() == [], "an empty list")
        self.wait_fds(0, files)
        # in another order, each module's ttys anywhere among the others' (umockdev cannot give a
        # number away a second time)
        said = len(bed.log_text())
        shuffled = list(range(48, 96))
        random.Random(5).shuffle(shuffled)
        self.plug_all(PLACES[::-1], iter(shuffled))
        self.wait_all()
        self.assertEqual(len(bed.ports()), 12)
        self.wait_fds(12, files)
        self.check_starts(bed.log_text()[said:])
        self.finish()

    def test_a_pull_in_the_middle_of_a_listing(self):
        bed = self.bed
        texts = [f"code {i}" for i in range(1, 8)]
        bed.say("plug", "1", 0, 2, 7)
        bed.start()
        bed.wait_cards(**{"1": "07"})
        _, files = self.fds()
        bed.say("cut", 7, 3)
        for text in texts:
            bed.say("text", 7, pdu(text))
        # three are stored, the fourth is on its way, the others wait
        bed.wait(lambda: self.platform.message_count() == 3, "three texts")
        self.assertEqual(bed.say("left", 7), "7")
        bed.say("pull", "1")
        bed.wait(lambda: bed.ports()["1"] == "off", "a closed port")
        self.wait_fds(0, files)
        self.assertEqual(bed.daemon.ctl("port", "usb/1")["device"], "")
        bed.say("plug", "1", "11,8,9,10", 2, 7)
        bed.wait(lambda: bed.say("left", 7) == "0", "an empty memory")
        self.assertEqual(bed.daemon.ctl("port", "usb/1")["device"], "/dev/ttyUSB9")
        bed.wait(lambda: self.platform.message_count() == len(texts), "all texts")
        self.assertEqual(sorted((m["number"], m["from"], m["text"])
                                for m in self.platform.messages()),
                         [(number(7), SENDER, text) for text in texts])
        self.assertEqual(self.platform.doubles(), 0)
        self.assertEqual(len(bed.daemon.ctl("messages")["messages"]), len(texts))
        self.finish()
        self.assertEqual(self.platform.message_count(), len(texts))
        self.assertEqual(self.platform.violations(), (0, []))


if __name__ == "__main__":
    harness.build_dir()
    unittest.main()
