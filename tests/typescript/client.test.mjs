// SPDX-License-Identifier: Apache-2.0
// The official TypeScript client drives the main job: project, process, release, deployment, wait. tests/typescript/run
// starts what it needs and hands it in as FAIRLEAD_TEST (JSON: url, apiKey, cluster {url, token, authority}).
import assert from "node:assert/strict";
import { before, test } from "node:test";
import octopus from "@octopusdeploy/api-client";

const {
  Client, DeploymentProcessRepository, DeploymentRepository, EnvironmentRepository, LifecycleRepository,
  PackageRequirement, ProjectGroupRepository, ProjectRepository, ReleaseRepository, RunCondition, ServerTaskWaiter,
  SpaceRepository, SpaceServerTaskRepository, StartTrigger, spaceScopedRoutePrefix, userGetCurrent,
} = octopus;

const given = JSON.parse(process.env.FAIRLEAD_TEST);
const space = "Default";
const pollMilliseconds = 250;
const waitMilliseconds = 120_000;
const made = {};

const manifest = `apiVersion: v1
kind: ConfigMap
metadata:
  name: page
data:
  text: "#{Octopus.Project.Name} #{Octopus.Release.Number} in #{Octopus.Environment.Name}"
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: page
spec:
  selector:
    matchLabels: { app: page }
  template:
    metadata:
      labels: { app: page }
    spec:
      containers:
        - name: page
          image: registry.example/page:#{Octopus.Release.Number}
`;

let client;
before(async () => {
  client = await Client.create({ userAgentApp: "fairlead-test", instanceURL: given.url, apiKey: given.apiKey });
});

function step(name, yaml) {
  return {
    Name: name,
    Properties: { "Octopus.Action.TargetRoles": "k8s" },
    Condition: RunCondition.Success,
    StartTrigger: StartTrigger.StartAfterPrevious,
    PackageRequirement: PackageRequirement.LetOctopusDecide,
    Actions: [{
      Name: name,
      ActionType: "Octopus.KubernetesDeployRawYaml",
      Properties: {
        "Octopus.Action.Script.ScriptSource": "Inline",
        "Octopus.Action.KubernetesContainers.CustomResourceYaml": yaml,
        "Octopus.Action.KubernetesContainers.Namespace": "typescript-#{Octopus.Environment.Name | ToLower}",
      },
    }],
  };
}

async function deploy(version, environments) {
  const answer = await new DeploymentRepository(client, space).create({
    spaceName: space, ProjectName: "TypeScript page", ReleaseVersion: version, EnvironmentNames: environments,
  });
  return answer.DeploymentServerTasks;
}

async function wait(task) {
  const ended = await new ServerTaskWaiter(client, space)
    .waitForServerTaskToComplete(task, pollMilliseconds, waitMilliseconds, () => {}, true);
  return ended;
}

async function details(task) {
  return new SpaceServerTaskRepository(client, space).getDetails(task);
}

function find(elements, fits) {
  for (const element of elements) {
    if (fits(element)) return element;
    const below = find(element.Children, fits);
    if (below) return below;
  }
  return undefined;
}

test("the server says who it is and who is calling", async () => {
  const information = await client.getServerInformation();
  assert.match(information.version, /^20\d\d\.\d+\.\d+$/);
  const user = await userGetCurrent(client);
  assert.equal(user.Username, "admin");
  const spaces = await new SpaceRepository(client).list({ partialName: space });
  assert.deepEqual(spaces.Items.map((item) => item.Name), [space]);
});

test("a wrong key is refused with the server's words", async () => {
  const configuration = { userAgentApp: "fairlead-test", instanceURL: given.url, apiKey: "API-WRONGKEY00" };
  await assert.rejects(async () => userGetCurrent(await Client.create(configuration)),
    (error) => error.StatusCode === 401 && /key/.test(error.ErrorMessage));
});

test("environments and a lifecycle", async () => {
  const environments = new EnvironmentRepository(client, space);
  for (const name of ["Development", "Production"]) made[name] = await environments.create({ Name: name });
  const found = await environments.getEnvironmentByName("production");
  assert.equal(found.Id, made.Production.Id);
  made.lifecycle = await new LifecycleRepository(client, space).create({
    Name: "TypeScript lifecycle",
    Phases: ["Development", "Production"].map((name) => ({
      Name: name, OptionalDeploymentTargets: [made[name].Id], AutomaticDeploymentTargets: [],
      MinimumEnvironmentsBeforePromotion: 0, IsOptionalPhase: false,
    })),
  });
  assert.match(made.lifecycle.Id, /^Lifecycles-\d+$/);
});

