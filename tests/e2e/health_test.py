#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Health checks of targets: after creation and changes, on demand, by schedule; trouble says what it is."""
import base64
import contextlib
import datetime
import os
import shutil
import socket
import sqlite3
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "support"))
from lab import CONFIG_MAP, SPACE, ApiError, Lab, manifest, wait_until  # noqa: E402

LAB = None
TROUBLE_SECONDS = 60
PATIENCE_SECONDS = 150  # with an agent that may come back, and with a server that accepts and says nothing
OTHER_AUTHORITY = """-----BEGIN CERTIFICATE-----
MIIBjjCCATWgAwIBAgIUGdWI329fX+wc25eMh+DsMUzzdwMwCgYIKoZIzj0EAwIw
HDEaMBgGA1UEAwwRQW5vdGhlciBBdXRob3JpdHkwIBcNMjYxMTI1MjIwNTIxWhgP
MjEyNjExMDEyMjA1MjFaMBwxGjAYBgNVBAMMEUFub3RoZXIgQXV0aG9yaXR5MFkw
EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEHhaSSra9Uyqi+s2DyHxJbss4PFuUyeY3
FWY/SNM9DknBuvxHSUJcGF/5irqrmOcnEMLb1u0cVo59q4eqpKQGWqNTMFEwHQYD
VR0OBBYEFCtIJlU/r0M5DpfctS6lFEReRkJvMB8GA1UdIwQYMBaAFCtIJlU/r0M5
DpfctS6lFEReRkJvMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIg
Bg9U1fSJPCT5XfcQCbIJBWlNZNLbgFnX47WhBIep4nQCIAd6kzA85l49eixB3j8M
93VrEXfY6fvuVn+YDbCmyzfP
-----END CERTIFICATE-----
"""


def setUpModule():
    global LAB
    LAB = Lab()


def tearDownModule():
    LAB.close()


def machine(machine_id):
    return LAB.patiently("GET", f"{SPACE}/machines/{machine_id}")


def wait_health(machine_id, status, seconds=TROUBLE_SECONDS):
    def there():
        found = machine(machine_id)
        return found if found["HealthStatus"] == status else None

    return wait_until(lambda: f"{status}, but it is {machine(machine_id)['HealthStatus']}: "
                      f"{machine(machine_id)['StatusSummary']}", there, seconds)


def checks_of(machine_id):
    return LAB.api.get(f"{SPACE}/machines/{machine_id}/tasks", type="Health")["Items"]


def check(**arguments):
    """The ended task of a health check that is asked for."""
    task = LAB.api.post(f"{SPACE}/tasks", {"Name": "Health", "Description": "", "Arguments": arguments})
    return LAB.finish(task["Id"])


def refusal(path, body):
    try:
        LAB.api.post(path, body)
    except ApiError as error:
        return error
    raise AssertionError(f"{path} took {body}")


