"""test_udevd.py - a real systemd-udevd: it reads our rules without a complaint and does what they
say, names a broken one by file and line, and tells the daemon of plugs and pulls."""

import glob
import grp
import os
import pathlib
import re
import stat
import unittest

import harness
import udev_bed
from udev_bed import OURS, PCI

PLACES = "91-simgate-place.rules"  # where README has them
BANKS = {
    "bank north": {"path": f"{PCI}-usb-0:1", "slot.p01": "1:1.2", "slot.p02": "2",
                   "slot.p03": "3:1.0-port1", "slot.p05": "5"},
    "bank lone": {"path": f"{PCI}-usb-0:3", "slot.a": ":1.2"},
    "bank card": {"path": "pci-0000:02:00.0", "slot.a": "4:1.2"},
    "bank bus": {"path": "pci-0000:03:00.0-usb-0", "slot.a": "1.4:1.0"},
}
BRLTTY = """
SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device", TAG+="systemd", ENV{BRLTTY_BRAILLE_DRIVER}="bm", \
  ENV{SYSTEMD_WANTS}+="brltty-device@.service"
"""  # what the rules of some distributions come to, for the bridges with a display's ids
IGNORED = {"ID_MM_DEVICE_IGNORE": "1", "ID_MM_PORT_IGNORE": "1"}
UNMANAGED = {"NM_UNMANAGED": "1"}


def place_rules(workdir):
    """What simgatectl prints for these banks."""
    daemon = harness.Daemon(workdir, BANKS)
    return udev_bed.run(harness.program("simgatectl"), "-c", daemon.config_path, "rules")


def rule_lines(text):
    """The number of the last line of each rule."""
    return [n for n, line in enumerate(text.splitlines(), 1)
            if line.strip() and not line.startswith("#") and not line.endswith("\\")]


class Case(udev_bed.Case):
    def setUp(self):
        super().setUp()
        (udev_bed.RULES / "90-brltty-device.rules").write_text(BRLTTY)
        (udev_bed.RULES / PLACES).write_text(place_rules(self.workdir))

    def complaints(self):
        """[(file, line)] of what udevd said about rules of ours."""
        found = re.findall(rf"{udev_bed.RULES}/([^:\s]+):(\d+)[ :]", self.udevd.log_text())
        return sorted({(name, int(line)) for name, line in found})


class Reading(Case):
    def test_nothing_to_complain_of(self):
        self.udevd.start()
        self.assertEqual(self.complaints(), [])
        self.assertNotIn("simgate", self.udevd.log_text())

    def test_broken_rules_are_named(self):
        """Any one of them: each in turn, as if its last quote were forgotten."""
        self.udevd.start()
        wanted = []
        for name in (OURS.name, PLACES):
            path = udev_bed.RULES / name
            lines = path.read_text().splitlines()
            numbers = rule_lines(path.read_text())
            self.assertGreater(len(numbers), 5)
            for n in numbers:
                self.assertTrue(lines[n - 1].endswith('"'), lines[n - 1])
                lines[n - 1] = lines[n - 1][:-1]
            path.write_text("\n".join(lines) + "\n")
            wanted += [(name, n) for n in numbers]
        udev_bed.control("control", "--reload")
        udev_bed.tell("add", udev_bed.CONTROLLERS["1"])
        self.assertEqual(self.complaints(), wanted)

    def test_mistakes_are_named(self):
        mistakes = ['GRUOP="dialout"', 'KERNEL=="tty*", GOTO="nowhere"', 'GROUP="no-such-group"',
                    'ATTR{power/control}+="on"', 'SUBSYSTEM=="tty" MODE=="0660"']
        text = OURS.read_text()
        first = len(text.splitlines()) + 1
        (udev_bed.RULES / OURS.name).write_text(text + "\n".join(mistakes) + "\n")
        self.udevd.start()
        self.assertEqual(self.complaints(),
                         [(OURS.name, first + n) for n in range(len(mistakes))])


