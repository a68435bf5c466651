# SPDX-License-Identifier: Apache-2.0
"""1,000 deployments that wait for pods which never become ready: the server's memory, and its restart."""
import socket
import time
import urllib.parse

from figures import bed, machine, workload
from figures.report import Row
from stage.processes import Stage, StageError

WAITING_SECONDS = 600
RESTART_SECONDS = 120
STEP_SECONDS = 3600
NODES = 10


def measure(options):
    names = [f"wait-{number:04}" for number in range(options.waiting)]
    with Stage() as stage:
        devcluster = bed.Devcluster(stage, nodes=NODES, gogc=50)
        fairlead = bed.Bed(stage)
        fairlead.add_environment()
        fairlead.add_target(devcluster)
        fairlead.add_projects([(name, [bed.yaml_step(workload.yaml(workload.never_ready(name)), "bench-waiting",
                                                     STEP_SECONDS)]) for name in names])
        tasks = fairlead.deploy_all(names)
        until_watched(fairlead, tasks, WAITING_SECONDS)
        machine.wait_until_quiet(devcluster.pid)
        pids = fairlead.pids()
        memory = [machine.resident_mb(pid) for pid in pids]
        memory_load = machine.load()
        seconds, answered = restart(stage, fairlead, tasks)
        after = machine.resident_mb(fairlead.server.program.pid)
    found = [
        Row(f"{options.waiting} deployments waiting", "VmRSS of the server once every task shows its objects",
            f"{memory[0]:.0f} MB ({after:.0f} MB after the restart)", "<= 120 MB", max(memory[0], after) <= 120,
            "worker " + ", ".join(f"{value:.0f} MB" for value in memory[1:])),
        Row(f"{options.waiting} deployments waiting, restart of the server",
            "kill -9, then start of the new process until /ui/v1/tasks/{id}/objects of every task has objects from the "
            "worker again", f"{seconds:.2f} s (first answer after {answered:.2f} s)", "<= 3 s", seconds <= 3,
            "the worker lives on and dials again"),
    ]
    found[0].load = memory_load
    return found


def restart(stage, fairlead, tasks):
    """Seconds from the start of a new server to all tasks observed, and to its first answer."""
    stage.kill(fairlead.server.program)
    start = time.monotonic()
    fairlead.server = stage.restart_server(fairlead.server)
    answered = time.monotonic() - start
    until_watched(fairlead, tasks, RESTART_SECONDS)
    return time.monotonic() - start, answered


def until_watched(fairlead, tasks, seconds):
    """Until each task has been seen with a live object. Each is asked for until it has one, then no more."""
    connection = Lean(fairlead.server)
    waiting = list(tasks)
    deadline = time.monotonic() + seconds
    while waiting:
        task = waiting[-1]
        if b'"Kind":"Deployment"' in connection.get(f"/ui/v1/tasks/{task}/objects"):
            waiting.pop()
        elif time.monotonic() > deadline:
            raise StageError(f"{len(waiting)} tasks were not observed within {seconds} s")
        else:
            fairlead.stage.check_alive()
            time.sleep(0.01)


class Lean:
    """GET on one connection at a tenth of the cost of http.client: what asks must not be what is measured."""

    def __init__(self, server):
        parts = urllib.parse.urlsplit(server.url)
        self._socket = socket.create_connection((parts.hostname, parts.port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._tail = f" HTTP/1.1\r\nHost: {parts.netloc}\r\nX-Octopus-ApiKey: {server.api_key}\r\n\r\n".encode()

    def get(self, path):
        self._socket.sendall(b"GET " + path.encode() + self._tail)
        text = b""
        while b"\r\n\r\n" not in text:
            text += self._receive()
        head, body = text.split(b"\r\n\r\n", 1)
        length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        while len(body) < length:
            body += self._receive()
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            raise StageError(f"{path}: {body[:300].decode(errors='replace')}")
        return body

    def _receive(self):
        part = self._socket.recv(65536)
        if not part:
            raise StageError("the server closed the connection")
        return part