def start_agent(name):
    """The program and the target of a new agent, once it is connected."""
    shutil.rmtree(LAB.stage.path("agent"), ignore_errors=True)
    token = LAB.api.post(f"{SPACE}/registrationtokens", {})["Token"]
    agent = LAB.stage.start_agent(LAB.server, token, name, ["Development"], LAB.clusters[0])
    found = wait_until(f"the target of {name}", lambda: LAB.api.get(f"{SPACE}/machines", name=name)["Items"])[0]
    return agent, wait_health(found["Id"], "Healthy")


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class NewTargets(unittest.TestCase):
    def target(self, name, **changes):
        return LAB.target(LAB.unique(name), LAB.clusters[0].access(), ["health"], **changes)

    def test_a_good_one_is_healthy_soon(self):
        found = wait_health(self.target("good"), "Healthy")
        self.assertEqual(found["Status"], "Online")
        self.assertIn("answers, version v", found["StatusSummary"])
        task = LAB.finish(checks_of(found["Id"])[0]["Id"])
        self.assertEqual((task["Name"], task["State"]), ("Health", "Success"), LAB.log(task["Id"]))
        self.assertEqual(task["Description"], f"Check {found['Name']} health")
        self.assertEqual(task["Arguments"]["MachineIds"], [found["Id"]])
        self.assertIn("answers, version v", LAB.log(task["Id"]))
        connection = LAB.api.get(f"{SPACE}/machines/{found['Id']}/connection")
        self.assertEqual((connection["MachineId"], connection["Status"]), (found["Id"], "Online"))
        self.assertTrue(connection["LastChecked"])
        self.assertEqual(connection["Logs"][0]["Category"], "Info")
        self.assertIn("answers", connection["Logs"][0]["MessageText"])

    def test_a_wrong_token(self):
        found = wait_health(self.target("stranger", token="wrong"), "Unhealthy")
        self.assertEqual(found["Status"], "Offline")
        self.assertIn("does not accept the credentials", found["StatusSummary"])
        self.assertIn("Check the target's account", found["StatusSummary"])
        task = LAB.finish(checks_of(found["Id"])[0]["Id"])
        self.assertEqual(task["State"], "Failed")
        self.assertIn("does not accept the credentials", task["ErrorMessage"])
        events = LAB.api.get(f"{SPACE}/events", regarding=found["Id"], eventCategories="MachineUnhealthy")["Items"]
        self.assertEqual(len(events), 1)
        self.assertEqual(LAB.api.get(f"{SPACE}/machines/{found['Id']}/connection")["Logs"][0]["Category"], "Error")

    def test_nobody_listens_and_then_the_url_is_mended(self):
        found = wait_health(self.target("away", url=f"https://127.0.0.1:{closed_port()}"), "Unavailable")
        self.assertIn("connection refused", found["StatusSummary"])
        self.assertIn("cluster URL", found["StatusSummary"])
        found["Endpoint"]["ClusterUrl"] = LAB.clusters[0].access().url
        mended = LAB.api.put(f"{SPACE}/machines/{found['Id']}", found)
        self.assertEqual((mended["HealthStatus"], mended["Status"]), ("Unknown", "Unknown"),
                         "what was known was of another endpoint")
        wait_health(found["Id"], "Healthy")
        self.assertEqual(len(checks_of(found["Id"])), 2)

    def test_a_certificate_of_another_authority(self):
        found = wait_health(self.target("untrusted", authority=base64.b64encode(OTHER_AUTHORITY.encode()).decode()),
                            "Unavailable")
        self.assertIn("certificate", found["StatusSummary"])

    def test_a_server_that_is_no_kubernetes(self):
        found = wait_health(self.target("octopus", url=LAB.server.url), "Unhealthy")
        self.assertIn("whether its URL is that of the cluster", found["StatusSummary"])

    def test_one_that_is_not_to_be_checked(self):
        made = machine(self.target("template"))
        body = {key: made[key] for key in ("EnvironmentIds", "Roles", "Endpoint")}
        body.update({"Name": LAB.unique("unchecked"), "SkipInitialHealthCheck": True})
        unchecked = LAB.api.post(f"{SPACE}/machines", body)
        self.assertEqual(checks_of(unchecked["Id"]), [])
        self.assertEqual(unchecked["StatusSummary"], "Not checked yet.")
        connection = LAB.api.get(f"{SPACE}/machines/{unchecked['Id']}/connection")
        self.assertEqual((connection["Status"], connection["LastChecked"], connection["Logs"]), ("Unknown", None, []))
        self.assertEqual(check(MachineIds=[unchecked["Id"]])["State"], "Success")
        self.assertEqual(machine(unchecked["Id"])["HealthStatus"], "Healthy")

    def test_a_disabled_one(self):
        found = wait_health(self.target("resting"), "Healthy")
        disabled = LAB.api.put(f"{SPACE}/machines/{found['Id']}", {**found, "IsDisabled": True})
        self.assertEqual(disabled["Status"], "Disabled")
        error = refusal(f"{SPACE}/tasks", {"Name": "Health", "Arguments": {"MachineIds": [found["Id"]]}})
        self.assertEqual(error.status, 400)
        self.assertIn("is disabled; enable it first", error.text)
        LAB.api.put(f"{SPACE}/machines/{found['Id']}", {**found, "IsDisabled": False})
        wait_health(found["Id"], "Healthy")
        self.assertEqual(len(checks_of(found["Id"])), 2, "enabled again, it is checked again")

    def test_a_narrow_account_has_warnings_that_name_what_it_lacks(self):
        namespace = LAB.unique("narrow")
        kubectl = LAB.clusters[0]
        kubectl.run("create", "namespace", namespace)
        kubectl.run("create", "serviceaccount", "visitor", "-n", namespace)
        token = kubectl.run("create", "token", "visitor", "-n", namespace).strip()
        found = wait_health(self.target("narrow", token=token, Namespace=namespace), "HasWarnings")
        self.assertEqual(found["Status"], "Online")
        self.assertIn(f"patch deployments.apps in namespace {namespace}", found["StatusSummary"])
        task = LAB.finish(checks_of(found["Id"])[0]["Id"])
        self.assertEqual((task["State"], task["HasWarningsOrErrors"]), ("Success", True))


