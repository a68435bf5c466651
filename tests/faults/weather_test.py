#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bad weather between the worker and the API server. Whatever is lost, late, cut or refused: a deployment ends as what
happened in the cluster, and nothing is applied twice (counted in the cluster and in its audit log, not in our own)."""
import json
import os
import random
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "support"))
from lab import CONFIG_MAP, SPACE, Lab, manifest, wait_until, workload  # noqa: E402
from watch import Watch  # noqa: E402
from weather import Fault, Weather, Wire  # noqa: E402

SEED = int(os.environ.get("FAIRLEAD_FAULT_SEED", str(random.randrange(10**6))))
LAB = WEATHER = WIRE = AUDIT_LOG = None
CONFIG_MAPS = r"/configmaps/"
STATUS = '{{"kind":"Status","apiVersion":"v1","status":"Failure","message":"{message}","reason":"{reason}","code":{code}}}'
GONE_EVENT = '{"type":"ERROR","object":' + STATUS.format(message="too old resource version", reason="Expired", code=410) + "}\n"


def setUpModule():
    global LAB, WEATHER, WIRE, AUDIT_LOG
    folder = os.path.join("/tmp", f"fairlead-weather-{os.getpid()}-audit.log")
    AUDIT_LOG = folder
    LAB = Lab(cluster_arguments=("--audit-log", AUDIT_LOG, "--backoff", "1s"))
    access = LAB.clusters[0].access()
    WEATHER = Weather(access.url, LAB.stage.folder)
    WIRE = Wire(access.url)
    LAB.target("weather", access, ["weather"], url=WEATHER.url, authority=WEATHER.authority)
    LAB.target("wire", access, ["wire"], url=WIRE.url)
    # The first deployment of each learns the kinds of the cluster.
    for role in ("weather", "wire"):
        LAB.clusters[0].run("create", "namespace", f"first-{role}")
        task = LAB.run([manifest("m", CONFIG_MAP.format(name="first", value=0), f"first-{role}", roles=role)])
        assert task["State"] == "Success", LAB.log(task["Id"])


def tearDownModule():
    WEATHER.close()
    WIRE.close()
    LAB.close()
    if os.path.exists(AUDIT_LOG):
        os.remove(AUDIT_LOG)


def audited(namespace, verb="patch", resource="configmaps"):
    """Requests that reached the API server, as "name status"."""
    found = []
    with open(AUDIT_LOG, encoding="utf-8") as stream:
        for line in stream:
            event = json.loads(line)
            about = event.get("objectRef") or {}
            if event["verb"] == verb and about.get("resource") == resource and about.get("namespace") == namespace:
                found.append(f"{about['name']} {event['responseStatus']['code']}")
    return found


def answer(code, message="bad weather", reason="", **headers):
    return (code, {name.replace("_", "-"): value for name, value in headers.items()},
            STATUS.format(message=message, reason=reason, code=code))


class WeatherCase(unittest.TestCase):
    def setUp(self):
        self.namespace = LAB.unique("weather")
        LAB.clusters[0].run("create", "namespace", self.namespace)
        self.addCleanup(WEATHER.clear)

    def begin(self, text, role="weather", **properties):
        project = LAB.project([manifest("m", text, self.namespace, roles=role, properties=properties)])
        LAB.release(project, "1.0.0")
        return LAB.start(project, "1.0.0")

    def many(self, count):
        return "---\n".join(CONFIG_MAP.format(name=f"c-{i}", value=i) for i in range(count))

    def deploy_once(self, count, *faults):
        """`count` ConfigMaps in that weather: the deployment succeeds and each object was made once. Its log."""
        watch = Watch(LAB.clusters[0], "configmap", self.namespace)
        try:
            WEATHER.add(*faults)
            task = LAB.finish(self.begin(self.many(count)))
            log = LAB.log(task["Id"])
            self.assertEqual(task["State"], "Success", log)
            self.assertGreater(sum(fault.happened for fault in faults), 0, "no fault happened")
            watch.settle()
            self.assertEqual(watch.counts(), {f"c-{i}": 1 for i in range(count)}, log)
            writes = audited(self.namespace)
            self.assertEqual(len([line for line in writes if line.endswith(" 201")]), count, writes)
            return log
        finally:
            watch.stop()


class Applying(WeatherCase):
    def test_retry_after_is_heeded(self):
        fault = Fault("PATCH", CONFIG_MAPS, 1, answer(429, "slow down", "TooManyRequests", Retry_After="2"))
        started = time.monotonic()
        self.deploy_once(1, fault)
        self.assertGreaterEqual(time.monotonic() - started, 2)

    def test_bursts_of_5xx(self):
        self.deploy_once(40, Fault("PATCH", CONFIG_MAPS, 20, answer(500, "etcdserver: request timed out")),
                         Fault("PATCH", CONFIG_MAPS, 20, answer(503, "starting")),
                         Fault("PATCH", CONFIG_MAPS, 5, (502, {}, "<html>Bad Gateway</html>")))

    def test_reads_that_fail(self):
        self.deploy_once(10, Fault("GET", self.namespace, 4, answer(503)), Fault("GET", self.namespace, 1, cut=10))

    def test_answers_that_are_lost(self):
        """The object is made, and nobody says so: it is asked for again, and is not made or changed a second time."""
        lost = Fault("PATCH", CONFIG_MAPS, 10, lose=True)
        self.deploy_once(30, lost)
        writes = audited(self.namespace)
        self.assertEqual(len(writes), 30 + lost.happened, writes)
        self.assertEqual(len([line for line in writes if line.endswith(" 200")]), lost.happened, writes)

    def test_answers_that_are_cut(self):
        self.deploy_once(30, Fault("PATCH", CONFIG_MAPS, 5, cut=0), Fault("PATCH", CONFIG_MAPS, 5, cut=40))

    def test_answers_that_are_slow(self):
        self.deploy_once(20, Fault("PATCH", CONFIG_MAPS, 4, delay=3))

    def test_everything_at_random(self):
        chance = random.Random(SEED)
        faults = []
        for _ in range(60):
            faults.append(Fault(".*", self.namespace, 1, **chance.choice([
                {"answer": answer(503)}, {"answer": answer(500)}, {"answer": answer(429, Retry_After="1")}, {"lose": True},
                {"cut": chance.randrange(200)}, {"delay": chance.uniform(0, 0.5)}])))
            faults.append(Fault(".*", self.namespace, chance.randrange(3)))  # some fair weather
        self.deploy_once(60, *faults)

    def test_a_storm_that_does_not_end(self):
        WEATHER.add(Fault("PATCH", CONFIG_MAPS, 10**6, answer(503, "the etcd cluster has no leader")))
        task = LAB.finish(self.begin(self.many(5)))
        self.assertEqual(task["State"], "Failed")
        self.assertIn("the etcd cluster has no leader", task["ErrorMessage"], LAB.log(task["Id"]))
        self.assertEqual(audited(self.namespace), [])

    def test_a_refusal_is_no_weather(self):
        """What the API server refuses for good is not sent again, in whatever weather."""
        WEATHER.add(Fault("PATCH", CONFIG_MAPS, 1, answer(503)))
        task = LAB.finish(self.begin("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c-0\ndata: [1, 2]\n"))
        self.assertEqual(task["State"], "Failed")
        self.assertIn("data", task["ErrorMessage"])
        self.assertLessEqual(len(audited(self.namespace)), 1)


class Namespaces(WeatherCase):
    def test_one_that_is_deleted_while_it_is_remembered(self):
        """The executor asks for a step's namespace once a minute; one that has gone since is made again."""
        name = LAB.unique("vanishing")
        for number in range(3):
            task = LAB.run([manifest("m", CONFIG_MAP.format(name="c", value=number), name)])
            self.assertEqual(task["State"], "Success", LAB.log(task["Id"]))
            self.assertIn(f"Namespace {name} created", LAB.log(task["Id"]))
            LAB.clusters[0].run("delete", "namespace", name)


