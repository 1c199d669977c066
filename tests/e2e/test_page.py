"""test_page.py - the operator's page in a real browser, and the events that keep it up to date.

Needs Chromium and playwright-core, which tests/deps puts into build/npm ($SIMGATE_NODE: elsewhere).
"""

import http.client
import json
import os
import re
import shutil
import subprocess
import unittest

import harness
from gateway_case import number, running
from test_http import KEY, HttpCase, basic

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = os.environ.get("SIMGATE_NODE") or os.path.join(
    HERE, "..", "..", "build", "npm", "node_modules")
CHROMIUM = shutil.which("chromium")
NODE = shutil.which("node")
MISSING = [what for what, there in (
    ("chromium", CHROMIUM),
    ("node", NODE),
    ("playwright-core", os.path.isdir(os.path.join(MODULES, "playwright-core"))),
) if not there]
PORTS = 6
LIVE = "document.getElementById('link').textContent === 'Live.'"


class Browser(harness.Child):
    name = "browser"

    def __init__(self, workdir):
        super().__init__(workdir)
        parent = os.getpid()
        self.log_path = os.path.join(workdir, "browser.log")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [NODE, os.path.join(HERE, "page.js"), CHROMIUM],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                env={**os.environ, "NODE_PATH": MODULES},
                preexec_fn=lambda: harness._die_with_parent(parent))
        self.answer()

    def answer(self):
        answer = json.loads(self.read_line())
        if not answer["ok"]:
            raise AssertionError(answer["error"])
        return answer.get("value")

    def ask(self, verb, **arguments):
        self.process.stdin.write(json.dumps({"verb": verb, **arguments}).encode() + b"\n")
        self.process.stdin.flush()
        return self.answer()

    def eval(self, js):
        return self.ask("eval", js=js)

    def wait(self, js):
        return self.ask("wait", js=js)

    def stop(self, timeout=10):
        if self.process:
            self.process.stdin.close()  # it then closes its windows
            self.process.wait(timeout)
        return super().stop(timeout)