class Deployments(unittest.TestCase):
    def test_a_target_that_is_away_is_skipped_where_the_project_says_so(self):
        access = LAB.clusters[0].access()
        there = wait_health(LAB.target(LAB.unique("there"), access, ["skipped"]), "Healthy")
        closed = f"https://127.0.0.1:{closed_port()}"
        away = wait_health(LAB.target(LAB.unique("away"), access, ["skipped"], url=closed), "Unavailable")
        project = LAB.project([manifest("Deploy", CONFIG_MAP.format(name="skipped", value="1"), "skipped", "skipped")])
        project["ProjectConnectivityPolicy"]["SkipMachineBehavior"] = "SkipUnavailableMachines"
        LAB.api.put(f"{SPACE}/projects/{project['Id']}", project)
        LAB.release(project, "1.0.0")
        log = LAB.log(LAB.deploy(project, "1.0.0")["Id"])
        self.assertIn(there["Name"], log)
        self.assertRegex(log, rf'target "{away["Name"]}" is unavailable and is left out')


class OnDemand(unittest.TestCase):
    def test_by_environment_and_with_what_fails(self):
        environment = LAB.environment(LAB.unique("environment"))
        access = LAB.clusters[0].access()
        names = []
        for token in (None, "wrong"):
            made = machine(LAB.target(LAB.unique("one"), access, ["health"], token=token))
            names.append(made["Name"])
            LAB.api.put(f"{SPACE}/machines/{made['Id']}", {**made, "EnvironmentIds": [environment]})
        task = check(EnvironmentId=environment, Timeout="00:02:00")
        self.assertEqual(task["State"], "Failed")
        self.assertEqual(task["ErrorMessage"], f"1 of 2 deployment targets are not healthy: {names[1]} (Unhealthy)")
        elements = LAB.elements(task["Id"])
        self.assertEqual([elements[f"Check {name}"]["Status"] for name in names], ["Success", "Failed"])

    def test_where_there_is_nothing(self):
        environment = LAB.environment(LAB.unique("empty"))
        error = refusal(f"{SPACE}/tasks", {"Name": "Health", "Arguments": {"EnvironmentId": environment}})
        self.assertIn("no enabled deployment target", error.text)

    def test_wrong_arguments_are_named(self):
        for arguments, words in (({"MachineIds": ["Machines-999"]}, "Machines-999"),
                                 ({"MachineIds": "Machines-1"}, "Arguments.MachineIds"),
                                 ({"EnvironmentId": "Environments-999"}, "Environments-999"),
                                 ({"Timeout": "soon"}, "Arguments.Timeout"),
                                 ({"Timeout": "2.00:00:00"}, "Arguments.Timeout"),
                                 ({"Depth": "yes"}, "Arguments.Depth")):
            error = refusal(f"{SPACE}/tasks", {"Name": "Health", "Arguments": arguments})
            self.assertEqual(error.status, 400, arguments)
            self.assertIn(words, error.text)

    def test_other_kinds_of_tasks_are_not_there_yet(self):
        error = refusal(f"{SPACE}/tasks", {"Name": "AdHocScript", "Arguments": {}})
        self.assertEqual(error.status, 501)
        self.assertIn("only Health can", error.text)

    def test_one_can_be_cancelled_while_it_waits_for_its_time(self):
        task = LAB.api.post("/api/tasks", {"Name": "Health", "Arguments": {}, "QueueTime": "2099-01-01T00:00:00Z"})
        self.assertEqual(task["State"], "Queued")
        LAB.api.text("POST", f"/api/tasks/{task['Id']}/cancel", {})
        self.assertEqual(LAB.finish(task["Id"])["State"], "Canceled")


