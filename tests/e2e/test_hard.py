"""test_hard.py - a full disk, a device whose open() hangs, and who may read the store."""

import glob
import os
import subprocess

import harness
from gateway_case import GatewayCase, number, running


class FullDisk(GatewayCase):
    SIZE = 4 * 1024 * 1024

    def mount(self, rig):
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={self.SIZE}", "simgate-e2e", rig.daemon.state_dir],
            capture_output=True, text=True,
        )
        if done.returncode != 0:
            self.skipTest(f"may not mount a small disk: {done.stderr.strip()}")
        # Runs after the daemon has been looked over, before the folder goes.
        rig.callback(subprocess.run, ["umount", "-l", rig.daemon.state_dir], check=False)

    def fill(self, path):
        with open(path, "wb", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(bytes(4096))
            except OSError:
                pass

    def test_texts_stay_on_the_card_until_there_is_room(self):
        rig = self.rig(2, start=False)
        self.mount(rig)
        rig.daemon.start()
        rig.wait_listed()
        rig.sim.sms(0, "Shop", "before")
        wanted = [(number(0), "Shop", "before")]
        self.await_texts(rig, wanted)
        self.wait_totals(rig, delivered=1)
        ballast = os.path.join(rig.daemon.state_dir, "ballast")
        self.fill(ballast)
        # What the log of the database has allocated still takes some.
        sent = 0
        while rig.daemon.ctl("status")["store"]["ok"] and sent < 40:
            rig.sim.burst(10, f"full{sent}")
            wanted += [
                (number(i), "+46735550001", f"full{sent} m{i:03d} {k}")
                for i in (0, 1) for k in range(1, 11)
            ]
            sent += 1
            rig.wait(
                lambda: not rig.daemon.ctl("status")["store"]["ok"] or rig.sim.left() == 0,
                "the end of the room, or of the texts",
            )
        store = rig.daemon.ctl("status")["store"]
        self.assertFalse(store["ok"], sent)
        self.assertTrue(store["error"])
        self.assertIn(store["error"], rig.daemon.ctl_raw("status")[1])
        self.wait_log(rig, "event=store_failed")
        self.assertGreater(rig.sim.left(), 0)
        os.unlink(ballast)
        self.await_texts(rig, wanted)
        rig.wait(lambda: rig.daemon.ctl("status")["store"]["ok"], "a store that is well")
        self.wait_totals(rig, delivered=len(wanted))


class HangingOpen(GatewayCase):
    def test_one_device_hangs_and_the_others_go_on(self):
        library = os.path.join(harness.build_dir(), "hang_open.so")
        self.assertTrue(os.path.exists(library), library)
        rig = self.rig(3, start=False, gateway={"open_deadline": "1s", "quarantine": "1s"})
        flag = os.path.join(rig.workdir, "hang")
        open(flag, "w", encoding="ascii").close()
        self.addCleanup(lambda: os.path.exists(flag) and os.unlink(flag))
        env = {
            "LD_PRELOAD": library,
            "HANG_PATH": os.path.realpath(rig.sim.path(1)),
            "HANG_FLAG": flag,
            "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0",
        }
        rig.sim.burst(2, "n")
        rig.daemon.start(env=env)
        others = [(number(i), "+46735550001", f"n m{i:03d} {k}") for i in (0, 2) for k in (1, 2)]
        self.await_texts(rig, others, drained=False)
        rig.wait(lambda: rig.platform.numbers() == {number(0), number(2)}, "the others' list")
        self.wait_log(rig, "event=port_open_hung")
        self.wait_state(rig, 1, "fault")
        self.assertGreater(rig.daemon.ctl("status")["counters"]["open_hung"], 0)
        self.assertIn("m001", rig.daemon.ctl_raw("ports")[1])
        rig.sim.sms(0, "Shop", "still going")
        others.append((number(0), "Shop", "still going"))
        self.await_texts(rig, others, drained=False)
        # A thread hangs in open(): the end does not wait for it.
        self.assertEqual(rig.daemon.stop(timeout=harness.DEADLINE_S), 0)
        rig.daemon.start(env=env)
        self.wait_log(rig, "event=port_open_hung")
        os.unlink(flag)
        self.await_texts(
            rig, others + [(number(1), "+46735550001", f"n m001 {k}") for k in (1, 2)]
        )
        rig.wait_listed(3)


class Privacy(GatewayCase):
    def test_the_store_is_for_its_owner_alone(self):
        rig = self.rig(1)
        for path in glob.glob(os.path.join(rig.daemon.state_dir, "*")):
            self.assertEqual(os.stat(path).st_mode & 0o077, 0, path)
        self.assertEqual(os.stat(rig.daemon.control_path).st_mode & 0o007, 0)


if __name__ == "__main__":
    running()