class Applying(Case):
    def setUp(self):
        super().setUp()
        tree = self.tree
        self.paths = {}
        # in the bank: a module, one more, a bridge with its ports on one interface, one that may be
        # faster, a module without usb-serial
        self.plug("1-1.1", "2c7c", "0125", [(n, "option", f"ttyUSB{n}", 0) for n in range(4)])
        self.plug("1-1.2", "1e0e", "9001", [(n, "option", f"ttyUSB{2 + n}", 0) for n in (2, 3)])
        self.plug("1-1.3", "9710", "7840", [(0, "mos7840", f"ttyUSB{6 + n}", n) for n in range(4)])
        self.plug("1-1.4", "0403", "6011", [(0, "ftdi_sio", "ttyUSB10", 0)])
        self.plug("1-1.5", "1e2d", "0061", [(0, "cdc_acm", "ttyACM0", 0)])
        self.plug("1-1.6", "abcd", "0001", [])
        self.paths |= self.other_ports("1-1.1", 0)
        # other banks
        self.plug("1-3", "2c7c", "0125", [(2, "option", "ttyUSB20", 0)])
        self.plug("2-4", "2c7c", "0125", [(2, "option", "ttyUSB21", 0)])
        self.plug("3-1.4", "10c4", "ea60", [(0, "cp210x", "ttyUSB22", 0)])
        # the host's own, beside the banks
        self.plug("1-2", "2c7c", "0125", [(2, "option", "ttyUSB30", 0)])
        self.paths |= self.other_ports("1-2", 1)
        self.plug("1-11", "10c4", "ea60", [(0, "cp210x", "ttyUSB31", 0)])
        self.plug("1-4", "046d", "c077", [])
        platform = tree.device("/devices/platform/serial8250", "bus/platform")
        self.paths["ttyS9"] = tree.tty(platform, "ttyS9")

    def plug(self, name, vid, pid, ttys):
        self.paths[name] = self.tree.usb(name, vid, pid)
        for interface, driver, tty, port in ttys:
            if tty.startswith("ttyACM"):
                parent = self.tree.interface(name, interface, driver)
            else:
                parent = self.tree.serial(name, interface, driver, tty, port,
                                          {"latency_timer": 9})
                self.paths[f"{tty}-port"] = parent
            self.paths[tty] = self.tree.tty(parent, tty)

    def other_ports(self, name, n):
        """A module's QMI port and its network device."""
        parent = self.tree.interface(name, 4, "qmi_wwan")
        wdm = self.tree.device(f"{parent}/usbmisc/cdc-wdm{n}", "class/usbmisc",
                               DEVNAME=f"cdc-wdm{n}")
        net = self.tree.device(f"{parent}/net/wwan{n}", "class/net", {"type": 65534},
                               INTERFACE=f"wwan{n}", IFINDEX=900 + n)
        return {f"cdc-wdm{n}": wdm, f"wwan{n}": net}

    def marks(self, name):
        """Which other programs are told to leave it alone."""
        properties = udev_bed.info(self.paths[name])
        self.assertTrue(properties.get("ID_PATH"), name)
        return {k: properties[k] for k in IGNORED | UNMANAGED if k in properties}

    def wants_brltty(self, name):
        properties = udev_bed.info(self.paths[name])
        return {k for k, v in properties.items() if "BRLTTY" in k or "brltty" in v}

    def attribute(self, name, attribute):
        return pathlib.Path(f"/sys{self.paths[name]}/{attribute}").read_text().strip()

    def owner(self, path):
        """(group, mode)"""
        status = os.stat(path)
        return grp.getgrgid(status.st_gid).gr_name, oct(stat.S_IMODE(status.st_mode))

    def test_plugged_in(self):
        self.udevd.start()
        udev_bed.tell("add", *self.tree.paths())
        self.what_the_rules_do()

    def test_installed_later(self):
        """What is plugged in already hears of it by `udevadm trigger`, as a change."""
        rules = {path: path.read_text() for path in udev_bed.RULES.iterdir()}
        for path in rules:
            path.unlink()
        self.udevd.start()
        udev_bed.tell("add", *self.tree.paths())
        self.assertEqual(self.marks("ttyUSB2"), {})
        for path, text in rules.items():
            path.write_text(text)
        udev_bed.control("control", "--reload")
        udev_bed.tell("change", *self.tree.paths())
        self.what_the_rules_do()

    def what_the_rules_do(self):
        self.assertEqual(self.complaints(), [])
        self.others_leave_the_banks_alone()
        self.links()
        self.rights()
        self.attributes()

    def others_leave_the_banks_alone(self):
        inside = ["1-1", *(f"1-1.{n}" for n in range(1, 7)), "cdc-wdm0", "ttyACM0", "1-3", "2-4",
                  "3-1.4", *(f"ttyUSB{n}" for n in (*range(11), 20, 21, 22))]
        self.paths["1-1"] = udev_bed.usb_path("1-1")
        for name in inside:
            self.assertEqual(self.marks(name), IGNORED, name)
        self.assertEqual(self.marks("wwan0"), IGNORED | UNMANAGED)
        for name in ("1-2", "1-11", "1-4", "cdc-wdm1", "wwan1", "ttyUSB30", "ttyUSB31", "ttyS9"):
            self.assertEqual(self.marks(name), {}, name)
        for name in ("1-1.4", "1-3", "2-4", "3-1.4"):
            self.assertEqual(self.wants_brltty(name), set(), name)
        for name in ("1-2", "1-11"):
            self.assertEqual(self.wants_brltty(name),
                             {"BRLTTY_BRAILLE_DRIVER", "SYSTEMD_WANTS"}, name)

    def links(self):
        found = {link.removeprefix("/dev/simgate/"): os.path.basename(os.path.realpath(link))
                 for link in glob.glob("/dev/simgate/*/*")}
        self.assertEqual(found, {
            "north/p01": "ttyUSB2", "north/p02-if02": "ttyUSB4", "north/p02-if03": "ttyUSB5",
            "north/p03": "ttyUSB7", "north/p05-if00": "ttyACM0", "lone/a": "ttyUSB20",
            "card/a": "ttyUSB21", "bus/a": "ttyUSB22"})
        self.assertEqual(udev_bed.info(self.paths["ttyUSB2"])["DEVLINKS"].split().count(
            "/dev/simgate/north/p01"), 1)
        # they go with the device
        udev_bed.tell("remove", self.paths["ttyUSB2"], self.paths["ttyUSB30"])
        self.assertFalse(os.path.lexists("/dev/simgate/north/p01"))
        self.assertTrue(os.path.lexists("/dev/simgate/lone/a"))

    def rights(self):
        for tty in (*(f"ttyUSB{n}" for n in (0, 4, 7, 10, 20, 21, 22, 31)), "ttyACM0"):
            self.assertEqual(self.owner(f"/dev/{tty}"), ("dialout", "0o660"), tty)
        for name in ("1-1.1", "1-1.6", "1-3", "2-4", "3-1.4"):
            node = udev_bed.info(self.paths[name])["DEVNAME"]
            for path in (node, *(f"/sys{self.paths[name]}/{switch}"
                                 for switch in ("authorized", "port/disable"))):
                self.assertEqual(self.owner(path), ("dialout", "0o664"), path)
        for name in ("1-1", "1-2", "1-11"):  # a hub, and what is beside
            node = udev_bed.info(self.paths[name])["DEVNAME"]
            self.assertEqual(self.owner(node)[0], "root", name)
            self.assertEqual(self.owner(f"/sys{self.paths[name]}/authorized")[0], "root", name)

    def attributes(self):
        """Their first letters: a file is longer than what is written, where one of sysfs is not."""
        power = {name: self.attribute(name, "power/control")[:2]
                 for name in self.paths if re.fullmatch(r"\d-[\d.]+", name)}
        self.assertEqual(power, {name: "au" if name == "1-4" else "on" for name in power})
        latency = {tty: self.attribute(f"{tty}-port", "latency_timer")
                   for tty in ("ttyUSB10", "ttyUSB0", "ttyUSB31")}
        self.assertEqual(latency, {"ttyUSB10": "1", "ttyUSB0": "9", "ttyUSB31": "9"})


