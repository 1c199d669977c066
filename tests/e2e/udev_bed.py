"""udev_bed.py - a real systemd-udevd with a made-up sysfs, in namespaces of its own.

What the kernel would say of a device is sent to the kernel, which broadcasts it in this network
namespace as its own word (since Linux 4.18). The host's udevd, /dev, /run and /sys are not touched.
"""

import os
import pathlib
import pwd
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import unittest

import harness

UDEVD = "/lib/systemd/systemd-udevd"
RULES = pathlib.Path("/run/udev/rules.d")
OURS = pathlib.Path(__file__).resolve().parents[2] / "udev" / "78-simgate.rules"
PCI = "pci-0000:00:14.0"  # of bus 1
SKIPPED = 77  # ctest's SKIP_RETURN_CODE
CONTROLLERS = {"1": "/devices/pci0000:00/0000:00:14.0",
               "2": "/devices/pci0000:00/0000:00:1c.0/0000:02:00.0",
               "3": "/devices/pci0000:00/0000:00:1d.0/0000:03:00.0"}
MAJOR = 60  # of the kernel's list "for local use": no driver of the host's answers at our nodes
_INSIDE = "SIMGATE_UDEV_BED"
_NETLINK_KOBJECT_UEVENT = 15
_UDEV_GROUP = 2


def run(*argv):
    return subprocess.run(argv, check=True, timeout=harness.DEADLINE_S, stdout=subprocess.PIPE,
                          text=True).stdout


def control(*argv):
    """Asks udevd, which under load may close the connection before it has answered: asks again."""
    harness.wait_for(lambda: subprocess.run(["udevadm", *argv], check=False).returncode == 0,
                     f"udevadm {argv[0]}")


def _refusal():
    """Why this machine cannot do it; None: it can."""
    if os.geteuid() != 0:
        return "only root can start a systemd-udevd"
    if pathlib.Path("/proc/self/uid_map").read_text().split() != ["0", "0", "4294967295"]:
        return "root of a user namespace owns no devices"
    for name in (UDEVD, "udevadm", "unshare", "setpriv"):
        if not shutil.which(name):
            return f"no {name} here: install udev and util-linux"
    tried = subprocess.run(["unshare", "--mount", "--net", "true"], stderr=subprocess.PIPE,
                           text=True, check=False)
    return tried.stderr.strip() if tried.returncode else None


def enter():
    """Returns inside the namespaces. Where there can be none, says why and leaves with SKIPPED."""
    if not os.environ.pop(_INSIDE, None):
        refusal = _refusal()
        if refusal:
            print(f"skipped: {refusal}")
            sys.exit(SKIPPED)
        os.environ[_INSIDE] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--net", "--propagation", "private",
                              sys.executable, *sys.argv])
    os.environ["SYSTEMD_DEVICE_VERIFY_SYSFS"] = "0"  # for what is linked with libudev
    for folder in ("/run", "/etc/udev", "/sys"):
        run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", folder)
    RULES.mkdir(parents=True)
    new = pathlib.Path("/run/dev")
    new.mkdir()
    run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(new))
    for name in ("null", "zero", "full", "random", "urandom", "tty"):
        os.mknod(new / name, 0o020666, os.stat(f"/dev/{name}").st_rdev)
        os.chmod(new / name, 0o666)
    (new / "pts").mkdir()
    run("mount", "-t", "devpts", "-o", "newinstance,ptmxmode=666", "devpts", str(new / "pts"))
    (new / "ptmx").symlink_to("pts/ptmx")
    run("mount", "--move", str(new), "/dev")


class Udevd(harness.Child):
    name = "udevd"

    def start(self):
        self.spawn([UDEVD], env={**os.environ, "SYSTEMD_LOG_TARGET": "console"})
        harness.wait_for(lambda: os.path.exists("/run/udev/control"), "udevd", alive=[self])
        control("control", "--ping")
        return self

    def stop(self, timeout=10):
        """As where none ever ran: nothing of it is left but the rules."""
        status = super().stop(timeout)
        for path in pathlib.Path("/run/udev").iterdir():
            if path.is_dir() and path != RULES:
                shutil.rmtree(path)
            elif path != RULES:
                path.unlink()
        return status


class Unprivileged(harness.Daemon):
    """A daemon without root's rights: what it may do, udev's rules give to group dialout."""

    def __init__(self, workdir, sections):
        super().__init__(workdir, sections)
        nobody = pwd.getpwnam("nobody")
        for path in (workdir, self.state_dir):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)

    def spawn(self, argv, **how):
        return super().spawn(["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--groups",
                              "dialout", "--pdeathsig", "KILL", *argv], **how)


