# SPDX-License-Identifier: Apache-2.0
"""The story that tools/demo tells: releases go from environment to environment, one cannot run, and what is served is
looked up in the cluster each time. Whatever is not as expected ends it with a StoryError."""
import re
import textwrap
import time

from demo_setup import ENVIRONMENTS, create_release, deploy, namespace_of, write_variables
from stage.octopus import ApiError

POLL_SECONDS = 0.2
FINISHED = ("Success", "Failed", "Canceled", "TimedOut")
KINDS = {"Healthy": "good", "Progressing": "busy", "Degraded": "bad", "Missing": "busy", "Suspended": "idle"}
SHOWN_CAUSE_LINES = 14


class StoryError(Exception):
    """Something went other than told; `log` is the log of the task, where there is one."""

    def __init__(self, text, log=""):
        super().__init__(text)
        self.log = log


class Deployment:
    """One service on its way into one environment."""

    def __init__(self, service, version, environment, task):
        self.service, self.version, self.environment, self.task = service, version, environment, task
        self.started = time.monotonic()
        self.seconds = 0.0
        self.state, self.error, self.objects = "Queued", "", []

    def refresh(self, api):
        if self.state in FINISHED:
            return
        task = api.get(f"/api/tasks/{self.task}")
        view = api.get(f"/ui/v1/tasks/{self.task}/objects")
        self.objects = [item for group in view["Groups"] for item in group["Objects"]]
        self.state, self.error = task["State"], task.get("ErrorMessage") or ""
        self.seconds = time.monotonic() - self.started

    def sign(self):
        if self.state in FINISHED:
            return "good" if self.state == "Success" else "bad"
        return "idle" if self.state == "Queued" else "busy"