@unittest.skipIf(MISSING, f"not there: {', '.join(MISSING)}; tests/deps all installs it")
class Page(HttpCase):
    def page_rig(self, http=None, **options):
        rig = self.http_rig(PORTS, http=http)
        rig.url = f"http://localhost:{rig.port}/"
        rig.browser = self.enterContext(Browser(rig.workdir))
        rig.browser.ask("open", url=rig.url, **options)
        rig.browser.wait(LIVE)
        return rig

    def slot(self, i):
        return f"document.querySelector('a.slot[href=\"#/ports/sim/m{i:03d}\"]')"

    def assert_clean(self, rig):
        """No complaint, and nothing was asked of anybody else."""
        seen = rig.browser.ask("seen")
        self.assertEqual(seen["errors"], [])
        self.assertGreater(len(seen["requests"]), 5)
        self.assertEqual([u for u in seen["requests"] if not u.startswith(rig.url)], [])

    def test_live(self):
        rig = self.page_rig()
        browser = rig.browser
        self.assertEqual(browser.eval("document.querySelectorAll('a.slot').length"), PORTS)
        self.assertEqual(browser.eval("document.querySelector('#banks h3').textContent"),
                         f"sim: {PORTS} of {PORTS} ready")
        self.assertEqual(browser.eval("document.title"), "simgate")
        self.assertTrue(browser.eval("document.getElementById('wrong').hidden"))

        # A text comes, is shown, and delivered, without a word of it.
        rig.sim.sms(1, "+46700123456", "the secret words")
        row = browser.wait("[...document.querySelectorAll('#messages tr')].map(r => r.innerText)"
                           ".find(t => t.includes('delivered'))")
        self.assertIn("sim/m001", row)
        page = browser.eval("document.documentElement.outerHTML")
        for secret in ("secret words", number(1), "+46700123456"):
            self.assertNotIn(secret, page)
        self.wanted[rig] = [(number(1), "+46700123456", "the secret words")]

        # A modem falls silent: its slot says so in words, and the list names it first.
        rig.sim.fault(2, "silent")
        self.ask_at(rig, 2)
        browser.wait(f"{self.slot(2)}.classList.contains('bad')")
        label = browser.eval(f"{self.slot(2)}.getAttribute('aria-label')")
        self.assertRegex(label, r"^sim/m002: (fault|recover|probe), trouble since .*; trouble: ")
        first = browser.wait("document.querySelector('#wrong-list li')?.innerText")
        self.assertIn("sim/m002", first)
        self.assertIn("Tried: ", first)
        self.assertIn("What to do: check its power supply", first)
        self.assertEqual(browser.eval("document.title"), "(1) simgate")
        rig.sim.clear(2)
        self.ask_at(rig, 2)
        browser.wait(f"{self.slot(2)}.classList.contains('ok')")
        browser.wait("document.getElementById('wrong').hidden")

        # A port is taken out of service.
        rig.daemon.ctl_raw("drain", "sim/m004")
        browser.wait(f"{self.slot(4)}.innerText.includes('drained')")
        self.assertTrue(browser.eval("document.getElementById('wrong').hidden"))
        rig.daemon.ctl_raw("resume", "sim/m004")
        browser.wait(f"{self.slot(4)}.classList.contains('ok')")

        # The platform goes down, and comes back.
        rig.platform.send("down")
        rig.sim.sms(3, "<b>Shop</b>", "later")
        browser.wait("document.getElementById('wrong-list').innerText.includes('onlinesim')")
        browser.wait("document.getElementById('platforms').innerText.includes('down')")
        rig.platform.send("up")
        browser.wait("document.getElementById('platforms').innerText.includes('✓ up')")
        self.wanted[rig].append((number(3), "<b>Shop</b>", "later"))
        browser.wait("document.getElementById('messages').innerText.includes('<b>Shop</b>')")
        self.assertEqual(browser.eval("document.querySelectorAll('#messages b').length"), 0)
        self.assert_clean(rig)

        # The daemon stops: said plainly, and the page finds it again by itself.
        rig.daemon.stop()
        text = browser.wait("document.body.classList.contains('lost') && "
                            "document.getElementById('link').textContent")
        self.assertRegex(text, r"^Not connected since .*What is shown is from before; trying again\.$")
        rig.daemon.start()
        browser.wait(LIVE)
        self.assertFalse(browser.eval("document.body.classList.contains('lost')"))

    def ask_at(self, rig, i):
        """Makes the daemon notice a silent modem sooner than its next look would."""
        rig.daemon.ctl_raw("reset", f"sim/m{i:03d}", "--step", "at")

    def test_keyboard_and_names(self):
        rig = self.page_rig(width=360, height=740, dark=True, still=True)
        browser = rig.browser
        for role, name in browser.ask("names"):
            self.assertTrue(name.strip(), f"a {role} without a name")
        for _ in range(10):  # skip link, title, then the bank: one stop for all of its slots
            browser.ask("press", key="Tab")
            if browser.eval("document.activeElement.classList.contains('slot')"):
                break
        self.assertEqual(browser.eval("document.activeElement.getAttribute('href')"), "#/ports/sim/m000")
        browser.ask("press", key="ArrowRight")
        browser.ask("press", key="End")
        browser.ask("press", key="ArrowLeft")
        browser.ask("press", key="Enter")
        title = browser.wait("location.hash && !document.getElementById('port').hidden && "
                             "document.querySelectorAll('#port-at tr').length && "
                             "document.getElementById('port-title').textContent")
        self.assertEqual(title, f"Port sim/m{PORTS - 2:03d}")
        self.assertEqual(browser.eval("document.activeElement.id"), "port-title")
        facts = browser.eval("document.getElementById('port-facts').innerText")
        self.assertIn("SIMCOM_SIM800L", facts)
        self.assertIn("✓ ready, since", facts)
        self.assertGreater(browser.eval("document.querySelectorAll('#port-history tr').length"), 3)
        page = browser.eval("document.documentElement.outerHTML")
        card = rig.sim.cards()[PORTS - 2]
        for secret in (number(PORTS - 2), card["iccid"], card["imei"], card["imsi"]):
            self.assertNotIn(secret, page)
        for role, name in browser.ask("names"):
            self.assertTrue(name.strip(), f"a {role} without a name")
        wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        self.assertFalse(browser.eval(wide))
        browser.eval("history.back()")
        browser.wait("!document.getElementById('overview').hidden")
        self.assertEqual(browser.eval("document.activeElement.getAttribute('href')"),
                         f"#/ports/sim/m{PORTS - 2:03d}")
        self.assertFalse(browser.eval(wide))
        ground = browser.eval("getComputedStyle(document.body).backgroundColor")
        self.assertLess(sum(map(int, re.findall(r"\d+", ground)[:3])), 150, "is not dark")
        self.assertEqual(browser.eval("document.documentElement.lang"), "en")
        for part in ("header", "main", "h1", "th[scope=col]", "th[scope=row]", "[role=status]"):
            self.assertTrue(browser.eval(f"!!document.querySelector('{part}')"), part)
        self.assert_clean(rig)

    def test_with_a_key(self):
        rig = self.page_rig(http={"dashboard_key": KEY}, key=KEY)
        self.assertEqual(rig.browser.eval("document.querySelectorAll('a.slot').length"), PORTS)
        self.assert_clean(rig)
        self.assertEqual(rig.browser.ask("open", url=rig.url, key="guess")["status"], 401)
        self.assertEqual(rig.browser.eval("document.querySelectorAll('a.slot').length"), 0)


