"""test_alternative.py - customers order numbers over HTTP, as clients of SMS-Activate do."""

import json
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import harness
from gateway_case import GatewayCase, number, running

SERVICES = {
    "vk": {"price": "0.30", "match": "from:/^VK/", "title": "VKontakte"},
    "tg": {"price": "0.25", "code": "/login ([a-z]{4})/i"},
    "any": {"price": "0.10"},
    "short": {"price": "0.50", "window": "2s"},
}


class Client:
    """What a client of SMS-Activate's does, with urllib alone."""

    def __init__(self, port, key, post=False):
        self.url = f"http://127.0.0.1:{port}/stubs/handler_api.php"
        self.key, self.post = key, post

    def ask(self, action, **parameters):
        query = urllib.parse.urlencode({"api_key": self.key, "action": action, **parameters})
        request = urllib.request.Request(
            f"{self.url}?{query}", data=b"" if self.post else None,
            headers={"User-Agent": "client"})
        while True:
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    self.type = answer.headers["Content-Type"]
                    return answer.read().decode()
            except urllib.error.HTTPError as error:
                if error.code != 503:  # too many connections at once
                    raise
                time.sleep(0.05)

    def json(self, action, **parameters):
        text = self.ask(action, **parameters)
        assert self.type.startswith("application/json"), (self.type, text)
        return json.loads(text)

    def balance(self):
        return self.ask("getBalance").removeprefix("ACCESS_BALANCE:")

    def order(self, service, country=46, **more):
        """(id, number without '+')."""
        text = self.ask("getNumber", service=service, country=country, **more)
        found = re.fullmatch(r"ACCESS_NUMBER:(\d+):(\d+)", text)
        assert found, text
        return found[1], found[2]

    def status(self, ident):
        return self.ask("getStatus", id=ident)

    def set(self, ident, status):
        return self.ask("setStatus", id=ident, status=status)


class AlternativeCase(GatewayCase):
    def shop(self, count, customers, services=None, **http):
        """A rig whose cards are sold to customers alone, all of them in sale."""
        rig = self.rig(count, start=False)
        del rig.daemon.sections["platform onlinesim"]
        rig.port = harness.free_port()
        self.configure(rig, "http", listen=f"127.0.0.1:{rig.port}", **http)
        for name, keys in (services or SERVICES).items():
            self.configure(rig, f"service {name}", **keys)
        for name, keys in customers.items():
            self.configure(rig, f"customer {name}", **{"key": f"{name}-key", **keys})
        rig.daemon.start()
        if customers:
            self.wait_for_sale(rig, Client(rig.port, f"{next(iter(customers))}-key"), count)
        return rig

    def wait_for_sale(self, rig, client, count):
        rig.wait(lambda: client.ask("getBalance") != "ERROR_SQL", "an answer")
        rig.wait(lambda: set(client.json("getNumbersStatus").values()) == {count}, "cards in sale")

    def index(self, digits):
        return int(digits[-4:])

    def wait_status(self, rig, client, ident, want):
        return rig.wait(lambda: client.status(ident) == want, f"{want} of {ident}")

    def customer(self, rig, name):
        rows = rig.daemon.ctl("customer", "list")["customers"]
        return next(row for row in rows if row["name"] == name)


