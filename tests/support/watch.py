# SPDX-License-Identifier: Apache-2.0
"""Counts what really changes in a cluster, whatever requests were sent."""
import collections
import json
import subprocess
import threading
import time

from lab import wait_until


class Watch:
    """`changes`: for each object of a kind in a namespace the number of versions it has had since the watch began."""

    def __init__(self, cluster, kind, namespace):
        self.cluster, self.kind, self.namespace = cluster, kind, namespace
        self.changes = collections.Counter()
        self._process = subprocess.Popen(
            [cluster.kubectl, "--kubeconfig", cluster.kubeconfig, "get", kind, "--namespace", namespace, "--watch",
             "--output-watch-events", "-o", "json"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        threading.Thread(target=self._read, daemon=True).start()
        self.settle()

    def _read(self):
        decoder, text = json.JSONDecoder(), ""
        for line in self._process.stdout:
            text = (text + line.decode()).lstrip()
            try:
                event, end = decoder.raw_decode(text)
            except ValueError:
                continue
            text = text[end:]
            self.changes[event["object"]["metadata"]["name"]] += 1

    def settle(self):
        """Returns when everything that happened before has been counted: objects made now are seen."""
        def seen():
            # One made before the watch has begun is listed, not an event; so each round makes another.
            name = f"mark-{time.monotonic_ns()}"
            self.cluster.run("create", self.kind, name, "--namespace", self.namespace)
            deadline = time.monotonic() + 2
            while time.monotonic() < deadline and name not in self.changes:
                time.sleep(0.02)
            return name in self.changes

        wait_until("the watch", seen, 30)

    def counts(self):
        return {name: count for name, count in self.changes.items()
                if not name.startswith("mark-") and name != "kube-root-ca.crt"}

    def stop(self):
        self._process.terminate()
        self._process.wait()
        self._process.stdout.close()