class Files(HttpCase):
    def test_headers_and_caching(self):
        rig = self.http_rig(1)
        status, headers, body = self.ask(rig, "/")
        self.assertEqual((status, headers["Content-Type"]), (200, "text/html; charset=utf-8"))
        policy = headers["Content-Security-Policy"]
        for rule in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'",
                     "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"):
            self.assertIn(rule, policy.split("; "))
        self.assertNotIn("unsafe", policy)
        self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
        self.assertEqual(headers["Referrer-Policy"], "no-referrer")
        self.assertEqual(headers["Cache-Control"], "private, no-cache")
        status, again, empty = self.ask(rig, "/", headers={"If-None-Match": headers["ETag"]})
        self.assertEqual((status, empty, again["ETag"]), (304, b"", headers["ETag"]))
        named = re.findall(rb'"(/assets/[^"]+)"', body)
        self.assertEqual(len(named), 3)
        for path in map(bytes.decode, named):
            status, headers, _ = self.ask(rig, path)
            self.assertEqual(status, 200, path)
            self.assertIn("immutable", headers["Cache-Control"])
            _, headers, _ = self.ask(rig, path.split("?")[0] + "?v=old")
            self.assertEqual(headers["Cache-Control"], "private, no-cache")
        _, headers, _ = self.ask(rig, "/assets/app.js", headers={"Accept-Encoding": "gzip"})
        self.assertEqual(headers["Content-Encoding"], "gzip")
        for path in ("/assets/", "/assets/x", "/assets/../app.js", "/index.html", "/app.js"):
            self.assertEqual(self.ask(rig, path)[0], 404, path)
        self.assertEqual(self.ask(rig, "/", headers={"Host": "evil.example"})[0], 403)
        self.assertEqual(self.ask(rig, "/", method="POST")[0], 405)

    def test_only_with_the_key(self):
        rig = self.http_rig(1, http={"dashboard_key": KEY})
        for path in ("/", "/assets/app.js", "/api/v1/events", "/api/v1/history"):
            self.assertEqual(self.ask(rig, path)[0], 401, path)
        for path in ("/", "/assets/app.js", "/api/v1/history"):
            self.assertEqual(self.ask(rig, path, headers=basic(KEY))[0], 200, path)


class Events(HttpCase):
    def listen(self, rig):
        connection = http.client.HTTPConnection("127.0.0.1", rig.port, timeout=30)
        self.addCleanup(connection.close)
        connection.request("GET", "/api/v1/events")
        answer = connection.getresponse()
        self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "text/event-stream"))
        return answer

    def until(self, stream, name, wanted=lambda data: True):
        """The data of the first such event; what comes before it is passed over."""
        event = None
        while True:
            line = stream.readline().decode().rstrip("\n")
            self.assertNotIn("secret", line)
            if line.startswith("event: "):
                event = line.removeprefix("event: ")
            elif line.startswith("data: ") and event == name:
                data = json.loads(line.removeprefix("data: "))
                if wanted(data):
                    return data

    def test_what_is_told(self):
        rig = self.http_rig(2)
        streams = [self.listen(rig) for _ in range(3)]
        for stream in streams:
            self.assertEqual(self.until(stream, "hello"), {})
            self.assertEqual(self.until(stream, "status")["ports"]["total"], 2)
        rig.sim.sms(1, "+46700123456", "secret")
        for stream in streams:
            message = self.until(stream, "message", lambda m: m["state"] == "delivered")
            self.assertEqual(message["port"], "sim/m001")
            self.assertNotIn("text", message)
        listed = self.get_json(rig, "/api/v1/messages")["messages"]
        self.assertEqual([message], listed)
        rig.sim.send("hangup 0")
        for stream in streams:
            port = self.until(stream, "port", lambda p: p["port"] == "sim/m000" and not p["online"])
        listed = self.get_json(rig, "/api/v1/ports")["ports"][0]
        self.assertEqual(set(port), set(listed))
        self.assertNotIn(number(0), json.dumps(port))
        history = self.get_json(rig, "/api/v1/history")
        self.assertEqual(set(history), {"received", "delivered"})
        self.assertEqual(set(self.get_json(rig, "/api/v1/ports/sim/m001")["recent"]),
                         {"received", "signal_dbm"})
        self.wanted[rig] = [(number(1), "+46700123456", "secret")]
        rig.daemon.stop()
        for stream in streams:
            self.assertIsNotNone(stream.read())  # a whole end, not one that is cut


if __name__ == "__main__":
    running()
