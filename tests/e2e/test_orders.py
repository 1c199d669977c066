"""test_orders.py - platforms that order numbers: the tests that OnlineSim and SMSHUB put a partner to."""

import contextlib
import http.client
import json
import socket

import harness
from gateway_case import GATEWAY, PLATFORM, GatewayCase, iccid, number, running
from partner import PATHS, Partner

PULL = {"kind": "onlinesim-pull", "list_delay": None, "retry_every": "300ms"}
SUCCESS = {"status": "SUCCESS"}


def digits(i):
    return int(number(i)[1:])


class OrdersCase(GatewayCase):
    def orders_rig(self, count=1, services=("vk", "fb"), cards=None, operators=True, sections=None,
                   start=True, wait=True, **platform):
        """cards: rows of the numbers file by card, beside iccid and number."""
        rig = harness.Rig(count, gateway=GATEWAY)
        self.enterContext(rig)
        self.addCleanup(self.look_over, rig)
        self.configure(rig, "platform onlinesim", **{**PLATFORM, **PULL, **platform})
        for service in services:
            rig.daemon.sections[f"service {service}"] = {"title": service}
        if operators:
            self.configure(rig, "operator 24001", name="telia")
            self.configure(rig, "operator 24007", name="tele2")
        for name, keys in (sections or {}).items():
            self.configure(rig, name, **keys)
        rig.port = harness.free_port()
        self.configure(rig, "http", listen=f"127.0.0.1:{rig.port}")
        if cards:
            rig.write_numbers([{"iccid": iccid(rig, i), "number": number(i), **row}
                               for i, row in enumerate(cards)], )
        rig.partner = Partner(rig.port, harness.KEY)
        self.addCleanup(lambda: rig.partner.close())
        if start:
            rig.daemon.start()
        if start and wait:
            self.wait_count(rig, count)
        return rig

    def restart(self, rig):
        rig.partner.close()
        rig.daemon.restart()

    def count(self, rig, service="vk", operator="any", country="sweden", partner=None):
        try:
            services = (partner or rig.partner).services()
        except ConnectionRefusedError:
            return None  # the control socket is there first
        except AssertionError as e:
            if "starting" in str(e):
                return None
            raise
        return services.get(country, {}).get(operator, {}).get(service, 0)

    def wait_count(self, rig, count, **kw):
        rig.wait(lambda: self.count(rig, **kw) == count, f"a count of {count}")

    def pushed(self, rig):
        return [(p["smsId"], p["phone"], p["phoneFrom"], p["text"])
                for p in rig.platform.events("push")]

    def await_pushed(self, rig, wanted):
        rig.wait(lambda: len(self.pushed(rig)) >= len(wanted), f"{len(wanted)} texts pushed")
        self.assertEqual(sorted(self.pushed(rig), key=str), sorted(wanted, key=str))


