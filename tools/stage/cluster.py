# SPDX-License-Identifier: Apache-2.0
"""What a kubeconfig says, for making a deployment target of it, and what is in the cluster, through kubectl."""
import base64
import json
import subprocess

KUBECTL_SECONDS = 60


class ClusterError(Exception):
    """The kubeconfig cannot be used, or kubectl failed; one sentence for people."""


class Access:
    """How to reach the API server. The secrets are base64 of PEM texts, as kubeconfigs and the Octopus API have them."""

    def __init__(self, name, url, skip_tls, authority, token, certificate, key):
        self.name, self.url, self.skip_tls, self.authority = name, url, skip_tls, authority
        self.token, self.certificate, self.key = token, certificate, key

    def client_pem(self):
        """base64 of certificate and key in one PEM text."""
        return base64.b64encode(base64.b64decode(self.certificate) + b"\n" + base64.b64decode(self.key)).decode()


class Cluster:
    def __init__(self, kubectl, kubeconfig):
        self.kubectl, self.kubeconfig = kubectl, kubeconfig

    def run(self, *arguments, seconds=KUBECTL_SECONDS):
        """What kubectl prints; ClusterError with its last line when it fails or takes too long."""
        command = [self.kubectl, "--kubeconfig", self.kubeconfig, *arguments]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
        except subprocess.TimeoutExpired:
            raise ClusterError(f"kubectl {' '.join(arguments)} did not answer within {seconds} s") from None
        if done.returncode != 0:
            words = done.stderr.strip().splitlines() or ["no words"]
            raise ClusterError(f"kubectl {' '.join(arguments)} failed: {words[-1][:500]}")
        return done.stdout

    def json(self, *arguments):
        return json.loads(self.run(*arguments, "-o", "json"))

    def access(self):
        """The current context of the kubeconfig; ClusterError names what cannot be used and what to do."""
        config = json.loads(self.run("config", "view", "--raw", "--minify", "--flatten", "-o", "json"))
        cluster = config["clusters"][0]["cluster"]
        user = (config.get("users") or [{}])[0].get("user") or {}
        if cluster.get("proxy-url"):
            raise ClusterError(f"{self.kubeconfig} reaches its cluster through a proxy, which targets cannot do yet")
        token = user.get("token") or ""
        if not token and user.get("tokenFile"):
            with open(user["tokenFile"], encoding="utf-8") as stream:
                token = stream.read().strip()
        certificate, key = user.get("client-certificate-data") or "", user.get("client-key-data") or ""
        if not token and not (certificate and key):
            raise ClusterError(
                f"the user of {self.kubeconfig} has neither a token nor a client certificate; make a ServiceAccount "
                "with the rights you want to give and a kubeconfig with its token (kubectl create token NAME)")
        return Access(config.get("current-context", ""), cluster["server"],
                      bool(cluster.get("insecure-skip-tls-verify")), cluster.get("certificate-authority-data") or "",
                      token, certificate, key)

    def namespaces(self):
        return {item["metadata"]["name"] for item in self.json("get", "namespaces")["items"]}

    def workload(self, kind, namespace, name):
        return self.json("get", kind.lower(), name, "--namespace", namespace)

    def pods(self, namespace, name):
        return self.json("get", "pods", "--namespace", namespace, "--selector",
                         f"app.kubernetes.io/name={name}")["items"]

    def delete_namespaces(self, names):
        self.run("delete", "namespace", *names, "--ignore-not-found", "--wait=false")
