# SPDX-License-Identifier: Apache-2.0
"""What the tests of tests/e2e and tests/faults share: a stage with a server and a cluster, and short words for what a
user does with them (projects, releases, deployments) and for what the tests look at (tasks, logs, objects)."""
import http.client
import itertools
import json
import os
import signal
import sys
import time

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.insert(0, os.path.join(TREE, "tools"))
sys.dont_write_bytecode = True
from stage.octopus import ApiError, Octopus  # noqa: E402,F401
from stage.processes import Stage, process_facts, workers_of  # noqa: E402

SPACE = "/api/Spaces-1"
ENVIRONMENTS = ("Development", "Staging", "Production")
TASK_SECONDS = 90
ROUND_SECONDS = 0.05  # between two looks at a condition
PREFIX = "Octopus.Action."
YAML = PREFIX + "KubernetesContainers.CustomResourceYaml"
CONFIG_MAP = """apiVersion: v1
kind: ConfigMap
metadata:
  name: {name}
data:
  value: "{value}"
"""


def wait_until(what, condition, seconds=TASK_SECONDS):
    """The first true answer of `condition`; AssertionError that names `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(ROUND_SECONDS)


def script(name, body, condition="Success", start="StartAfterPrevious", **step_properties):
    return {"Name": name, "Condition": condition, "StartTrigger": start, "Properties": step_properties, "Actions": [
        {"Name": name, "ActionType": "Octopus.Script", "Properties": {
            PREFIX + "RunOnServer": "True", PREFIX + "Script.ScriptSource": "Inline", PREFIX + "Script.Syntax": "Bash",
            PREFIX + "Script.ScriptBody": body}}]}


def manifest(name, yaml, namespace="", roles="k8s", condition="Success", start="StartAfterPrevious", properties=None):
    return {"Name": name, "Condition": condition, "StartTrigger": start,
            "Properties": {PREFIX + "TargetRoles": roles}, "Actions": [
                {"Name": name, "ActionType": "Octopus.KubernetesDeployRawYaml", "Properties": {
                    PREFIX + "Script.ScriptSource": "Inline", YAML: yaml,
                    PREFIX + "KubernetesContainers.Namespace": namespace, **(properties or {})}}]}


def workload(name, image="registry.example/web:1.0.0", replicas=1):
    return (f"apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\nspec:\n  replicas: {replicas}\n"
            f"  selector:\n    matchLabels:\n      app: {name}\n  template:\n    metadata:\n      labels:\n"
            f"        app: {name}\n    spec:\n      containers:\n        - name: web\n          image: {image}\n")


class Lab:
    """One server, and the clusters it deploys to. Ends everything in close()."""

    def __init__(self, clusters=1, cluster_arguments=(), server_arguments=(), prepare=lambda stage: None):
        """`prepare`: is given the stage before anything starts."""
        self.stage = Stage()
        self.numbers = itertools.count(1)
        self.server_arguments = server_arguments
        self.environments = {}
        try:
            prepare(self.stage)
            self.clusters = self.stage.start_clusters(clusters, cluster_arguments) if clusters else []
            self.server = self.stage.start_server(arguments=server_arguments)
            self.api = Octopus(self.server.url, self.server.api_key)
            self.lifecycle_id = self.api.get(f"{SPACE}/lifecycles/all")[0]["Id"]
            self.group_id = self.api.get(f"{SPACE}/projectgroups/all")[0]["Id"]
            for name in ENVIRONMENTS:
                self.environment(name)
            for i, cluster in enumerate(self.clusters):
                self.target(f"cluster-{i}", cluster.access(), ["k8s"] if i == 0 else [f"k8s-{i}"])
            self.wait_for_worker()
        except BaseException:
            self.close()
            raise

    def close(self):
        self.stage.close()

    # What a user makes.

    def unique(self, prefix):
        return f"{prefix}-{next(self.numbers)}"

    def environment(self, name):
        self.environments[name] = self.api.post(f"{SPACE}/environments", {"Name": name})["Id"]
        return self.environments[name]

    def lifecycle(self, *phases):
        """Phases are dictionaries of the API, with environments by name."""
        def ids(phase, member):
            return [self.environments[name] for name in phase.get(member, [])]

        return self.api.post(f"{SPACE}/lifecycles", {"Name": self.unique("lifecycle"), "Phases": [
            {**phase, "AutomaticDeploymentTargets": ids(phase, "AutomaticDeploymentTargets"),
             "OptionalDeploymentTargets": ids(phase, "OptionalDeploymentTargets")} for phase in phases]})["Id"]

    def certificate(self, base64_pem):
        return self.api.post(f"{SPACE}/certificates", {
            "Name": self.unique("certificate"), "CertificateData": {"HasValue": True, "NewValue": base64_pem}})["Id"]

    def target(self, name, access, roles, url=None, token=None, authority=None, **endpoint):
        account = self.api.post(f"{SPACE}/accounts", {
            "Name": self.unique("token"), "AccountType": "Token",
            "Token": {"HasValue": True, "NewValue": token or access.token}})
        return self.api.post(f"{SPACE}/machines", {
            "Name": name, "EnvironmentIds": list(self.environments.values()), "Roles": roles, "Endpoint": {
                "CommunicationStyle": "Kubernetes", "ClusterUrl": url or access.url, "SkipTlsVerification": "False",
                "ClusterCertificate": self.certificate(authority or access.authority),
                "Authentication": {"AuthenticationType": "KubernetesStandard", "AccountId": account["Id"]},
                **endpoint}})["Id"]

    def project(self, steps, variables=(), name=None, lifecycle=None):
        name = name or self.unique("project")
        made = self.api.post(f"{SPACE}/projects", {
            "Name": name, "ProjectGroupId": self.group_id, "LifecycleId": lifecycle or self.lifecycle_id})
        self.set_steps(made["Id"], steps)
        if variables:
            self.set_variables(made["Id"], variables)
        return made

    def set_steps(self, project_id, steps):
        path = f"{SPACE}/deploymentprocesses/deploymentprocess-{project_id}"
        self.api.put(path, {**self.api.get(path), "Steps": steps})

    def set_variables(self, project_id, variables):
        """(name, value) or (name, value, [environment names]) or dictionaries of the API."""
        path = f"{SPACE}/variables/variableset-{project_id}"

        def of(entry):
            if isinstance(entry, dict):
                return entry
            scope = [self.environments[name] for name in (entry[2] if len(entry) > 2 else [])]
            return {"Name": entry[0], "Value": entry[1], "Type": "String",
                    "Scope": {"Environment": scope} if scope else {}}

        self.api.put(path, {**self.api.get(path), "Variables": [of(entry) for entry in variables]})

    def release(self, project, version):
        return self.api.post(f"{SPACE}/releases/create/v1",
                             {"projectName": project["Name"], "releaseVersion": version})["ReleaseId"]

    def start(self, project, version, environment="Development", **more):
        """The id of the task of a new deployment."""
        return self.api.post(f"{SPACE}/deployments/create/untenanted/v1", {
            "projectName": project["Name"], "releaseVersion": version, "environmentNames": [environment],
            **more})["DeploymentServerTasks"][0]["ServerTaskId"]

    def run(self, steps, variables=(), environment="Development", seconds=TASK_SECONDS):
        """Project, release 1.0.0, deployment: the ended task."""
        project = self.project(steps, variables)
        self.release(project, "1.0.0")
        return self.finish(self.start(project, "1.0.0", environment), seconds)

    def deploy(self, project, version, environment="Development"):
        """The ended task of a deployment that must succeed."""
        task = self.finish(self.start(project, version, environment))
        assert task["State"] == "Success", f"{task['State']}: {task['ErrorMessage']}\n{self.log(task['Id'])}"
        return task

    # What the tests look at.

    def task(self, task_id):
        return self.patiently("GET", f"/api/tasks/{task_id}")

    def patiently(self, method, path):
        """A request that may be asked again: a server that is away for a moment is asked until it is back."""
        deadline = time.monotonic() + TASK_SECONDS
        while True:
            try:
                return json.loads(self.api.text(method, path))
            except (OSError, http.client.HTTPException):
                if time.monotonic() >= deadline:
                    raise
                time.sleep(ROUND_SECONDS)

    def wait_state(self, task_id, states, seconds=TASK_SECONDS):
        def there():
            task = self.task(task_id)
            return task if task["State"] in states else None

        return wait_until(lambda: f"{task_id} in one of {states}, but it is {self.task(task_id)['State']}\n"
                          f"{self.log(task_id)}", there, seconds)

    def finish(self, task_id, seconds=TASK_SECONDS):
        def ended():
            task = self.task(task_id)
            return task if task["IsCompleted"] else None

        return wait_until(lambda: f"the end of {task_id}, which is {self.task(task_id)['State']}\n"
                          f"{self.log(task_id)}", ended, seconds)

    def wait_log(self, task_id, text, seconds=TASK_SECONDS):
        return wait_until(lambda: f"\"{text}\" in the log of {task_id}\n{self.log(task_id)}",
                          lambda: text in self.log(task_id), seconds)

    def log(self, task_id):
        return self.api.text("GET", f"/api/tasks/{task_id}/raw")

    def elements(self, task_id):
        """{name: element} of every element of the log."""
        found = {}

        def visit(element):
            found.setdefault(element["Name"], element)
            for child in element["Children"]:
                visit(child)

        for root in self.patiently("GET", f"/api/tasks/{task_id}/details")["ActivityLogs"]:
            visit(root)
        return found

    def lines(self, task_id, categories=None):
        """Every line of the log in the order of the tree, or those of the categories."""
        found = []

        def visit(element):
            found.extend(line for line in element["LogElements"] if not categories or line["Category"] in categories)
            for child in element["Children"]:
                visit(child)

        for root in self.patiently("GET", f"/api/tasks/{task_id}/details")["ActivityLogs"]:
            visit(root)
        return found

    def outcome(self, project, release_id, environment):
        """The ended and open tasks of a release in an environment."""
        deployments = self.api.get(f"{SPACE}/deployments", projects=project["Id"], take=1000)["Items"]
        return [self.task(item["TaskId"]) for item in deployments
                if item["ReleaseId"] == release_id and item["EnvironmentId"] == self.environments[environment]]

    # The programs.

    def worker(self):
        """(pid, start time) of the built-in worker, None while there is none."""
        found = workers_of(self.server.data)
        return found[0] if found else None

    def wait_for_worker(self):
        """A worker that has a session: it can run a script."""
        wait_until("the built-in worker", self.worker, 60)
        task = self.run([script("ready", "true")], seconds=60)
        assert task["State"] == "Success", self.log(task["Id"])

    def kill_server(self):
        self.stage.kill(self.server.program)

    def end_server(self, by=signal.SIGTERM):
        """As an operator's restart does, or a terminal that is closed (SIGHUP). A worker that is at work stays."""
        program = self.server.program
        os.kill(program.pid, by)
        wait_until("the end of the server", lambda: not program.alive(), 30)
        assert f"signal=\"{by.name}\"" in program.log_tail(), program.log_tail()
        self.stage.orphans += workers_of(self.server.data)
        self.stage.kill(program)

    def restart_server(self):
        self.server = self.stage.restart_server(self.server, self.server_arguments)
        self.api = Octopus(self.server.url, self.server.api_key)

    def kill_worker(self):
        """SIGKILL for the built-in worker; returns when it is gone."""
        worker = wait_until("a worker to kill", self.worker, 30)
        os.kill(worker[0], 9)
        wait_until("the end of the worker", lambda: not is_alive(worker), 30)
        return worker


def is_alive(process):
    facts = process_facts(process[0])
    return facts is not None and facts[1] == process[1]
