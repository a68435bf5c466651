# SPDX-License-Identifier: Apache-2.0
"""What compiling the C++ costs: tools/build_time, without ccache."""
import os
import re
import subprocess

from figures.report import Row
from stage.processes import TREE

LONGEST_SECONDS = 3600


def measure(_):
    done = subprocess.run([os.path.join(TREE, "tools", "build_time"), "--measure", "ci"], capture_output=True,
                          text=True, timeout=LONGEST_SECONDS, check=True)
    match = re.search(
        r"compiling: (?P<total>[\d.]+) CPU-seconds for (?P<lines>\d+) lines .*: (?P<each>[\d.]+) per 1,000",
        done.stdout)
    if not match:
        raise RuntimeError("tools/build_time printed no total:\n" + done.stdout[-1000:])
    each = float(match.group("each"))
    return [Row("C++ build", "everything of the ci preset (tests too), no ccache; user and system time",
                f"{each:.1f} CPU-seconds per 1,000 lines ({match.group('total')} for {match.group('lines')} lines)",
                "report (budget: 7.5)", None)]
