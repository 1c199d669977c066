"""partner.py - a platform that orders numbers: it calls the daemon, and is strict with its answers."""

import contextlib
import gzip
import http.client
import json
import threading
import time

FIELDS = {
    "SUCCESS": {
        "GET_SERVICES": {"status": str, "countryList": list},
        "GET_NUMBER": {"status": str, "number": int, "activationId": int},
        "FINISH_ACTIVATION": {"status": str},
    },
    "NO_NUMBERS": {"GET_NUMBER": {"status": str}},
    "ERROR": dict.fromkeys(
        ("GET_SERVICES", "GET_NUMBER", "FINISH_ACTIVATION"), {"status": str, "error": str}
    ),
}
PATHS = {
    "GET_SERVICES": "/getServices",
    "GET_NUMBER": "/getNumber",
    "FINISH_ACTIVATION": "/finishActivation",
}


class Partner:
    """Calls of one platform. Connections are kept, one a thread."""

    def __init__(self, port, key, zipped=False, path=None, host="127.0.0.1"):
        self.port, self.key, self.zipped, self.path, self.host = port, key, zipped, path, host
        self.kept = threading.local()
        self.times = []  # seconds of each GET_NUMBER

    def _ask(self, path, body, headers):
        connection = getattr(self.kept, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
            self.kept.connection = connection
        try:
            connection.request("POST", path, body=body, headers=headers)
            answer = connection.getresponse()
            data = answer.read()
        except BaseException:
            self.close()
            raise
        if answer.headers["Content-Encoding"] == "gzip":
            assert "gzip" in headers.get("Accept-Encoding", ""), "gzip that was not asked for"
            data = gzip.decompress(data)
        return answer, data

    def close(self):
        with contextlib.suppress(AttributeError):
            self.kept.connection.close()
            del self.kept.connection

    def raw(self, body, path="/onlinesim", headers=None):
        """(HTTP status, the answer read as JSON) of any body, bytes or an object."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        send = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "partner"}
        if self.zipped:
            data = gzip.compress(data)
            send |= {"Content-Encoding": "gzip", "Accept-Encoding": "gzip"}
        send |= headers or {}
        answer, text = self._ask(path, data, {k: v for k, v in send.items() if v is not None})
        assert answer.headers["Content-Type"].startswith("application/json"), answer.headers
        return answer.status, json.loads(text)

    def call(self, action, path=None, headers=None, **fields):
        """The answer, checked: HTTP 200, and the exact fields and types of its status."""
        body = {"action": action, "key": self.key, **fields}
        status, got = self.raw(body, path or self.path or PATHS[action], headers)
        assert status == 200, (status, got)
        want = FIELDS.get(got.get("status"), {}).get(action)
        assert want is not None, (action, got)
        types = {k: type(v) for k, v in got.items()}
        assert types == want, (action, got)
        return got

    def services(self, **kw):
        """{country: {operator: {service: count}}}"""
        got = self.call("GET_SERVICES", **kw)
        assert got["status"] == "SUCCESS", got
        out = {}
        for row in got["countryList"]:
            assert set(row) == {"country", "operatorMap"}, row
            assert row["country"] not in out, "a country twice"
            for services in row["operatorMap"].values():
                for count in services.values():
                    assert type(count) is int and count >= 0, row
            out[row["country"]] = row["operatorMap"]
        return out

    def number(self, service="vk", country="sweden", operator="any", sum=40, **kw):
        """(number, activationId), or None for NO_NUMBERS."""
        fields = {"country": country, "operator": operator, "service": service, "sum": sum}
        fields = {k: v for k, v in {**fields, **kw}.items() if v is not None}
        began = time.monotonic()
        got = self.call("GET_NUMBER", **fields)
        self.times.append(time.monotonic() - began)
        if got["status"] == "NO_NUMBERS":
            return None
        assert got["status"] == "SUCCESS", got
        assert got["number"] >= 1000000 and got["activationId"] >= 1, got
        return got["number"], got["activationId"]

    def finish(self, activation, status, **kw):
        got = self.call("FINISH_ACTIVATION", activationId=activation, status=status, **kw)
        return got["status"] == "SUCCESS"

    def many(self, count, fn):
        """fn() in so many threads at the same moment; what they returned."""
        gate, out = threading.Barrier(count), []

        def one():
            gate.wait()
            try:
                out.append(fn())
            except BaseException as e:
                out.append(e)
            finally:
                self.close()

        threads = [threading.Thread(target=one) for _ in range(count)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        for e in out:
            if isinstance(e, BaseException):
                raise e
        return out
