"""test_udev.py - who names USB devices names the same ones: the udev rules, the ids and drivers that
tell bridges from modules, the boards, the doctor, and the unit."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PORTS = {"ONE": "BOARD_ONE", "INTERFACES": "BOARD_INTERFACES", "PORTS": "BOARD_NUMBERS"}
CLASS_DRIVERS = {"cdc_acm"}  # of modules as of bridges: it tells nothing


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def body(name):
    return re.search(rf"\b{name}\[\] = \{{(.*?)\}};", read("src/host/usb_ids.c"), re.S)[1]


def in_rules(kind):
    """Vendors of the line below the comment that begins so."""
    found = re.search(rf'^# {kind}(?:.*\n#)*.*\nATTR\{{idVendor\}}=="(.*?)", ATTR\{{power/control',
                      read("udev/78-simgate.rules"), re.M)
    return sorted(found[1].split("|"))


def bridges():
    """{(vendor, product): what tells its ports apart, in a board's words}"""
    rows = re.findall(r"\{ 0x(\w+), 0x(\w+), (\w+) \}", body("bridges"))
    return {(vid, pid): PORTS[ports] for vid, pid, ports in rows}


def boards():
    """[(name, its ids and its drivers as its head has them, its ports)] of those for USB bridges"""
    found = []
    for path in sorted((ROOT / "boards").glob("*.c")):
        text = path.read_text(encoding="utf-8")
        ports = re.search(r"\.ports = (\w+)", text)
        if ports:
            head = text.split("*/")[0].replace("\n *", "")
            named = re.search(r"Linux drivers? ([\w, ]+)\)", head)
            found.append((path.stem, re.findall(r"\b([0-9a-f]{4}):([0-9a-f]{4})\b", head),
                          named[1].split(", ") if named else [], ports[1]))
    return found


class Devices(unittest.TestCase):
    def test_bridges(self):
        wanted = sorted({vid for vid, _ in bridges()})
        self.assertGreater(len(wanted), 5)
        self.assertEqual(in_rules("USB-serial bridges"), wanted)
        doctor = re.search(r"bridges\[\] = \{(.*?)\}", read("src/cli/doctor_ports.c"))[1]
        self.assertEqual(sorted(re.findall(r"0x(\w+)", doctor)), wanted)

    def test_modules(self):
        rows = re.findall(r"\{ 0x(\w+), (?:0x\w+|ANY_PID), \{", body("modules"))
        self.assertGreater(len(rows), 40)
        self.assertEqual(in_rules("Modems"), sorted(set(rows)))

    def test_boards(self):
        known = bridges()
        drivers = set(re.findall(r'"(\w+)"', body("bridge_drivers")))
        vendors = set()
        for name, ids, named, ports in boards():
            with self.subTest(board=name):
                if name == "pool16":  # made of another board's bridges
                    continue
                self.assertTrue(ids, "its head names no VENDOR:PRODUCT")
                for one in ids:
                    self.assertEqual(known.get(one), ports, one)
                self.assertEqual(set(named) - CLASS_DRIVERS - drivers, set())
                vendors |= {vid for vid, _ in ids}
        self.assertEqual(vendors, {vid for vid, _ in known})

    def test_parents(self):
        """A parent's "!=" holds wherever one of them is something else: always."""
        self.assertNotRegex(read("udev/78-simgate.rules"),
                            r"\b(SUBSYSTEMS|KERNELS|DRIVERS|ATTRS\{\w+\})!=")

    def test_ttys(self):
        names = re.search(r'KERNEL=="(\S+)"', read("udev/78-simgate.rules"))[1].split("|")
        self.assertTrue(all(name.endswith("[0-9]*") for name in names), names)
        unit = re.findall(r"^#?DeviceAllow=char-(tty\w+) rw$",
                          read("src/dist/simgated.service"), re.M)
        self.assertEqual(sorted(name.removesuffix("[0-9]*") for name in names), sorted(unit))


if __name__ == "__main__":
    unittest.main()