def usb_path(name):
    """Of "1-1.2", the device at port 2 of the hub at port 1 of bus 1; of "usb1", that bus."""
    bus, dash, ports = name.removeprefix("usb").partition("-")
    parts = ports.split(".") if dash else []
    return f"{CONTROLLERS[bus]}/usb{bus}" + "".join(
        f"/{bus}-{'.'.join(parts[:n])}" for n in range(1, len(parts) + 1))


class Tree:
    """Devices in sysfs, and their nodes."""

    last = 0  # of all kinds of numbers, in all trees: udevd keeps devices by them

    def __init__(self):
        for folder in ("/sys/devices", "/sys/class", "/sys/bus"):
            shutil.rmtree(folder, ignore_errors=True)
        for node in pathlib.Path("/dev").glob("tty?*"):
            self._drop_node(node)
        for path in CONTROLLERS.values():
            while path.count("/") > 2:
                self.device(path, "bus/pci", PCI_SLOT_NAME=os.path.basename(path))
                path = os.path.dirname(path)

    def device(self, path, subsystem, attributes=None, **uevent):
        """Whatever device; what is given as uevent goes with its events. The path."""
        folder = pathlib.Path("/sys" + path)
        folder.mkdir(parents=True, exist_ok=True)
        if "DEVNAME" in uevent:
            node = self._make_node(uevent["DEVNAME"])
            uevent |= {"MAJOR": os.major(node), "MINOR": os.minor(node)}
        (folder / "uevent").write_text("".join(f"{k}={v}\n" for k, v in uevent.items()))
        self._link(folder / "subsystem", f"/sys/{subsystem}")
        for name, value in (attributes or {}).items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(f"{value}\n")
        if subsystem.startswith("class/"):
            link = pathlib.Path(f"/sys/{subsystem}/{folder.name}")
            link.symlink_to(os.path.relpath(folder, link.parent))
        return path

    def usb(self, name, vid, pid, device_class="00"):
        """A USB device, and the hubs before it. The path."""
        path = usb_path(name)
        hub = os.path.basename(os.path.dirname(path))
        if "-" in name and not os.path.exists("/sys" + usb_path(hub)):
            self.usb(hub, "1a40", "0201", "09")
        bus = int(name.removeprefix("usb")[0])
        Tree.last += 1
        self.device(path, "bus/usb", {
            "idVendor": vid, "idProduct": pid, "bDeviceClass": device_class, "busnum": bus,
            "devnum": self.last, "authorized": 1, "power/control": "auto",
        }, DEVTYPE="usb_device", DEVNAME=f"bus/usb/{bus:03d}/{self.last:03d}")
        if "-" in name:  # the hub's port
            interface = f"{hub}:1.0" if "-" in hub else f"{bus}-0:1.0"
            number = re.split("[-.]", name)[-1]
            port = pathlib.Path(f"/sys{usb_path(hub)}/{interface}/{hub}-port{number}")
            self._link(pathlib.Path(f"/sys{path}/port"), port)
            (port / "disable").write_text("0\n")
        return path

    def interface(self, name, number, driver):
        path = f"{usb_path(name)}/{name}:1.{number}"
        if not os.path.exists("/sys" + path):
            self.device(path, "bus/usb", {
                "bInterfaceNumber": f"{number:02d}", "bInterfaceClass": "ff",
                "bInterfaceSubClass": "00", "bInterfaceProtocol": "00",
            }, DEVTYPE="usb_interface", DRIVER=driver)
            self._link(pathlib.Path(f"/sys{path}/driver"), f"/sys/bus/usb/drivers/{driver}")
        return path

    def serial(self, name, number, driver, tty, port=0, attributes=None):
        """A port of usb-serial, before its tty. The path."""
        path = f"{self.interface(name, number, driver)}/{tty}"
        self.device(path, "bus/usb-serial", {"port_number": port, **(attributes or {})},
                    DRIVER=driver)
        self._link(pathlib.Path(f"/sys{path}/driver"), f"/sys/bus/usb-serial/drivers/{driver}")
        return path

    def tty(self, parent, tty, pty=None):
        """A tty, its node the pty's. The path."""
        if pty:
            node = pathlib.Path("/dev", tty)
            node.touch()
            run("mount", "--bind", os.path.realpath(pty), str(node))
        return self.device(f"{parent}/tty/{tty}", "class/tty", DEVNAME=tty)

    def drop(self, path):
        """Takes a device out, and its nodes."""
        for uevent in pathlib.Path("/sys" + path).rglob("uevent"):
            for name in re.findall("DEVNAME=(.*)", uevent.read_text()):
                self._drop_node(pathlib.Path("/dev", name))
        shutil.rmtree("/sys" + path)
        for link in pathlib.Path("/sys/class").glob("*/*"):
            if not link.exists():
                link.unlink()

    def paths(self):
        """All devices, parents first."""
        return sorted(str(uevent.parent).removeprefix("/sys")
                      for uevent in pathlib.Path("/sys/devices").rglob("uevent"))

    @staticmethod
    def _link(link, folder):
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(folder)

    def _make_node(self, name):
        """Its device number."""
        path = pathlib.Path("/dev", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            Tree.last += 1
            os.mknod(path, 0o020600, os.makedev(MAJOR, self.last))
        return path.stat().st_rdev

    @staticmethod
    def _drop_node(path):
        if os.path.ismount(path):
            run("umount", "--lazy", str(path))
        path.unlink(missing_ok=True)


def word(action, path):
    """What the kernel says of a device."""
    uevent = pathlib.Path(f"/sys{path}/uevent").read_text().split()
    subsystem = os.path.basename(os.readlink(f"/sys{path}/subsystem"))
    lines = [f"{action}@{path}", f"ACTION={action}", f"DEVPATH={path}",
             f"SUBSYSTEM={subsystem}", *uevent]
    return "".join(f"{line}\0" for line in lines).encode()


def say(*words):
    """Returns when udevd has dealt with it."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_KOBJECT_UEVENT) as netlink:
        netlink.bind((0, 0))
        netlink.settimeout(harness.DEADLINE_S)
        for body in words:
            # struct nlmsghdr: a message of the least type that is free, with an answer wanted
            netlink.send(struct.pack("=IHHII", 16 + len(body), 0x10, 0x1 | 0x4, 1, 0) + body)
            error = struct.unpack_from("=i", netlink.recv(4096), 16)[0]
            if error:
                raise OSError(-error, f"uevent {body}: {os.strerror(-error)}")
    control("settle", f"--timeout={harness.DEADLINE_S}")


def tell(action, *paths):
    """Of devices that are in the tree."""
    say(*(word(action, path) for path in paths))


def info(path):
    """The properties that udevd keeps of a device."""
    lines = run("udevadm", "info", "--query=property", f"--path={path}").splitlines()
    return dict(line.split("=", 1) for line in lines)


def dropped(pid):
    """By the kernel's own count: events that found no room in this process' monitor."""
    mine = harness.open_files(pid)
    with open("/proc/net/netlink", encoding="utf-8") as file:
        rows = [line.split() for line in file.readlines()[1:]]
    (drops,) = [int(row[8]) for row in rows if row[1] == str(_NETLINK_KOBJECT_UEVENT) and
                int(row[3], 16) == _UDEV_GROUP and f"socket:[{row[9]}]" in mine]
    return drops


class Case(unittest.TestCase):
    """An empty tree, our rules, and a udevd that is not started yet."""

    def setUp(self):
        self.workdir = self.enterContext(tempfile.TemporaryDirectory(prefix="simgate-udevd-"))
        for old in RULES.iterdir():
            old.unlink()
        (RULES / OURS.name).write_text(OURS.read_text())
        self.tree = Tree()
        self.udevd = Udevd(self.workdir)
        self.addCleanup(self.udevd.stop)


class DaemonCase(Case):
    """A daemon, and modems for bridges below bus 1."""

    def make(self, modems, sections):
        self.sim = self.enterContext(harness.Sim(self.workdir, modems))
        self.daemon = Unprivileged(self.workdir, sections)
        self.addCleanup(self.finish)

    def finish(self):
        if self.daemon.process:
            self.assertEqual(self.daemon.stop(harness.DEADLINE_S), 0, self.daemon.log_text()[-3000:])
        self.assertNotIn("Sanitizer", self.daemon.log_text())

    def wait(self, predicate, what):
        alive = [self.daemon, self.sim] + ([self.udevd] if self.udevd.process else [])
        try:
            return harness.wait_for(predicate, what, alive=alive)
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.daemon.log_text()[-6000:]}") from error

    def plug(self, name, modem, tty):
        """A bridge with this modem behind it; the paths of its events."""
        device = self.tree.usb(name, "10c4", "ea60")
        parent = self.tree.serial(name, 0, "cp210x", tty)
        path = self.tree.tty(parent, tty, self.sim.path(modem))
        return [device, os.path.dirname(parent), parent, path]