class Schedule(unittest.TestCase):
    def policy(self):
        template = LAB.api.get(f"{SPACE}/machinepolicies/template")
        template.pop("Id", None)
        template["MachineHealthCheckPolicy"]["HealthCheckInterval"] = "02:00:00"
        template["MachineCleanupPolicy"] = {"DeleteMachinesBehavior": "DeleteUnavailableMachines",
                                            "DeleteMachinesElapsedTimeSpan": "01:00:00"}
        return LAB.api.post(f"{SPACE}/machinepolicies", {**template, "Name": LAB.unique("policy")})

    @staticmethod
    def make_older(table, document, member):
        """Three hours pass, for one member of a document of a server that does not run."""
        then = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=3)
        with contextlib.closing(sqlite3.connect(os.path.join(LAB.server.data, "fairlead.db"))) as database, database:
            changed = database.execute(f"UPDATE {table} SET json = json_set(json, '$.{member}', ?) WHERE id = ?",
                                       (then.strftime("%Y-%m-%dT%H:%M:%S.000Z"), document)).rowcount
        assert changed == 1, f"{table} has no {document}"

    def test_what_cannot_be_followed_is_refused(self):
        template = LAB.api.get(f"{SPACE}/machinepolicies/template")
        template["MachineHealthCheckPolicy"]["HealthCheckInterval"] = "00:00:10"
        error = refusal(f"{SPACE}/machinepolicies", {**template, "Name": "hasty"})
        self.assertIn("MachineHealthCheckPolicy.HealthCheckInterval", error.text)

    def test_a_check_comes_by_itself_also_after_a_kill(self):
        """Three hours pass while the server is dead: one task for all targets of the policy makes up for what was
        missed, and deletes what is away for longer than the policy allows. A check that was under way goes on. An agent
        that died with the server is missed."""
        policy = self.policy()
        access = LAB.clusters[0].access()
        targets = []
        for _ in range(2):
            made = wait_health(LAB.target(LAB.unique("regular"), access, ["health"]), "Healthy")
            LAB.api.put(f"{SPACE}/machines/{made['Id']}", {**made, "MachinePolicyId": policy["Id"]})
            targets.append(made["Id"])
        of_policy = LAB.api.get(f"{SPACE}/machinepolicies/{policy['Id']}/machines")["Items"]
        self.assertEqual({item["Id"] for item in of_policy}, set(targets))
        closed = f"https://127.0.0.1:{closed_port()}"
        away = wait_health(LAB.target(LAB.unique("away"), access, ["health"], url=closed), "Unavailable")
        LAB.api.put(f"{SPACE}/machines/{away['Id']}", {**away, "MachinePolicyId": policy["Id"]})
        agent, lost = start_agent("lost")
        silent = socket.socket()
        self.addCleanup(silent.close)
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        slow = LAB.target(LAB.unique("silent"), access, ["health"], url=f"https://127.0.0.1:{silent.getsockname()[1]}")
        slow_check = wait_until("its check", lambda: checks_of(slow))[0]["Id"]
        LAB.wait_state(slow_check, ["Executing"])
        LAB.kill_server()
        LAB.stage.kill(agent)
        self.make_older("doc_health_schedule", f"HealthSchedules-{policy['Id']}", "Last")
        self.make_older("doc_machine", away["Id"], "UnavailableSince")
        LAB.restart_server()
        self.assertEqual(LAB.task(slow_check)["State"], "Executing")
        self.assertEqual(machine(lost["Id"])["HealthStatus"], "Healthy", "it may come back")

        def scheduled(machine_id):
            return [task for task in checks_of(machine_id) if task["Description"] == f"Check {policy['Name']} health"]

        def deleted():
            return LAB.api.get(f"{SPACE}/events", regarding=away["Id"], eventCategories="MachineDeleted")["Items"]

        wait_until("the deletion of the target that is away", deleted)
        self.assertEqual(LAB.api.get(f"{SPACE}/machines", ids=away["Id"])["TotalResults"], 0)
        tasks = [LAB.finish(task["Id"]) for task in scheduled(targets[0])]
        self.assertEqual([task["ErrorMessage"] for task in tasks],
                         [f"1 of 3 deployment targets are not healthy: {away['Name']} (Unavailable)"], "once")
        self.assertEqual([task["Id"] for task in tasks], [task["Id"] for task in scheduled(targets[1])],
                         "one task for all targets of the policy")
        self.assertIn("no connection within", LAB.finish(slow_check, PATIENCE_SECONDS)["ErrorMessage"])
        self.assertEqual(LAB.log(slow_check).count("no connection within"), 1)
        self.assertEqual(machine(slow)["HealthStatus"], "Unavailable")
        self.assertIn("not connected", wait_health(lost["Id"], "Unavailable", PATIENCE_SECONDS)["StatusSummary"])
        LAB.api.text("DELETE", f"{SPACE}/machines/{lost['Id']}")
        machines = LAB.api.get(f"{SPACE}/machines", ids=",".join(targets))["Items"]
        for found in machines:
            LAB.api.put(f"{SPACE}/machines/{found['Id']}", {**found, "MachinePolicyId": "MachinePolicies-1"})
        LAB.api.text("DELETE", f"{SPACE}/machinepolicies/{policy['Id']}")


class Agents(unittest.TestCase):
    def test_healthy_while_connected(self):
        agent, found = start_agent("remote")
        agents = LAB.api.get(f"{SPACE}/machines", commStyles="KubernetesTentacle")["Items"]
        self.assertEqual([item["Id"] for item in agents], [found["Id"]])
        task = check(MachineIds=[found["Id"]])
        self.assertEqual(task["State"], "Success", LAB.log(task["Id"]))
        found = machine(found["Id"])
        self.assertIn("answers, version v", found["StatusSummary"])
        self.assertEqual(LAB.api.get(f"{SPACE}/machines/{found['Id']}/connection")["CurrentTentacleVersion"],
                         found["Endpoint"]["KubernetesAgentDetails"]["AgentVersion"])
        LAB.stage.kill(agent)
        wait_health(found["Id"], "Unavailable")
        task = check(MachineIds=[found["Id"]])
        self.assertEqual(task["State"], "Failed")
        self.assertIn("The agent is not connected", task["ErrorMessage"])


if __name__ == "__main__":
    unittest.main()