class Codes(AlternativeCase):
    def test_from_the_order_to_the_end(self):
        rig = self.shop(3, {"acme": {"balance": "10"}, "other": {"balance": "10"}})
        acme, other = Client(rig.port, "acme-key"), Client(rig.port, "other-key", post=True)
        self.assertEqual(acme.balance(), "10.00")
        self.assertEqual(acme.json("getNumbersStatus", country=46), dict.fromkeys(
            ("vk_0", "tg_0", "any_0", "short_0"), 3))
        self.assertEqual(acme.json("getCountries")["46"]["id"], 46)
        ident, digits = acme.order("vk_0")
        self.assertEqual(acme.balance(), "9.70")
        self.assertEqual(acme.status(ident), "STATUS_WAIT_CODE")
        self.assertIn("text/html", acme.type)
        card = self.index(digits)
        self.assertEqual("+" + digits, number(card))

        rig.sim.sms(card, "Shop", "another's code 9999")
        rig.sim.sms(card, "VK", "VK: 123-456 is your code")
        self.wait_status(rig, acme, ident, "STATUS_OK:123456")
        self.assertEqual(acme.ask("getFullSms", id=ident), "FULL_SMS:[VK] VK: 123-456 is your code")
        self.assertEqual(other.status(ident), "NO_ACTIVATION")
        self.assertEqual(acme.set(ident, 8), "BAD_STATUS")
        self.assertEqual(acme.set(ident, 3), "ACCESS_RETRY_GET")
        self.assertEqual(acme.status(ident), "STATUS_WAIT_RETRY:123456")
        rig.sim.sms(card, "VK", "VK: 777 888")
        self.wait_status(rig, acme, ident, "STATUS_OK:777888")

        (row,) = rig.daemon.ctl("--full", "activations", "--open")["activations"]
        self.assertEqual((row["id"], row["customer"], row["number"], row["texts"], row["state"]),
                         (int(ident), "acme", "+" + digits, 2, "open"))
        self.assertEqual(acme.set(ident, 6), "ACCESS_ACTIVATION")
        self.assertEqual(acme.set(ident, 3), "NO_ACTIVATION")
        self.assertEqual(rig.daemon.ctl("activations", "--open")["activations"], [])

        # What comes late is nobody's: neither the former customer's nor the next one's.
        rig.sim.sms(card, "VK", "VK: 555555 late")
        rig.wait(lambda: any(m["state"] == "unclaimed" and m["chars"] == 15
                             for m in rig.daemon.ctl("messages")["messages"]), "the late text")
        self.assertEqual(acme.status(ident), "STATUS_OK:777888")
        while True:
            later, digits = other.order("tg")
            if self.index(digits) == card:
                break
        self.assertEqual(other.status(later), "STATUS_WAIT_CODE")
        rig.sim.sms(card, "Telegram", "Your login abcd")
        self.wait_status(rig, other, later, "STATUS_OK:abcd")
        self.assertEqual(acme.status(ident), "STATUS_OK:777888")
        self.assertEqual(acme.balance(), "9.70")
        self.assert_no_secret(rig.daemon.log_text(), "other-key", "acme-key", "777 888")

    def test_money_comes_back_when_nothing_came(self):
        rig = self.shop(2, {"acme": {"balance": "1", "price.short": "0.4001"}}, cancel_after="1s")
        acme = Client(rig.port, "acme-key")
        ident, _ = acme.order("vk")
        self.assertEqual(acme.set(ident, 8), "EARLY_CANCEL_DENIED")
        short, _ = acme.order("short")
        self.assertEqual(acme.balance(), "0.2999")
        self.assertEqual(acme.ask("getNumber", service="any"), "NO_NUMBERS")
        rig.wait(lambda: acme.set(ident, 8) == "ACCESS_CANCEL", "a cancelled order")
        self.assertEqual(acme.ask("getNumber", service="vk", phoneException="[70010]"), "NO_NUMBERS")
        self.assertEqual(acme.ask("getNumber", service="no"), "BAD_SERVICE")
        self.wait_status(rig, acme, short, "STATUS_CANCEL")
        self.assertEqual(acme.balance(), "1.00")
        for _ in range(2):
            acme.order("short")
        rig.wait(lambda: acme.balance() == "1.00", "what two orders cost, back")
        row = self.customer(rig, "acme")
        self.assertEqual((row["balance"], row["open"], row["orders_today"], row["spent_today"]),
                         ("1.00", 0, 4, "0.00"))

    def test_what_is_confidential_is_not_shown(self):
        rig = self.shop(1, {"acme": {"balance": "1"}})
        acme = Client(rig.port, "acme-key")
        ident, digits = acme.order("any")
        card = self.index(digits)
        rig.sim.sms(card, "Bank", "Your account: payment of 100 EUR, confirmation code 4444")
        rig.wait(lambda: rig.daemon.ctl("activations")["activations"][0]["withheld"], "a withheld text")
        self.assertEqual(acme.status(ident), "STATUS_WAIT_CODE")
        rig.sim.sms(card, "Shop", "code 5555")
        self.wait_status(rig, acme, ident, "STATUS_OK:5555")

    def test_a_crash_forgets_nothing(self):
        rig = self.shop(2, {"acme": {"balance": "1"}})
        acme = Client(rig.port, "acme-key")
        waits, digits = acme.order("any")
        has, other = acme.order("any")
        rig.sim.sms(self.index(other), "Shop", "code 1111")
        self.wait_status(rig, acme, has, "STATUS_OK:1111")
        rig.daemon.kill9()
        rig.sim.sms(self.index(digits), "Shop", "code 2222")
        rig.daemon.start()
        rig.wait(lambda: acme.ask("getBalance") != "ERROR_SQL", "an answer")
        self.wait_status(rig, acme, waits, "STATUS_OK:2222")
        self.assertEqual(acme.status(has), "STATUS_OK:1111")
        self.assertEqual(acme.balance(), "0.80")
        self.assertEqual(acme.set(has, 6), "ACCESS_ACTIVATION")
        # By the operator's hand.
        rig.daemon.ctl("activations", "release", waits)
        self.assertEqual(acme.set(waits, 6), "NO_ACTIVATION")