class Acceptance(OrdersCase):
    """OnlineSim's test page, point by point."""

    def test_1_no_number_is_given_twice(self):
        rig = self.orders_rig(12)
        got = rig.partner.many(30, rig.partner.number)
        given = [g for g in got if g]
        self.assertEqual(sorted(n for n, _ in given), [digits(i) for i in range(12)])
        self.assertEqual(len({a for _, a in given}), 12)
        self.assertEqual(self.count(rig), 0)
        self.assertIsNone(rig.partner.number())
        self.assertIsNone(rig.partner.number(service="fb"), "busy is busy for every service")

    def test_2_finish_is_repeated_and_nobody_else_closes(self):
        rig = self.orders_rig(2)
        n, first = rig.partner.number()
        for _ in range(3):
            self.assertTrue(rig.partner.finish(first, 4))
        again, second = rig.partner.number()
        self.assertGreater(second, first)
        self.assertTrue(rig.partner.finish(first, 4), "an old operation, repeated")
        other, third = rig.partner.number(service="fb")
        self.assertEqual({again, other}, {digits(0), digits(1)})
        self.assertEqual(self.count(rig), 0)
        self.restart(rig)
        rig.wait(lambda: self.count(rig) == 0 and rig.daemon.ctl("status")["ports"].get("ready") == 2,
                 "both cards back")
        self.assertIsNone(rig.partner.number(), "a restart closes nothing")
        for activation, status in ((second, 3), (second, 3), (third, 4), (first, 4)):
            self.assertTrue(rig.partner.finish(activation, status))
        self.assertFalse(rig.partner.finish(999999, 3))
        self.assertIn("not known here", rig.daemon.log_text())

    def test_3_texts_are_pushed_until_success(self):
        rig = self.orders_rig(1, retry_every="1s")
        n, activation = rig.partner.number()
        rig.platform.send('fail push 2 500 x')
        rig.sim.sms(0, "Shop", "code 1")
        self.await_pushed(rig, [(activation, n, "Shop", "code 1")])
        tries = [e for e in rig.platform.events() if e["kind"] in ("push", "push-refused")]
        self.assertEqual([e["kind"] for e in tries], ["push-refused"] * 2 + ["push"])
        self.assertEqual(len({(e["smsId"], e["text"], e["phone"]) for e in tries}), 1)
        for a, b in zip(tries, tries[1:]):
            self.assertGreaterEqual(b["t"] - a["t"], 990_000)
        rig.sim.sms(0, "Shop", "code 2")
        wanted = [(activation, n, "Shop", f"code {k}") for k in (1, 2)]
        self.await_pushed(rig, wanted)
        self.restart(rig)
        self.wait_count(rig, 0)
        rig.sim.sms(0, "Shop", "code 3")
        self.await_pushed(rig, wanted + [(activation, n, "Shop", "code 3")])
        self.assertTrue(rig.partner.finish(activation, 3))

    def test_4_types_are_exact(self):
        """The partner and the platform double check each field; here is the text itself."""
        rig = self.orders_rig(1)
        connection = http.client.HTTPConnection("127.0.0.1", rig.port, timeout=30)
        with contextlib.closing(connection):
            body = {"action": "GET_NUMBER", "key": harness.KEY, "country": "sweden",
                    "operator": "any", "service": "vk", "sum": 40}
            connection.request("POST", "/getNumber", json.dumps(body))
            text = connection.getresponse().read().decode()
        self.assertRegex(text, r'^\{"status":"SUCCESS","number":46700100000,"activationId":\d+\}$')
        activation = json.loads(text)["activationId"]
        rig.sim.sms(0, "Shop", "code 1")
        self.await_pushed(rig, [(activation, digits(0), "Shop", "code 1")])

    def test_5_numbers_are_integers_with_the_country_code(self):
        rig = self.orders_rig(1, phone_type="string")
        n, activation = rig.partner.number()
        self.assertEqual(n, digits(0))
        rig.platform.send("phone string")
        rig.sim.sms(0, "Shop", "code 1")
        self.await_pushed(rig, [(activation, str(n), "Shop", "code 1")])
        self.configure(rig, "platform onlinesim", phone_type="integer")
        rig.daemon.ctl_raw("reload")
        rig.platform.send("phone integer")
        rig.sim.sms(0, "Shop", "code 2")
        self.await_pushed(rig, [(activation, str(n), "Shop", "code 1"),
                                (activation, n, "Shop", "code 2")])

    def test_6_a_number_comes_at_once(self):
        rig = self.orders_rig(16)
        rig.partner.many(16, rig.partner.number)
        times = sorted(rig.partner.times)
        print(f"GET_NUMBER: median {1000 * times[8]:.0f} ms, longest {1000 * times[-1]:.0f} ms")
        self.assertLess(times[-1], 3, "SMSHUB's limit")

    def test_7_counts_are_true(self):
        cards = [{"operator": 24001, "rent": 1}, {"operator": 24001, "rent": 0},
                 {"operator": 24007, "rent": 1}, {"operator": 24007, "rent": ""}]
        rig = self.orders_rig(4, cards=cards, rent="no")
        self.assertEqual(rig.partner.services(), {"sweden": {
            "any": {"vk": 4, "fb": 4, "rent": 2},
            "telia": {"vk": 2, "fb": 2, "rent": 1},
            "tele2": {"vk": 2, "fb": 2, "rent": 1}}})
        n, activation = rig.partner.number(operator="tele2")
        self.assertIn(n, (digits(2), digits(3)))
        got = rig.partner.services()["sweden"]
        self.assertEqual((got["any"]["vk"], got["any"]["fb"], got["tele2"]["fb"]), (3, 3, 1))
        self.assertTrue(rig.partner.finish(activation, 3, sum=40))
        got = rig.partner.services()["sweden"]
        self.assertEqual((got["any"]["vk"], got["any"]["fb"], got["tele2"]["vk"]), (3, 4, 1))
        other, second = rig.partner.number(operator="Tele2")
        self.assertNotEqual(other, n)
        self.assertTrue(rig.partner.finish(second, 4))
        self.wait_count(rig, 3)
        self.assertTrue(rig.partner.finish(second, 3), "sold after all")
        self.wait_count(rig, 2)
        self.assertIsNone(rig.partner.number(operator="tele2"))
        rig.sim.send("sim 0 out")
        self.wait_count(rig, 1)
        # All that is announced can be had.
        self.assertEqual(rig.partner.number()[0], digits(1))
        self.assertIsNone(rig.partner.number())

    def test_8_prefixes_are_kept_out(self):
        rig = self.orders_rig(3)
        keep = [str(digits(0)), str(digits(1))[:-1] + "1"]
        for prefixes in ([46700], ["46700"], ["+4670010"], [1, 46], [digits(0), digits(1), digits(2)]):
            self.assertIsNone(rig.partner.number(exceptionPhoneSet=prefixes), prefixes)
        self.assertEqual(rig.partner.number(exceptionPhoneSet=keep)[0], digits(2))
        self.assertEqual(rig.partner.number(exceptionPhoneSet=[46700101, 79, digits(1)])[0], digits(0))


