#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The built-in worker and its user: another user is taken at the next start, with all that the worker has kept; a data
directory that the user cannot reach is an error at the start. What the worker prints goes to its own file."""
import os
import stat
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "support"))
from lab import Lab, is_alive, script, wait_until  # noqa: E402
from stage.processes import StageError  # noqa: E402

IS_ROOT = os.geteuid() == 0


def user_of(path):
    return os.lstat(path).st_uid


class BuiltInWorker(unittest.TestCase):
    def setUp(self):
        self.lab = Lab(clusters=0)
        os.chmod(self.lab.stage.folder, 0o711)
        self.addCleanup(self.lab.close)
        self.worker_folder = os.path.join(self.lab.server.data, "worker")

    def restart_as(self, user):
        self.lab.server_arguments = ("--worker-user", user)
        self.lab.restart_server()
        self.lab.wait_for_worker()

    def who(self):
        task = self.lab.run([script("who", "echo \"I am $(id -un)\"")])
        self.assertEqual(task["State"], "Success", self.lab.log(task["Id"]))
        return next(line["MessageText"] for line in self.lab.lines(task["Id"], {"Info"}))

    @unittest.skipUnless(IS_ROOT, "only root may start a process for another user")
    def test_another_user(self):
        self.assertEqual(self.who(), "I am root")
        self.lab.end_server()
        self.restart_as("daemon")
        self.assertEqual(self.who(), "I am daemon")
        kept = [self.worker_folder] + [os.path.join(folder, name) for folder, folders, files in os.walk(self.worker_folder)
                                       for name in folders + files]
        self.assertEqual({path: user_of(path) for path in kept}, {path: 1 for path in kept})
        self.assertGreater(len(kept), 3)

    @unittest.skipUnless(IS_ROOT, "only root may start a process for another user")
    def test_a_living_worker_of_another_user_is_replaced(self):
        self.lab.end_server()
        self.restart_as("daemon")
        before = self.lab.worker()
        self.lab.kill_server()
        self.assertTrue(is_alive(before))
        self.restart_as("nobody")
        self.assertFalse(is_alive(before))
        self.assertEqual(self.who(), "I am nobody")

    @unittest.skipUnless(IS_ROOT, "only root may start a process for another user")
    def test_a_data_directory_out_of_reach(self):
        self.lab.end_server()
        os.chmod(self.lab.stage.folder, 0o700)
        self.lab.server_arguments = ("--worker-user", "daemon")
        with self.assertRaises(StageError) as caught:
            self.lab.restart_server()
        self.assertIn(f'the worker\'s user "daemon" may not enter {self.lab.stage.folder}', str(caught.exception))
        self.assertIn("chmod o+x", str(caught.exception))

    def test_what_it_prints(self):
        path = os.path.join(self.lab.server.data, "worker.log")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.lab.kill_worker()

        def said():
            with open(self.lab.server.program.log_path, encoding="utf-8") as stream:
                return "the built-in worker ended" in (text := stream.read()) and "signal 9" in text

        wait_until("the server's word on the worker's end", said, 20)
        self.lab.wait_for_worker()


if __name__ == "__main__":
    unittest.main(verbosity=2)
