# SPDX-License-Identifier: Apache-2.0
"""The agent's program file and what it needs while it has nothing to do."""
import os
import subprocess
import time

from figures import bed, machine
from figures.report import Row
from stage.processes import Stage, StageError

IDLE_SECONDS = 10
READY_SECONDS = 60


def measure(_):
    path = bed.tool("fairlead-agent")
    with Stage() as stage:
        devcluster = bed.Devcluster(stage, level="a")
        fairlead = bed.Bed(stage)
        fairlead.add_environment()
        client = fairlead.client()
        token = client.post(f"{bed.SPACE}/registrationtokens", {})["Token"]
        agent = stage.start_agent(fairlead.server, token, "bench", ["Bench"], devcluster.cluster)
        deadline = time.monotonic() + READY_SECONDS
        while not any(machine_.get("HealthStatus") == "Healthy" for machine_ in
                      client.get(f"{bed.SPACE}/machines")["Items"]):
            stage.check_alive()
            if time.monotonic() > deadline:
                raise StageError(f"the agent did not connect within {READY_SECONDS} s")
            time.sleep(0.1)
        time.sleep(IDLE_SECONDS)
        own, libraries = machine.own_and_library_mb(agent.pid)
        resident = machine.resident_mb(agent.pid)
    size = os.path.getsize(path) / 1e6
    stripped = stripped_mb(path)
    return [
        Row("agent, program file", "size of fairlead-agent without debug information", f"{stripped:.1f} MB",
            "<= 10 MB", stripped <= 10, f"{size:.1f} MB with it, as the build leaves it"),
        Row("agent, idle", f"memory of its own and of its launcher (smaps) {IDLE_SECONDS} s after it connected",
            f"{own:.1f} MB", "<= 10 MB", own <= 10, f"shared libraries {libraries:.1f} MB; VmRSS {resident:.1f} MB"),
    ]


def stripped_mb(path):
    """What a package carries: the program after strip, as Debian does it."""
    with Stage() as stage:
        target = stage.path("stripped")
        subprocess.run(["strip", "-o", target, path], check=True)
        return os.path.getsize(target) / 1e6
