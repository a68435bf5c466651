#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A data directory on a disk that gets full: what cannot be kept is refused with a clear error, what was acknowledged stays,
and when there is room again everything goes on. Needs root, for a small file system of its own."""
import errno
import os
import shutil
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "support"))
from lab import SPACE, ApiError, Lab, script, wait_until  # noqa: E402
from stage.processes import StageError  # noqa: E402

SIZE = "48m"
LAB = FOLDER = None


def mount(stage):
    """A small file system where the server's data will be."""
    global FOLDER
    FOLDER = stage.path("server")
    os.mkdir(FOLDER, 0o711)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0711", "tmpfs", FOLDER], check=True, capture_output=True)


def setUpModule():
    global LAB
    if os.geteuid() != 0:
        raise unittest.SkipTest("only root may mount")
    try:
        LAB = Lab(clusters=0, prepare=mount)
    except subprocess.CalledProcessError as error:
        raise unittest.SkipTest(f"no file system can be mounted here: {error.stderr.decode().strip()}") from None


def tearDownModule():
    if LAB:
        make_room()
        LAB.close()
        subprocess.run(["umount", "--lazy", FOLDER], check=False, capture_output=True)
        shutil.rmtree(LAB.stage.folder, ignore_errors=True)


def ballast():
    return os.path.join(FOLDER, "ballast")


def fill():
    """To the last byte."""
    with open(ballast(), "ab", buffering=0) as stream:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    stream.write(b"x" * size)
            except OSError as error:
                assert error.errno == errno.ENOSPC, error


def make_room():
    if os.path.exists(ballast()):
        os.remove(ballast())


def make_environment(name):
    return LAB.api.post(f"{SPACE}/environments", {"Name": name, "Description": "d" * 2000})["Id"]


def names():
    return {item["Name"] for item in LAB.api.get(f"{SPACE}/environments/all")}


class Full(unittest.TestCase):
    def tearDown(self):
        make_room()
        if not LAB.server.program.alive():
            LAB.restart_server()

    def refused(self, prefix, most=2000):
        """Asks until the disk is full: (what was acknowledged, the first refusal)."""
        made = []
        for number in range(most):
            fill()
            try:
                make_environment(f"{prefix}-{number}")
                made.append(f"{prefix}-{number}")
            except ApiError as error:
                return made, error
        self.fail("the disk never got full")

    def test_requests_are_refused_and_accepted_again(self):
        made, error = self.refused("full")
        self.assertEqual(error.status, 503, error)
        self.assertRegex(str(error).lower(), "disk|space", str(error))
        self.assertTrue(LAB.server.program.alive(), LAB.server.program.log_tail())
        # Reading works, and nothing of what was refused is there.
        self.assertEqual({name for name in names() if name.startswith("full-")}, set(made))
        for _ in range(20):
            with self.assertRaises(ApiError):
                make_environment("never")
        make_room()
        wait_until("a write that works", lambda: self.works("again"), 20)
        self.assertEqual({name for name in names() if name.startswith(("full-", "never", "again"))}, {*made, "again"})
        # What was acknowledged is there after a crash, too.
        LAB.kill_server()
        LAB.restart_server()
        self.assertEqual({name for name in names() if name.startswith(("full-", "never", "again"))}, {*made, "again"})

    @staticmethod
    def works(name):
        try:
            make_environment(name)
            return True
        except ApiError:
            return False

    def test_a_script_that_runs_meanwhile(self):
        """Its result waits until it can be kept; it is not run again."""
        ran, gate = LAB.stage.path("disk-ran"), LAB.stage.path("disk-gate")
        project = LAB.project([script("s", f"echo x >> {ran}; echo begun; while [ ! -e {gate} ]; do sleep 0.05; done; "
                                           "for i in $(seq 1 200); do echo \"line $i\"; done"),
                               script("next", "echo after")])
        LAB.release(project, "1.0.0")
        task_id = LAB.start(project, "1.0.0")
        LAB.wait_log(task_id, "begun")
        self.refused("script")
        open(gate, "w", encoding="utf-8").close()
        threading.Event().wait(3)  # the result comes meanwhile
        self.assertTrue(LAB.server.program.alive(), LAB.server.program.log_tail())
        make_room()
        task = LAB.finish(task_id)
        log = LAB.log(task_id)
        self.assertEqual(task["State"], "Success", log)
        self.assertEqual([line["MessageText"] for line in LAB.lines(task_id, {"Info"})],
                         ["begun"] + [f"line {i}" for i in range(1, 201)] + ["after"], log)
        with open(ran, encoding="utf-8") as stream:
            self.assertEqual(stream.read(), "x\n")

    def test_a_start_on_a_full_disk(self):
        """It either works or says what is the matter; the next one, with room, has everything."""
        made, _ = self.refused("start")
        LAB.kill_server()
        fill()
        try:
            LAB.restart_server()
        except StageError as error:
            self.assertRegex(str(error).lower(), "disk|space")
            make_room()
            LAB.restart_server()
        self.assertEqual({name for name in names() if name.startswith("start-")}, set(made))
        make_room()
        LAB.wait_for_worker()


if __name__ == "__main__":
    unittest.main()
