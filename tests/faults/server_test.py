#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the server: what was acknowledged is there and ends well, nothing has a second effect, no line of a log is
missing or doubled. FAIRLEAD_FAULT_SEED repeats the moments of a run, FAIRLEAD_FAULT_ROUNDS makes it longer."""
import collections
import http.client
import os
import random
import signal
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "support"))
from lab import (CONFIG_MAP, SPACE, Lab, is_alive, manifest, process_facts, script, wait_until,  # noqa: E402
                 workload)
from watch import Watch  # noqa: E402
from stage.processes import program_path  # noqa: E402

ROUNDS = int(os.environ.get("FAIRLEAD_FAULT_ROUNDS", "12"))
SEED = int(os.environ.get("FAIRLEAD_FAULT_SEED", str(random.randrange(10**6))))
LINES = 300
LAB = None


def setUpModule():
    global LAB
    LAB = Lab()


def tearDownModule():
    LAB.close()


class Killed(unittest.TestCase):
    def test_at_random_moments_during_deployments(self):
        """Every round starts two deployments and kills the server up to 1.5 s later."""
        chance, namespace, ran = random.Random(SEED), "kills", LAB.stage.path("ran")
        LAB.clusters[0].run("create", "namespace", namespace)
        project = LAB.project([
            script("script", f"echo $(get_octopusvariable Octopus.Deployment.Id) >> {ran}\n"
                             f"for i in $(seq 1 {LINES}); do echo \"line $i\"; done\nsleep 0.2"),
            manifest("apply", CONFIG_MAP.format(name="made-by-#{Octopus.Deployment.Id | ToLower}", value="x")
                     + "---\n" + workload("web"), namespace),
            script("after", "echo after")])
        LAB.release(project, "1.0.0")
        watch = Watch(LAB.clusters[0], "configmap", namespace)
        acknowledged = []
        try:
            for _ in range(ROUNDS):
                self.start_some(project, acknowledged)
                self.wait_then_kill(chance.uniform(0, 1.5))
                LAB.restart_server()
            self.check(project, acknowledged, watch, ran)
        except AssertionError as error:
            raise AssertionError(f"{error}\nFAIRLEAD_FAULT_SEED={SEED}") from error
        finally:
            watch.stop()

    def start_some(self, project, acknowledged):
        for _ in range(2):
            try:
                acknowledged.append(LAB.start(project, "1.0.0"))
            except (OSError, http.client.HTTPException) as error:
                self.fail(f"the server that should be running did not answer: {error}")

    @staticmethod
    def wait_then_kill(seconds):
        # The moment is the point of the test: nothing is waited for that could fail.
        threading.Event().wait(seconds)
        LAB.kill_server()

    def check(self, project, acknowledged, watch, ran):
        tasks = {task_id: LAB.finish(task_id, 120) for task_id in acknowledged}
        for task_id, task in tasks.items():
            self.assertEqual(task["State"], "Success", f"{task['ErrorMessage']}\n{LAB.log(task_id)}")
        everything = LAB.api.get(f"{SPACE}/deployments", projects=project["Id"], take=1000)["Items"]
        self.assertEqual(sorted(item["TaskId"] for item in everything), sorted(acknowledged),
                         "deployments are those that were acknowledged")
        with open(ran, encoding="utf-8") as stream:
            runs = collections.Counter(stream.read().split())
        self.assertEqual(runs, {item["Id"]: 1 for item in everything}, "every script ran exactly once")
        watch.settle()
        self.assertEqual(watch.counts(), {f"made-by-{item['Id'].lower()}": 1 for item in everything},
                         "every ConfigMap was made, and none was changed afterwards")
        self.assertEqual(LAB.clusters[0].workload("deployment", watch.namespace, "web")["metadata"]["generation"], 1)
        for task_id in acknowledged:
            self.check_log(task_id)
        self.check_events(everything)

    def check_log(self, task_id):
        said = [line["MessageText"] for line in LAB.lines(task_id, {"Info"})]
        numbered = [text for text in said if text.startswith("line ")]
        self.assertEqual(numbered, [f"line {i}" for i in range(1, LINES + 1)], f"the log of {task_id}")
        self.assertEqual(said.count("after"), 1)

    def check_events(self, deployments):
        events = LAB.api.get(f"{SPACE}/events", take=100000)["Items"]
        count = collections.Counter((event["Category"], document) for event in events
                                    for document in event.get("RelatedDocumentIds", []))
        for item in deployments:
            for category in ("DeploymentQueued", "DeploymentSucceeded"):
                self.assertEqual(count[category, item["Id"]], 1, f"{category} of {item['Id']}")

    def test_while_requests_are_acknowledged(self):
        """Environments are made as fast as possible until the server dies: each acknowledged one is there."""
        chance = random.Random(SEED)
        for _ in range(4):
            names = []
            end = threading.Timer(chance.uniform(0.1, 0.8), lambda: os.kill(LAB.server.program.pid, 9))
            end.start()
            try:
                while True:
                    name = LAB.unique("environment")
                    LAB.api.post(f"{SPACE}/environments", {"Name": name})
                    names.append(name)
            except (OSError, http.client.HTTPException):
                end.join()
            LAB.kill_server()
            LAB.restart_server()
            there = {item["Name"] for item in LAB.api.get(f"{SPACE}/environments/all")}
            self.assertTrue(names, "the server died before it had done anything")
            self.assertEqual(set(names) - there, set(), f"FAIRLEAD_FAULT_SEED={SEED}")

    def test_while_a_script_runs(self):
        """The script outlives the server; its output and result arrive at the next one."""
        self.outlives("once", LAB.kill_server)

    def test_ended_by_its_operator_while_a_script_runs(self):
        self.outlives("calmly", LAB.end_server)

    def test_ended_by_a_closed_terminal_while_a_script_runs(self):
        self.outlives("hung-up", lambda: LAB.end_server(signal.SIGHUP))

    def outlives(self, name, end):
        ran, gate = LAB.stage.path(name), LAB.stage.path(name + "-gate")
        project = LAB.project([
            script("long", f"echo x >> {ran}; echo begun; while [ ! -e {gate} ]; do sleep 0.02; done; echo ended; "
                           "set_octopusvariable Done yes"),
            script("next", "echo output #{Octopus.Action[long].Output.Done}")])
        LAB.release(project, "1.0.0")
        task_id = LAB.start(project, "1.0.0")
        LAB.wait_log(task_id, "begun")
        end()
        with open(gate, "w", encoding="utf-8"):
            pass
        LAB.restart_server()
        task = LAB.finish(task_id)
        self.assertEqual(task["State"], "Success", LAB.log(task_id))
        said = [line["MessageText"] for line in LAB.lines(task_id, {"Info"})]
        self.assertEqual(said, ["begun", "ended", "output yes"])
        with open(ran, encoding="utf-8") as stream:
            self.assertEqual(stream.read(), "x\n")

    def test_while_a_deployment_waits_for_pods(self):
        namespace = LAB.unique("pods")
        project = LAB.project([manifest("m", workload("web", "registry.example/web:1.0.0-slow-10s"), namespace)])
        LAB.release(project, "1.0.0")
        task_id = LAB.start(project, "1.0.0")
        LAB.wait_log(task_id, f"Deployment {namespace}/web created")
        LAB.kill_server()
        LAB.restart_server()
        self.assertEqual(LAB.task(task_id)["State"], "Executing")
        task = LAB.finish(task_id)
        self.assertEqual(task["State"], "Success", LAB.log(task_id))
        self.assertEqual(LAB.log(task_id).count(f"Deployment {namespace}/web created"), 1)

    def test_a_cancellation_survives(self):
        gate = LAB.stage.path("never")
        project = LAB.project([script("s", f"echo $$ > {gate}.pid; echo begun; while true; do sleep 0.1; done")])
        LAB.release(project, "1.0.0")
        task_id = LAB.start(project, "1.0.0")
        LAB.wait_log(task_id, "begun")
        with open(gate + ".pid", encoding="utf-8") as stream:
            pid = int(stream.read())
        process = (pid, process_facts(pid)[1])
        LAB.api.text("POST", f"/api/tasks/{task_id}/cancel", {})
        LAB.kill_server()
        LAB.restart_server()
        self.assertEqual(LAB.finish(task_id)["State"], "Canceled")
        wait_until("the end of the script", lambda: not is_alive(process), 30)


class Lock(unittest.TestCase):
    def test_a_second_server_is_refused(self):
        done = subprocess.run(
            [program_path("fairlead"), "server", "--data-dir", LAB.server.data, "--listen", "127.0.0.1:0"],
            capture_output=True, text=True, timeout=30, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(LAB.server.data, done.stderr)
        self.assertRegex(done.stderr, "in use|another|already")
        self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
        self.assertTrue(LAB.api.get("/api")["Version"], "the first server is not disturbed")

    def test_a_port_in_use_is_named(self):
        address = LAB.server.url.split("//")[1]
        data = LAB.stage.path("other-data")
        done = subprocess.run([program_path("fairlead"), "server", "--data-dir", data, "--listen", address],
                              capture_output=True, text=True, timeout=30, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(address.split(":")[1], done.stderr)


if __name__ == "__main__":
    unittest.main()
