# SPDX-License-Identifier: Apache-2.0
"""Starts fairlead-devcluster, the server and an agent, waits until each is ready, and ends them in the right order.

    with Stage() as stage:
        clusters = stage.start_clusters(2)
        server = stage.start_server()
        stage.start_agent(server, token, "name", ["Production"], clusters[1])

Programs: FAIRLEAD_BIN (fairlead, fairlead-agent) and FAIRLEAD_TOOLS (fairlead-devcluster, kubectl), or out/bin. Every
wait has a deadline; a program that ends before it is ready is an error that shows the end of its log.
"""
import ctypes
import json
import os
import queue
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from stage.cluster import Cluster

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
CLUSTERS_READY_SECONDS = 180  # three API servers on a loaded machine took a minute
SERVER_READY_SECONDS = 60
STOP_SECONDS = 20
SHOWN_LOG_LINES = 25
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


class StageError(Exception):
    """A program did not start, or ended when it should not have."""


def program_path(name):
    """The path of a built program; StageError says how to build it."""
    variable = "FAIRLEAD_TOOLS" if name in ("fairlead-devcluster", "kubectl") else "FAIRLEAD_BIN"
    path = os.path.join(os.environ.get(variable) or os.path.join(TREE, "out", "bin"), name)
    if not os.access(path, os.X_OK):
        raise StageError(f"{path} is not there; `make build` makes it")
    return path


def end_with_parent():
    """In the child: SIGTERM when the process that started it ends, however it ends."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


class Program:
    """A child process in a session of its own (Ctrl-C reaches only us), with its output in a log file."""

    def __init__(self, name, command, log_path, environment=None):
        self.name = name
        self.log_path = log_path
        self._lines = queue.Queue()
        self._log = open(log_path, "ab", buffering=0)
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, start_new_session=True,
            preexec_fn=end_with_parent, env={**os.environ, **(environment or {})})
        self.pid = self._process.pid
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            self._log.write(line)
            self._lines.put(line.decode(errors="replace").rstrip("\n"))
        self._lines.put(None)

    def wait_line(self, pattern, seconds):
        """The match of the first line of stdout that fits; StageError after `seconds` or when the program ends."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self._lines.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                raise StageError(f"{self.name} was not ready within {seconds} s\n{self.log_tail()}") from None
            if line is None:
                self._process.wait(STOP_SECONDS)
                raise StageError(f"{self.name} ended with {self.exit_text()} before it was ready\n{self.log_tail()}")
            match = re.search(pattern, line)
            if match:
                return match

    def alive(self):
        return self._process.poll() is None

    def exit_text(self):
        """How a program that has ended did so."""
        code = self._process.returncode
        return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"

    def log_tail(self, count=SHOWN_LOG_LINES):
        with open(self.log_path, encoding="utf-8", errors="replace") as stream:
            lines = stream.read().splitlines()[-count:]
        return "\n".join(f"    {self.name}: {line}" for line in lines)

    def kill(self):
        """SIGKILL for it alone, as a crash would: what it started lives on. Returns that, as (pid, start time)."""
        children = descendants(self.pid)
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._reader.join(1)
        self._log.close()
        return children

    def stop(self):
        """Ends it and what it started; True when it ended by itself with code 0 after SIGTERM."""
        children = descendants(self.pid)
        if self.alive():
            self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        for child in children:
            end_process(child)
        self._process.stdin.close()
        # Somebody who inherited stdout may still hold it; the reader is a daemon thread.
        self._reader.join(1)
        self._log.close()
        return code == 0


