# SPDX-License-Identifier: Apache-2.0
"""What tools/demo makes on the fresh server before the first deployment: environments, lifecycle, targets, and the
projects of examples/shop with their processes and variables."""
import json
import os

ENVIRONMENTS = ("Development", "Staging", "Production")
SPACE = "/api/Spaces-1"


def read_shop(folder):
    """shop.json with the text of each manifest."""
    with open(os.path.join(folder, "shop.json"), encoding="utf-8") as stream:
        shop = json.load(stream)
    for service in shop["services"]:
        with open(os.path.join(folder, service["manifest"]), encoding="utf-8") as stream:
            service["text"] = stream.read()
    return shop


def namespace_of(shop, environment):
    return shop["namespace"].replace("#{Octopus.Environment.Name | ToLower}", environment.lower())


def make_environments(api):
    """Ids by name, and the lifecycle that leads from one to the next."""
    ids = {name: api.post(f"{SPACE}/environments", {"Name": name})["Id"] for name in ENVIRONMENTS}
    lifecycle = api.post(f"{SPACE}/lifecycles", {
        "Name": "Shop: one environment after the other",
        "Phases": [{"Name": name, "OptionalDeploymentTargets": [ids[name]], "AutomaticDeploymentTargets": []}
                   for name in ENVIRONMENTS]})
    return ids, lifecycle["Id"]


def make_target(api, access, name, environment_ids):
    """An API target with the credentials of the kubeconfig: a token account, or a client certificate."""
    endpoint = {"CommunicationStyle": "Kubernetes", "ClusterUrl": access.url, "ClusterCertificate": "",
                "SkipTlsVerification": "True" if access.skip_tls else "False", "DefaultWorkerPoolId": ""}
    if access.authority:
        endpoint["ClusterCertificate"] = make_certificate(api, f"{name}: cluster CA", access.authority)
    if access.token:
        account = api.post(f"{SPACE}/accounts", {
            "Name": f"{name}: token", "AccountType": "Token",
            "Token": {"HasValue": True, "NewValue": access.token}})
        endpoint["Authentication"] = {"AuthenticationType": "KubernetesStandard", "AccountId": account["Id"]}
    else:
        endpoint["Authentication"] = {
            "AuthenticationType": "KubernetesCertificate",
            "ClientCertificate": make_certificate(api, f"{name}: client", access.client_pem())}
    return api.post(f"{SPACE}/machines", {
        "Name": name, "EnvironmentIds": environment_ids, "Roles": ["k8s"], "Endpoint": endpoint})


def make_certificate(api, name, base64_pem):
    return api.post(f"{SPACE}/certificates", {
        "Name": name, "CertificateData": {"HasValue": True, "NewValue": base64_pem}})["Id"]


def make_projects(api, shop, lifecycle, environment_ids):
    """One project for each service: its process is one step that applies the manifest."""
    group = api.post(f"{SPACE}/projectgroups", {"Name": shop["group"]})
    for service in shop["services"]:
        project = api.post(f"{SPACE}/projects", {
            "Name": service["name"], "ProjectGroupId": group["Id"], "LifecycleId": lifecycle})
        service["project"] = project["Id"]
        process = api.get(f"{SPACE}/deploymentprocesses/{project['DeploymentProcessId']}")
        process["Steps"] = [step_of(service)]
        api.put(f"{SPACE}/deploymentprocesses/{process['Id']}", process)
        write_variables(api, shop, service, environment_ids, {})


def step_of(service):
    return {
        "Name": f"Deploy {service['name']}",
        "Properties": {"Octopus.Action.TargetRoles": "k8s"},
        "Actions": [{
            "Name": f"Deploy {service['name']}",
            "ActionType": "Octopus.KubernetesDeployRawYaml",
            "Properties": {
                "Octopus.Action.Script.ScriptSource": "Inline",
                "Octopus.Action.KubernetesContainers.CustomResourceYaml": service["text"],
                "Octopus.Action.KubernetesContainers.Namespace": "#{Namespace}",
                "Octopus.Action.Kubernetes.ResourceStatusCheck": "True",
            }}]}


def write_variables(api, shop, service, environment_ids, changes):
    """The project's variables, with new values for those named in `changes`."""
    variables = [{"Name": "Namespace", "Value": shop["namespace"], "Type": "String", "Scope": {}}]
    for variable in service["variables"]:
        scope = [environment_ids[name] for name in variable.get("environments", [])]
        variables.append({"Name": variable["name"], "Type": "String",
                          "Value": changes.get(variable["name"], variable["value"]),
                          "Scope": {"Environment": scope} if scope else {}})
    stored = api.get(f"{SPACE}/projects/{service['project']}/variables")
    stored["Variables"] = variables
    api.put(f"{SPACE}/variables/{stored['Id']}", stored)


def create_release(api, service, version):
    return api.post(f"{SPACE}/releases/create/v1", {
        "spaceId": "Spaces-1", "projectName": service["name"], "releaseVersion": version})["ReleaseId"]


def deploy(api, service, version, environment):
    """The id of the task that deploys the release."""
    answer = api.post(f"{SPACE}/deployments/create/untenanted/v1", {
        "spaceId": "Spaces-1", "projectName": service["name"], "releaseVersion": version,
        "environmentNames": [environment]})
    return answer["DeploymentServerTasks"][0]["ServerTaskId"]
