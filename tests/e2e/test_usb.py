"""test_usb.py - banks by place on a host's USB, as umockdev plays it: plug, pull, other numbers,
a reset."""

import unittest

import harness
from usb_case import UsbCase


class Usb(UsbCase):
    def sections(self):
        return {"bank usb": {"path": "pci-0000:00:14.0-usb-0:1", "slot.p01": "1", "slot.p02": "2",
                             "slot.p09": "9"}}

    def test_plug_pull_and_other_numbers(self):
        bed = self.bed
        bed.say("plug", "1", 0, 2, 11)
        bed.say("plug", "2", 4, 3, 12)  # not where the table has it
        bed.start()
        bed.wait_cards(p01="11", p02="12")
        self.assertEqual(bed.ports()["p09"], "off")
        # one more while it runs, in a place without a label
        bed.say("plug", "3", 8, 2, 13)
        bed.wait_cards(p01="11", p02="12", **{"3": "13"})
        # a pull is seen at once, and as what it is
        bed.say("pull", "1")
        bed.wait_cards(p02="12", **{"3": "13"})
        # in another order, under other numbers (umockdev cannot give one away a second time)
        bed.say("pull", "2")
        bed.wait_cards(**{"3": "13"})
        bed.say("plug", "2", 12, 3, 12)
        bed.say("plug", "1", 16, 2, 11)
        bed.wait_cards(p01="11", p02="12", **{"3": "13"})
        device = bed.daemon.ctl("port", "usb/p01")["device"]
        self.assertEqual(device, "/dev/ttyUSB18")
        self.finish()

    def test_a_hang_that_a_usb_reset_cures(self):
        bed = self.bed
        bed.say("plug", "1", 0, 2, 11)
        bed.say("plug", "2", 4, 2, 12)
        bed.start()
        bed.wait_cards(p01="11", p02="12")
        bed.say("hang", "1", 8)
        bed.daemon.ctl("reset", "usb/p01")
        harness.wait_for(lambda: bed.ports()["p01"] == "fault", "a fault", alive=[bed])
        bed.daemon.ctl("reset", "usb/p01", "--step", "usb")
        bed.wait_cards(p01="11", p02="12")
        port = bed.daemon.ctl("port", "usb/p01")
        self.assertEqual(port["device"], "/dev/ttyUSB10")
        self.assertIn("USB reset done", bed.log_text())
        # what the place lacks is said, once it was seen, and refused from then on
        bed.daemon.ctl("reset", "usb/p02", "--step", "power")
        harness.wait_for(lambda: "power cycle failed" in bed.log_text(), "the failure",
                         alive=[bed])
        with self.assertRaises(harness.ControlError) as caught:
            bed.daemon.ctl("reset", "usb/p02", "--step", "power")
        self.assertIn("this place offers no power reset: port 2 of hub 1-1 has no `disable`",
                      str(caught.exception))
        bed.wait_cards(p01="11", p02="12")
        self.finish()

    def test_gone_without_an_event(self):
        bed = self.bed
        bed.start()
        bed.say("plug", "1", 0, 2, 11)
        bed.wait_cards(p01="11")
        bed.say("vanish", "1")
        bed.wait_cards()
        port = harness.wait_for(
            lambda: (p := bed.daemon.ctl("port", "usb/p01"))["why"] == "nothing plugged in" and p,
            "an empty slot", alive=[bed])
        self.assertEqual((port["state"], port["device"]), ("off", ""))
        bed.say("plug", "1", 12, 2, 14)
        bed.wait_cards(p01="14")
        self.finish()


if __name__ == "__main__":
    harness.build_dir()
    unittest.main()
