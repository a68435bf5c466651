#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Releases on their way through a lifecycle: what is refused, what follows by itself, what a release remembers."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "support"))
from lab import CONFIG_MAP, ENVIRONMENTS, SPACE, ApiError, Lab, manifest, script  # noqa: E402

LAB = None


def setUpModule():
    global LAB
    LAB = Lab()


def tearDownModule():
    LAB.close()


def config_value(namespace, name="settings"):
    return LAB.clusters[0].json("get", "configmap", name, "--namespace", namespace)["data"]["value"]


class Lifecycle(unittest.TestCase):
    def refused(self, project, version, environment):
        with self.assertRaises(ApiError) as caught:
            LAB.start(project, version, environment)
        self.assertEqual(caught.exception.status, 400, caught.exception)
        return " ".join(caught.exception.sentences)

    def test_an_environment_too_early_is_refused_by_name(self):
        project = LAB.project([script("s", "true")])
        release = LAB.release(project, "1.0.0")
        said = self.refused(project, "1.0.0", "Production")
        for word in ('"Production"', '"Development"', 'deploy it successfully to "Development" first'):
            self.assertIn(word, said)
        self.assertEqual(LAB.outcome(project, release, "Production"), [], "a refused deployment leaves nothing")

    def test_a_failure_opens_nothing(self):
        project = LAB.project([script("s", "exit 4")])
        LAB.release(project, "1.0.0")
        self.assertEqual(LAB.finish(LAB.start(project, "1.0.0"))["State"], "Failed")
        self.assertIn("Development", self.refused(project, "1.0.0", "Staging"))

    def test_progression_moves_phase_by_phase(self):
        lifecycle = LAB.lifecycle(*({"Name": name, "OptionalDeploymentTargets": [name]} for name in ENVIRONMENTS))
        project = LAB.project([script("s", "true")], lifecycle=lifecycle)
        release = LAB.release(project, "1.0.0")

        def phases():
            answer = LAB.api.get(f"{SPACE}/releases/{release}/progression")
            return [(phase["Name"], phase["Progress"]) for phase in answer["Phases"]], answer["NextDeployments"]

        self.assertEqual(phases(), ([("Development", "Current"), ("Staging", "Pending"), ("Production", "Pending")],
                                    [LAB.environments["Development"]]))
        LAB.deploy(project, "1.0.0", "Development")
        self.assertEqual(phases(), ([("Development", "Complete"), ("Staging", "Current"), ("Production", "Pending")],
                                    [LAB.environments["Staging"]]))
        LAB.deploy(project, "1.0.0", "Staging")
        LAB.deploy(project, "1.0.0", "Production")
        self.assertEqual(phases()[1], [])
        self.assertEqual({progress for _, progress in phases()[0]}, {"Complete"})

    def test_a_defect_blocks_until_it_is_resolved(self):
        project = LAB.project([script("s", "true")])
        release = LAB.release(project, "1.0.0")
        LAB.deploy(project, "1.0.0", "Development")
        LAB.api.text("POST", f"{SPACE}/releases/{release}/defects", {"Description": "it forgets orders"})
        self.assertIn("it forgets orders", self.refused(project, "1.0.0", "Staging"))
        LAB.api.text("POST", f"{SPACE}/releases/{release}/defects/resolve", {})
        LAB.deploy(project, "1.0.0", "Staging")


class Automatic(unittest.TestCase):
    RELEASES = 5

    def test_exactly_once_when_two_required_deployments_end_together(self):
        """Both environments of the first phase are required; their scripts wait at one gate and end side by side."""
        LAB.environment("Test")
        lifecycle = LAB.lifecycle({"Name": "First", "OptionalDeploymentTargets": ["Development", "Test"]},
                                  {"Name": "Second", "AutomaticDeploymentTargets": ["Staging"]},
                                  {"Name": "Third", "OptionalDeploymentTargets": ["Production"]})
        gate = LAB.stage.path("gate")
        body = ('if [ "#{Octopus.Environment.Name}" != Staging ]; then '
                f'while [ ! -e {gate} ]; do sleep 0.02; done; fi')
        project = LAB.project([script("s", body)], lifecycle=lifecycle)
        releases = [LAB.release(project, f"1.0.{i}") for i in range(self.RELEASES)]
        tasks = [LAB.start(project, f"1.0.{i}", environment)
                 for i in range(self.RELEASES) for environment in ("Development", "Test")]
        with open(gate, "w", encoding="utf-8"):
            pass
        for task in tasks:
            self.assertEqual(LAB.finish(task)["State"], "Success")
        for release in releases:
            # The promotion is committed with the end of the deployment that completes the phase.
            automatic = LAB.outcome(project, release, "Staging")
            self.assertEqual(len(automatic), 1, f"{release} went to Staging {len(automatic)} times")
            self.assertEqual(LAB.finish(automatic[0]["Id"])["State"], "Success")
            self.assertEqual(LAB.outcome(project, release, "Production"), [])
        # Once more to an environment that is complete already: nothing follows.
        LAB.deploy(project, "1.0.0", "Test")
        self.assertEqual(len(LAB.outcome(project, releases[0], "Staging")), 1)

    def test_a_first_phase_begins_with_the_release(self):
        lifecycle = LAB.lifecycle({"Name": "First", "AutomaticDeploymentTargets": ["Development"]})
        project = LAB.project([script("s", "true")], lifecycle=lifecycle)
        release = LAB.release(project, "1.0.0")
        tasks = LAB.outcome(project, release, "Development")
        self.assertEqual(len(tasks), 1)
        self.assertEqual(LAB.finish(tasks[0]["Id"])["State"], "Success")


class Snapshots(unittest.TestCase):
    def test_values_follow_the_environment(self):
        namespace = LAB.unique("scoped") + "-#{Octopus.Environment.Name | ToLower}"
        project = LAB.project(
            [manifest("m", CONFIG_MAP.format(name="settings", value="#{Size} #{Colour}"), namespace)],
            [("Size", "1"), ("Size", "3", ["Production"]), ("Size", "2", ["Staging", "Development"]),
             ("Colour", "for #{Octopus.Environment.Name}")])
        LAB.release(project, "1.0.0")
        for environment, value in (("Development", "2 for Development"), ("Staging", "2 for Staging"),
                                   ("Production", "3 for Production")):
            LAB.deploy(project, "1.0.0", environment)
            self.assertEqual(config_value(namespace.split("#")[0] + environment.lower()), value)

    def test_a_release_keeps_its_process_and_variables(self):
        namespace = LAB.unique("kept")
        project = LAB.project([manifest("m", CONFIG_MAP.format(name="settings", value="#{Value} old"), namespace)],
                              [("Value", "first")])
        LAB.release(project, "1.0.0")
        LAB.set_steps(project["Id"], [
            manifest("m", CONFIG_MAP.format(name="settings", value="#{Value} new"), namespace)])
        LAB.set_variables(project["Id"], [("Value", "second")])
        LAB.deploy(project, "1.0.0", "Development")
        self.assertEqual(config_value(namespace), "first old")
        LAB.release(project, "1.1.0")
        LAB.deploy(project, "1.1.0", "Development")
        self.assertEqual(config_value(namespace), "second new")
        LAB.deploy(project, "1.0.0", "Development")
        self.assertEqual(config_value(namespace), "first old", "an earlier release brings back what it was")
        LAB.deploy(project, "1.0.0", "Staging")
        self.assertEqual(config_value(namespace), "first old")


if __name__ == "__main__":
    unittest.main()
