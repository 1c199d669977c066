"""test_http.py - HTTP over TCP on a living daemon: who may, what is refused, health, metrics, TLS."""

import base64
import contextlib
import gzip
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import unittest

import harness
from gateway_case import GatewayCase, iccid, number, running

KEY = "dashb0ard-k3y"
BIG = 100_000
END = 0  # no answer, the connection ends


def basic(key, user="operator"):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{key}".encode()).decode()}


class HttpCase(GatewayCase):
    def http_rig(self, count=1, http=None, **kw):
        rig = self.rig(count, start=False, **kw)
        rig.port = harness.free_port()
        self.configure(rig, "http", listen=f"127.0.0.1:{rig.port}", **(http or {}))
        rig.daemon.start()
        rig.wait_listed()
        return rig

    def ask(self, rig, path, method="GET", headers=None, body=None, context=None):
        """(status, headers, body) of one request."""
        if context:
            connection = http.client.HTTPSConnection(
                "localhost", rig.port, timeout=30, context=context)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", rig.port, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def get_json(self, rig, path, **kw):
        status, _, body = self.ask(rig, path, **kw)
        self.assertEqual(status, 200, body)
        return json.loads(body)

    def raw(self, rig, data, answers=1, timeout=10):
        """What comes back for these bytes, until so many answers have begun or the daemon closes.

        answers 0: what comes within half a second."""
        got = b""
        timeout = timeout if answers else 0.5
        with socket.create_connection(("127.0.0.1", rig.port), timeout=timeout) as s:
            with contextlib.suppress(OSError):
                s.sendall(data)
                while chunk := s.recv(65536):
                    got += chunk
                    if answers and got.count(b"HTTP/1.") >= answers:
                        break
        return got


