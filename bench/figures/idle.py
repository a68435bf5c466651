# SPDX-License-Identifier: Apache-2.0
"""A server with nothing to do, and how soon a started one answers."""
import http.client
import subprocess
import tempfile
import time

from figures import bed, machine
from figures.report import Row
from stage import processes
from stage.processes import Stage

STARTS = 5
IDLE_SECONDS = 5
START_SECONDS = 30


def measure(_):
    with Stage() as stage:
        fairlead = bed.Bed(stage)
        client = fairlead.client()
        client.get("/api")
        client.get(f"{bed.SPACE}/projects")
        time.sleep(IDLE_SECONDS)
        pids = fairlead.pids()
        memory = [machine.resident_mb(pid) for pid in pids]
        own = [machine.own_and_library_mb(pid)[0] for pid in pids]
    starts = sorted(start_seconds() for _ in range(STARTS))
    middle = starts[len(starts) // 2]
    return [
        Row("server, idle", f"VmRSS {IDLE_SECONDS} s after the first requests", f"{memory[0]:.1f} MB", "<= 40 MB",
            memory[0] <= 40, f"without libraries {own[0]:.1f} MB; built-in worker " +
            (", ".join(f"{rss:.1f} MB (without {rest:.1f})" for rss, rest in zip(memory[1:], own[1:])) or "none")),
        Row("server, start", f"exec to the first answer of /api, empty data directory, median of {STARTS}",
            f"{middle:.2f} s ({starts[0]:.2f} to {starts[-1]:.2f})", "<= 0.5 s", middle <= 0.5),
    ]


def start_seconds():
    """Asks again and again from the start on, at a port chosen before."""
    with tempfile.TemporaryDirectory(prefix="fairlead-bench-") as folder:
        port = bed.free_port()
        start = time.monotonic()
        process = subprocess.Popen(
            [bed.tool("fairlead"), "server", "--data-dir", folder, "--listen", f"127.0.0.1:{port}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=processes.end_with_parent)
        try:
            while not answers(port):
                if process.poll() is not None or time.monotonic() - start > START_SECONDS:
                    raise processes.StageError("the server did not start")
                time.sleep(0.002)
            return time.monotonic() - start
        finally:
            children = processes.descendants(process.pid)
            process.terminate()
            process.wait(processes.STOP_SECONDS)
            for child in children:
                processes.end_process(child)


def answers(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/api")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