class Watching(WeatherCase):
    SLOW = "registry.example/web:1.0.0-slow-8s"
    BROKEN = "registry.example/web:1.0.0-crashloop"

    def watches_open(self, task_id):
        LAB.wait_log(task_id, "created")
        wait_until("a watch", lambda: WEATHER.seen("GET", r"deployments\?.*watch=true"), 30)

    def test_a_resource_version_that_is_too_old(self):
        """410, as a status and as an event: the kinds are listed anew, and the rollout is seen to its end."""
        task = self.roll_out(Fault("GET", r"watch=true", 3, answer(410, "too old resource version", "Expired")),
                             Fault("GET", r"watch=true", 3, (200, {}, GONE_EVENT)))
        self.assertEqual(task["State"], "Success", LAB.log(task["Id"]))
        self.assert_rolled_out_once()

    def roll_out(self, *faults):
        """The task of a slow rollout whose watches begin anew in that weather."""
        WEATHER.add(*faults)
        WEATHER.cut_all()
        task = LAB.finish(self.begin(workload("web", self.SLOW)))
        self.assertTrue(all(fault.happened for fault in faults), [fault.happened for fault in faults])
        return task

    def assert_rolled_out_once(self):
        deployment = LAB.clusters[0].workload("deployment", self.namespace, "web")
        self.assertEqual((deployment["metadata"]["generation"], deployment["status"]["readyReplicas"]), (1, 1))
        self.assertEqual(audited(self.namespace, resource="deployments"), ["web 201"])

    def test_watches_that_are_cut(self):
        task_id = self.begin(workload("web", self.SLOW))
        self.watches_open(task_id)
        stop = threading.Event()

        def cut():
            while not stop.wait(0.7):
                WEATHER.cut_all()

        cutter = threading.Thread(target=cut)
        cutter.start()
        try:
            task = LAB.finish(task_id)
        finally:
            stop.set()
            cutter.join()
        self.assertEqual(task["State"], "Success", LAB.log(task_id))
        self.assert_rolled_out_once()

    def test_watches_and_lists_that_fail(self):
        task = self.roll_out(
            Fault("GET", r"limit=\d+", 2, answer(503)), Fault("GET", r"limit=\d+", 1, cut=100),
            Fault("GET", r"watch=true", 2, answer(500)), Fault("GET", r"watch=true", 2, answer(429, Retry_After="1")),
            Fault("GET", r"watch=true", 2, cut=30))
        self.assertEqual(task["State"], "Success", LAB.log(task["Id"]))
        self.assert_rolled_out_once()

    def test_the_reason_of_a_failure_comes_through(self):
        """Pods that crash, seen through watches that are cut, and a log and events that come late."""
        WEATHER.add(Fault("GET", r"watch=true", 3, cut=200), Fault("GET", r"/log\?", 1, answer(500)),
                    Fault("GET", r"/events\?", 1, answer(503)), Fault("GET", r"/events\?", 1, delay=2))
        task = LAB.finish(self.begin(workload("web", self.BROKEN)))
        self.assertEqual(task["State"], "Failed")
        self.assertIn("web", task["ErrorMessage"])
        self.assertNotIn("watch", task["ErrorMessage"])
        self.assertRegex(task["ErrorMessage"].lower(), "crash|exit", LAB.log(task["Id"]))


