"""harness.py - starts the simulated modems, the platform double and the daemon, and steers them."""

import contextlib
import ctypes
import http.client
import json
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

DEADLINE_S = 60
POLL_S, POLL_MAX_S = 0.01, 0.05  # long waits look less often: each look may start a program
KEY = "e2e-key"
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def build_dir():
    """$SIMGATE_BUILD, else --build DIR among the arguments (which it takes out), else ./build."""
    if "--build" in sys.argv:
        at = sys.argv.index("--build")
        os.environ["SIMGATE_BUILD"] = os.path.abspath(sys.argv[at + 1])
        del sys.argv[at : at + 2]
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    return os.environ.get("SIMGATE_BUILD") or os.path.join(root, "build")


def program(name):
    path = os.path.join(build_dir(), name)
    if not os.access(path, os.X_OK):
        raise FileNotFoundError(f"{path}: set SIMGATE_BUILD to the build directory")
    return path


def wait_for(predicate, what="condition", timeout=DEADLINE_S, alive=()):
    """The first true value of predicate(). Durations are never asserted: the deadline is for hangs.

    alive: children that must not end meanwhile.
    """
    begin = time.monotonic()
    while True:
        value = predicate()
        if value:
            return value
        for child in alive:
            child.check_alive()
        waited = time.monotonic() - begin
        if waited > timeout:
            raise TimeoutError(f"no {what} within {timeout} s")
        time.sleep(min(max(POLL_S, waited / 20), POLL_MAX_S))


def runs(pid):
    """Whether the process has not ended; who should bury it may not."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return file.read().rpartition(")")[2].split()[0] != "Z"
    return False


def free_port():
    """A port of the loopback's that nobody listens at, out of reach of those that connect."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


def open_files(pid):
    """What each descriptor of a process leads to."""
    folder = f"/proc/{pid}/fd"
    found = []
    for fd in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(f"{folder}/{fd}"))
    return found


def open_ttys(pid):
    return sorted(name for name in open_files(pid) if name.startswith("/dev/pts/"))


def _die_with_parent(parent):
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(127)