class Operator(HttpCase):
    def test_the_same_answers_as_on_the_control_socket(self):
        rig = self.http_rig(2)
        rig.sim.sms(0, "Shop", "secret words")
        self.await_texts(rig, [(number(0), "Shop", "secret words")])
        self.wait_totals(rig, delivered=1)
        ports = self.get_json(rig, "/api/v1/ports")["ports"]
        self.assertEqual([p["port"] for p in ports], ["sim/m000", "sim/m001"])
        self.assertEqual(self.get_json(rig, "/api/v1/ports?bank=sim")["ports"][0]["state"], "ready")
        self.assertEqual(self.get_json(rig, "/api/v1/ports/sim/m001")["model"], "SIMCOM_SIM800L SIM800 R14.18")
        self.assertEqual(self.get_json(rig, "/api/v1/status")["ports"]["ready"], 2)
        self.assertEqual(self.get_json(rig, "/api/v1/outbox")["outbox"], [])
        status, headers, body = self.ask(rig, "/api/v1/messages")
        self.assertEqual(json.loads(body)["messages"][0]["sender"], "Shop")
        self.assertNotIn(b"secret words", body)
        self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
        self.assertEqual(headers["Cache-Control"], "no-store")
        for path in ("/api/v1/ports", "/api/v1/status", "/api/v1/messages", "/metrics"):
            _, headers, body = self.ask(rig, path)
            self.assertNotIn(number(0).encode(), body)
            self.assertNotIn(iccid(rig, 0).encode(), body)
            self.assertNotIn("Access-Control-Allow-Origin", headers)
        status, headers, body = self.ask(rig, "/api/v1/ports", headers={"Accept-Encoding": "gzip"})
        self.assertEqual((status, headers["Content-Encoding"]), (200, None))  # a short one
        status, headers, body = self.ask(rig, "/metrics", headers={"Accept-Encoding": "gzip"})
        self.assertEqual(headers["Content-Encoding"], "gzip")
        self.assertIn(b"simgate_build_info", gzip.decompress(body))
        status, headers, body = self.ask(rig, "/api/v1/status", method="HEAD")
        self.assertEqual((status, body), (200, b""))
        self.assertGreater(int(headers["Content-Length"]), 100)

    def test_with_a_key(self):
        rig = self.http_rig(1, http={"dashboard_key": KEY})
        for headers, wanted in (
            ({}, 401),
            (basic(KEY), 200),
            (basic(KEY, "anybody"), 200),
            ({**basic(KEY), "Host": "bank1.lan"}, 200),
            (basic(KEY.upper()), 401),
            (basic(""), 401),
            ({"Authorization": "Bearer " + KEY}, 401),
        ):
            status, answer, _ = self.ask(rig, "/api/v1/status", headers=headers)
            self.assertEqual(status, wanted, headers)
            self.assertEqual("WWW-Authenticate" in answer, wanted == 401)
        # Wrong ones until they are not looked at; then the right one is not, either. With time one
        # try comes back, so that on a slow host it takes some more.
        tries = [self.ask(rig, "/metrics", headers=basic("guess"))[0] for _ in range(20)]
        self.assertEqual(set(tries), {401, 429})
        self.assertGreaterEqual(tries.count(401), 5)  # 3 before

        def slowed():
            while self.ask(rig, "/metrics", headers=basic("guess"))[0] != 429:
                pass
            status, headers, _ = self.ask(rig, "/metrics", headers=basic(KEY))
            return headers if status == 429 else None

        headers = rig.wait(slowed, "a right key that is not looked at")
        self.assertIn(int(headers["Retry-After"]), range(1, 6))
        self.assertEqual(self.ask(rig, "/healthz")[0], 200)
        rig.wait(lambda: self.ask(rig, "/metrics", headers=basic(KEY))[0] == 200, "the end of it")
        log = rig.daemon.log_text()
        self.assertIn("wrong key", log)
        for secret in (KEY, "guess", base64.b64encode(KEY.encode()).decode()[:12]):
            self.assertNotIn(secret, log.replace("the secret itself", ""))

    def test_texts_and_whole_numbers_are_not_shown(self):
        rig = self.http_rig(1)
        rig.sim.sms(0, "Shop", "secret words")
        self.await_texts(rig, [(number(0), "Shop", "secret words")])
        for path in ("/api/v1/messages", "/api/v1/ports", "/api/v1/ports/sim/m000"):
            status, _, body = self.ask(rig, path + "?full=1")
            self.assertEqual(status, 200)
            self.assertNotIn(b"secret words", body)
            self.assertNotIn(number(0).encode(), body)

    def test_health_follows_the_platform(self):
        rig = self.http_rig(1)
        self.assertEqual(self.get_json(rig, "/healthz"), {"ok": True})
        self.assertEqual(self.get_json(rig, "/readyz"), {"ok": True})
        rig.platform.send("fail list 100 500 x")
        rig.daemon.ctl_raw("sync")
        status, _, body = self.ask(rig, "/readyz")
        self.assertEqual((status, json.loads(body)["ok"]), (503, False))
        self.assertEqual(self.ask(rig, "/healthz")[0], 200)
        rig.platform.send("clear")
        rig.wait(lambda: self.ask(rig, "/readyz")[0] == 200, "an accepted list")
        # A platform without a list has none to wait for.
        self.configure(rig, "platform own", kind="webhook", url=rig.platform.url + "/hook",
                       hmac_key="k" * 20)
        self.assertEqual(rig.daemon.ctl_raw("reload")[0], 0)
        self.assertEqual(self.get_json(rig, "/readyz"), {"ok": True})
        metrics = self.ask(rig, "/metrics")[2].decode()
        self.assertIn('simgate_roster_numbers{platform="onlinesim"} 1\n', metrics)
        self.assertNotIn('simgate_roster_numbers{platform="own"}', metrics)


