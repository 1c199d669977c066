"""test_start.py - the configuration, and what keeps the daemon from starting: said in a sentence."""

import os
import socket
import subprocess

import harness
from gateway_case import GatewayCase, iccid, number, running

SAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../src/dist/simgate.conf")


def simgated(*args):
    """(exit status, all that it said)."""
    done = subprocess.run(
        [harness.program("simgated"), *args], capture_output=True, text=True,
        timeout=harness.DEADLINE_S,
    )
    return done.returncode, done.stdout + done.stderr


class Check(GatewayCase):
    def test_good(self):
        rig = self.rig(1, start=False)
        status, said = rig.daemon.check()
        self.assertEqual(status, 0, said)
        self.assertIn("0 errors", said)

    def test_what_is_wrong_is_named_with_its_line(self):
        wrong = [
            ("gateway", {"state_dri": "/x"}, "state_dir"),
            ("gateway", {"log_level": "loud"}, "info"),
            ("gateway", {"sweep_every": "60"}, "sweep_every"),
            ("bank sim", {"driver": "sim801"}, "sim800"),
            ("bank sim", {"sell": "onlinesin"}, "onlinesim"),
            ("platform onlinesim", {"url": "http://example.com"}, "https"),
            ("platform onlinesim", {"kind": "onlinesim-pusch"}, "onlinesim-push"),
            ("platform onlinesim", {"key": "@no-such-credential"}, "no-such-credential"),
            ("platform onlinesim", {"ca_file": "/no/such.pem"}, "/no/such.pem"),
            ("bank sim", {"sell": "onlinesim, customers"}, "twice"),
            ("service vk", {"match": "from:/(/"}, "missing closing parenthesis"),
            ("country sweden", {"id": "1"}, "calling code"),
            ("customer acme", {"balance": "much"}, "no amount"),
            ("blank sim", {"devices": "/dev/x"}, "bank"),
        ]
        for section, keys, hint in wrong:
            with self.subTest(section=section, keys=keys):
                rig = self.rig(1, start=False)
                self.configure(rig, section, **keys)
                with open(rig.daemon.config_path, encoding="utf-8") as config:
                    lines = config.read().split("\n")
                key = next(iter(keys))
                at = {n + 1 for n, x in enumerate(lines)
                      if x.startswith(f"{key} =") or x == f"[{section}]"}
                status, said = rig.daemon.check()
                self.assertEqual(status, 1, said)
                named = {n for n in at if f"simgate.conf:{n}: " in said}
                self.assertTrue(named, (at, said))
                self.assertIn(hint, said)
                # And it does not start half.
                status, said = simgated("-c", rig.daemon.config_path)
                self.assertEqual(status, 1, said)
                self.assertEqual(os.listdir(rig.daemon.state_dir), [])

    def test_a_numbers_file_that_is_not_there_is_a_warning(self):
        rig = self.rig(1, start=False)
        self.configure(rig, "gateway", numbers="/no/such/file.csv")
        status, said = rig.daemon.check()
        self.assertEqual(status, 0, said)
        self.assertRegex(said, r"simgate\.conf:\d+: warning: .*/no/such/file\.csv")

    def test_all_errors_at_once(self):
        rig = self.rig(1, start=False)
        self.configure(rig, "gateway", nonsense="1", log_format="xml")
        status, said = rig.daemon.check()
        self.assertEqual(status, 1)
        self.assertIn("nonsense", said)
        self.assertIn("xml", said)
        self.assertIn("2 errors", said)

    def test_no_such_file(self):
        status, said = simgated("-c", "/no/such/simgate.conf")
        self.assertEqual(status, 1)
        self.assertIn("/no/such/simgate.conf", said)

    def test_options(self):
        self.assertEqual(simgated("--bogus")[0], 1)
        self.assertEqual(simgated()[0], 1)
        self.assertEqual(simgated("--help")[0], 0)
        self.assertRegex(simgated("--version")[1], r"^simgated \d+\.\d+\.\d+\n$")
        self.assertIn("sim800", simgated("--list-drivers")[1])
        self.assertIn("usb", simgated("--list-boards")[1])

    def test_the_sample(self):
        """All that is wrong with it on this host is the secret that is not there."""
        status, said = simgated("-c", SAMPLE, "--check")
        errors = [x for x in said.split("\n") if "simgate.conf:" in x and "warning" not in x
                  and " errors, " not in x]
        self.assertTrue(all("key" in x for x in errors), said)
        rig = self.rig(1, start=False)
        folder = os.path.join(rig.workdir, "credentials")
        os.mkdir(folder)
        with open(os.path.join(folder, "onlinesim"), "w", encoding="utf-8") as secret:
            secret.write("abc\n")
        os.chmod(secret.name, 0o600)
        done = subprocess.run(
            [harness.program("simgated"), "-c", SAMPLE, "--check"], capture_output=True, text=True,
            env={**os.environ, "CREDENTIALS_DIRECTORY": folder}, timeout=harness.DEADLINE_S,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Start(GatewayCase):
    def refused(self, rig, *words):
        status, said = simgated("-c", rig.daemon.config_path)
        self.assertEqual(status, 2, said)
        for word in words:
            self.assertIn(word, said)

    def test_a_second_daemon_on_the_same_store(self):
        rig = self.rig(1)
        self.configure(rig, "gateway", control=os.path.join(rig.workdir, "other.sock"))
        self.refused(rig, "cannot start", "another")
        self.configure(rig, "gateway", control=rig.daemon.control_path)
        rig.sim.sms(0, "Shop", "the first goes on")
        self.await_texts(rig, [(number(0), "Shop", "the first goes on")])

    def test_the_control_socket_of_another(self):
        rig = self.rig(1)
        other = os.path.join(rig.workdir, "state2")
        os.mkdir(other)
        self.configure(rig, "gateway", state_dir=other)
        self.refused(rig, "cannot start", rig.daemon.control_path)
        self.assertEqual(rig.daemon.ctl("status")["ports"]["ready"], 1)

    def test_a_socket_that_was_left_behind(self):
        rig = self.rig(1, start=False)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
            left.bind(rig.daemon.control_path)
        rig.daemon.start()
        rig.wait_listed()

    def test_a_file_where_the_socket_should_be(self):
        rig = self.rig(1, start=False)
        with open(rig.daemon.control_path, "w", encoding="utf-8") as precious:
            precious.write("precious")
        self.refused(rig, rig.daemon.control_path)
        with open(rig.daemon.control_path, encoding="utf-8") as precious:
            self.assertEqual(precious.read(), "precious")

    def test_a_state_dir_that_is_not_there(self):
        rig = self.rig(1, start=False)
        self.configure(rig, "gateway", state_dir="/no/such/dir")
        status, said = simgated("-c", rig.daemon.config_path)
        self.assertIn(status, (1, 2), said)
        self.assertIn("/no/such/dir", said)
        self.assertIn("make the folder", said)

    def test_a_state_dir_that_cannot_be_written(self):
        rig = self.rig(1, start=False)
        self.configure(rig, "gateway", state_dir="/proc/self")
        self.refused(rig, "cannot start", "/proc/self")

    def test_a_damaged_store(self):
        rig = self.rig(1, start=False)
        with open(os.path.join(rig.daemon.state_dir, "simgate.db"), "wb") as db:
            db.write(b"this is no database" * 1000)
        self.refused(rig, "cannot start", "simgate.db")


    def test_what_the_ports_say_is_recorded_masked(self):
        rig = self.rig(2, start=False)
        folder = os.path.join(rig.workdir, "record")
        rig.daemon.start("--record", folder)
        rig.wait_listed()
        rig.sim.sms(0, "+46735550100", "the code is 4711")
        self.await_texts(rig, [(number(0), "+46735550100", "the code is 4711")])
        self.assertEqual(sorted(os.listdir(folder)), ["sim_m000", "sim_m001"])
        with open(os.path.join(folder, "sim_m000"), encoding="utf-8") as file:
            lines = file.read().splitlines()
        self.assertRegex(lines[0], "^origin: recorded .*SIM800")
        self.assertIn("> AT+CMGL=4", lines)
        self.assertEqual({line[:2] for line in lines[1:]}, {"> ", "< ", "@ "})
        for secret in (number(0)[1:], iccid(rig, 0), "37556301"):
            self.assertNotIn(secret, "\n".join(lines))
        rig.daemon.stop()
        rig.daemon.start("--record", folder)
        rig.wait(lambda: len(os.listdir(folder)) == 4, "files of the second run")


if __name__ == "__main__":
    running()
