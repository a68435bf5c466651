# SPDX-License-Identifier: Apache-2.0
"""A deployment of 100 scripts that do nothing: what passes between the end of one and the start of the next."""
import re
import subprocess
import time

from figures import bed, machine
from figures.report import Row
from stage.processes import Stage

BODY = 'echo "begin $EPOCHREALTIME"\necho "end $EPOCHREALTIME"\n'
DEPLOYMENTS = 3


def measure(options):
    with Stage() as stage:
        fairlead = bed.Bed(stage)
        fairlead.add_environment()
        fairlead.add_projects([("steps", [bed.script_step(f"Step {number}", BODY) for number in range(options.steps)])])
        gaps = []
        for _ in range(DEPLOYMENTS):
            task = fairlead.deploy_all(["steps"])[0]
            fairlead.wait_all_ended()
            gaps += gaps_of(fairlead.client().text("GET", f"/api/tasks/{task}/raw"), options.steps)
        fsync = machine.fsync_ms(stage.folder)
        bash = bash_ms()
    p50, p99 = machine.percentile(gaps, 0.5), machine.percentile(gaps, 0.99)
    return [Row(f"step to step, {options.steps} no-op scripts", "last statement of a script to the first statement of "
                f"the next one (their own clock; {len(gaps)} gaps)", f"p50 {p50:.1f} ms, p99 {p99:.1f} ms",
                "p99 <= 10 ms, or 4 x fsync p99", p99 <= max(10, 4 * fsync[1]),
                f"fsync of the machine p50 {fsync[0]:.1f} ms, p99 {fsync[1]:.1f} ms; starting and ending bash alone, "
                f"which is part of each gap: p50 {bash:.1f} ms")]


def gaps_of(log, steps):
    """Milliseconds between `end` of each script and `begin` of the next."""
    times = re.findall(r"\b(begin|end) (\d+)[.,](\d{6})\b", log)
    if [word for word, _, _ in times] != ["begin", "end"] * steps:
        raise RuntimeError(f"the log has {len(times)} time stamps instead of {2 * steps}, or in another order")
    stamps = [int(seconds) * 1_000_000 + int(micros) for _, seconds, micros in times]
    return [(stamps[index + 1] - stamps[index]) / 1000 for index in range(1, len(stamps) - 1, 2)]


def bash_ms(repeats=30):
    """Median of `bash -c :`."""
    times = []
    for _ in range(repeats):
        before = time.monotonic()
        subprocess.run(["/bin/bash", "-c", ":"], check=True)
        times.append((time.monotonic() - before) * 1000)
    return machine.percentile(times, 0.5)
