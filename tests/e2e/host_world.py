"""host_world.py - a host of our own for whole programs: namespaces with a /sys, a /dev and udev's
events that the test makes. Needs root; nothing of it is seen outside."""

import ctypes
import os
import shutil
import socket
import stat
import struct

import harness

_libc = ctypes.CDLL(None, use_errno=True)
_NEWNS, _NEWNET = 0x00020000, 0x40000000
_REC, _PRIVATE = 0x4000, 1 << 18
_CAPBSET_DROP, _CAP_NET_ADMIN = 24, 12
_KOBJECT_UEVENT, _UDEV_GROUP = 15, 2
_PCI = "devices/pci0000:00/0000:00:14.0"
HUB = "pci-0000:00:14.0-usb-0:1"


def _call(name, *args):
    if getattr(_libc, name)(*args) != 0:
        err = ctypes.get_errno()
        raise OSError(err, f"{name}: {os.strerror(err)}")


def _mount(kind, target, options=""):
    _call("mount", kind.encode(), target.encode(), kind.encode(), 0, options.encode())


def enter():
    """This process and its children from now on. OSError where that is not allowed.

    The children lack CAP_NET_ADMIN, as the daemon does by its unit: with it, its monitor would hold
    128 MiB of events, whatever net.core.rmem_max says."""
    _call("unshare", _NEWNS | _NEWNET)
    _call("prctl", _CAPBSET_DROP, _CAP_NET_ADMIN, 0, 0, 0)
    _call("mount", None, b"/", None, _REC | _PRIVATE, None)
    for folder in ("/sys", "/run", "/dev"):
        _mount("tmpfs", folder, "mode=755")
    os.mkdir("/dev/pts")
    _mount("devpts", "/dev/pts", "newinstance,ptmxmode=0666")
    os.symlink("pts/ptmx", "/dev/ptmx")
    for name, major, minor in (("null", 1, 3), ("zero", 1, 5), ("random", 1, 8), ("urandom", 1, 9),
                               ("tty", 5, 0)):
        os.mknod(f"/dev/{name}", stat.S_IFCHR | 0o666, os.makedev(major, minor))


def _write(path, text=""):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)


def _hash(text):
    """MurmurHash2 of a word of three letters: the monitor's filter in the kernel compares it."""
    a, b, c = text.encode()
    h = ((3 ^ c << 16 ^ b << 8 ^ a) * 0x5BD1E995) & 0xFFFFFFFF
    h = ((h ^ h >> 13) * 0x5BD1E995) & 0xFFFFFFFF
    return h ^ h >> 15


class Host:
    """Its USB: one hub, single-port bridges at its ports. Its udevd: it listens, and sends what it
    is told to."""

    def __init__(self):
        shutil.rmtree(f"/sys/{_PCI}", ignore_errors=True)
        os.makedirs("/sys/class/tty", exist_ok=True)
        os.makedirs("/run/udev", exist_ok=True)
        self.devnum = 1
        self.seqnum = 0
        self.ttys = {}  # by port of the hub: its tty's name
        self._device(_PCI, "pci")
        self._device(f"{_PCI}/usb1", "usb", "DEVTYPE=usb_device")
        self._device(f"{_PCI}/usb1/1-1", "usb", "DEVTYPE=usb_device")
        self.control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.bind("/run/udev/control")
        self.control.listen(64)
        self.netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _KOBJECT_UEVENT)

    def close(self):
        for port in list(self.ttys):
            self.pull(port)
        self.control.close()
        os.unlink("/run/udev/control")
        self.netlink.close()

    def _device(self, path, subsystem, uevent="", **attributes):
        _write(f"/sys/{path}/uevent", uevent + "\n")
        os.symlink(f"/sys/bus/{subsystem}", f"/sys/{path}/subsystem")
        for name, value in attributes.items():
            _write(f"/sys/{path}/{name}", f"{value}\n")

    def _path(self, port, name):
        return f"{_PCI}/usb1/1-1/1-1.{port}/1-1.{port}:1.0/{name}/tty/{name}"

    def plug(self, port, name, target):
        """A bridge at this port of the hub; its tty is a link to target."""
        self.devnum += 1
        usb, path = f"{_PCI}/usb1/1-1/1-1.{port}", self._path(port, name)
        self._device(usb, "usb", "DEVTYPE=usb_device", idVendor="1a86", idProduct="7523", busnum=1,
                     devnum=self.devnum, authorized=1)
        self._device(f"{usb}/1-1.{port}:1.0", "usb", "DEVTYPE=usb_interface", bInterfaceClass="ff")
        os.symlink("/sys/bus/usb/drivers/ch341", f"/sys/{usb}/1-1.{port}:1.0/driver")
        self._device(f"{usb}/1-1.{port}:1.0/{name}", "usb-serial", port_number=0)
        self._device(path, "tty", f"DEVNAME={name}")
        os.symlink(target, f"/dev/{name}")
        os.symlink(f"../../{path}", f"/sys/class/tty/{name}")
        self.ttys[port] = name

    def pull(self, port):
        name = self.ttys.pop(port)
        os.unlink(f"/sys/class/tty/{name}")
        os.unlink(f"/dev/{name}")
        shutil.rmtree(f"/sys/{_PCI}/usb1/1-1/1-1.{port}")

    def tell(self, action, port, name):
        """Of a tty, as udevd does: in libudev's own form, to all that listen."""
        self.seqnum += 1
        text = "".join(f"{line}\0" for line in (
            f"ACTION={action}", f"DEVPATH=/{self._path(port, name)}", "SUBSYSTEM=tty",
            f"DEVNAME=/dev/{name}", f"SEQNUM={self.seqnum}", "MAJOR=188", "MINOR=0",
            f"ID_PATH={HUB}.{port}:1.0", "ID_BUS=usb", "ID_VENDOR_ID=1a86", "ID_MODEL_ID=7523",
            f"DEVLINKS=/dev/serial/by-path/{HUB}.{port}:1.0-port0", "TAGS=:systemd:",
            "ID_VENDOR_FROM_DATABASE=" + 40 * "QinHeng Electronics ")).encode()
        head = struct.pack("8s", b"libudev") + struct.pack(">I", 0xFEEDCAFE)
        head += struct.pack("=III", 40, 40, len(text)) + struct.pack(">IIII", _hash("tty"), 0, 0, 0)
        self.netlink.sendto(head + text, (0, _UDEV_GROUP))


def dropped(pid):
    """By the kernel's own count: events that found no room in this process' monitor."""
    mine = harness.open_files(pid)
    with open("/proc/net/netlink", encoding="utf-8") as file:
        rows = [line.split() for line in file.readlines()[1:]]
    (drops,) = [int(row[8]) for row in rows if row[1] == str(_KOBJECT_UEVENT) and
                int(row[3], 16) == _UDEV_GROUP and f"socket:[{row[9]}]" in mine]
    return drops