class Calls(OrdersCase):
    def test_keys(self):
        rig = self.orders_rig(1)
        body = {"action": "GET_SERVICES"}
        right = {"Authorization": f"Bearer {harness.KEY}"}
        self.assertEqual(rig.partner.raw(body, headers=right)[1]["status"], "SUCCESS")
        both = {**body, "key": harness.KEY}
        self.assertEqual(rig.partner.raw(both, headers=right)[0], 200)
        wrong = {"Authorization": "Bearer wr0ng-key"}
        for sent, headers in ((body, None), (both, wrong), ({**body, "key": "wr0ng-key"}, right),
                              ({**body, "key": "wr0ng-key"}, None), ({**body, "key": ""}, None),
                              ({**body, "key": 5}, None), (b"{", None)):
            status, got = rig.partner.raw(sent, headers=headers)
            self.assertEqual((status, got["status"], set(got)), (401, "ERROR", {"status", "error"}))
        for _ in range(20):
            status, _ = rig.partner.raw({**body, "key": "wr0ng-key"})
            if status == 429:
                break
        self.assertEqual(status, 429, "who tries keys is slowed down")
        other = Partner(rig.port, harness.KEY, host="127.0.0.1")
        self.assertEqual(other.raw(both)[0], 429)
        other.close()
        self.assert_no_secret(rig.daemon.log_text(), harness.KEY, "wr0ng-key")

    def test_forms(self):
        """Any path takes any call; types, encodings and unknown fields stand in nobody's way."""
        rig = self.orders_rig(8)
        zipped = Partner(rig.port, harness.KEY, zipped=True)
        self.addCleanup(zipped.close)
        self.assertEqual(zipped.services(), rig.partner.services())
        taken = []
        for path in (*PATHS.values(), "/onlinesim", "/getNumberRent", "/getServicesRent",
                     "/finishActivationRent"):
            n, activation = zipped.number(path=path)
            taken.append(n)
            self.assertTrue(rig.partner.finish(str(activation), "3", path=path, more={"x": [1]}))
        self.assertEqual(len(set(taken)), 7)
        for kind in ("application/json", "text/plain", "APPLICATION/JSON;charset=UTF-8", None):
            self.assertEqual(
                rig.partner.call("GET_SERVICES", headers={"Content-Type": kind})["status"], "SUCCESS")
        for body in ({"action": "GET"}, {"action": "GET_NUMBER", "service": "vk"},
                     {"action": "FINISH_ACTIVATION", "activationId": "x", "status": 3},
                     {"action": "FINISH_ACTIVATION", "activationId": 1, "status": 7}):
            status, got = rig.partner.raw({"key": harness.KEY, **body})
            self.assertEqual((status, got["status"]), (200, "ERROR"), body)
        for what in ({"country": "germany"}, {"service": "wa"}, {"operator": "tele3"}):
            self.assertIsNone(rig.partner.number(**what), what)
        self.assertEqual(rig.partner.number(operator=None)[0] in taken, False)

    def test_names(self):
        """Of the platform's own, by the sections."""
        sections = {"service vk": {"onlinesim": "vkontakte", "smshub": "v"},
                    "country 46": {"name": "svealand"}}
        rig = self.orders_rig(1, sections=sections, operators=False, wait=False)
        self.wait_count(rig, 1, service="vkontakte", country="svealand", operator="24001")
        self.assertIsNone(rig.partner.number(country="svealand"))
        self.assertEqual(rig.partner.number(country="Svealand", service="vkontakte")[0], digits(0))

    def test_final_errors(self):
        rig = self.orders_rig(1)
        n, activation = rig.partner.number()
        for k, answer in enumerate(('400 {"response":"NO_OPERATION"}', "400 BAD_SERVICE",
                                    '200 {"status":"ERROR","error":"IGNORED"}', "400 SERVICE_BAN")):
            rig.platform.send(f"fail push 1 {answer}")
            rig.sim.sms(0, "Shop", f"code {k}")
            self.wait_outbox(rig, lambda r: r["text"] == f"code {k}" and r["state"] == "refused")
        rig.sim.sms(0, "Shop", "last")
        self.await_pushed(rig, [(activation, n, "Shop", "last")])
        self.assertEqual(len(rig.platform.events("push-refused")), 4)

    def test_a_text_of_a_closed_operation_is_given_up(self):
        rig = self.orders_rig(1, closed_give_up="1s")
        n, activation = rig.partner.number()
        rig.platform.send("fail push 1000 500 x")
        rig.sim.sms(0, "Shop", "code")
        rig.wait(lambda: len(rig.platform.events("push-refused")) >= 2, "tries")
        self.assertTrue(rig.partner.finish(activation, 4))
        row = self.wait_outbox(rig, lambda r: r["state"] == "refused")
        self.assertEqual(row["reason"], "operation_closed")

    def test_texts_outside_of_operations_stay_here(self):
        rig = self.orders_rig(1)
        rig.sim.sms(0, "Shop", "before")
        rig.wait_drained()
        n, activation = rig.partner.number()
        rig.sim.sms(0, "Shop", "within")
        self.await_pushed(rig, [(activation, n, "Shop", "within")])
        self.assertTrue(rig.partner.finish(activation, 3))
        rig.sim.sms(0, "Shop", "after")
        rig.wait_drained()
        self.assertEqual(len(self.pushed(rig)), 1)

    def test_who_does_not_wait_for_the_answer(self):
        rig = self.orders_rig(1)
        body = json.dumps({"action": "GET_NUMBER", "key": harness.KEY, "country": "sweden",
                           "service": "vk", "sum": 1}).encode()
        head = f"POST /getNumber HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", rig.port)) as s:
            s.sendall(head.encode() + body)
        self.wait_log(rig, "did not wait for the answer")
        self.assertEqual(self.count(rig), 0, "it stays theirs until it is finished")
        self.assertIsNone(rig.partner.number())