test("a target: the client has no repository for it, so by its own route", async () => {
  const create = (path, body) => client.doCreate(`${spaceScopedRoutePrefix}/${path}`, { spaceName: space, ...body });
  const authority = await create("certificates", {
    Name: "cluster CA", CertificateData: { HasValue: true, NewValue: given.cluster.authority },
  });
  const account = await create("accounts", {
    Name: "cluster token", AccountType: "Token", Token: { HasValue: true, NewValue: given.cluster.token },
  });
  const machine = await create("machines", {
    Name: "cluster", EnvironmentIds: [made.Development.Id, made.Production.Id], Roles: ["k8s"],
    Endpoint: {
      CommunicationStyle: "Kubernetes", ClusterUrl: given.cluster.url, ClusterCertificate: authority.Id,
      SkipTlsVerification: "False",
      Authentication: { AuthenticationType: "KubernetesStandard", AccountId: account.Id },
    },
  });
  assert.equal(machine.Endpoint.ClusterUrl, given.cluster.url);
});

test("a project with a process of one step", async () => {
  const groups = await new ProjectGroupRepository(client, space).list({ partialName: "Default" });
  const projects = new ProjectRepository(client, space);
  made.project = await projects.create({
    Name: "TypeScript page", ProjectGroupId: groups.Items[0].Id, LifecycleId: made.lifecycle.Id,
  });
  const found = await projects.list({ partialName: "TypeScript", take: ProjectRepository.TakeAll });
  assert.deepEqual(found.Items.map((item) => item.Id), [made.project.Id]);
  const processes = new DeploymentProcessRepository(client, space);
  const process = await processes.get(made.project);
  assert.deepEqual(process.Steps, []);
  process.Steps = [step("Deploy page", manifest)];
  const updated = await processes.update(made.project, process);
  assert.equal(updated.Version, process.Version + 1);
  assert.equal(
    updated.Steps[0].Actions[0].Properties["Octopus.Action.KubernetesContainers.CustomResourceYaml"], manifest);
});

test("a release", async () => {
  const releases = new ReleaseRepository(client, space);
  const created = await releases.create({ spaceName: space, ProjectName: "TypeScript page", ReleaseVersion: "1.0.0" });
  assert.equal(created.ReleaseVersion, "1.0.0");
  const release = await releases.get(created.ReleaseId);
  assert.equal(release.ProjectId, made.project.Id);
  const list = await releases.listForProject(made.project.Id);
  assert.deepEqual(list.Items.map((item) => item.Version), ["1.0.0"]);
});

test("production is not open before development", async () => {
  await assert.rejects(deploy("1.0.0", ["Production"]), (error) => error.StatusCode === 400);
});

test("deploy and wait: it runs in the cluster", async () => {
  const [{ DeploymentId, ServerTaskId }] = await deploy("1.0.0", ["Development"]);
  const ended = await wait(ServerTaskId);
  const shown = await details(ServerTaskId);
  assert.equal(ended.State, "Success", JSON.stringify(shown, null, 1));
  assert.equal(ended.FinishedSuccessfully, true);
  const deployment = await new DeploymentRepository(client, space).get(DeploymentId);
  assert.equal(deployment.TaskId, ServerTaskId);
  assert.equal(shown.Progress.ProgressPercentage, 100);
  assert.equal(find(shown.ActivityLogs, (element) => /Deploy page/.test(element.Name)).Status, "Success");
  const raw = await new SpaceServerTaskRepository(client, space).getRaw(ServerTaskId);
  assert.match(raw, /Deployment/);
});

test("promotion", async () => {
  const [{ ServerTaskId }] = await deploy("1.0.0", ["Production"]);
  assert.equal((await wait(ServerTaskId)).State, "Success");
});

test("a release whose image cannot be pulled fails with the cause", async () => {
  const processes = new DeploymentProcessRepository(client, space);
  const process = await processes.get(made.project);
  process.Steps = [step("Deploy page", manifest.replace("#{Octopus.Release.Number}\n", "2.0.0-imagepullbackoff\n"))];
  await processes.update(made.project, process);
  await new ReleaseRepository(client, space)
    .create({ spaceName: space, ProjectName: "TypeScript page", ReleaseVersion: "2.0.0" });
  const [{ ServerTaskId }] = await deploy("2.0.0", ["Development"]);
  const ended = await wait(ServerTaskId);
  assert.equal(ended.State, "Failed");
  assert.notEqual(ended.ErrorMessage, "");
  const raw = await new SpaceServerTaskRepository(client, space).getRaw(ServerTaskId);
  assert.match(raw, /ErrImagePull|ImagePullBackOff/);
  assert.match(raw, /registry\.example\/page:2\.0\.0-imagepullbackoff/);
});
