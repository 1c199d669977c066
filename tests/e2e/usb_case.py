"""usb_case.py - what the tests on umockdev's USB share: the bed with the daemon in it, and its end."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import harness

BED = os.path.join(harness.build_dir(), "usb_bed")
WRAPPER = shutil.which("umockdev-wrapper")


class Bed(harness.Child):
    """umockdev's testbed and the daemon in it."""

    name = "bed"

    def __init__(self, workdir, sections):
        super().__init__(workdir)
        self.daemon = harness.Daemon(workdir, sections)

    def begin(self):
        env = {**os.environ, "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"}
        self.spawn([WRAPPER, BED, harness.program("usb_realpath.so"), harness.program("simgated"),
                    "-c", self.daemon.config_path],
                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env)

    def say(self, *words):
        """What stands behind "ok"."""
        self.process.stdin.write((" ".join(map(str, words)) + "\n").encode())
        self.process.stdin.flush()
        answer, _, rest = self.read_line().partition(" ")
        if answer != "ok":
            raise harness.ControlError(f"{words}: {answer} {rest}")
        return rest

    def start(self):
        self.say("start")
        harness.wait_for(self.daemon.answers, "answer on the control socket", alive=[self])

    def daemon_pid(self):
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
            return int(file.read().split()[0])

    def wait(self, predicate, what):
        try:
            return harness.wait_for(predicate, what, alive=[self])
        except TimeoutError as error:
            raise TimeoutError(f"{error}: {self.ports()}\n{self.log_text()[-6000:]}") from error

    def ports(self):
        """Of each slot: its state."""
        ports = json.loads(self.daemon.get("/api/v1/ports"))["ports"]
        return {p["port"].split("/")[1]: p["state"] for p in ports}

    def cards(self):
        """Of each slot that is ready: its card's last digits."""
        ports = [s for s, state in self.ports().items() if state == "ready"]
        shown = {s: json.loads(self.daemon.get(f"/api/v1/ports/usb/{s}?full=1")) for s in ports}
        return {s: port["iccid"][-2:] for s, port in shown.items()}

    def wait_cards(self, **wanted):
        self.wait(lambda: self.cards() == wanted, f"{wanted}")

    def stop(self, timeout=10):
        if self.process:
            self.process.stdin.close()
        return super().stop(timeout)

    def end(self):
        """The daemon's exit status."""
        self.process.stdin.close()
        harness.wait_for(lambda: not self.alive(), "the end of it")
        return super().stop()


@unittest.skipUnless(WRAPPER and os.access(BED, os.X_OK),
                     "umockdev is not installed: nothing plays USB here")
class UsbCase(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory(prefix="simgate-usb-", dir="/tmp")
        self.addCleanup(self.dir.cleanup)
        self.bed = Bed(self.dir.name, self.sections())
        self.addCleanup(self.bed.stop)
        self.bed.begin()

    def finish(self):
        status = self.bed.end()
        if status == 101:
            print("SIGTERM was lost within umockdev", file=sys.stderr)
        else:
            self.assertEqual(status, 0, self.bed.log_text()[-4000:])
        self.assertNotIn("Sanitizer", self.bed.log_text())