class Rent(OrdersCase):
    def test_a_rent(self):
        rig = self.orders_rig(3, cards=[{"rent": 0}, {"rent": 1}, {"rent": 1}])
        self.assertEqual(self.count(rig, "rent"), 2)
        body = {"action": "GET_NUMBER", "key": harness.KEY, "service": "rent", "sum": 320,
                "exceptionPhoneSet": [digits(2)]}
        status, got = rig.partner.raw(body, "/getNumberRent")
        self.assertEqual((status, got["number"]), (200, digits(1)))
        activation = got["activationId"]
        self.assertEqual((self.count(rig), self.count(rig, "rent")), (2, 1))
        rig.sim.sms(1, "+46735550001", "hi")
        rig.wait(lambda: rig.platform.events("push"), "the text")
        (push,) = rig.platform.events("push")
        self.assertEqual((push["smsId"], push["service"]), (activation, "rent"))
        self.assertTrue(rig.partner.finish(activation, 3, service="rent", sum=870,
                                           path="/finishActivationRent"))
        self.assertEqual(self.count(rig, "rent"), 2, "rented once more")
        n, _ = rig.partner.number(service="RENT", operator="any")
        self.assertIn(n, (digits(1), digits(2)))

    def test_failures_in_a_row_are_told(self):
        rig = self.orders_rig(1, rent="yes")
        for k in range(3):
            n, activation = rig.partner.number(service="rent", country=None, operator=None)
            self.assertTrue(rig.partner.finish(activation, 4, service="rent"))
        self.wait_log(rig, "probably banned")
        self.assertEqual(self.count(rig, "rent"), 1, "no ban of our own")


