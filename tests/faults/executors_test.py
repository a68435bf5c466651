#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the worker and of an agent: applying and watching go on, a script is never run a second time."""
import collections
import os
import random
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "support"))
from lab import (CONFIG_MAP, SPACE, Lab, is_alive, manifest, process_facts, script, wait_until,  # noqa: E402
                 workload)
from watch import Watch  # noqa: E402

SEED = int(os.environ.get("FAIRLEAD_FAULT_SEED", str(random.randrange(10**6))))
LAB = None


def setUpModule():
    global LAB
    LAB = Lab()


def tearDownModule():
    LAB.close()


def many(prefix, count):
    return "---\n".join(CONFIG_MAP.format(name=f"{prefix}-{i}", value=i) for i in range(count))


def read(path):
    with open(path, encoding="utf-8") as stream:
        return stream.read()


def start(steps):
    project = LAB.project(steps)
    LAB.release(project, "1.0.0")
    return LAB.start(project, "1.0.0")


class Worker(unittest.TestCase):
    def test_a_running_script_ends_as_outcome_unknown_and_is_not_repeated(self):
        ran, pid_file = LAB.stage.path("ran"), LAB.stage.path("pid")
        task_id = start([
            script("long", f"echo x >> {ran}; echo $$ > {pid_file}; echo begun; while true; do sleep 0.1; done"),
            script("next", "echo never"), script("always", "echo swept", condition="Always")])
        LAB.wait_log(task_id, "begun")
        pid = int(read(pid_file))
        process = (pid, process_facts(pid)[1])
        LAB.kill_worker()
        wait_until("the script to die with its worker", lambda: not is_alive(process), 20)
        task = LAB.finish(task_id)
        log = LAB.log(task_id)
        self.assertEqual(task["State"], "Failed", log)
        self.assertIn("outcome unknown", task["ErrorMessage"])
        self.assertEqual(log.count("outcome unknown"), 1, log)
        self.assertIn("swept", log)
        self.assertNotIn("never", log)
        self.assertEqual(log.count("begun"), 1)
        self.assertEqual(read(ran), "x\n")
        self.assertEqual(LAB.run([script("s", "true")])["State"], "Success", "the next worker works")

    def test_a_result_that_was_not_delivered_is_kept(self):
        """The script ends while there is no server; then its worker is killed, too."""
        ran, gate, ended, place = (LAB.stage.path(f"kept-{name}") for name in ("ran", "gate", "ended", "place"))
        task_id = start([script("s", f"pwd > {place}; echo x >> {ran}; echo begun; while [ ! -e {gate} ]; do sleep 0.02; done; "
                                     f"for i in $(seq 1 100); do echo \"line $i\"; done; touch {ended}")])
        LAB.wait_log(task_id, "begun")
        LAB.kill_server()
        open(gate, "w", encoding="utf-8").close()
        wait_until("the end of the script", lambda: os.path.exists(ended), 20)
        # The result is in the worker's journal as soon as its folder is gone.
        wait_until("the result", lambda: not os.path.exists(read(place).strip()), 20)
        journal = os.path.join(LAB.server.data, "worker", "spool", "journal")
        wait_until("the result in the journal", lambda: "\"Finished\"" in read(journal), 20)
        LAB.kill_worker()
        LAB.restart_server()
        task = LAB.finish(task_id)
        self.assertEqual(task["State"], "Success", LAB.log(task_id))
        self.assertEqual([line["MessageText"] for line in LAB.lines(task_id, {"Info"})],
                         ["begun"] + [f"line {i}" for i in range(1, 101)])
        self.assertEqual(read(ran), "x\n")

    def test_scripts_at_random_moments(self):
        """Whatever the moment: a script ran at most once, and exactly once where its task says Success."""
        chance, ran = random.Random(SEED), LAB.stage.path("scripts-ran")
        project = LAB.project([script("s", f"echo $(get_octopusvariable Octopus.Deployment.Id) >> {ran}; sleep 0.3")])
        LAB.release(project, "1.0.0")
        ends = {}
        for _ in range(3):
            tasks = [LAB.start(project, "1.0.0") for _ in range(6)]
            threading.Event().wait(chance.uniform(0, 0.9))
            LAB.kill_worker()
            ends.update({task_id: LAB.finish(task_id) for task_id in tasks})
        runs = collections.Counter(read(ran).split())
        for task_id, task in ends.items():
            count, context = runs[task["Arguments"]["DeploymentId"]], f"{LAB.log(task_id)}\nFAIRLEAD_FAULT_SEED={SEED}"
            if task["State"] == "Success":
                self.assertEqual(count, 1, context)
            else:
                self.assertIn("outcome unknown", task["ErrorMessage"], context)
                self.assertLessEqual(count, 1, context)
        self.assertIn("Success", {task["State"] for task in ends.values()}, "what had not begun is run by the next worker")

    def test_watching_goes_on(self):
        namespace = LAB.unique("watching")
        task_id = start([manifest("m", workload("web", "registry.example/web:1.0.0-slow-10s"), namespace)])
        LAB.wait_log(task_id, f"Deployment {namespace}/web created")
        LAB.kill_worker()
        task = LAB.finish(task_id)
        self.assertEqual(task["State"], "Success", LAB.log(task_id))
        deployment = LAB.clusters[0].workload("deployment", namespace, "web")
        self.assertEqual((deployment["metadata"]["generation"], deployment["status"]["readyReplicas"]), (1, 1))

    def test_applying_goes_on_and_changes_nothing_twice(self):
        chance, namespace = random.Random(SEED), LAB.unique("applying")
        LAB.clusters[0].run("create", "namespace", namespace)
        watch = Watch(LAB.clusters[0], "configmap", namespace)
        wanted = {}
        try:
            for number in range(3):
                task_id = start([manifest("m", many(f"r{number}", 150), namespace)])
                threading.Event().wait(chance.uniform(0.05, 0.6))
                LAB.kill_worker()
                task = LAB.finish(task_id)
                self.assertEqual(task["State"], "Success",
                                 f"{LAB.log(task_id)}\nFAIRLEAD_FAULT_SEED={SEED}")
                wanted.update({f"r{number}-{i}": 1 for i in range(150)})
            watch.settle()
            self.assertEqual(watch.counts(), wanted, f"FAIRLEAD_FAULT_SEED={SEED}")
        finally:
            watch.stop()