def process_facts(pid):
    """(parent, start time) of a process, None when there is none (any more)."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stream:
            fields = stream.read().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return (int(fields[1]), fields[19]) if fields[0] != "Z" else None


def descendants(pid):
    """(pid, start time) of every process below `pid`. The server's worker outlives it by design: whoever ends the
    server on purpose has to end the worker too."""
    facts = {int(name): process_facts(name) for name in os.listdir("/proc") if name.isdigit()}
    facts = {child: fact for child, fact in facts.items() if fact}
    found, seen = [pid], set()
    while found:
        parent = found.pop()
        for child, (its_parent, started) in facts.items():
            if its_parent == parent and (child, started) not in seen:
                seen.add((child, started))
                found.append(child)
    return sorted(seen)


def end_process(child):
    """Ends a process known by pid and start time, so that a pid that was given out anew is left alone."""
    def there():
        facts = process_facts(child[0])
        return facts is not None and facts[1] == child[1]

    for number in (signal.SIGTERM, signal.SIGKILL):
        if not there():
            return
        try:
            os.kill(child[0], number)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + STOP_SECONDS / 2
        while there() and time.monotonic() < deadline:
            time.sleep(0.05)


def workers_of(data):
    """(pid, start time) of the built-in workers of a data directory, whether their server lives or not. A script's
    supervisor, which is a copy of its worker, is left out."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as stream:
                words = stream.read().decode(errors="replace").split("\0")
        except OSError:
            continue
        facts = process_facts(name)
        inside = any(word == data or word.startswith(data + "/") for word in words[1:])
        if facts and inside and "server" not in words[1:2]:
            found[int(name)] = facts
    return sorted((pid, facts[1]) for pid, facts in found.items() if facts[0] not in found)


class Server:
    def __init__(self, program, url, api_key, data):
        self.program, self.url, self.api_key, self.data = program, url, api_key, data


class Stage:
    """A temporary folder and the programs that live in it; both are gone after the `with` block."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="fairlead-")
        self.programs = []
        self.orphans = []  # what killed programs left behind

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends the programs, the last one first, and removes the folder."""
        while self.programs:
            self.programs.pop().stop()
        for orphan in self.orphans:
            end_process(orphan)
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, name, command, environment=None):
        program = Program(name, command, self.path(name + ".log"), environment)
        self.programs.append(program)
        return program

    def start_clusters(self, count, arguments=()):
        """The Cluster objects of that many independent embedded Kubernetes APIs with simulated nodes."""
        program = self.start("devcluster", [
            program_path("fairlead-devcluster"), "start", "--dir", self.path("k8s"),
            "--kubeconfig", self.path("kubeconfig"), "--clusters", str(count), "--watch-stdin", *arguments])
        line = program.wait_line(r"^\{.*\}$", CLUSTERS_READY_SECONDS)
        ready = json.loads(line.group(0))
        return [Cluster(program_path("kubectl"), path) for path in ready["kubeconfigs"]]

    def start_server(self, name="server", arguments=()):
        """A server with an empty data directory."""
        key = "API-" + "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") for _ in range(24))
        data = self.path(name)
        os.makedirs(data, 0o711, exist_ok=True)
        return self._run_server(name, data, "127.0.0.1:0", key, arguments)

    def restart_server(self, server, arguments=()):
        """Another process for the data, port and key of a server that was killed or stopped."""
        address = server.url.split("//", 1)[1]
        return self._run_server(server.program.name, server.data, address, server.api_key, arguments)

    def _run_server(self, name, data, address, key, arguments):
        program = self.start(name, [
            program_path("fairlead"), "server", "--data-dir", data, "--listen", address, *arguments],
            {"FAIRLEAD_ADMIN_API_KEY": key})
        match = program.wait_line(r"is ready at (http://\S+)", SERVER_READY_SECONDS)
        return Server(program, match.group(1).rstrip("/"), key, data)

    def kill(self, program):
        """SIGKILL; what the program started lives on until the stage closes."""
        self.programs.remove(program)
        self.orphans += program.kill()

    def start_agent(self, server, token, name, environments, cluster, roles=("k8s",)):
        """An agent; started again after its end it goes on as the same one."""
        return self.start("agent", [
            program_path("fairlead-agent"), "agent", "--server", server.url, "--token", token, "--space", "Default",
            "--name", name, "--environments", ",".join(environments), "--roles", ",".join(roles),
            "--kubeconfig", cluster.kubeconfig, "--data-dir", self.path("agent")])

    def check_alive(self):
        """StageError when a program ended that should be running."""
        for program in self.programs:
            if not program.alive():
                raise StageError(f"{program.name} ended unexpectedly, with {program.exit_text()}\n{program.log_tail()}")
