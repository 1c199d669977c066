"""test_drain.py - ports off the list by the operator's word, their texts delivered all the same."""

from gateway_case import GatewayCase, number, running


class Drain(GatewayCase):
    def events(self, rig, name):
        return rig.daemon.log_text().count(f"event={name}\n")

    def state(self, rig, i):
        return self.port(rig, i)["drain"]

    def test_one_port(self):
        rig = self.rig(2)
        rig.platform.send("remember on")
        answer = rig.daemon.ctl("drain", "sim/m000")
        self.assertEqual(answer, {"ok": True, "ports": 1, "drained": 1, "draining": []})
        self.assertEqual(rig.platform.numbers(), {number(1)})
        port = self.port(rig, 0)
        self.assertEqual((port["drain"], port["online"], port["state"]),
                         ("drained", False, "ready"))
        self.assertEqual(rig.daemon.ctl("drain", "sim/m000")["drained"], 1)  # no error
        self.assertIn("drained", rig.daemon.ctl_raw("ports")[1])
        self.assertIn("; 1 drained", rig.daemon.ctl_raw("status")[1])
        ports = rig.daemon.ctl("status")["ports"]
        self.assertEqual((ports["ready"], ports["draining"], ports["drained"]), (2, 0, 1))
        self.assertIn("nearest known name: sim/m001",
                      rig.daemon.ctl_raw("drain", "sim/m01")[2])
        self.assertIn("no such port", rig.daemon.ctl_raw("resume", "sim/m01")[2])

        # a text that comes all the same, and a restart
        rig.sim.sms(0, "Shop", "drained")
        self.await_texts(rig, [(number(0), "Shop", "drained")])
        rig.wait(lambda: self.state(rig, 0) == "drained", "drained again")
        self.assertEqual((self.events(rig, "draining"), self.events(rig, "drained")), (1, 1))
        rig.daemon.stop()
        lists = len(self.lists(rig))
        rig.daemon.start()
        rig.wait(lambda: len(self.lists(rig)) > lists, "a list")
        rig.wait(lambda: self.state(rig, 0) == "drained", "drained")
        rig.daemon.ctl("reload")
        rig.sim.sms(0, "Shop", "after the restart")
        self.await_texts(rig, [(number(0), "Shop", "drained"),
                               (number(0), "Shop", "after the restart")])
        for listed in self.lists(rig)[lists:]:
            self.assertNotIn(number(0), listed)
        self.assertEqual(rig.daemon.ctl("resume", "sim/m000"), {"ok": True, "count": 1})
        rig.wait_listed(2)
        self.assertEqual((self.state(rig, 0), self.events(rig, "resumed")), ("", 1))
        self.assertEqual(rig.daemon.ctl("resume", "--all"), {"ok": True, "count": 0})

    def test_all_ports_and_a_restart(self):
        rig = self.rig(2)
        self.assertEqual(rig.daemon.ctl("drain", "--all")["drained"], 2)
        self.assertEqual(self.lists(rig)[-1], set())
        self.assertEqual(len(self.lists(rig)), 2)  # both at once
        rig.daemon.stop()
        rig.sim.fault("*", "silent")  # nobody waits for a port that is drained
        rig.daemon.start()
        rig.wait(lambda: len(self.lists(rig)) == 3, "the first list, empty")
        rig.sim.clear()
        rig.daemon.ctl("resume", "--all")
        rig.wait_listed(2)
        self.assertEqual(self.lists(rig)[2], set())

    def test_what_is_waited_for(self):
        rig = self.rig(1)
        rig.platform.send("fail list 100 503 x")
        status, out, _ = rig.daemon.ctl_raw("drain", "sim/m000", "--timeout", "300ms")
        self.assertEqual(status, 1)
        self.assertIn("onlinesim has accepted no list without it", out)
        rig.platform.send("fail 100 503 x")
        rig.sim.sms(0, "Shop", "waits")
        rig.wait(lambda: "1 queued" in self.port(rig, 0)["drain_waits"], "a text queued")
        rig.platform.send("fail 0 503 x")  # texts first: once off the list they are refused
        self.await_texts(rig, [(number(0), "Shop", "waits")])
        rig.platform.send("clear")
        answer = rig.daemon.ctl("drain", "sim/m000")
        self.assertEqual((answer["ok"], answer["drained"]), (True, 1))
        self.assertEqual(rig.daemon.ctl_raw("drain", "--all", "--no-wait")[0], 0)

    def test_a_platform_that_takes_texts_of_listed_numbers_alone(self):
        rig = self.rig(1)
        rig.daemon.ctl("drain", "--all")
        rig.sim.sms(0, "Shop", "too late")
        rig.wait(lambda: "refused until the number is listed" in self.port(rig, 0)["drain_waits"],
                 "the reason")
        self.assertEqual(rig.daemon.ctl_raw("drain", "--all", "--timeout", "100ms")[0], 1)
        rig.daemon.ctl("resume", "--all")
        self.await_texts(rig, [(number(0), "Shop", "too late")])

    def test_a_port_that_left_the_configuration(self):
        rig = self.rig(2)
        rig.daemon.ctl("drain", "--all")
        self.configure(rig, "bank sim", devices=rig.sim.path(0))
        rig.daemon.ctl("reload")
        self.configure(rig, "bank sim", devices=f"{rig.sim.path(0)}, {rig.sim.path(1)}")
        rig.daemon.ctl("reload")
        rig.wait(lambda: rig.platform.numbers() == {number(1)}, "the number that came back")
        rig.wait(lambda: self.state(rig, 0) == "drained", "the other one")


if __name__ == "__main__":
    running()
