"""modem_tty.py - a host's end of a simulated modem: commands, answers, and the texts in them."""

import os
import select
import time

from harness import DEADLINE_S


BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTRA = dict(zip((10, 20, 40, 41, 47, 60, 61, 62, 64, 101), "\f^{}\\[~]|€"))


def septets_of(data, count, skip=0):
    bits = int.from_bytes(data, "little") >> skip
    return [bits >> 7 * i & 0x7F for i in range(count)]


def text_of(septets):
    out, escape = "", False
    for s in septets:
        if escape:
            out += EXTRA.get(s, BASIC[s])
            escape = False
        elif s == 0x1B:
            escape = True
        else:
            out += BASIC[s]
    return out


def digits_of(data, count):
    return "".join(f"{b & 15:x}{b >> 4:x}" for b in data)[:count]


class Deliver:
    """An SMS-DELIVER, read in a few lines for what the simulator makes."""

    def __init__(self, text, length):
        raw = bytes.fromhex(text)
        smsc, tpdu = raw[1 : 1 + raw[0]], raw[1 + raw[0] :]
        assert len(tpdu) == length, (len(tpdu), length)
        self.smsc = digits_of(smsc[1:], 99)
        count, ton = tpdu[1], tpdu[2]
        end = 3 + (count + 1) // 2
        address = tpdu[3:end]
        if ton == 0xD0:
            self.sender = text_of(septets_of(address, count * 4 // 7))
        else:
            self.sender = ("+" if ton == 0x91 else "") + digits_of(address, count)
        self.dcs = tpdu[end + 1]
        self.zone = tpdu[end + 8]
        udl, ud = tpdu[end + 9], tpdu[end + 10 :]
        self.concat = tuple(ud[3:6]) if tpdu[0] & 0x40 else None
        if self.dcs & 0x08:
            assert udl == len(ud)
            self.units = ud[6 if self.concat else 0 :]
            self.text = self.units.decode("utf-16-be", "surrogatepass")
        else:
            skip = 49 if self.concat else 0
            self.text = text_of(septets_of(ud, udl - (7 if self.concat else 0), skip))


class Tty:
    """A host's end of a simulated modem."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self.data = b""

    def close(self):
        os.close(self.fd)

    def write(self, text):
        os.write(self.fd, text.encode())

    def read_until(self, done, timeout=DEADLINE_S):
        """Reads until done(all bytes so far) is true; what was read, which is then forgotten."""
        end = time.monotonic() + timeout
        while not done(self.data):
            if not select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError(f"got only {self.data[-300:]!r}")
            piece = os.read(self.fd, 4096)
            if not piece:
                raise EOFError(f"hung up behind {self.data[-300:]!r}")
            self.data += piece
        data, self.data = self.data, b""
        return data

    def line(self, text):
        """Waits for one whole line: all bytes up to its end. What follows is kept."""
        return self.lines_until(lambda x: x == text.encode())

    def lines_until(self, wanted):
        def done(data):
            return any(wanted(x) for x in data.split(b"\r\n")[:-1])

        lines = self.read_until(done).split(b"\r\n")
        at = next(i for i, x in enumerate(lines) if wanted(x))
        self.data = b"\r\n".join(lines[at + 1 :])
        return b"\r\n".join(lines[: at + 1])

    def at(self, command):
        """The lines of the answer, its final result included."""
        self.write(command + "\r")
        data = self.lines_until(
            lambda x: x in (b"OK", b"ERROR") or x.startswith((b"+CME ERROR", b"+CMS ERROR"))
        )
        return [x for x in data.decode("ascii").replace(command + "\r", "").split("\r\n") if x]

    def quiet(self):
        """True when nothing has come since the last read."""
        return not select.select([self.fd], [], [], 0)[0]

    def setup(self):
        for command in ("E0", "+CMEE=1", "+CMGF=0", '+CPMS="SM","SM","SM"', "+CNMI=2,1,0,0,0"):
            assert self.at("AT" + command)[-1] == "OK", command

    def entries(self, command="AT+CMGL=4"):
        lines = [x for x in self.at(command) if not x.startswith("+CMTI")]
        assert lines[-1] == "OK", lines
        found = []
        for header, pdu in zip(lines[0:-1:2], lines[1:-1:2]):
            fields = header.removeprefix("+CMGL: ").split(",")
            found.append((int(fields[0]), int(fields[1]), Deliver(pdu, int(fields[-1]))))
        return found
