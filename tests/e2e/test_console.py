"""test_console.py - what helps at the console: the shell's completion, and doctor beside a daemon."""

import json
import os
import signal
import subprocess

import harness
from gateway_case import GatewayCase, running

SCRIPT = os.path.join(os.path.dirname(__file__), "..", "..", "src", "dist", "simgatectl.bash")
COMMON = ["--config", "--full", "--help", "--json", "--socket", "--version"]


def complete(*words):
    """What bash would offer for the last of the words."""
    script = f'. {SCRIPT}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _simgatectl "$1"; ' \
             'printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(
        ["bash", "-c", script, "bash", harness.program("simgatectl"), *words],
        capture_output=True, text=True, timeout=harness.DEADLINE_S,
    )
    assert not done.stderr, done.stderr
    return sorted(done.stdout.split())


class Completion(GatewayCase):
    def test_words_options_ports_and_banks(self):
        rig = self.rig(3)
        at = ("-s", rig.daemon.control_path)
        ports = [f"sim/m{i:03d}" for i in range(3)]
        table = subprocess.run([harness.program("simgatectl"), "--commands"],
                               capture_output=True, text=True, check=True).stdout
        commands = sorted(line.split()[0] for line in table.splitlines()[1:])
        self.assertIn("status", commands)
        self.assertGreater(len(commands), 15)
        for words, wanted in (
            (("",), commands),
            (("--j",), ["--json"]),
            ((*at, "res"), ["reset", "resume"]),
            ((*at, "ports", ""), ["sim"]),
            ((*at, "port", ""), ports),
            ((*at, "port", "sim/m002"), ["sim/m002"]),
            ((*at, "port", "sim/m002", ""), []),
            ((*at, "drain", "sim/"), ports),
            ((*at, "drain", "--"), sorted([*COMMON, "--all", "--no-wait", "--timeout"])),
            ((*at, "reset", "--step", ""), ["at", "modem", "power", "radio", "usb"]),
            ((*at, "reset", "--step", "=", "r"), ["radio"]),
            ((*at, "reset", "--step", "radio", ""), ports),
            ((*at, "messages", "--port", ""), ports),
            ((*at, "messages", ""), ["erase", "export"]),
            ((*at, "pin", ""), ["forget"]),
            ((*at, "pin", "forget", ""), ports),
            ((*at, "numbers", "f"), ["forget"]),
            (("filter", "test", SCRIPT[:-1]), [SCRIPT]),
            (("-s", "/nowhere", "port", ""), []),
            (("nonsense", ""), []),
        ):
            with self.subTest(words=words):
                self.assertEqual(complete(*words), wanted)


class Doctor(GatewayCase):
    def doctor(self, rig, *options):
        done = subprocess.run(
            [harness.program("simgatectl"), "-c", rig.daemon.config_path, *options, "doctor"],
            capture_output=True, text=True, timeout=harness.DEADLINE_S,
        )
        self.assertEqual(done.stderr, "")
        return done.returncode, done.stdout

    def test_it_finds_who_holds_a_port_and_what_the_configuration_has(self):
        rig = self.rig(2)
        self.configure(rig, "platform onlinesim", filter="off")
        device = os.path.realpath(rig.sim.path(1))
        with open(device, "rb", buffering=0):
            status, out = self.doctor(rig, "--json")
        answer = json.loads(out)
        self.assertEqual(status, 1)
        self.assertIn("kernel-log", answer["checks"])
        found = {(f["check"], f["where"], f["what"]): f for f in answer["findings"]}
        # the process behind the pty holds it, too
        (holder,) = [f for f in found.values() if f"(process {os.getpid()}) has it" in f["what"]]
        self.assertEqual((holder["check"], holder["result"], holder["where"]),
                         ("holders", "fault", f"sim/m001 ({device})"))
        self.assertIn("stop that process", holder["do"])
        self.assertIn(("filter", "onlinesim", "its filter is switched off"), found)
        for check in ("slots", "rights", "groups", "files", "udev", "modem-manager"):
            self.assertNotIn(check, [f["check"] for f in answer["findings"]], found)
        status, out = self.doctor(rig)
        self.assertIn("well    slots", out)
        self.assertIn("fault   filter: onlinesim: ", out)
        self.assertNotIn(harness.KEY, out)
        self.assertNotIn("does not run", out)
        rig.daemon.signal(signal.SIGSTOP)
        status, out = self.doctor(rig)
        rig.daemon.signal(signal.SIGCONT)
        self.assertIn("fault   daemon: somebody listens at its control socket", out)
        rig.daemon.stop()
        status, out = self.doctor(rig)
        self.assertEqual(status, 1)
        self.assertIn("simgated does not run", out)


if __name__ == "__main__":
    running()
