"""test_hosts.py - three daemons on one PostgreSQL pool: one list, a leader that dies or freezes, texts
delivered once, a bank and a host_id that two would have."""

import json
import re
import signal
import subprocess

import harness
from gateway_case import iccid, number, running
from hosts_case import CARDS, HostsCase


class Hosts(HostsCase):
    def metrics(self, host, name):
        """{labels: value} of a family."""
        found = ((re.match(r"simgate_(\w+)(?:{(.*)})?$", key), value)
                 for key, value in host.metrics().items())
        return {m[2]: value for m, value in found if m and m[1] == name}

    def assert_summable(self, rig):
        """What is of the pool is one figure at all hosts; the rest is each host's share."""
        labels = 'platform="onlinesim",state="delivered"'
        for host in rig.hosts:
            rig.wait(lambda h=host: self.metrics(h, "outbox_messages").get(labels) == 3 * CARDS,
                     "the pool's figure")
            self.assertEqual(len(self.metrics(host, "sms_received_total")), CARDS)
            self.assertEqual(len(self.metrics(host, "host_up")), 3)
        shown = [self.metrics(host, "roster_numbers") for host in rig.hosts]
        self.assertEqual([s for s in shown if s], [{'platform="onlinesim"': 3 * CARDS}])
        self.assertTrue(shown[self.leader(rig)])
        received = [sum(self.metrics(h, "sms_received_total").values()) for h in rig.hosts]
        self.assertEqual(received, [CARDS] * 3)

    def test_one_list_and_a_leader_that_goes(self):
        rig = self.pool()
        for host in rig.hosts:
            host.start()
        self.wait_numbers(rig, 0, 1, 2)
        self.send(rig, "first")
        self.await_texts(rig, rig.sent)
        self.assert_summable(rig)

        # killed: another one leads; the dead one's numbers stay until it is stale, no other's go
        lists = len(self.lists(rig))
        dead = self.leader(rig)
        alive = [i for i in range(3) if i != dead]
        rig.hosts[dead].kill9()
        second = self.leader(rig, alive)
        self.send(rig, "second", alive)
        self.wait_numbers(rig, *alive)
        for sent in self.lists(rig)[lists:]:
            self.assertLessEqual(self.numbers(*alive), sent)
        self.await_texts(rig, rig.sent)

        # it comes back, with texts of the meantime on its cards
        self.send(rig, "third", (dead,))
        rig.hosts[dead].start()
        self.wait_numbers(rig, 0, 1, 2)
        self.await_texts(rig, rig.sent)

        # frozen: the same; awake again it does not send what it had in mind
        frozen = second
        others = [i for i in range(3) if i != frozen]
        rig.hosts[frozen].signal(signal.SIGSTOP)
        third = self.leader(rig, others)
        self.wait_numbers(rig, *others)
        lists = len(self.lists(rig))
        rig.hosts[frozen].signal(signal.SIGCONT)
        self.wait_numbers(rig, 0, 1, 2)
        self.assertEqual(self.leader(rig), third)
        for sent in self.lists(rig)[lists:]:
            self.assertLessEqual(self.numbers(*others), sent)
        self.assertIn("event=leader_lost", rig.hosts[frozen].log_text())

        # a quick restart takes nothing off; a list by the word of one that does not lead
        lists = len(self.lists(rig))
        other = next(i for i in range(3) if i != third)
        rig.hosts[other].restart()
        rig.wait(lambda: "event=roster_sent" in rig.hosts[third].log_text(), "a list")
        synced = rig.hosts[next(i for i in range(3) if i not in (third, other))].ctl("sync")
        self.assertTrue(all(p["ok"] for p in synced["platforms"]), synced)
        self.assertGreater(len(self.lists(rig)), lists)
        for sent in self.lists(rig)[lists:]:
            self.assertEqual(sent, self.numbers(0, 1, 2))
        self.send(rig, "last")
        self.await_texts(rig, rig.sent)

        # drained at a host that does not lead
        gone = number(self.cards(other)[0])
        rig.hosts[other].ctl("drain", f"b{other}/m{self.cards(other)[0]:03d}")
        self.assertNotIn(gone, rig.platform.numbers())

    def test_a_number_that_another_host_has_too(self):
        rig = self.pool(2)
        for host in rig.hosts:
            host.start()
        self.wait_numbers(rig, 0, 1)
        n, m = self.cards(0)[0], self.cards(1)[0]
        rig.hosts[0].ctl("numbers", "set", iccid(rig, m), number(n))
        for i, k, other in ((0, n, f"b1/m{m:03d}"), (1, m, f"b0/m{n:03d}")):
            rig.wait(lambda i=i, k=k, other=other: self.unlisted(rig, i, k)
                     == (False, f"{other} has the same number"), "the reason")
        rig.hosts[1].ctl("numbers", "forget", iccid(rig, m))
        for i, k in ((0, n), (1, m)):
            rig.wait(lambda i=i, k=k: self.unlisted(rig, i, k) == (True, ""), "no reason")
        self.wait_numbers(rig, 0, 1)

    def unlisted(self, rig, i, n):
        port = rig.hosts[i].ctl("port", f"b{i}/m{n:03d}")
        return port["online"], port["unlisted"]

    def test_a_card_is_switched_where_another_host_leads(self):
        rig = self.pool(2, modems=("quectel-gsm", ("--rows", 2, "--wired", "order")))
        rig.hosts[1].sections["bank b1"].update({
            "board": "swit", "rows": "2", "control.1": f"{rig.sim.dir}/bank1",
            "switch_wait": "200ms", "switch_stagger": "100ms",
            **{f"column.m{n:03d}": f"1/{n + 1:02d}" for n in self.cards(1)},
        })
        rig.hosts[1].write_config()
        rig.hosts[0].start()
        self.wait_numbers(rig, 0)
        rig.hosts[1].start()
        self.wait_numbers(rig, 0, 1)
        n = self.cards(1)[0]
        rig.hosts[1].ctl("select", f"b1/m{n:03d}", "2")
        moves = rig.wait(lambda: json.loads(rig.sim.send("bank"))["moves"], "the switch")
        dropped = next(e["t"] for e in rig.platform.events("list")
                       if number(n) not in {x["number"] for x in e["numbers"]}
                       and len(e["numbers"]) == 2 * CARDS - 1)
        self.assertLess(dropped, moves[0]["t"])
        self.assertNotIn("no list without its number", rig.hosts[1].log_text())

    def test_names_that_two_would_have(self):
        rig = self.pool(2)
        rig.hosts[0].start()
        rig.hosts[1].sections["bank b0"] = rig.hosts[1].sections.pop("bank b1")
        rig.hosts[1].write_config()
        rig.hosts[1].start()
        rig.wait(lambda: "event=bank_denied" in rig.hosts[1].log_text(), "a bank denied")
        self.assertIn("host=host-0", rig.hosts[1].log_text())
        self.wait_numbers(rig, 0)
        self.assertEqual(rig.hosts[1].ctl("ports")["ports"], [])

        # the name of a host is one process'
        double = self.host(rig, 1, host_id="host-0")
        done = subprocess.run(
            [harness.program("simgated"), "-c", double.config_path], capture_output=True,
            text=True, timeout=harness.DEADLINE_S,
        )
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("another simgated with host_id host-0", done.stderr)
        self.assertNotIn("store_failed", done.stderr)
        rig.hosts[0].kill9()
        rig.hosts[0].start()  # known to be dead: its name is free at once
        self.wait_numbers(rig, 0)

        # once the owner is stale the bank is the other's
        rig.hosts[0].stop()
        rig.wait(lambda: "event=bank_claimed" in rig.hosts[1].log_text(), "the bank")
        self.wait_numbers(rig, 1)


if __name__ == "__main__":
    running()
