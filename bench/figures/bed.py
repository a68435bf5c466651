# SPDX-License-Identifier: Apache-2.0
"""Programs under measurement, on tools/stage, and what the figures ask of the API."""
import concurrent.futures
import json
import os
import queue
import socket
import time

from stage import processes
from stage.cluster import Cluster
from stage.octopus import Octopus

SPACE = "/api/Spaces-1"
CALLERS = 8  # connections that fill the server and start deployments
TASKS_SECONDS = 900
POLL_SECONDS = 0.1
ROLE = "bench"


def free_port():
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def wait_for_port(program, port, seconds):
    deadline = time.monotonic() + seconds
    while not listens(port):
        if not program.alive() or time.monotonic() > deadline:
            raise processes.StageError(f"{program.name} does not listen on port {port}\n{program.log_tail()}")
        time.sleep(0.01)


def tool(name):
    """A program of the benchmarks, which is built into the folder of the programs."""
    return processes.program_path(name)


class Devcluster:
    def __init__(self, stage, level="c", nodes=3, gogc=100):
        self.audit_log = stage.path("audit.log")
        simulated = ["--nodes", str(nodes)] if level == "c" else []
        self.program = stage.start("devcluster", [
            tool("fairlead-devcluster"), "start", "--dir", stage.path("k8s"), "--kubeconfig", stage.path("kubeconfig"),
            "--level", level, *simulated, "--gogc", str(gogc), "--audit-log", self.audit_log, "--watch-stdin"])
        ready = json.loads(self.program.wait_line(r"^\{.*\}$", processes.CLUSTERS_READY_SECONDS).group(0))
        self.cluster = Cluster(tool("kubectl"), ready["kubeconfigs"][0])
        self.pid = self.program.pid

    @property
    def kubeconfig(self):
        return self.cluster.kubeconfig

    def audit_size(self):
        return os.path.getsize(self.audit_log)

    def audit(self, offset, user_agent):
        """The API server's records from a position on, of the clients of that name in any version."""
        with open(self.audit_log, "rb") as stream:
            stream.seek(offset)
            for line in stream:
                try:
                    record = json.loads(line)
                except ValueError:
                    continue  # the last line, half written
                if record.get("userAgent", "").split("/")[0] == user_agent:
                    yield record


class Bed:
    """A server with its worker, a devcluster as target in one environment, and as many callers as are useful."""

    def __init__(self, stage, arguments=()):
        self.stage = stage
        self.server = stage.start_server(arguments=arguments)
        self._clients = queue.Queue()
        for _ in range(CALLERS):
            self._clients.put(self.client())

    def client(self):
        return Octopus(self.server.url, self.server.api_key)

    def each(self, items, function):
        """function(client, item) for all items, CALLERS at a time; the results in order."""
        def call(item):
            client = self._clients.get()
            try:
                return function(client, item)
            finally:
                self._clients.put(client)

        with concurrent.futures.ThreadPoolExecutor(CALLERS) as pool:
            return list(pool.map(call, items))

    def pids(self):
        """The server and, once it is there, its built-in worker."""
        return [self.server.program.pid, *(pid for pid, _ in processes.workers_of(self.server.data))]

    def add_environment(self):
        self.environment = self.client().post(f"{SPACE}/environments", {"Name": "Bench"})["Id"]

    def add_target(self, devcluster):
        client = self.client()
        access = devcluster.cluster.access()
        authority = client.post(f"{SPACE}/certificates", {
            "Name": "bench CA", "CertificateData": {"HasValue": True, "NewValue": access.authority}})
        account = client.post(f"{SPACE}/accounts", {
            "Name": "bench token", "AccountType": "Token", "Token": {"HasValue": True, "NewValue": access.token}})
        client.post(f"{SPACE}/machines", {
            "Name": "bench", "EnvironmentIds": [self.environment], "Roles": [ROLE],
            "Endpoint": {"CommunicationStyle": "Kubernetes", "ClusterUrl": access.url,
                         "ClusterCertificate": authority["Id"], "SkipTlsVerification": "False",
                         "Authentication": {"AuthenticationType": "KubernetesStandard", "AccountId": account["Id"]}}})

    def add_projects(self, projects):
        """`projects`: pairs of name and steps. Each gets its process and release 1.0.0."""
        client = self.client()
        self.lifecycle = client.get(f"{SPACE}/lifecycles/all")[0]["Id"]
        self.group = client.get(f"{SPACE}/projectgroups/all")[0]["Id"]
        return self.each(projects, self._add_project)

    def _add_project(self, client, pair):
        name, steps = pair
        project = client.post(f"{SPACE}/projects", {
            "Name": name, "LifecycleId": self.lifecycle, "ProjectGroupId": self.group})
        process = client.get(f"{SPACE}/deploymentprocesses/{project['DeploymentProcessId']}")
        process["Steps"] = steps
        client.put(f"{SPACE}/deploymentprocesses/{process['Id']}", process)
        client.post(f"{SPACE}/releases/create/v1", {"projectName": name, "releaseVersion": "1.0.0"})
        return project["Id"]

    def deploy_all(self, names):
        """Starts a deployment of release 1.0.0 for each project; the ids of their tasks."""
        def deploy(client, name):
            answer = client.post(f"{SPACE}/deployments/create/untenanted/v1", {
                "projectName": name, "releaseVersion": "1.0.0", "environmentNames": ["Bench"]})
            return answer["DeploymentServerTasks"][0]["ServerTaskId"]

        return self.each(names, deploy)

    def wait_all_ended(self):
        """Until no task is queued or at work. Raises when a task did not succeed."""
        client = self.client()
        deadline = time.monotonic() + TASKS_SECONDS
        while client.get(f"{SPACE}/tasks", active="true", take=1)["TotalResults"]:
            self.stage.check_alive()
            if time.monotonic() > deadline:
                raise processes.StageError(f"tasks were still at work after {TASKS_SECONDS} s")
            time.sleep(POLL_SECONDS)
        ended = time.monotonic()
        failed = client.get(f"{SPACE}/tasks", states="Failed,TimedOut,Canceled", take=1)
        if failed["TotalResults"]:
            task = failed["Items"][0]
            log = client.text("GET", f"/api/tasks/{task['Id']}/raw")
            raise processes.StageError(f"{failed['TotalResults']} tasks did not succeed; {task['Description']}: "
                                       f"{task['ErrorMessage']}\n{log[-2000:]}")
        return ended


def yaml_step(text, namespace, timeout_seconds=None):
    properties = {
        "Octopus.Action.Script.ScriptSource": "Inline",
        "Octopus.Action.KubernetesContainers.CustomResourceYaml": text,
        "Octopus.Action.KubernetesContainers.Namespace": namespace,
        "Octopus.Action.Kubernetes.ResourceStatusCheck": "True"}
    if timeout_seconds is not None:
        properties["Octopus.Action.Kubernetes.DeploymentTimeout"] = str(timeout_seconds)
    return {"Name": "Deploy", "Properties": {"Octopus.Action.TargetRoles": ROLE},
            "Actions": [{"Name": "Deploy", "ActionType": "Octopus.KubernetesDeployRawYaml", "Properties": properties}]}


def script_step(name, body):
    return {"Name": name, "Properties": {}, "Actions": [{
        "Name": name, "ActionType": "Octopus.Script", "Properties": {
            "Octopus.Action.Script.ScriptSource": "Inline", "Octopus.Action.Script.Syntax": "Bash",
            "Octopus.Action.Script.ScriptBody": body, "Octopus.Action.RunOnServer": "true"}}]}
