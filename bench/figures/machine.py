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


def private_and_shared_mb(pid):
    """Memory that only this process has, and that of files others may map too (smaps_rollup)."""
    private = shared = 0
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as stream:
        for line in stream:
            if line.startswith("Private_") and not line.startswith("Private_Hugetlb"):
                private += int(line.split()[1])
            elif line.startswith("Shared_") and not line.startswith("Shared_Hugetlb"):
                shared += int(line.split()[1])
    return private / 1024, shared / 1024


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