class Events(udev_bed.DaemonCase):
    """Nothing here hangs up: what the daemon notices it has from udevd, or from its own look at
    sysfs each minute; and of what that finds it says that it was missed."""

    def setUp(self):
        super().setUp()
        self.make(2, {"bank north": {"path": f"{PCI}-usb-0:1", "slot.p01": "1", "slot.p02": "2"}})

    def begin(self):
        self.daemon.start()
        self.wait(lambda: "what is plugged in is known" in self.daemon.log_text(), "first look")

    def ports(self):
        return {p["port"].split("/")[1]: (p["state"], p["device"].removeprefix("/dev/"))
                for p in (self.daemon.ctl("port", f"north/{slot}") for slot in ("p01", "p02"))}

    def wait_ports(self, **wanted):
        self.wait(lambda: self.ports() == wanted, f"{wanted}")

    def assert_told(self):
        log = self.daemon.log_text()
        self.assertNotIn("no events of plugs and pulls", log)
        self.assertNotIn("looked at anew", log)

    def test_add_remove_and_other_numbers(self):
        self.udevd.start()
        self.begin()
        off = ("off", "")
        self.wait_ports(p01=off, p02=off)
        first, second = self.plug("1-1.1", 0, "ttyUSB0"), self.plug("1-1.2", 1, "ttyUSB1")
        udev_bed.tell("add", *first, *second)
        self.wait_ports(p01=("ready", "ttyUSB0"), p02=("ready", "ttyUSB1"))
        # a change is no plug
        udev_bed.tell("change", *first)
        # renamed, and nobody says that the old name is gone
        self.tree.drop(first[0])
        first = self.plug("1-1.1", 0, "ttyUSB7")
        udev_bed.tell("add", *first)
        self.wait_ports(p01=("ready", "ttyUSB7"), p02=("ready", "ttyUSB1"))
        # gone by the event alone: sysfs has it still, its tty works
        udev_bed.tell("remove", *reversed(second))
        self.wait_ports(p01=("ready", "ttyUSB7"), p02=off)
        udev_bed.tell("remove", *reversed(first))
        self.wait_ports(p01=off, p02=off)
        self.tree.drop(first[0])
        self.tree.drop(second[0])
        # back in the other order: their numbers are swapped, the slots are not
        second = self.plug("1-1.2", 1, "ttyUSB0")
        first = self.plug("1-1.1", 0, "ttyUSB1")
        udev_bed.tell("add", *second, *first)
        self.wait_ports(p01=("ready", "ttyUSB1"), p02=("ready", "ttyUSB0"))
        self.assert_told()

    def test_udevs_word_for_a_place(self):
        """A rule of the operator's gives a place to what has none."""
        (udev_bed.RULES / "70-place.rules").write_text(
            f'KERNEL=="ttyUSB4", ENV{{ID_PATH}}="{PCI}-usb-0:1.1:1.0"\n')
        plugged = self.plug("1-9", 0, "ttyUSB4")
        self.udevd.start()
        self.begin()  # and sees it in sysfs, where it belongs to no bank
        self.wait_ports(p01=("off", ""), p02=("off", ""))
        udev_bed.tell("add", *plugged)
        self.wait_ports(p01=("ready", "ttyUSB4"), p02=("off", ""))
        self.daemon.restart()  # udevd says nothing now, but it remembers
        self.wait_ports(p01=("ready", "ttyUSB4"), p02=("off", ""))
        self.assert_told()

    def test_udevd_comes_later(self):
        plugged = self.plug("1-1.1", 0, "ttyUSB0")
        os.chown("/dev/ttyUSB0", -1, grp.getgrnam("dialout").gr_gid)
        os.chmod("/dev/ttyUSB0", 0o660)
        self.begin()
        self.assertIn("no events of plugs and pulls", self.daemon.log_text())
        self.wait_ports(p01=("ready", "ttyUSB0"), p02=("off", ""))
        self.udevd.start()
        self.wait(lambda: "its events are used" in self.daemon.log_text(), "word of udevd")
        udev_bed.tell("remove", *reversed(plugged))
        self.wait_ports(p01=("off", ""), p02=("off", ""))


if __name__ == "__main__":
    harness.build_dir()
    udev_bed.enter()
    unittest.main()