class Rents(AlternativeCase):
    def test_a_rent(self):
        rig = self.shop(2, {"acme": {"balance": "10", "rent_price": "1.50"}, "poor": {"rent_price": "1"}})
        acme = Client(rig.port, "acme-key")
        self.assertEqual(acme.json("getRentServicesAndCountries", country=46), {
            "countries": {"46": 2}, "operators": {"0": "any"},
            "services": {"full": {"quant": 2, "cost": 1.5}}})
        self.assertEqual(Client(rig.port, "poor-key").ask("getRentNumber", country=46), "WARNING_LOW_BALANCE")
        phone = acme.json("getRentNumber", country=46, time=25)["phone"]
        self.assertEqual(acme.balance(), "7.00")
        self.assertRegex(phone["endDate"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$")
        self.assertEqual(acme.json("getRentList")["values"], {"46": {"id": phone["id"], "phone": phone["number"]}})
        self.assertEqual(acme.json("getRentStatus", id=phone["id"])["message"], "STATUS_WAIT_CODE")
        card = int(phone["number"][-4:])
        for text in ("one", "two"):
            rig.sim.sms(card, "+46701112233", text)
        status = rig.wait(lambda: (s := acme.json("getRentStatus", id=phone["id"])).get("quantity") == 2 and s)
        value = status["values"]["0"]
        self.assertEqual((value["phoneFrom"], value["service"]), (number(card), "+46701112233"))
        self.assertEqual({v["text"] for v in status["values"].values()}, {"one", "two"})
        self.configure(rig, "http", rent_status="siblings")
        rig.daemon.ctl("reload")
        value = acme.json("getRentStatus", id=phone["id"])["values"]["0"]
        self.assertEqual((value["phoneFrom"], value["service"]), ("+46701112233", "full"))
        self.assertEqual(acme.json("setRentStatus", id=phone["id"], status=1),
                         {"status": "error", "message": "BAD_STATUS"})
        self.assertEqual(acme.json("setRentStatus", id=phone["id"], status=2), {"status": "success"})
        self.assertEqual(acme.json("getRentStatus", id=phone["id"])["message"], "STATUS_FINISH")
        self.assertEqual(acme.balance(), "7.00")


class Customers(AlternativeCase):
    def test_made_by_hand(self):
        rig = self.shop(1, {"acme": {"balance": "1"}})
        status, key, said = rig.daemon.ctl_raw("customer", "add", "hand")
        self.assertEqual((status, len(key.strip())), (0, 40))
        self.assertIn("this once", said)
        self.assertEqual(rig.daemon.ctl_raw("customer", "add", "hand")[0], 1)
        hand = Client(rig.port, key.strip())
        rig.wait(lambda: hand.ask("getBalance") == "ACCESS_BALANCE:0.00", "the new key")
        self.assertEqual(hand.ask("getNumber", service="any"), "NO_BALANCE")
        self.assertEqual(rig.daemon.ctl("customer", "topup", "hand", "0.15"), {"balance": "0.15"})
        self.assertEqual(rig.daemon.ctl_raw("customer", "topup", "hand", "0.00001")[0], 2)
        self.assertEqual(rig.daemon.ctl_raw("customer", "topup", "nobody", "1")[0], 1)
        self.assertEqual(rig.daemon.ctl_raw("customer", "topup", "--", "hand", "-1")[0], 1)
        self.assertEqual(rig.daemon.ctl("customer", "topup", "--", "hand", "-0.05"), {"balance": "0.10"})
        ident, digits = hand.order("any")
        self.assertEqual(self.customer(rig, "hand"), {**self.customer(rig, "hand"), "balance": "0.00",
                         "open": 1, "orders_today": 1, "spent_today": "0.10", "configured": False})
        status, table, _ = rig.daemon.ctl_raw("customer", "list")
        self.assertEqual((status, "hand" in table, "acme" in table), (0, True, True))
        self.assertIn("hand", rig.daemon.ctl_raw("activations", "--open")[1])
        rig.daemon.ctl("customer", "disable", "hand")
        rig.wait(lambda: hand.ask("getBalance") == "BAD_KEY", "a key that is off")
        rig.daemon.ctl("customer", "enable", "hand")
        rig.wait(lambda: hand.status(ident) == "STATUS_WAIT_CODE", "a key that is on")
        rig.sim.sms(self.index(digits), "Shop", "code 1234")
        self.wait_status(rig, hand, ident, "STATUS_OK:1234")
        with open(f"{rig.daemon.state_dir}/simgate.db", "rb") as db:
            self.assertNotIn(key.strip().encode(), db.read())
        self.assertNotIn(key.strip(), rig.daemon.log_text())
        # One whom the configuration has no longer is off, and his money is there when he comes back.
        acme = Client(rig.port, "acme-key")
        keys = rig.daemon.sections.pop("customer acme")
        rig.daemon.write_config()
        rig.daemon.ctl("reload")
        self.assertEqual(acme.ask("getBalance"), "BAD_KEY")
        rig.wait(lambda: self.customer(rig, "acme")["state"] == "gone", "a customer gone")
        self.configure(rig, "customer acme", **keys)
        rig.daemon.ctl("reload")
        rig.wait(lambda: acme.ask("getBalance") == "ACCESS_BALANCE:1.00", "a customer back")

    def test_limits(self):
        rig = self.shop(1, {"acme": {"balance": "1"}, "slow": {"rate": "60"}})
        slow = Client(rig.port, "slow-key")
        with self.assertRaises(urllib.error.HTTPError) as raised:
            for _ in range(60):
                slow.ask("getBalance")
        self.assertEqual((raised.exception.code, raised.exception.read()), (429, b"TOO_MANY_REQUESTS"))
        self.assertEqual(Client(rig.port, "acme-key").balance(), "1.00")
        with self.assertRaises(urllib.error.HTTPError) as raised:
            for _ in range(20):
                self.assertEqual(Client(rig.port, "guess").ask("getBalance"), "BAD_KEY")
        self.assertEqual(raised.exception.code, 429)

    def test_a_configuration_that_is_wrong(self):
        rig = self.rig(1, start=False)
        for section, keys, words in (
            ("service vk", {"code": "/(/", "price": "1"}, "code: missing"),
            ("service vk", {"code": "x", "price": "1"}, "between slashes"),
            ("country 46", {"id": "45"}, "id: denmark has 45 too"),
            ("country 999", {"id": "999"}, "no country"),
            ("http", {"rent_status": "other"}, "nearest known name: "),
            ("http", {"cancel_after": "2"}, "no duration"),
        ):
            self.configure(rig, section, **keys)
            status, said = rig.daemon.check()
            self.assertEqual(status, 1)
            self.assertIn(words, said)
            del rig.daemon.sections[section]
        rig.daemon.write_config()
        rig.daemon.start()


class Many(AlternativeCase):
    CARDS, CUSTOMERS = 40, 200

    def one(self, rig, i, lock, results):
        """Orders until there is a number, gets the code that was sent for it, closes or cancels."""
        client = Client(rig.port, f"c{i:03d}-key")
        service = f"s{i % 8}"
        while (text := client.ask("getNumber", service=service)) == "NO_NUMBERS":
            time.sleep(0.1)
        _, ident, digits = text.split(":")
        if i % 10 == 0:
            assert client.set(ident, 8) == "ACCESS_CANCEL"
            results[i] = "cancelled"
            return
        code = f"{100000 + int(ident)}"
        with lock:
            rig.sim.sms(self.index(digits), "Shop", f"code {code}")
        while (text := client.status(ident)) == "STATUS_WAIT_CODE":
            time.sleep(0.1)
        assert text == f"STATUS_OK:{code}", (text, code)
        assert client.set(ident, 6) == "ACCESS_ACTIVATION"
        results[i] = "sold"

    def guarded(self, rig, i, lock, results):
        try:
            self.one(rig, i, lock, results)
        except Exception as error:  # told by the main thread
            results[i] = repr(error)

    def test_two_hundred_at_once(self):
        customers = {f"c{i:03d}": {"balance": "1"} for i in range(self.CUSTOMERS)}
        services = {f"s{i}": {"price": "0.10"} for i in range(8)}
        rig = self.shop(self.CARDS, customers, services)
        lock, results = threading.Lock(), {}
        threads = [threading.Thread(target=self.guarded, args=(rig, i, lock, results), daemon=True)
                   for i in range(self.CUSTOMERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(harness.DEADLINE_S)
        self.assertEqual({i: results.get(i) for i in range(self.CUSTOMERS)},
                         {i: "cancelled" if i % 10 == 0 else "sold" for i in range(self.CUSTOMERS)})
        rows = rig.daemon.ctl("customer", "list")["customers"]
        self.assertEqual({r["name"]: r["balance"] for r in rows},
                         {n: "1.00" if int(n[1:]) % 10 == 0 else "0.90" for n in customers})
        self.assertEqual({r["open"] for r in rows}, {0})
        self.assertEqual({r["orders_today"] for r in rows}, {1})


if __name__ == "__main__":
    running()
