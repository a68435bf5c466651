#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A sensitive variable reaches what needs it and is readable nowhere else: not in an answer, a log or a file."""
import base64
import json
import os
import sys
import unittest
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "support"))
from lab import SPACE, Lab, manifest, script  # noqa: E402

SECRETS = {"Password": "correct-horse-7Qz!battery", "Derived": "staple \"quoted\" 8Rw", "Made": "minted-at-run-time-5Kd"}
SECRET_YAML = """apiVersion: v1
kind: Secret
metadata:
  name: database
stringData:
  password: "#{Password}"
"""
LAB = None


def setUpModule():
    global LAB
    LAB = Lab()


def tearDownModule():
    LAB.close()


def spellings(secret):
    """How a careless program would write it."""
    return {secret.encode(), json.dumps(secret)[1:-1].encode(), base64.b64encode(secret.encode()),
            urllib.parse.quote(secret).encode(), secret.encode().hex().encode()}


def files_below(folder):
    for parent, _, names in os.walk(folder):
        for name in names:
            yield os.path.join(parent, name)


class Secrets(unittest.TestCase):
    def assert_absent(self, content, where):
        for name, secret in SECRETS.items():
            for spelling in spellings(secret):
                self.assertNotIn(spelling, content, f"{name} stands in {where}")

    def sensitive(self, name):
        return {"Name": name, "Type": "Sensitive", "IsSensitive": True, "Value": SECRETS[name]}

    def test_nowhere_in_plain(self):
        namespace, seen = LAB.unique("secret"), LAB.stage.path("seen")
        project = LAB.project([
            script("use", f"printf '%s|%s' \"$(get_octopusvariable Password)\" \"$(get_octopusvariable Derived)\" > {seen}\n"
                          "echo \"the password is $(get_octopusvariable Password)\"\n"
                          "echo \"error: $(get_octopusvariable Password)\" >&2\n"
                          f"set_octopusvariable Made {SECRETS['Made'][:6]}\"${{x}}{SECRETS['Made'][6:]}\" -sensitive\n"),
            script("later", "echo \"made $(get_octopusvariable 'Octopus.Action[use].Output.Made') end\""),
            manifest("database", SECRET_YAML, namespace),
        ], [self.sensitive("Password"), self.sensitive("Derived"), ("Plain", "not so secret")])
        release = LAB.release(project, "1.0.0")
        task = LAB.deploy(project, "1.0.0")

        # It arrived where it is needed.
        with open(seen, encoding="utf-8") as stream:
            self.assertEqual(stream.read(), SECRETS["Password"] + "|" + SECRETS["Derived"])
        stored = LAB.clusters[0].json("get", "secret", "database", "--namespace", namespace)["data"]["password"]
        self.assertEqual(base64.b64decode(stored).decode(), SECRETS["Password"])

        log = LAB.log(task["Id"])
        self.assertIn("the password is ****", log)
        self.assertIn("made ****", log)
        self.check_answers(project, release, task)
        self.check_files(project)

    def check_answers(self, project, release, task):
        variables = LAB.api.get(f"{SPACE}/variables/variableset-{project['Id']}")
        by_name = {variable["Name"]: variable for variable in variables["Variables"]}
        self.assertEqual(by_name["Plain"]["Value"], "not so secret")
        self.assertTrue(by_name["Password"]["IsSensitive"])
        snapshot = LAB.api.get(f"{SPACE}/releases/{release}")["ProjectVariableSetSnapshotId"]
        for path in (f"{SPACE}/variables/variableset-{project['Id']}", f"{SPACE}/variables/{snapshot}",
                     f"{SPACE}/releases/{release}", f"{SPACE}/releases/{release}/progression", f"{SPACE}/deployments",
                     f"{SPACE}/events?take=1000", f"/api/tasks/{task['Id']}", f"/api/tasks/{task['Id']}/details",
                     f"/api/tasks/{task['Id']}/raw", f"/ui/v1/tasks/{task['Id']}/objects",
                     f"/ui/v1/tasks/{task['Id']}/log?position=0", f"{SPACE}/accounts", f"{SPACE}/machines"):
            self.assert_absent(LAB.api.text("GET", path).encode(), f"the answer to GET {path}")

    def check_files(self, project):
        # A marker that must be found, or the search below would prove nothing.
        found = False
        for path in files_below(LAB.server.data):
            if os.path.islink(path) or not os.path.isfile(path):
                continue
            with open(path, "rb") as stream:
                content = stream.read()
            found = found or project["Name"].encode() in content
            self.assert_absent(content, path)
            token = LAB.clusters[0].access().token.encode()
            self.assertNotIn(token, content, f"the cluster's token stands in {path}")
            self.assertNotIn(LAB.server.api_key.encode(), content, f"the administrator's key stands in {path}")
        self.assertTrue(found, "no file holds even the project's name")
        with open(LAB.server.program.log_path, "rb") as stream:
            self.assert_absent(stream.read(), "the server's log")


if __name__ == "__main__":
    unittest.main()