class Child:
    """A process that ends with us, its output in a file of the work directory."""

    name = "child"

    def __init__(self, workdir):
        self.workdir = workdir
        self.process = None

    def spawn(self, argv, stdin=subprocess.DEVNULL, stdout=None, env=None):
        parent = os.getpid()
        self.log_path = os.path.join(self.workdir, f"{self.name}.log")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                argv,
                stdin=stdin,
                stdout=stdout or log,
                stderr=log,
                env=env,
                preexec_fn=lambda: _die_with_parent(parent),
            )
        return self.process

    def log_text(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def check_alive(self):
        if self.process is not None and self.process.poll() is not None:
            raise RuntimeError(
                f"{self.name} ended with {self.process.returncode}\n{self.log_text()[-4000:]}"
            )

    def read_line(self, timeout=DEADLINE_S):
        """The next line of standard output, for a child that was given a pipe."""
        fd = self.process.stdout.fileno()
        line = b""
        end = time.monotonic() + timeout
        while not line.endswith(b"\n"):
            if not select.select([fd], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError(f"{self.name} said nothing within {timeout} s")
            byte = os.read(fd, 1)
            if not byte:
                self.process.wait()
                self.check_alive()
            line += byte
        return line.decode().strip()

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=DEADLINE_S):
        return self.process.wait(timeout)

    def stop(self, timeout=10):
        """SIGTERM, then SIGKILL. The exit status; None when it was not running."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        status, self.process = self.process.returncode, None
        return status

    def kill9(self):
        """As a power cut: no chance to tidy up."""
        self.process.kill()
        self.stop()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()


class ControlError(Exception):
    pass


class Double(Child):
    """A test double: one line in on its control socket, one line out."""

    def __init__(self, workdir):
        super().__init__(workdir)
        self.control_path = os.path.join(workdir, f"{self.name}.sock")
        self.control = None

    def connect(self):
        self.control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.control.settimeout(DEADLINE_S)
        self.control.connect(self.control_path)
        self.reader = self.control.makefile("r", encoding="utf-8", newline="\n")

    def send(self, line):
        """What stands behind "ok"; ControlError for an "error" reply."""
        if "\n" in line:
            raise ValueError("one line at a time")
        self.control.sendall(line.encode() + b"\n")
        reply = self.reader.readline()
        if not reply:
            self.check_alive()
            raise ControlError("the control connection was closed")
        word, _, rest = reply.rstrip("\n").partition(" ")
        if word != "ok":
            raise ControlError(f"{line[:200]}: {reply.strip()}")
        return rest

    def stop(self, timeout=10):
        if self.control:
            self.reader.close()
            self.control.close()
            self.control = None
        return super().stop(timeout)


def escape(text):
    for byte, name in (("\\", "\\\\"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        text = text.replace(byte, name)
    return text


class Sim(Double):
    """modemsim: count modems at DIR/m000 and on."""

    name = "modemsim"

    def __init__(self, workdir, count, family="sim800", *options):
        super().__init__(workdir)
        self.count = count
        self.dir = os.path.join(workdir, "dev")
        argv = [program("modemsim"), "--dir", self.dir, "--count", str(count)]
        argv += ["--family", family, "--control", self.control_path, *map(str, options)]
        self.spawn(argv, stdout=subprocess.PIPE)
        try:
            ready = self.read_line()
            if ready != f"ready {count}":
                raise RuntimeError(f"modemsim said {ready!r}")
            self.connect()
        except BaseException:
            self.stop()
            raise

    @property
    def devices(self):
        return os.path.join(self.dir, "m*")

    def path(self, i):
        return os.path.join(self.dir, f"m{i:03d}")

    def counted(self, line):
        """(count, microseconds on the monotonic clock) of a command that injects."""
        count, stamp = self.send(line).split()
        return int(count), int(stamp.removeprefix("t="))

    def sms(self, i, sender, text):
        sender = escape(sender).replace(" ", "\\s")
        return self.counted(f"sms {i} {sender} {escape(text)}")

    def part(self, i, sender, ref, total, seq, text):
        return self.counted(f"parts {i} {sender} {ref} {total} {seq} {escape(text)}")

    def burst(self, count, prefix):
        return self.counted(f"burst {count} {escape(prefix)}")

    def fault(self, i, name, value=None):
        self.send(f"fault {i} {name}" + (f" {value}" if value is not None else ""))

    def clear(self, i="*"):
        self.send(f"clear {i}")

    def stats(self, i=None):
        return json.loads(self.send("stats" if i is None else f"stats {i}"))

    def left(self):
        return int(self.send("left"))

    def cards(self):
        """A list by modem: name, imei, iccid, imsi, number, in, plugged."""
        return json.loads(self.send("cards"))


class Platform(Double):
    """platformsim: url, the log of what it took, and scripted trouble."""

    name = "platformsim"

    def __init__(self, workdir, *options, tls=False):
        super().__init__(workdir)
        self.events_path = os.path.join(workdir, "platform.jsonl")
        self.events_at = 0
        self.events_seen = []
        argv = [program("platformsim"), "--key", KEY, "--log", self.events_path]
        self.spawn(
            argv + ["--control", self.control_path, *map(str, options)], stdout=subprocess.PIPE
        )
        try:
            word, port = self.read_line().split()
            if word != "listening":
                raise RuntimeError(f"platformsim said {word!r}")
            self.port = int(port)
            self.connect()
        except BaseException:
            self.stop()
            raise
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def events(self, kind=None):
        """All logged lines so far, of one kind if named."""
        with open(self.events_path, "rb") as log:
            log.seek(self.events_at)
            for line in log:
                if not line.endswith(b"\n"):
                    break
                self.events_at += len(line)
                self.events_seen.append(json.loads(line))
        return [e for e in self.events_seen if kind is None or e["kind"] == kind]

    def messages(self):
        return self.events("message")

    def message_count(self):
        return int(self.send("messages"))

    def doubles(self):
        return int(self.send("doubles"))

    def list(self):
        """The last accepted list: its items, or None before the first."""
        return json.loads(self.send("list"))

    def numbers(self):
        return {item["number"] for item in self.list() or ()}

    def violations(self):
        """(count, the last reasons)."""
        count, _, whys = self.send("violations").partition(" ")
        return int(count), json.loads(whys)

    def stats(self):
        return json.loads(self.send("stats"))


class Daemon(Child):
    """simgated with a generated configuration; start() and stop() as often as a test likes."""

    name = "simgated"
    prefix = ()  # of its command line

    def __init__(self, workdir, sections):
        """sections: {"gateway": {key: value}, "bank sim": {...}, ...}; gateway gets defaults."""
        super().__init__(workdir)
        self.state_dir = os.path.join(workdir, "state")
        self.control_path = os.path.join(workdir, "ctl.sock")
        self.config_path = os.path.join(workdir, "simgate.conf")
        os.makedirs(self.state_dir, exist_ok=True)
        self.sections = {
            "gateway": {
                "state_dir": self.state_dir,
                "control": self.control_path,
                "log_level": "debug",
                "start_grace": "5s",
            }
        }
        for name, keys in sections.items():
            self.sections.setdefault(name, {}).update(keys)
        self.write_config()

    def write_config(self):
        with open(self.config_path, "w", encoding="utf-8") as out:
            for name, keys in self.sections.items():
                out.write(f"[{name}]\n")
                out.writelines(f"{k} = {v}\n" for k, v in keys.items() if v is not None)

    def check(self):
        """simgated --check: (exit status, what it wrote)."""
        done = subprocess.run(
            [program("simgated"), "-c", self.config_path, "--check"],
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
        )
        return done.returncode, done.stdout + done.stderr

    def start(self, *options, env=None):
        """Returns when the control socket answers."""
        argv = [*self.prefix, program("simgated"), "-c", self.config_path, *options]
        self.spawn(argv, env={**os.environ, **(env or {})})
        wait_for(self.answers, "answer on the control socket", alive=[self])
        return self

    def answers(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.settimeout(1)
            with contextlib.suppress(OSError):
                s.connect(self.control_path)
                return True
        return False

    def restart(self):
        self.stop()
        return self.start()

    def metrics(self):
        """{name{labels}: value} of /metrics."""
        page = self.get("/metrics")
        rows = (line.rpartition(" ") for line in page.splitlines() if line[:1] not in ("", "#"))
        return {name: float(value) for name, _, value in rows}

    def ctl(self, *args, ok=(0,)):
        """simgatectl --json: the parsed reply, None when there is none."""
        status, out, err = self.ctl_raw("--json", *args)
        if status not in ok:
            raise ControlError(f"simgatectl {' '.join(args)}: exit {status}: {err or out}")
        return json.loads(out) if out.strip() else None

    def get(self, path):
        """Text from the control socket, without a program in between."""
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with contextlib.closing(connection):
            connection.sock.settimeout(DEADLINE_S)
            connection.sock.connect(self.control_path)
            connection.request("GET", path)
            answer = connection.getresponse()
            text = answer.read().decode()
        if answer.status != 200:
            raise ControlError(f"{path}: {answer.status}: {text}")
        return text

    def ctl_raw(self, *args, stdin=""):
        """(exit status, standard output, standard error)."""
        done = subprocess.run(
            [program("simgatectl"), "-s", self.control_path, *args],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
        )
        return done.returncode, done.stdout, done.stderr


class Forward(Double):
    """forward.py: to a port of the loopback or to a socket's path. A name for each in a folder."""

    def __init__(self, workdir, name, to, space=None, port=0):
        self.name = name
        super().__init__(workdir)
        here = os.path.dirname(os.path.abspath(__file__))
        argv = [sys.executable, os.path.join(here, "forward.py"), "--to", str(to)]
        argv += ["--control", self.control_path, "--port", str(port)]
        argv += ["--space", str(space.process.pid)] if space else []
        self.spawn(argv, stdout=subprocess.PIPE)
        try:
            self.port = int(self.read_line().removeprefix("listening "))
            self.connect()
        except BaseException:
            self.stop()
            raise


class Space(Child):
    """A network namespace, with one link to ours; all of it ends with this process.

    address, there: of our end and of the other one. Needs root.
    """

    name = "space"

    def __init__(self, workdir):
        super().__init__(workdir)
        mine = os.readlink("/proc/self/ns/net")
        self.spawn(["unshare", "--net", "sleep", "infinity"])
        pid = str(self.process.pid)
        self.enter = ("nsenter", "-t", pid, "-n")
        try:
            wait_for(lambda: os.readlink(f"/proc/{pid}/ns/net") != mine, "namespace", alive=[self])
            self.link(pid)
        except BaseException:
            self.stop()
            raise

    def link(self, pid):
        n = random.randrange(1 << 15)  # of 198.18.0.0/15, which is for tests
        net = f"198.{18 + (n >> 14)}.{n >> 6 & 255}."
        self.address, self.there = (net + str((n & 63) * 4 + host) for host in (1, 2))
        self.ours = f"sg{pid}"
        self.ip("link", "add", self.ours, "type", "veth", "peer", "name", "up0", "netns", pid)
        self.ip("addr", "add", f"{self.address}/30", "dev", self.ours)
        self.up()
        for words in (("link", "set", "lo", "up"), ("link", "set", "up0", "up"),
                      ("addr", "add", f"{self.there}/30", "dev", "up0")):
            self.ip(*words, prefix=self.enter)

    def ip(self, *words, prefix=()):
        subprocess.run([*prefix, "ip", *words], check=True, timeout=DEADLINE_S)

    def cut(self):
        """Packets vanish: nobody is told."""
        self.ip("link", "set", self.ours, "down")

    def up(self):
        self.ip("link", "set", self.ours, "up")


class Postgres:
    """A PostgreSQL server on a socket, with a superuser simgate; see unit/pg_server."""

    def __init__(self, *settings):
        self.settings = settings
        here = os.path.dirname(os.path.abspath(__file__))
        self.script = os.path.join(here, "..", "unit", "pg_server")
        self.file = tempfile.mktemp(prefix="simgate-pg-where-", dir="/tmp")
        self.made = 0
        self.halted = False

    def command(self, command):
        self.halted = command == "halt"
        settings = self.settings if command == "start" else ()
        subprocess.run(
            [self.script, command, self.file, *settings], check=True, timeout=DEADLINE_S)

    def __enter__(self):
        self.command("start")
        with open(self.file, encoding="utf-8") as file:
            self.folder = file.read().strip()
        return self

    def __exit__(self, *exc):
        self.command("stop")

    def revive(self):
        """Unless it runs."""
        if self.halted:
            self.command("again")

    def crash(self):
        """kill -9 of the server and all its children, for `again`."""
        self.signal(signal.SIGSTOP)  # none sees another end
        pids = self.pids()
        self.signal(signal.SIGKILL)
        self.halted = True
        wait_for(lambda: not any(runs(pid) for pid in pids), "end of the server")
        for left in ("data/postmaster.pid", ".s.PGSQL.5432.lock"):  # nobody may bury the dead
            os.unlink(os.path.join(self.folder, left))

    def pids(self):
        """The server and all its children."""
        with open(f"{self.folder}/data/postmaster.pid", encoding="utf-8") as file:
            parent = int(file.readline())
        with open(f"/proc/{parent}/task/{parent}/children", encoding="utf-8") as file:
            return [parent, *(int(pid) for pid in file.read().split())]

    def signal(self, number):
        """To all of them."""
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def sql(self, sql, database="postgres"):
        """Rows of texts."""
        done = subprocess.run(
            ["psql", "-XAtq", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-U",
             "simgate", "-d", database, "-c", sql],
            check=True, timeout=DEADLINE_S, stdout=subprocess.PIPE, text=True,
        )
        return [line.split("\t") for line in done.stdout.splitlines()]

    def database(self, owner="simgate"):
        """The URL of a new one, and its name."""
        self.made += 1
        name = f"pool{self.made}"
        self.sql(f"CREATE DATABASE {name} OWNER {owner}")
        return f"postgresql://{owner}@/{name}?host={self.folder}", name


class Rig(contextlib.ExitStack):
    """A work directory with modems, platform and daemon; all of it gone at the end.

    with Rig(8) as rig:
        rig.daemon.start()
        rig.sim.sms(0, "Shop", "code 1234")
        rig.wait(lambda: rig.platform.message_count() == 1)

    $SIMGATE_KEEP=1 leaves the directory, and says where.
    """

    def __init__(self, count, family="sim800", sim=(), platform=(), gateway=None, bank=None):
        super().__init__()
        self.arguments = (count, family, sim, platform, gateway or {}, bank or {})

    def __enter__(self):
        count, family, sim, platform, gateway, bank = self.arguments
        try:
            self.workdir = tempfile.mkdtemp(prefix="simgate-e2e-", dir="/tmp")
            self.callback(self._remove)
            self.sim = self.enter_context(Sim(self.workdir, count, family, *sim))
            self.platform = self.enter_context(Platform(self.workdir, *platform))
            sections = {
                "gateway": gateway,
                "bank sim": {"devices": self.sim.devices, **bank},
                "platform onlinesim": {
                    "kind": "onlinesim-push",
                    "url": self.platform.url,
                    "key": KEY,
                },
            }
            self.daemon = self.enter_context(Daemon(self.workdir, sections))
        except BaseException:
            self.close()
            raise
        return self

    def _remove(self):
        if os.environ.get("SIMGATE_KEEP"):
            print(f"kept: {self.workdir}", file=sys.stderr)
            return
        shutil.rmtree(self.workdir, ignore_errors=True)

    def write_numbers(self, rows, name="numbers.csv"):
        """A numbers file of dicts; the path, for the key `numbers`. Call before daemon.start()."""
        path = os.path.join(self.workdir, name)
        columns = list(rows[0])
        with open(path, "w", encoding="utf-8") as out:
            out.write(",".join(columns) + "\n")
            out.writelines(",".join(str(row.get(c, "")) for c in columns) + "\n" for row in rows)
        self.daemon.sections["gateway"]["numbers"] = path
        self.daemon.write_config()
        return path

    def wait(self, predicate, what="condition", timeout=DEADLINE_S):
        return wait_for(predicate, what, timeout, alive=[self.sim, self.platform, self.daemon])

    def wait_listed(self, count=None):
        """Until the platform has a list with so many numbers (all of them by default)."""
        want = self.sim.count if count is None else count
        return self.wait(lambda: len(self.platform.numbers()) == want, f"list of {want}")

    def wait_drained(self):
        """Until every injected text was removed from its memory."""
        return self.wait(
            lambda: (s := self.sim.stats())["remaining"] == 0 and s["queued"] == 0, "empty stores"
        )