class Hub(OrdersCase):
    def hub(self, rig, **keys):
        rig.hub = Partner(rig.port, "hub-key", path="/onlinesim")
        self.addCleanup(rig.hub.close)
        return {"kind": "onlinesim-pull", "profile": "smshub", "key": "hub-key", **keys}

    def test_smshub(self):
        rig = self.orders_rig(2, start=False, profile="smshub", key="hub-key")
        rig.daemon.sections["platform onlinesim"]["url"] += "/agent/api/sms"
        self.configure(rig, "platform onlinesim", key=harness.KEY)
        rig.partner.path = "/onlinesim"
        rig.daemon.start()
        self.wait_count(rig, 2, operator="telia")
        self.assertEqual(rig.partner.services(), {"sweden": {"telia": {"vk": 2, "fb": 2}}})
        n, activation = rig.partner.number(currency=643, exceptionPhoneSet=[str(digits(0))])
        self.assertEqual(n, digits(1))
        rig.platform.send("fail push-hub 1 200 OK")  # which is not SUCCESS
        for k in range(3):
            rig.sim.sms(1, "Shop", f"code {k}")
        rig.wait(lambda: len(self.pushed(rig)) == 3, "three texts")
        ids = [i for i, _, _, _ in self.pushed(rig)]
        self.assertEqual(len(set(ids)), 3, "each text has an id of its own")
        self.assertEqual(len(rig.platform.events("push-refused")), 1)
        self.assertEqual(rig.platform.events("push-refused")[0]["smsId"], ids[0])
        self.assertTrue(rig.partner.finish(activation, 4))
        # Offered again, four times in all.
        for k in range(3):
            n, activation = rig.partner.number(exceptionPhoneSet=[digits(0)])
            self.assertTrue(rig.partner.finish(activation, 4))
        self.assertIsNone(rig.partner.number(exceptionPhoneSet=[digits(0)]))
        self.assertEqual(self.count(rig, operator="telia"), 1)
        self.assertEqual(self.count(rig, "fb", operator="telia"), 2)

    def test_two_platforms_by_their_keys(self):
        rig = self.orders_rig(2, start=False)
        self.configure(rig, "platform hub", url="http://127.0.0.1:9", **self.hub(rig))
        self.configure(rig, "bank sim", sell="hub")
        rig.daemon.start()
        self.wait_count(rig, 2, operator="telia", partner=rig.hub)
        self.assertEqual(rig.partner.services(), {})
        self.assertIsNone(rig.partner.number())
        first, activation = rig.hub.number()
        self.assertFalse(rig.partner.finish(activation, 3), "another's operation")
        self.assertTrue(rig.hub.finish(activation, 3))
        self.configure(rig, "bank sim", sell="onlinesim, hub")
        rig.daemon.ctl_raw("reload")
        self.wait_count(rig, 2)
        n, activation = rig.partner.number()
        self.wait_count(rig, 1 if n == first else 0, operator="telia", partner=rig.hub)
        self.assertNotEqual(rig.hub.number(service="fb")[0], n, "a number is in one operation")
        self.configure(rig, "platform hub", key=harness.KEY)
        status, text = rig.daemon.check()
        self.assertEqual(status, 1)
        self.assertIn("keys of their own", text)


class ListOnline(GatewayCase):
    def ask(self, rig, method, path, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", rig.port, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def test_list_online(self):
        secret = "/webhook/0123456789abcdef"
        rig = self.rig(2, start=False, platform={"webhook_path": secret})
        rig.write_numbers([{"iccid": iccid(rig, 0), "number": number(0), "balance": "12.00"}])
        rig.port = harness.free_port()
        self.configure(rig, "http", listen=f"127.0.0.1:{rig.port}")
        rig.daemon.start()
        rig.wait_listed()
        right = {"Authorization": f"Bearer {harness.KEY}"}
        asked = [("GET", "/webhook/numbers", right), ("POST", "/webhook/numbers", right),
                 ("GET", f"/webhook/numbers?apikey={harness.KEY}", None),
                 ("POST", secret, None), ("GET", secret, None)]
        lists = [self.ask(rig, *a) for a in asked]
        self.assertEqual([s for s, _ in lists], [200] * 5)
        self.assertEqual(len({t for _, t in lists}), 1)
        items = json.loads(lists[0][1])
        self.assertEqual(list(items), ["list"])
        by_number = {i["number"]: i for i in items["list"]}
        pushed = {i["number"]: i for i in rig.platform.list()}
        self.assertEqual(set(by_number), set(pushed))
        for name in ("country_id", "operator", "date_start", "port_id"):
            self.assertEqual(by_number[number(0)][name], pushed[number(0)][name])
        self.assertEqual(by_number[number(0)]["balance"], 12)
        self.assertNotIn("rent", by_number[number(0)])
        rig.sim.send("sim 1 out")
        rig.wait(lambda: len(json.loads(self.ask(rig, *asked[0])[1])["list"]) == 1, "one less")
        wrong = {"Authorization": "Bearer wrong"}
        for method, path, headers, status in (
                ("GET", "/webhook/numbers", None, 401), ("GET", "/webhook/numbers", wrong, 401),
                ("GET", "/webhook/numbers?apikey=x", right, 401),
                ("GET", "/webhook/0123456789abcdee", right, 404)):
            self.assertEqual(self.ask(rig, method, path, headers)[0], status, path)
        _, metrics = self.ask(rig, "GET", "/metrics")
        self.assertNotIn(secret[9:], metrics)


if __name__ == "__main__":
    running()
