#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Manifests and clusters that cannot work: the task fails soon, with one clear error that names the place and what to
do; nothing of it is in the cluster where the fault could be found before the first write."""
import os
import re
import socket
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "support"))
from lab import CONFIG_MAP, PREFIX, Lab, manifest, script, workload  # noqa: E402

BOUND_SECONDS = 45
UNREACHABLE_SECONDS = 90
GOOD = CONFIG_MAP.format(name="first", value="1")
FORCE = PREFIX + "Kubernetes.ServerSideApply.ForceConflicts"
LAB = None


def setUpModule():
    global LAB
    LAB = Lab(clusters=2)


def tearDownModule():
    LAB.close()


def bomb():
    lines = ["apiVersion: v1", "kind: ConfigMap", "metadata: {name: bomb}", "a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for i in range(1, 12):
        lines.append(f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * 10) + "]")
    return "\n".join(lines) + "\n"


def config_map(rest):
    return "apiVersion: v1\nkind: ConfigMap\n" + rest


# name: (second document, what the error says, its line in the whole text or None)
BEFORE_THE_FIRST_WRITE = {
    "not YAML": (config_map("metadata: {name: x\ndata: ]\n"), r"not valid YAML", 11),
    "a tab": (config_map("metadata:\n\tname: x\n"), r"not valid YAML", 11),
    "a duplicate key": (config_map("metadata:\n  name: x\ndata:\n  a: 1\n  a: 2\n"), r"\ba\b.*(twice|duplicate|already)",
                        14),
    "an alias bomb": (bomb(), r"alias|nodes|expand", None),
    "deep nesting": (config_map("metadata: {name: x}\ndata: " + "[" * 300 + "]" * 300 + "\n"), r"deep|nest", 11),
    "a huge scalar": (config_map("metadata: {name: x}\ndata: {big: '#{Big}#{Big}#{Big}#{Big}#{Big}'}\n"),
                      r"one value has \d+ bytes, more than the limit", 11),
    "a huge text": (config_map("metadata: {name: x}\ndata:\n" + "".join(f"  a{i}: '#{{Big}}'\n" for i in range(20))),
                    r"bytes.*at most", None),
    "too many documents": ("---\n".join(["{a: 1}\n"] * 10_001), r"documents", None),
    "no mapping": ("- just\n- a list\n", r"is a list, not an object", 8),
    "no kind": ("apiVersion: v1\nmetadata: {name: x}\n", r"kind is missing", 8),
    "no apiVersion": ("kind: ConfigMap\nmetadata: {name: x}\n", r"apiVersion is missing", 8),
    "no name": (config_map("metadata: {labels: {a: b}}\n"), r"metadata\.name is missing", 8),
    "generateName": (config_map("metadata: {generateName: x-}\n"), r"generateName.*twice", 8),
    "an unknown kind": ("apiVersion: shop.example/v1\nkind: Basket\nmetadata: {name: x}\n",
                        r"no kind Basket in shop\.example/v1", 8),
    "a wrong version": ("apiVersion: apps/v7\nkind: Deployment\nmetadata: {name: x}\n", r"no kind Deployment in apps/v7",
                        8),
    "a bad name": (config_map("metadata: {name: Has_Upper}\n"), r"Has_Upper", 8),
    "a bad namespace": (config_map("metadata: {name: x, namespace: 'Not One'}\n"), r"Not One", 8),
    "a label that is no text": (config_map("metadata: {name: x, labels: {a: 1}}\n"), r"labels\.a must be text", 8),
    "what kubectl get printed": (config_map("metadata: {name: x, resourceVersion: '12'}\n"), r"resourceVersion.*remove", 8),
    "the same object twice": (GOOD, r"first.*twice", 8),
    "a missing variable": (config_map("metadata: {name: x}\ndata: {a: '#{Nobody.Gave}'}\n"), r"#\{Nobody\.Gave\}", 11),
    "cyclic variables": (config_map("metadata: {name: x}\ndata: {a: '#{Hen}'}\n"), r"Hen", 11),
    "a list with a bad item": ("apiVersion: v1\nkind: List\nitems:\n  - apiVersion: v1\n    kind: ConfigMap\n", r"metadata",
                               11),
}


class Case(unittest.TestCase):
    def failure(self, steps, variables=(), seconds=BOUND_SECONDS):
        """The one error of a deployment that must fail: message and details as one text."""
        task = LAB.run(steps, variables, seconds=seconds)
        log = LAB.log(task["Id"])
        self.assertEqual(task["State"], "Failed", log)
        errors = LAB.lines(task["Id"], {"Error", "Fatal"})
        self.assertEqual(len(errors), 1, f"one error line, not these:\n{log}")
        message = errors[0]["MessageText"]
        self.assertNotIn("\n", message)
        self.assertTrue(task["ErrorMessage"].startswith(message[:200]), "the task says what its log says")
        self.assertTrue(LAB.api.get("/api")["Version"])
        return message + "\n" + errors[0].get("Detail", "")


class Manifests(Case):
    def test_what_is_found_before_the_first_write(self):
        variables = [("Big", "x" * 900_000), ("Hen", "#{Egg}"), ("Egg", "#{Hen}")]
        for name, (second, wanted, line) in BEFORE_THE_FIRST_WRITE.items():
            with self.subTest(name):
                namespace = LAB.unique("nothing")
                said = self.failure([manifest("m", f"{GOOD}---\n{second}", namespace)], variables)
                self.assertRegex(said, wanted)
                if line:
                    self.assertRegex(said, rf"inline:{line}\b", "the place")
                self.assertLess(len(said), 10_000, "a reader can take it in")
                self.assertNotIn(namespace, LAB.clusters[0].namespaces(), "nothing was written")

    def test_what_only_the_cluster_knows_names_object_and_field(self):
        namespace = LAB.unique("rejected")
        bad = workload("web").replace("replicas: 1", "replicas: many")
        said = self.failure([manifest("m", f"{GOOD}---\n{bad}", namespace)])
        self.assertRegex(said, r"Deployment.*web")
        self.assertRegex(said, r"replicas")
        bad = config_map("metadata: {name: x, labels: {a: 'not a label!'}}\n")
        said = self.failure([manifest("m", f"{GOOD}---\n{bad}", namespace)])
        self.assertRegex(said, r"ConfigMap .*x.*not a label!")

    def test_an_immutable_field(self):
        namespace = LAB.unique("immutable")
        project = LAB.project([manifest("m", workload("web", replicas=0), namespace)])
        LAB.release(project, "1.0.0")
        LAB.deploy(project, "1.0.0")
        said = self.failure([manifest("m", workload("web", replicas=0).replace("app: web", "app: other"), namespace)])
        self.assertRegex(said, r"(?s)selector.*immutable")

    def test_a_namespace_on_what_has_none_is_left_out_with_a_word(self):
        name = LAB.unique("cluster-wide")
        task = LAB.run([manifest("m", "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n"
                                      f"  name: {name}\n  namespace: somewhere\nrules: []\n", "default")])
        self.assertEqual(task["State"], "Success", LAB.log(task["Id"]))
        self.assertRegex(LAB.log(task["Id"]), rf"ClusterRole {name} is cluster-scoped, its namespace \"somewhere\"")

    def test_a_conflict_without_force_names_manager_and_field(self):
        namespace = LAB.unique("conflict")
        path = LAB.stage.path("theirs.yaml")
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(CONFIG_MAP.format(name="shared", value="theirs"))
        cluster = LAB.clusters[0]
        cluster.run("create", "namespace", namespace)
        cluster.run("apply", "--server-side", "--field-manager=somebody-else", "--namespace", namespace, "-f", path)
        ours = CONFIG_MAP.format(name="shared", value="ours")
        said = self.failure([manifest("m", ours, namespace, properties={FORCE: "False"})])
        self.assertRegex(said, r"shared")
        self.assertRegex(said, r"somebody-else")
        self.assertRegex(said, r"\.?data\.value")
        value = ("get", "configmap", "shared", "--namespace", namespace)
        self.assertEqual(cluster.json(*value)["data"]["value"], "theirs")
        task = LAB.run([manifest("m", ours, namespace)])
        self.assertEqual(task["State"], "Success", LAB.log(task["Id"]))
        self.assertEqual(cluster.json(*value)["data"]["value"], "ours")
        self.assertRegex(LAB.log(task["Id"]), r"somebody-else", "what was taken over is named")

    def test_steps_that_cannot_be_run(self):
        for name, change, wanted in (
                ("another language", {PREFIX + "Script.Syntax": "PowerShell"}, r"PowerShell.*Bash"),
                ("no script", {PREFIX + "Script.ScriptBody": "  "}, r"no script"),
                ("a limit that is no number", {PREFIX + "ExecutionTimeout.Minutes": "soon"}, r"number of minutes.*soon")):
            with self.subTest(name):
                step = script("s", "true")
                step["Actions"][0]["Properties"].update(change)
                self.assertRegex(self.failure([step]), wanted)
        with self.subTest("no YAML"):
            self.assertRegex(self.failure([manifest("m", " ")]), r"no YAML")


class Forwarder:
    """Another address for a port of 127.0.0.1."""

    def __init__(self, port, address):
        self._port, self._listener = port, socket.create_server((address, 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._port))
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._copy, args=(one, other), daemon=True).start()

    @staticmethod
    def _copy(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self._listener.close()


class Clusters(Case):
    def fails_on(self, wanted, seconds=BOUND_SECONDS, **target):
        role = LAB.unique("role")
        LAB.target(LAB.unique("target"), LAB.clusters[0].access(), [role], **target)
        namespace = LAB.unique("unreached")
        said = self.failure([manifest("m", GOOD, namespace, roles=role)], seconds=seconds)
        self.assertRegex(said, wanted)
        self.assertNotIn(namespace, LAB.clusters[0].namespaces())
        return said

    def test_no_permission(self):
        cluster, name = LAB.clusters[0], LAB.unique("nobody")
        cluster.run("create", "serviceaccount", name, "--namespace", "kube-system")
        token = cluster.run("create", "token", name, "--namespace", "kube-system").strip()
        said = self.fails_on(rf"(?s)forbidden|may not|permission", token=token)
        self.assertIn(name, said, "who may not")

    def test_permission_for_one_kind_only(self):
        """ConfigMaps may be written, Secrets may not: the refusal names the object."""
        cluster, name = LAB.clusters[0], LAB.unique("clerk")
        cluster.run("create", "namespace", name)
        cluster.run("create", "serviceaccount", name, "--namespace", name)
        cluster.run("create", "role", name, "--namespace", name, "--verb=get,list,watch,create,patch",
                    "--resource=configmaps")
        cluster.run("create", "rolebinding", name, "--namespace", name, f"--role={name}", f"--serviceaccount={name}:{name}")
        token = cluster.run("create", "token", name, "--namespace", name).strip()
        LAB.target(name, cluster.access(), [name], token=token)
        secret = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: hidden\n"
        said = self.failure([manifest("m", f"{GOOD}---\n{secret}", name, roles=name)])
        self.assertRegex(said, r"(?s)Secret.*hidden")
        self.assertRegex(said, r"forbidden|may not|permission")

    def test_a_token_that_the_cluster_does_not_know(self):
        said = self.fails_on(r"(?i)unauthorized|401|credentials|token", token="eyJhbGciOiJSUzI1NiJ9.e30.AAAA")
        self.assertNotIn("eyJhbGciOiJSUzI1NiJ9", said)

    def test_a_cluster_that_is_not_there(self):
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        said = self.fails_on(r"(?i)cannot reach .*refused", UNREACHABLE_SECONDS, url=f"https://127.0.0.1:{port}")
        self.assertIn(str(port), said)

    def test_a_name_that_cannot_be_resolved(self):
        self.fails_on(r"(?i)cannot be resolved", UNREACHABLE_SECONDS, url="https://no-such-cluster.invalid:6443")

    def test_the_authority_of_another_cluster(self):
        self.fails_on(r"certificate of .* is not trusted", authority=LAB.clusters[1].access().authority)

    def test_the_certificate_of_another_host(self):
        port = int(re.search(r":(\d+)$", LAB.clusters[0].access().url).group(1))
        forwarder = Forwarder(port, "127.0.0.2")
        try:
            self.fails_on(r"certificate of .* is not for the name 127\.0\.0\.2", url=f"https://127.0.0.2:{forwarder.port}")
        finally:
            forwarder.close()

    def test_a_port_that_speaks_something_else(self):
        port = LAB.server.url.rsplit(":", 1)[1]
        self.fails_on(r"(?i)does not speak TLS", url=f"https://127.0.0.1:{port}")


if __name__ == "__main__":
    unittest.main()