class Story:
    """`clusters` is the Cluster of each environment; `limits` are seconds for a deployment that works and one that
    cannot; `check_alive` raises when a program has ended."""

    def __init__(self, api, screen, shop, environment_ids, clusters, limits, check_alive):
        self.api, self.screen, self.shop, self.environment_ids = api, screen, shop, environment_ids
        self.clusters, self.limits, self.check_alive = clusters, limits, check_alive
        self.results = {}  # (service, release) -> {environment: (kind, text)}

    def tell(self):
        services = self.shop["services"]
        web = services[0]
        self.release(services, "1.0.0")
        for environment in ENVIRONMENTS:
            self.roll_out(services, "1.0.0", environment)
        self.release([web], "1.1.0")
        self.fail(web, "1.1.0", "1.0.0")
        self.release([web], "1.1.1")
        for environment in ENVIRONMENTS:
            if environment == ENVIRONMENTS[0]:
                self.count_broken_pods(web)
            self.roll_out([web], "1.1.1", environment)
        self.summary()

    def release(self, services, version):
        self.screen.heading(f"Release {version} of {', '.join(service['name'] for service in services)}")
        for service in services:
            changes = service.get("releases", {}).get(version, {})
            if changes:
                write_variables(self.api, self.shop, service, self.environment_ids, changes)
                for name, value in changes.items():
                    self.screen.line(f"  {self.screen.sign('good')} {service['name']}: {name} = {value}")
            create_release(self.api, service, version)
        self.screen.line(f"  {self.screen.sign('good')} created; it holds process and variables as they are now")

    def roll_out(self, services, version, environment):
        """All services at once; each must succeed, and the cluster must serve the release."""
        for deployment in self.run(services, version, environment, self.limits[0]):
            if deployment.state != "Success":
                raise self.unexpected(deployment, f"ended as {deployment.state}: {deployment.error}")
            self.note(deployment)
            self.check_served(deployment.service, version, environment)
        self.screen.line(f"    {self.screen.sign('good')} looked up in the cluster: namespace "
                         f"{namespace_of(self.shop, environment)} serves {version} with all replicas")

    def fail(self, service, version, before):
        """The release must fail quickly with its cause, be refused further on, and leave what runs as it was."""
        [deployment] = self.run([service], version, ENVIRONMENTS[0], self.limits[1])
        if deployment.state != "Failed":
            raise self.unexpected(deployment, f"should have failed, but is {deployment.state}")
        self.note(deployment)
        self.show_cause(deployment)
        for environment in ENVIRONMENTS:
            self.check_served(service, before, environment, rolled_out=environment != ENVIRONMENTS[0])
        self.screen.line(f"    {self.screen.sign('good')} looked up in the clusters: all three environments still "
                         f"serve {service['name']} {before}")
        try:
            deploy(self.api, service, version, ENVIRONMENTS[2])
        except ApiError as error:
            if error.status != 400:
                raise
            self.results[service["name"], version][ENVIRONMENTS[2]] = ("idle", "refused")
            self.screen.line(f"    {self.screen.sign('good')} {ENVIRONMENTS[2]} refuses {version}: "
                             f"{error.sentences[-1]}")
        else:
            raise StoryError(f"{version} never ran in {ENVIRONMENTS[0]}, but {ENVIRONMENTS[2]} takes it")

    def show_cause(self, deployment):
        lines = cause_lines(self.api.get(f"/api/tasks/{deployment.task}/details")["ActivityLogs"])
        text = "\n".join(lines)
        image = deployment.service["releases"][deployment.version]["Image"]
        for what, pattern in (("the object", r"\bDeployment\b.*\bweb\b"), ("the container", r"[Cc]ontainer\b.*\bweb\b"),
                              ("the reason", r"ErrImagePull|ImagePullBackOff"), ("the image", re.escape(image))):
            if not re.search(pattern, text):
                raise self.unexpected(deployment, f"failed, but its log does not name {what}")
        for line in lines[:SHOWN_CAUSE_LINES]:
            indent = " " * (6 + len(line) - len(line.lstrip()))
            for part in textwrap.wrap(line.strip(), max(40, self.screen.columns() - len(indent) - 2),
                                      subsequent_indent="  ", break_long_words=False):
                self.screen.line(indent + self.screen.paint("31", part))

    def count_broken_pods(self, service):
        environment = ENVIRONMENTS[0]
        pods = self.clusters[environment].pods(namespace_of(self.shop, environment), service["name"])
        broken = [pod["metadata"]["name"] for pod in pods if not is_ready(pod)]
        if not broken:
            raise StoryError(f"there should be a broken pod of the failed release in {environment}")
        self.screen.line(f"  {self.screen.sign('bad')} still in {environment}: {', '.join(broken)}, which cannot start")

    def run(self, services, version, environment, limit):
        """Deploys and shows it until all have ended."""
        self.screen.line(f"  {self.screen.bold('→ ' + environment)}")
        running = [Deployment(service, version, environment, deploy(self.api, service, version, environment))
                   for service in services]
        deadline = time.monotonic() + limit
        while not all(deployment.state in FINISHED for deployment in running):
            self.check_alive()
            for deployment in running:
                deployment.refresh(self.api)
            self.screen.live([line for deployment in running for line in self.picture(deployment)])
            if time.monotonic() > deadline:
                late = next(deployment for deployment in running if deployment.state not in FINISHED)
                raise self.unexpected(late, f"has not ended after {limit} s")
            time.sleep(POLL_SECONDS)
        for deployment in running:
            for _, painted in self.picture(deployment):
                self.screen.line(painted)
        return running

    def picture(self, deployment):
        """Lines (plain, painted): the service, and its objects with their health."""
        screen = self.screen
        head = f"{deployment.service['name']:<8} {deployment.seconds:5.1f} s  "
        yield ("    x " + head, f"    {screen.sign(deployment.sign())} {head}" + screen.faint(deployment.task))
        steps = dict.fromkeys(item["Step"] for item in deployment.objects)
        for step in steps:
            applied = [item for item in deployment.objects if item["Step"] == step and not item.get("ParentKind")]
            plain = "  ".join(f"x {item['Kind']} {item['Name']}" for item in applied)
            painted = "  ".join(f"{screen.sign(KINDS.get(item['Status'], 'idle'))} {item['Kind']} {item['Name']}"
                                for item in applied)
            yield (f"        {step}:  {plain}", f"        {screen.faint(step + ':')}  {painted}")
        for item in deployment.objects:
            if item["Status"] != "Healthy" and item.get("Message"):
                text = f"{item['Kind']} {item['Name']}: {item['Message']}"
                text = " ".join(text.split())[:max(20, screen.columns() - 12)]
                yield ("          " + text, "          " + screen.faint(text))

    def check_served(self, service, version, environment, rolled_out=True):
        """What the cluster runs: pods of that release, ready; with `rolled_out` also nothing else on its way."""
        namespace = namespace_of(self.shop, environment)
        cluster = self.clusters[environment]
        workload = cluster.workload(service["workload"], namespace, service["name"])
        wanted = workload["spec"]["replicas"]
        ready = [pod for pod in cluster.pods(namespace, service["name"])
                 if is_ready(pod) and pod["metadata"]["labels"].get("app.kubernetes.io/version") == version]
        label = workload["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/version"]
        expected = next(int(variable["value"]) for variable in reversed(service["variables"])
                        if variable["name"] == "Replicas"
                        and environment in variable.get("environments", ENVIRONMENTS))
        if wanted != expected or len(ready) < wanted or (rolled_out and label != version):
            raise StoryError(f"{environment} should serve {service['name']} {version} with {expected} replicas, but "
                             f"the {service['workload']} says {label} with {wanted}, of which {len(ready)} are ready")

    def note(self, deployment):
        row = self.results.setdefault((deployment.service["name"], deployment.version), {})
        row[deployment.environment] = (deployment.sign(), f"{deployment.seconds:.1f} s")

    def summary(self):
        self.screen.heading("What happened")
        rows = []
        for (name, version), cells in sorted(self.results.items(), key=lambda item: item[0][1]):
            row = [(f"{name} {version}",) * 2]
            for environment in ENVIRONMENTS:
                kind, text = cells.get(environment, ("idle", "not deployed"))
                row.append((f"x {text}", f"{self.screen.sign(kind)} {text}"))
            rows.append(row)
        self.screen.table(["Release", *ENVIRONMENTS], rows)

    def unexpected(self, deployment, text):
        log = self.api.text("GET", f"/api/tasks/{deployment.task}/raw")
        return StoryError(f"{deployment.service['name']} {deployment.version} in {deployment.environment} "
                          f"({deployment.task}) {text}", log)


def is_ready(pod):
    return any(condition["type"] == "Ready" and condition["status"] == "True"
               for condition in pod["status"].get("conditions", []))


def cause_lines(elements):
    """The errors of a log tree with their details, line by line, each once."""
    found = []
    for element in elements:
        for entry in element.get("LogElements") or []:
            if entry["Category"] in ("Error", "Fatal"):
                found += (entry["MessageText"] + "\n" + (entry.get("Detail") or "")).splitlines()
        found += cause_lines(element.get("Children") or [])
    return [line for line in dict.fromkeys(found) if line.strip()]