class Hostile(HttpCase):
    HOST = b"Host: localhost\r\n"

    def table(self):
        """(what is sent, the statuses that may come; none: nothing or an end)."""
        get = b"GET /api/v1/status HTTP/1.1\r\n"
        return (
            (b"", ()),
            (b"\r\n\r\n\r\n", ()),
            (b"\0" * 100, ()),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64), ()),
            (b"GET /x HTTP/1.1\r\n" + self.HOST + b"\r\n", (404,)),
            (b"GET /api/v1/status\r\n\r\n", (400, 403)),
            (b"GET /api/v1/status HTTP/1.0\r\n\r\n", (403,)),
            (get + b"\r\n", (400,)),
            (get + b"Host: evil.example\r\n\r\n", (403,)),
            (get + b"Host: localhost.evil.example\r\n\r\n", (403,)),
            (get + self.HOST + b"X-Forwarded-For: 10.0.0.1\r\n\r\n", (403,)),
            (get + self.HOST + b"X: " + b"h" * BIG + b"\r\n\r\n", (END, 400, 413, 431)),
            (get + self.HOST + b"".join(b"X-%d: y\r\n" % i for i in range(3000)) + b"\r\n",
             (END, 400, 413, 431)),
            (b"GET /" + b"p" * BIG + b" HTTP/1.1\r\n" + self.HOST + b"\r\n",
             (END, 400, 414, 431)),
            (b"GET /api/v1/ports/" + b"%2e%2e%2f" * 50 + b"etc/passwd HTTP/1.1\r\n" + self.HOST
             + b"\r\n", (404,)),
            (b"GET /../../etc/passwd HTTP/1.1\r\n" + self.HOST + b"\r\n", (404,)),
            (b"GET /assets/../metrics HTTP/1.1\r\n" + self.HOST + b"\r\n", (404,)),
            (b"GET /metrics%00 HTTP/1.1\r\n" + self.HOST + b"\r\n", (404,)),
            (b"GET //metrics HTTP/1.1\r\n" + self.HOST + b"\r\n", (404,)),
            (b"GET /api/v1/messages?limit=99999999999999999999 HTTP/1.1\r\n" + self.HOST + b"\r\n",
             (400,)),
            (b"GET /api/v1/messages?port='%20OR%201=1-- HTTP/1.1\r\n" + self.HOST + b"\r\n",
             (400,)),
            (b"GET /api/v1/messages?" + b"a=b&" * 2000 + b" HTTP/1.1\r\n" + self.HOST + b"\r\n",
             (END, 200, 400, 414, 431)),
            *((method + b" /api/v1/status HTTP/1.1\r\n" + self.HOST + b"Content-Length: 0\r\n\r\n",
               (405,)) for method in (b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"TRACE")),
            *((b"POST " + path + b" HTTP/1.1\r\n" + self.HOST + b"Content-Length: 0\r\n\r\n", (404,))
              for path in (b"/api/v1/sync", b"/api/v1/reload", b"/api/v1/outbox/retry?all=1",
                           b"/api/v1/outbox/drop?id=x", b"/api/v1/numbers/forget",
                           b"/api/v1/numbers/set?iccid=8946000000000000000&number=%2B46700000000")),
            (b"GET /api/v1/numbers HTTP/1.1\r\n" + self.HOST + b"\r\n", (404,)),
            (b"CONNECT example.com:443 HTTP/1.1\r\n" + self.HOST + b"\r\n", (400, 404, 405)),
            (b"GET http://evil.example/api/v1/status HTTP/1.1\r\n" + self.HOST + b"\r\n", (404,)),
            (b"POST /healthz HTTP/1.1\r\n" + self.HOST + b"Content-Length: 99999999\r\n\r\n",
             (405, 413)),
            (b"POST /healthz HTTP/1.1\r\n" + self.HOST + b"Content-Length: -5\r\n\r\n", (400,)),
            (b"POST /healthz HTTP/1.1\r\n" + self.HOST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
             (400,)),
            (b"GET /healthz HTTP/1.1\r\n" + self.HOST + b"Authorization: Basic " + b"QQ" * 4000
             + b"\r\n\r\n", (200, 431)),
        )

    def state(self, rig):
        """What a request from outside must leave as it is."""
        port = rig.daemon.ctl("--full", "port", "sim/m000")
        return (port["since"], port["history"], port["number"], len(self.lists(rig)),
                rig.sim.stats()["deleted"], self.outbox(rig))

    def test_bad_input(self):
        rig = self.http_rig(1, platform={"list_every": "0"},
                            gateway={"sweep_every": "1h", "poll_every": "1h"})
        self.wait_quiet(rig)
        before = self.state(rig)
        for data, wanted in self.table():
            with self.subTest(data=data[:80]):
                got = self.raw(rig, data, bool(wanted))
                if not got:
                    self.assertTrue(not wanted or END in wanted, "no answer")
                    continue
                status = int(re.match(rb"HTTP/1\.[01] (\d{3}) ", got).group(1))
                self.assertIn(status, wanted or (400,), got[:300])
                self.assertNotIn(b"root:", got)
        self.assertEqual(self.state(rig), before)
        self.assertEqual(self.ask(rig, "/healthz")[0], 200)

    def wait_quiet(self, rig):
        def same():
            first = rig.sim.stats()["commands"]
            rig.daemon.ctl("status")
            return rig.sim.stats()["commands"] == first

        rig.wait(same, "silence on the ports")

    def test_replays(self):
        rig = self.http_rig(1, platform={"list_every": "0"},
                            gateway={"sweep_every": "1h", "poll_every": "1h"})
        self.wait_quiet(rig)
        before = self.state(rig)
        commands = rig.sim.stats()["commands"]
        sync = b"POST /api/v1/sync HTTP/1.1\r\n" + self.HOST + b"Content-Length: 0\r\n\r\n"
        status = b"GET /api/v1/status HTTP/1.1\r\n" + self.HOST + b"\r\n"
        got = self.raw(rig, (sync + status) * 50, 100)
        self.assertEqual(got.count(b"HTTP/1.1 404 "), 50)
        self.assertEqual(got.count(b"HTTP/1.1 200 "), 50)
        self.assertEqual(self.state(rig), before)
        self.assertEqual(rig.sim.stats()["commands"], commands)

    def test_a_flood_of_half_requests_stops_nothing(self):
        rig = self.http_rig(2)
        with contextlib.ExitStack() as stack:
            for i in range(600):
                s = stack.enter_context(socket.create_connection(("127.0.0.1", rig.port)))
                with contextlib.suppress(OSError):
                    s.sendall(b"GET /api/v1/status HT")
            rig.sim.sms(0, "Shop", "amid it")
            self.await_texts(rig, [(number(0), "Shop", "amid it")])
            counters = rig.daemon.ctl("status")["counters"]
            self.assertGreaterEqual(counters["http_refused"], 600 - 512)
        rig.wait(lambda: self.works(rig), "an answer again")

    def works(self, rig):
        try:
            return self.ask(rig, "/healthz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False


class Metrics(HttpCase):
    SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\.)*",?)+)\})? (-?[0-9.e+-]+|\+Inf)$')

    def families(self, text):
        """{name: (type, [(sample name, labels, value)])}, with the form of each line checked."""
        families, current = {}, None
        for line in text.splitlines():
            if line.startswith("# HELP "):
                name, words = line[7:].split(" ", 1)
                self.assertTrue(words.endswith(".") and words[0].isupper(), line)
                self.assertNotIn(name, families)
                current = families[name] = [None, []]
            elif line.startswith("# TYPE "):
                self.assertEqual(line[7:].split(" ")[0], name)
                current[0] = line.rsplit(" ", 1)[1]
            else:
                match = self.SAMPLE.match(line)
                self.assertTrue(match, line)
                self.assertTrue(match[1].startswith(name), line)
                self.assertTrue(name.startswith(("simgate_", "process_")), line)
                current[1].append((match[1], match[2] or "", float(match[3])))
        return families

    NAMES = (
        "build_info", "ports", "port_up", "port_registered", "port_pin_wanted", "port_puk_wanted",
        "port_signal_dbm",
        "port_last_sweep_timestamp_seconds", "port_state_changes_total", "sms_received_total",
        "sms_undecodable_total", "sms_parts_pending", "sms_forwarded_total", "outbox_messages",
        "outbox_oldest_seconds", "delivery_seconds", "store_commit_seconds", "store_errors_total",
        "at_timeouts_total", "at_refused_bytes_total", "roster_numbers",
        "roster_sync_timestamp_seconds", "platform_requests_total", "http_requests_total",
    )

    def test_the_text_and_what_it_says(self):
        rig = self.http_rig(3)
        rig.sim.burst(2, "metric")
        self.await_texts(rig, [(number(i), "+46735550001", f"metric m{i:03d} {k}")
                               for i in range(3) for k in (1, 2)])
        self.wait_totals(rig, delivered=6)
        rig.sim.fault(2, "silent")
        rig.wait(lambda: rig.daemon.ctl("status")["counters"]["at_timeouts"] > 0, "a timeout")
        status, headers, body = self.ask(rig, "/metrics")
        self.assertEqual(status, 200)
        self.assertEqual(headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        text = body.decode()
        self.assertTrue(text.endswith("\n"))
        families = self.families(text)
        for name in self.NAMES:
            self.assertIn("simgate_" + name, families)
        for name, (kind, samples) in families.items():
            self.assertIn(kind, ("counter", "gauge", "histogram"), name)
            self.assertEqual(kind == "counter", name.endswith("_total"), name)
            self.assertEqual(len(samples), len({s[:2] for s in samples}), name)
            for _, labels, _ in samples:
                self.assertLessEqual(set(re.findall(r'([a-z]+)="', labels)), {
                    "port", "bank", "host", "state", "reason", "step", "call", "code", "path",
                    "platform", "result", "le", "version"})
        values = {(s[0], s[1]): s[2] for f in families.values() for s in f[1]}
        self.assertEqual(values["simgate_sms_received_total", 'port="sim/m001"'], 2)
        self.assertEqual(values["simgate_sms_forwarded_total",
                                'platform="onlinesim",result="delivered"'], 6)
        self.assertGreaterEqual(values["simgate_at_timeouts_total", 'port="sim/m002"'], 1)
        self.assertEqual(values["simgate_at_timeouts_total", 'port="sim/m000"'], 0)
        self.assertGreaterEqual(values["simgate_platform_requests_total",
                                       'platform="onlinesim",call="addMessage",code="200"'], 6)
        self.assertGreater(values["simgate_store_commit_seconds_sum", ""], 0)
        self.assertEqual(values["simgate_store_commit_seconds_bucket", 'le="+Inf"'],
                         values["simgate_store_commit_seconds_count", ""])
        self.assertGreater(values["simgate_port_last_sweep_timestamp_seconds", 'port="sim/m000"'],
                           1.7e9)
        for secret in (number(0)[1:], number(2)[1:], iccid(rig, 0), "46735550001"):
            self.assertNotIn(secret, text)

    @unittest.skipUnless(shutil.which("promtool"), "promtool is not installed (package prometheus)")
    def test_promtool_has_nothing_to_say(self):
        rig = self.http_rig(2)
        rig.sim.burst(1, "prom")
        self.await_texts(rig, [(number(i), "+46735550001", f"prom m{i:03d} 1") for i in range(2)])
        _, _, body = self.ask(rig, "/metrics")
        done = subprocess.run(["promtool", "check", "metrics"], input=body, capture_output=True,
                              timeout=60)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))