class OverTheWire(WeatherCase):
    """HTTP/2 as it is; what fails is the connection under all requests at once."""

    def test_connections_that_are_reset(self):
        chance = random.Random(SEED)
        watch = Watch(LAB.clusters[0], "configmap", self.namespace)
        stop = threading.Event()

        def cut():
            for _ in range(8):  # fewer in a row than the attempts that an object has
                if stop.wait(chance.uniform(0.1, 1.5)):
                    return
                WIRE.cut_all()

        cutter = threading.Thread(target=cut)
        cutter.start()
        try:
            task = LAB.finish(self.begin(self.many(200), role="wire"))
            self.assertEqual(task["State"], "Success", f"{LAB.log(task['Id'])}\nFAIRLEAD_FAULT_SEED={SEED}")
            stop.set()
            cutter.join()
            watch.settle()
            self.assertEqual(watch.counts(), {f"c-{i}": 1 for i in range(200)}, f"FAIRLEAD_FAULT_SEED={SEED}")
        finally:
            stop.set()
            cutter.join()
            watch.stop()

    def test_an_api_server_that_is_away_for_a_moment(self):
        task_id = self.begin(workload("web", Watching.SLOW), role="wire")
        LAB.wait_log(task_id, "created")
        WIRE.refuse()
        WIRE.cut_all()
        threading.Event().wait(4)
        WIRE.refuse(False)
        task = LAB.finish(task_id)
        self.assertEqual(task["State"], "Success", LAB.log(task_id))

    def test_an_api_server_that_is_not_there(self):
        WIRE.refuse()
        WIRE.cut_all()
        try:
            task = LAB.finish(self.begin(self.many(3), role="wire"))
        finally:
            WIRE.refuse(False)
        self.assertEqual(task["State"], "Failed")
        self.assertIn(WIRE.url, task["ErrorMessage"], LAB.log(task["Id"]))
        self.assertEqual(audited(self.namespace), [])

    def test_a_line_that_is_frozen(self):
        """Nothing is closed and nothing comes through; it thaws before anybody gives up."""
        task_id = self.begin(workload("web", Watching.SLOW), role="wire")
        LAB.wait_log(task_id, "created")
        WIRE.freeze()
        threading.Event().wait(12)  # the rollout ends meanwhile
        self.assertFalse(LAB.task(task_id)["IsCompleted"])
        WIRE.thaw()
        task = LAB.finish(task_id)
        self.assertEqual(task["State"], "Success", LAB.log(task_id))


if __name__ == "__main__":
    unittest.main()
