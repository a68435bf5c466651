# SPDX-License-Identifier: Apache-2.0
"""What the kernel says: CPU time and memory of processes, the disk's fsync, the load of the machine."""
import os
import time

TICKS = os.sysconf("SC_CLK_TCK")
QUIET_SHARE = 0.15  # of one core, over one second
QUIET_SECONDS = 45


def cpu_seconds(*pids):
    """User and system time of processes, with their children that have ended and been waited for."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stream:
            fields = stream.read().rsplit(")", 1)[1].split()
        total += sum(int(field) for field in fields[11:15])
    return total / TICKS


def resident_mb(pid):
    """VmRSS."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as stream:
        for line in stream:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    raise ValueError(f"{pid} has no VmRSS")


def own_and_library_mb(pid):
    """What the process and its forks need for themselves (anonymous memory and the program's own file, in proportion
    where they share it), and the resident part of the libraries."""
    program = os.readlink(f"/proc/{pid}/exe")
    own = libraries = 0
    for process in [pid, *forks_of(pid)]:
        path = None
        with open(f"/proc/{process}/smaps", encoding="utf-8", errors="replace") as stream:
            for line in stream:
                words = line.split()
                if not words[0].endswith(":"):
                    path = words[5] if len(words) > 5 else ""
                elif words[0] == "Pss:" and (path == program or not path.startswith("/")):
                    own += int(words[1])
                elif path != program and path.startswith("/"):
                    if words[0] == "Anonymous:":  # written to: a copy of its own
                        own += int(words[1]) if process == pid else 0
                    elif words[0] == "Rss:" and process == pid:
                        libraries += int(words[1])
    return own / 1024, libraries / 1024


def forks_of(pid):
    """Children that run the same program."""
    program = os.readlink(f"/proc/{pid}/exe")
    with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as stream:
        children = stream.read().split()
    return [int(child) for child in children if os.readlink(f"/proc/{child}/exe") == program]


def load():
    return os.getloadavg()[0]


def wait_until_quiet(pid):
    """Until a process has little to do, so that one contender does not pay for the work another one left behind."""
    deadline = time.monotonic() + QUIET_SECONDS
    before = cpu_seconds(pid)
    while time.monotonic() < deadline:
        time.sleep(1)
        now = cpu_seconds(pid)
        if now - before < QUIET_SHARE:
            return True
        before = now
    return False


def percentile(values, share):
    ordered = sorted(values)
    return ordered[round(share * (len(ordered) - 1))]


def fsync_ms(folder, seconds=2.0):
    """(p50, p99) of appending 4 KiB to a file and syncing it."""
    path = os.path.join(folder, "fsync")
    times = []
    page = os.urandom(4096)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            os.write(descriptor, page)
            before = time.monotonic()
            os.fsync(descriptor)
            times.append((time.monotonic() - before) * 1000)
    finally:
        os.close(descriptor)
        os.unlink(path)
    return percentile(times, 0.5), percentile(times, 0.99)