class Agent(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.token = LAB.api.post(f"{SPACE}/registrationtokens", {})["Token"]
        cls.start_agent()
        wait_until("the agent's target", cls.healthy, 60)

    @classmethod
    def start_agent(cls):
        cls.agent = LAB.stage.start_agent(LAB.server, cls.token, "remote", ["Development", "Staging", "Production"],
                                          LAB.clusters[0], roles=("remote",))

    @staticmethod
    def healthy():
        machines = LAB.api.get(f"{SPACE}/machines/all")
        return any(machine["Name"] == "remote" and machine["HealthStatus"] == "Healthy" for machine in machines)

    def slow(self, namespace):
        return manifest("m", workload("web", "registry.example/web:1.0.0-slow-10s"), namespace, roles="remote")

    def test_watching_goes_on(self):
        namespace = LAB.unique("agent")
        task_id = start([self.slow(namespace)])
        LAB.wait_log(task_id, f"Deployment {namespace}/web created")
        LAB.stage.kill(self.agent)
        wait_until("the target to be seen without its agent", lambda: not self.healthy(), 60)
        self.assertEqual(LAB.task(task_id)["State"], "Executing", "nobody knows, so nobody says that it failed")
        self.start_agent()
        task = LAB.finish(task_id)
        self.assertEqual(task["State"], "Success", LAB.log(task_id))
        self.assertEqual(LAB.clusters[0].workload("deployment", namespace, "web")["metadata"]["generation"], 1)

    def test_killed_while_it_applies(self):
        namespace = LAB.unique("agent")
        LAB.clusters[0].run("create", "namespace", namespace)
        watch = Watch(LAB.clusters[0], "configmap", namespace)
        try:
            task_id = start([manifest("m", many("a", 150), namespace, roles="remote")])
            wait_until("the first objects", lambda: len(watch.counts()) > 5, 30)
            LAB.stage.kill(self.agent)
            self.start_agent()
            self.assertEqual(LAB.finish(task_id)["State"], "Success", LAB.log(task_id))
            watch.settle()
            self.assertEqual(watch.counts(), {f"a-{i}": 1 for i in range(150)})
        finally:
            watch.stop()

    def test_killed_before_it_had_a_command(self):
        """A deployment that finds no agent waits for it."""
        LAB.stage.kill(self.agent)
        wait_until("the target to be seen without its agent", lambda: not self.healthy(), 60)
        namespace = LAB.unique("agent")
        task_id = start([manifest("m", many("a", 1), namespace, roles="remote")])
        self.start_agent()
        task = LAB.finish(task_id)
        # The plan is made at the start; a target known to be away may be refused there, but in clear words.
        if task["State"] != "Success":
            self.assertIn("not available: remote", task["ErrorMessage"])
            errors = LAB.lines(task_id, {"Error"})
            self.assertEqual([line["MessageText"] for line in errors], [task["ErrorMessage"]])
            wait_until("the agent's target", self.healthy, 60)

    def test_everything_at_once(self):
        """Server, worker and agent are killed together, in the middle of two deployments and a script."""
        ran, namespace = LAB.stage.path("all-ran"), LAB.unique("all")
        script_task = start([script("s", f"echo x >> {ran}; echo begun; while true; do sleep 0.1; done")])
        by_agent = start([self.slow(namespace + "-a")])
        by_worker = start([manifest("m", workload("web", "registry.example/web:1.0.0-slow-10s"), namespace + "-w")])
        LAB.wait_log(script_task, "begun")
        LAB.wait_log(by_agent, "web created")
        LAB.wait_log(by_worker, "web created")
        LAB.kill_server()
        LAB.kill_worker()
        LAB.stage.kill(self.agent)
        LAB.restart_server()
        self.start_agent()
        task = LAB.finish(script_task)
        self.assertEqual(task["State"], "Failed")
        self.assertIn("outcome unknown", task["ErrorMessage"])
        self.assertEqual(read(ran), "x\n")
        for task_id in (by_agent, by_worker):
            self.assertEqual(LAB.finish(task_id)["State"], "Success", LAB.log(task_id))
        for name in (namespace + "-a", namespace + "-w"):
            self.assertEqual(LAB.clusters[0].workload("deployment", name, "web")["metadata"]["generation"], 1)


if __name__ == "__main__":
    unittest.main()