class Tls(HttpCase):
    def certificate(self, rig, name):
        """Paths of a certificate for localhost, made now, and of its key."""
        cert, key = (os.path.join(rig.workdir, f"{name}.{end}") for end in ("crt", "key"))
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
             "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost",
             "-keyout", key, "-out", cert],
            check=True, capture_output=True, timeout=60)
        return cert, key

    def tls_rig(self):
        rig = self.rig(1, start=False)
        rig.port = harness.free_port()
        self.cert, self.key = self.certificate(rig, "one")
        self.configure(rig, "http", listen=f"0.0.0.0:{rig.port}", tls_cert=self.cert,
                       tls_key=self.key, dashboard_key=KEY)
        return rig

    def context(self, cert):
        context = ssl.create_default_context(cafile=cert)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def test_tls(self):
        rig = self.tls_rig()
        rig.daemon.start()
        context = self.context(self.cert)
        self.assertEqual(self.ask(rig, "/healthz", context=context)[0], 200)
        self.assertEqual(self.ask(rig, "/metrics", context=context)[0], 401)
        self.assertEqual(self.ask(rig, "/metrics", context=context, headers=basic(KEY))[0], 200)
        events = http.client.HTTPSConnection("localhost", rig.port, timeout=30, context=context)
        with contextlib.closing(events):
            events.request("GET", "/api/v1/events", headers=basic(KEY))
            stream = events.getresponse()
            self.assertEqual(stream.readline(), b"retry: 2000\n")
            while b"event: status" not in stream.readline():
                pass
        self.assertNotIn(b"HTTP/", self.raw(rig, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 0))

    def test_the_certificate_is_renewed_by_a_reload(self):
        rig = self.tls_rig()
        rig.daemon.start()
        cert, key = self.certificate(rig, "two")
        self.configure(rig, "http", tls_cert=cert)  # with the old one's key
        status, out, _ = rig.daemon.ctl_raw("reload")
        self.assertEqual(status, 1)
        self.assertIn("http: all stays as it was", out)
        self.assertEqual(self.ask(rig, "/healthz", context=self.context(self.cert))[0], 200)
        self.configure(rig, "http", tls_key=key)
        self.assertIn("another certificate", rig.daemon.ctl_raw("reload")[1])
        self.assertEqual(self.ask(rig, "/healthz", context=self.context(cert))[0], 200)
        with self.assertRaises(ssl.SSLError):
            self.ask(rig, "/healthz", context=self.context(self.cert))

    def test_what_cannot_be_used_is_no_start(self):
        rig = self.tls_rig()
        _, other = self.certificate(rig, "two")
        self.configure(rig, "http", tls_key=other)
        self.assertEqual(self.start_status(rig), 2)
        self.assertRegex(self.said, "cannot start.*0.0.0.0:")
        self.configure(rig, "http", tls_cert=None, tls_key=None)
        self.assertEqual(self.start_status(rig), 1)
        self.assertRegex(self.said, r"simgate\.conf:\d+: .*travel in clear")
        self.configure(rig, "http", allow_plaintext="yes")
        self.assertEqual(rig.daemon.check()[0], 0)
        with socket.socket() as s:
            s.bind(("0.0.0.0", rig.port))
            s.listen()
            self.assertEqual(self.start_status(rig), 2)
            self.assertIn("Address already in use", self.said)

    def start_status(self, rig):
        done = subprocess.run(
            [harness.program("simgated"), "-c", rig.daemon.config_path],
            capture_output=True, text=True, timeout=harness.DEADLINE_S)
        self.said = done.stdout + done.stderr
        return done.returncode


class Reload(HttpCase):
    def test_listeners_come_and_go(self):
        rig = self.http_rig(1)
        first, rig.port = rig.port, harness.free_port()
        self.configure(rig, "http", listen=f"127.0.0.1:{rig.port}")
        out = rig.daemon.ctl_raw("reload")[1]
        self.assertIn(f"http 127.0.0.1:{first}: closed", out)
        self.assertIn(f"http 127.0.0.1:{rig.port}: opened", out)
        self.assertEqual(self.ask(rig, "/healthz")[0], 200)
        rig.port = first
        with self.assertRaises(ConnectionRefusedError):
            self.ask(rig, "/healthz")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.configure(rig, "http", listen=f"127.0.0.1:{taken.getsockname()[1]}")
            status, out, err = rig.daemon.ctl_raw("reload")
        self.assertEqual(status, 1, err)
        self.assertIn("http: all stays as it was", out)
        del rig.daemon.sections["http"]
        rig.daemon.write_config()
        self.assertIn("closed", rig.daemon.ctl_raw("reload")[1])


if __name__ == "__main__":
    running()
