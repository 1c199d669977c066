"""test_host_orders.py - orders at three daemons of one pool at one moment: each number is given once,
whoever is asked, and its texts come to the order wherever its card is."""

import collections
import itertools
import re

import harness
from gateway_case import number, running
from hosts_case import HostsCase
from partner import Partner
from test_alternative import Client

HOSTS = 3
CARDS = 25  # a host's, for each way to sell
ORDERS = 150  # for the numbers of each way
KEY = "acme-key"
PRICE = 10  # cents
MONEY = 100 * PRICE  # for so many
BUSY = ("ERROR_SQL", {"status": "ERROR", "error": "the order could not be stored"})


class HostOrders(HostsCase):
    each = 2 * CARDS

    def cards(self, i):
        """0, 3, 6 ...; 1, 4, 7 ...; 2, 5, 8 ...: the first half for the platform, the other for
        customers."""
        return range(i, HOSTS * self.each, HOSTS)

    def pool(self):
        rig = super().pool(HOSTS)
        for host in rig.hosts:
            host.start()
        rig.partners = [Partner(host.port, harness.KEY) for host in rig.hosts]
        rig.clients = [Client(host.port, KEY) for host in rig.hosts]
        for partner in rig.partners:
            self.addCleanup(partner.close)
        return rig

    def host(self, rig, i):
        port, cards = harness.free_port(), self.cards(i)
        host = self.daemon(rig, i, {
            "gateway": {},
            "http": {"listen": f"127.0.0.1:{port}"},
            "platform onlinesim": {"kind": "onlinesim-pull", "list_delay": None},
            "service vk": {"price": f"0.{PRICE}", "title": "vk"},
            "customer acme": {"key": KEY, "balance": f"{MONEY / 100:.2f}", "rate": "0"},
            **{f"bank {seller}{i}": {"devices": self.devices(rig, some), "sell": seller}
               for seller, some in (("onlinesim", cards[:CARDS]), ("customers", cards[CARDS:]))},
        })
        host.port = port
        return host

    def wait_in_sale(self, rig, *counts):
        """Until each host offers so many to the platform, and so many to customers."""

        def known(host, partner, client):
            try:
                services = partner.services().get("sweden", {}).get("any", {})
                there = client.json("getNumbersStatus", country=46)["vk_0"]
            except (AssertionError, ConnectionRefusedError):
                return False  # it starts
            return (services.get("vk", 0), there) == counts

        for asked in zip(rig.hosts, rig.partners, rig.clients):
            rig.wait(lambda: known(*asked), f"{counts} numbers")

    def home(self, digits):
        """The host with the card of a number, and the card."""
        card = int(str(digits)[-4:])
        self.assertEqual("+" + str(digits), number(card))
        return card % HOSTS, card

    def told(self, ask):
        """An answer. On a machine that is all too busy the store may seem to be away for a while."""
        return harness.wait_for(lambda: (got := ask()) not in BUSY and got, "an answer")

    def order(self, rig, at, way):
        """(way, the host asked, the number, the id); no number is None."""
        if way == "onlinesim":
            got = self.told(lambda: rig.partners[at].call(
                "GET_NUMBER", country="sweden", operator="any", service="vk", sum=40))
            rig.partners[at].close()
            return way, at, got.get("number"), got.get("activationId")
        said = self.told(lambda: rig.clients[at].ask("getNumber", service="vk", country=46))
        if said == "NO_NUMBERS":
            return way, at, None, None
        ident, digits = re.fullmatch(r"ACCESS_NUMBER:(\d+):(\d+)", said).groups()
        return way, at, int(digits), int(ident)

    def rush(self, rig, orders):
        """All of them at one moment: what was given, by way."""
        calls = [(at, way) for way, at in itertools.islice(
            itertools.cycle(itertools.product(("onlinesim", "customers"), range(HOSTS))), orders)]
        got = rig.partners[0].many(len(calls), lambda: self.order(rig, *calls.pop()))
        self.assertEqual(len({ident for *_, ident in got if ident}),
                         sum(1 for *_, ident in got if ident), "an id twice")
        given = {way: [g[1:] for g in got if g[0] == way and g[2]]
                 for way in ("onlinesim", "customers")}
        for some, first in zip(given.values(), (0, HOSTS * CARDS)):
            digits = [int(number(n)[1:]) for n in range(first, first + HOSTS * CARDS)]
            self.assertEqual(sorted(n for _, n, _ in some), digits)
        return given

    def test_many_orders_at_one_moment(self):
        rig = self.pool()
        self.wait_in_sale(rig, HOSTS * CARDS, HOSTS * CARDS)
        given = self.rush(rig, 2 * ORDERS)
        self.wait_in_sale(rig, 0, 0)
        paid = f"{(MONEY - PRICE * len(given['customers'])) / 100:.2f}"
        self.assertEqual([self.told(lambda: c.ask("getBalance")) for c in rig.clients],
                         [f"ACCESS_BALANCE:{paid}"] * HOSTS)

        # each text comes to its order once, wherever that was made and whoever is asked
        homes = collections.Counter()
        for way, some in given.items():
            for at, digits, ident in some:
                home, card = self.home(digits)
                homes[way, at, home] += 1
                rig.sim.sms(card, "Shop", f"code {10000 + card}")
        self.assertGreater(len([1 for _, at, home in homes if at != home]), HOSTS, homes)
        for at, digits, ident in given["customers"]:
            home, card = self.home(digits)
            third = rig.clients[next(i for i in range(HOSTS) if i not in (at, home))]
            want = f"STATUS_OK:{10000 + card}"
            rig.wait(lambda: third.status(ident) == want, f"{want} of {ident}")
        wanted = sorted((ident, digits, "Shop", f"code {10000 + self.home(digits)[1]}")
                        for _, digits, ident in given["onlinesim"])
        rig.wait(lambda: len(rig.platform.events("push")) >= len(wanted), "texts pushed")
        self.assertEqual(sorted((p["smsId"], p["phone"], p["phoneFrom"], p["text"])
                                for p in rig.platform.events("push")), wanted)

        # ended at another host than ordered; what was cancelled is free again for all, what was
        # used is not
        for at, _, ident in given["onlinesim"]:
            rig.wait(lambda: rig.partners[(at + 1) % HOSTS].finish(ident, 4), "the end of an order")
        for at, _, ident in given["customers"]:
            said = self.told(lambda: rig.clients[(at + 1) % HOSTS].set(ident, 6))
            self.assertEqual(said, "ACCESS_ACTIVATION")
        self.wait_in_sale(rig, HOSTS * CARDS, 0)


if __name__ == "__main__":
    running()
