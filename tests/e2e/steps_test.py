#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What steps do to each other in one deployment: outputs, order, conditions, failure, cancellation."""
import datetime
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "support"))
from lab import PREFIX, ApiError, Lab, is_alive, manifest, script, wait_until, workload  # noqa: E402
from stage.processes import process_facts  # noqa: E402

LAB = None


def setUpModule():
    global LAB
    LAB = Lab()


def tearDownModule():
    LAB.close()


class Scripts(unittest.TestCase):
    def test_output_variables_reach_later_steps(self):
        task = LAB.run([
            script("first", "set_octopusvariable Answer 42; set_octopusvariable 'with spaces' \"it's \\\"so\\\"\""),
            script("second", 'echo "tokens #{Octopus.Action[first].Output.Answer}"\n'
                             'echo "functions $(get_octopusvariable "Octopus.Action[first].Output.with spaces")"'),
        ])
        log = LAB.log(task["Id"])
        self.assertEqual(task["State"], "Success", log)
        self.assertIn("tokens 42", log)
        self.assertIn("functions it's \"so\"", log)

    def test_an_exit_code_fails_the_task_and_is_named(self):
        task = LAB.run([script("bad", "echo before; exit 17; echo after"), script("next", "echo never")])
        log = LAB.log(task["Id"])
        self.assertEqual(task["State"], "Failed")
        self.assertIn("17", task["ErrorMessage"])
        self.assertIn("before", log)
        self.assertNotIn("after", log)
        self.assertNotIn("never", log)

    def test_fail_step_says_its_own_words(self):
        task = LAB.run([script("bad", "fail_step 'the shop is closed'")])
        self.assertEqual((task["State"], task["ErrorMessage"]), ("Failed", "the shop is closed"))

    def test_a_script_without_end_is_stopped_by_its_limit(self):
        step = script("endless", "echo $$ > " + LAB.stage.path("endless") + "; sleep 600 & wait")
        step["Actions"][0]["Properties"][PREFIX + "ExecutionTimeout.Minutes"] = "0.02"
        task = LAB.run([step], seconds=30)
        self.assertIn(task["State"], ("Failed", "TimedOut"))
        self.assertIn("time limit", task["ErrorMessage"])
        with open(LAB.stage.path("endless"), encoding="utf-8") as stream:
            pid = int(stream.read())
        wait_until("the end of the script's process", lambda: process_facts(pid) is None, 20)

    def test_much_output_is_complete_and_in_order(self):
        task = LAB.run([script("much", "for i in $(seq 1 5000); do echo \"line $i\"; done")])
        said = [line["MessageText"] for line in LAB.lines(task["Id"], {"Info"})]
        self.assertEqual(said, [f"line {i}" for i in range(1, 5001)])


class Order(unittest.TestCase):
    def test_steps_that_start_with_the_previous_one_run_beside_it(self):
        """Each script waits for the other one: one after the other they would never end well."""
        one, two = LAB.stage.path("one"), LAB.stage.path("two")
        meet = "touch {}; for i in $(seq 1 400); do [ -e {} ] && exit 0; sleep 0.05; done; echo alone; exit 1"
        task = LAB.run([script("left", meet.format(one, two)),
                        script("right", meet.format(two, one), start="StartWithPrevious"),
                        script("after", "echo both ended")])
        self.assertEqual(task["State"], "Success", LAB.log(task["Id"]))
        self.assertIn("both ended", LAB.log(task["Id"]))

    def test_conditions_after_a_failure(self):
        task = LAB.run([script("bad", "exit 3"), script("on success", "echo ran-success"),
                        script("on failure", "echo ran-failure", condition="Failure"),
                        script("always", "echo ran-always", condition="Always")])
        log = LAB.log(task["Id"])
        self.assertEqual(task["State"], "Failed")
        self.assertIn("3", task["ErrorMessage"])
        self.assertEqual([word for word in ("ran-success", "ran-failure", "ran-always") if word in log],
                         ["ran-failure", "ran-always"])

    def test_conditions_without_a_failure(self):
        task = LAB.run([script("good", "set_octopusvariable Go False"),
                        script("on failure", "echo ran-failure", condition="Failure"),
                        script("always", "echo ran-always", condition="Always"),
                        script("no", "echo ran-no", condition="Variable", **{
                            "Octopus.Step.ConditionVariableExpression": "#{Octopus.Action[good].Output.Go}"}),
                        script("yes", "echo ran-yes", condition="Variable", **{
                            "Octopus.Step.ConditionVariableExpression":
                                "#{unless Octopus.Deployment.Error}True#{/unless}"})])
        log = LAB.log(task["Id"])
        self.assertEqual(task["State"], "Success", log)
        self.assertEqual([word for word in ("ran-failure", "ran-always", "ran-no", "ran-yes") if word in log],
                         ["ran-always", "ran-yes"])


class Cancel(unittest.TestCase):
    def cancel(self, task_id):
        LAB.api.text("POST", f"/api/tasks/{task_id}/cancel", {})
        task = LAB.finish(task_id, 30)
        self.assertEqual(task["State"], "Canceled", LAB.log(task_id))
        with self.assertRaises(ApiError) as caught:
            LAB.api.text("POST", f"/api/tasks/{task_id}/cancel", {})
        self.assertEqual(caught.exception.status, 400, "a second cancel is told that the task has ended")
        return task

    def started(self, steps, **more):
        project = LAB.project(steps)
        LAB.release(project, "1.0.0")
        return LAB.start(project, "1.0.0", **more)

    def test_one_that_waits_for_its_time(self):
        later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
        mark = LAB.stage.path("too-early")
        task_id = self.started([script("s", f"touch {mark}")], RunAt=later.isoformat())
        self.assertEqual(LAB.task(task_id)["State"], "Queued")
        self.cancel(task_id)
        self.assertFalse(os.path.exists(mark))

    def test_one_whose_script_runs(self):
        mark, next_mark = LAB.stage.path("running"), LAB.stage.path("next")
        task_id = self.started([script("s", f"trap '' TERM; echo $$ > {mark}.new; mv {mark}.new {mark}; "
                                            "while true; do sleep 1; done"),
                                script("n", f"touch {next_mark}")])
        wait_until("the script's start", lambda: os.path.exists(mark), 30)
        with open(mark, encoding="utf-8") as stream:
            pid = int(stream.read())
        process = (pid, process_facts(pid)[1])
        self.cancel(task_id)
        wait_until("the end of the script's process", lambda: not is_alive(process), 30)
        self.assertFalse(os.path.exists(next_mark), "no step begins after a cancellation")

    def test_one_that_waits_for_pods(self):
        namespace = LAB.unique("waits")
        task_id = self.started([manifest("m", workload("web", "registry.example/web:1.0.0-never-ready"), namespace)])
        LAB.wait_log(task_id, f"Deployment {namespace}/web created")
        self.assertEqual(LAB.task(task_id)["State"], "Executing")
        self.cancel(task_id)
        self.assertEqual(LAB.clusters[0].workload("deployment", namespace, "web")["metadata"]["generation"], 1)


if __name__ == "__main__":
    unittest.main()
