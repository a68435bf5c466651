# SPDX-License-Identifier: Apache-2.0
"""500 services of 4 objects: through Fairlead, with kubectl, and by a client that does nothing else; then unchanged."""
import collections
import json
import subprocess
import time

from figures import bed, machine, workload
from figures.report import Row
from stage.processes import Stage

CONTENDER_SECONDS = 900
WRITES = {"create", "update", "patch", "delete", "deletecollection"}
FLOOR_RUNS = 2  # before and after Fairlead: the API server is not the same after 2,000 more objects


def measure(options):
    names = [f"svc-{number:04}" for number in range(options.services)]
    with Stage() as stage:
        devcluster = bed.Devcluster(stage)
        fairlead = bed.Bed(stage)
        prepare(fairlead, devcluster, names)
        warm_up(stage, devcluster)
        floors = [floor(stage, devcluster, "floor-0", names)]
        machine.wait_until_quiet(devcluster.pid)
        first = deploy(fairlead, devcluster, names)
        machine.wait_until_quiet(devcluster.pid)
        again = deploy(fairlead, devcluster, names)
        for number in range(1, FLOOR_RUNS):
            machine.wait_until_quiet(devcluster.pid)
            floors.append(floor(stage, devcluster, f"floor-{number}", names))
        machine.wait_until_quiet(devcluster.pid)
        kubectl_seconds = kubectl(stage, devcluster, names)
    return rows(options.services, first, again, floors, kubectl_seconds)


def prepare(fairlead, devcluster, names):
    fairlead.add_environment()
    fairlead.add_target(devcluster)
    devcluster.cluster.run("create", "namespace", "bench-fairlead")
    fairlead.add_projects([(name, [bed.yaml_step(workload.yaml(workload.service(name)), "bench-fairlead")])
                           for name in names])


def warm_up(stage, devcluster):
    """The first objects after the start of an API server cost more."""
    floor(stage, devcluster, "warm-up", [f"warm-{number}" for number in range(25)])
    machine.wait_until_quiet(devcluster.pid)


def floor(stage, devcluster, name, services):
    """{"seconds", "cpu_seconds"} of the bare client in a namespace of its own."""
    namespace = "bench-" + name
    devcluster.cluster.run("create", "namespace", namespace)
    path = stage.path(name + ".objects")
    with open(path, "w", encoding="utf-8") as stream:
        for service in services:
            stream.writelines(workload.floor_lines(workload.service(service), namespace))
    done = subprocess.run([bed.tool("bench_kube_floor"), devcluster.kubeconfig, namespace, path],
                          capture_output=True, text=True, timeout=CONTENDER_SECONDS, check=False)
    if done.returncode != 0:
        raise RuntimeError("bench_kube_floor: " + done.stderr.strip())
    return json.loads(done.stdout)


def kubectl(stage, devcluster, names):
    devcluster.cluster.run("create", "namespace", "bench-kubectl")
    path = stage.path("kubectl.yaml")
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(workload.yaml([value for name in names for value in workload.service(name)]))
    start = time.monotonic()
    devcluster.cluster.run("apply", "--server-side", "--namespace", "bench-kubectl", "-f", path,
                           seconds=CONTENDER_SECONDS)
    return time.monotonic() - start


def deploy(fairlead, devcluster, names):
    """One deployment of every project: seconds, CPU seconds of server and worker, requests by verb."""
    audit = devcluster.audit_size()
    pids = fairlead.pids()
    cpu = [machine.cpu_seconds(pid) for pid in pids]
    cluster_cpu = machine.cpu_seconds(devcluster.pid)
    start = time.monotonic()
    fairlead.deploy_all(names)
    posted = time.monotonic()
    seconds = fairlead.wait_all_ended() - start
    verbs = collections.Counter(record["verb"] for record in devcluster.audit(audit, "fairlead"))
    return {"seconds": seconds, "posted": posted - start, "verbs": verbs, "load": machine.load(),
            "cpu": [machine.cpu_seconds(pid) - before for pid, before in zip(pids, cpu)],
            "cluster_cpu": machine.cpu_seconds(devcluster.pid) - cluster_cpu}


def verbs_text(verbs):
    return ", ".join(f"{count} {verb}" for verb, count in sorted(verbs.items())) or "none"


def rows(count, first, again, floors, kubectl_seconds):
    floor_seconds = sum(run["seconds"] for run in floors) / len(floors)
    floor_cpu = sum(run["cpu_seconds"] for run in floors) / len(floors)
    floor_text = " and ".join(f"{run['seconds']:.2f} s" for run in floors)
    cpu = sum(first["cpu"])
    parts = " + ".join(f"{value:.2f}" for value in first["cpu"])
    writes = sum(number for verb, number in again["verbs"].items() if verb in WRITES)
    objects = f"{count} services x 4 objects"
    return [
        Row(objects, "first POST of a deployment to the last task's Success", f"{first['seconds']:.2f} s "
            f"({first['seconds'] / floor_seconds:.2f} x the floor; all posted after {first['posted']:.2f} s)",
            "<= 1.3 x the floor, below kubectl",
            first["seconds"] <= 1.3 * floor_seconds and first["seconds"] < kubectl_seconds,
            f"floor (bare client, 16 in flight, before and after) {floor_text}; kubectl apply --server-side "
            f"{kubectl_seconds:.2f} s; requests of Fairlead: {verbs_text(first['verbs'])}"),
        Row(objects + ", CPU", "the same; user and system time of server + worker",
            f"{cpu:.2f} s ({parts}; {cpu / floor_cpu:.1f} x)", "<= 3 x the bare client", cpu <= 3 * floor_cpu,
            f"bare client {floor_cpu:.2f} s; API server and controllers meanwhile {first['cluster_cpu']:.1f} s"),
        Row(objects + ", again unchanged", "first POST to the last task's Success",
            f"{again['seconds']:.2f} s, {writes} writes (CPU {sum(again['cpu']):.2f} s; all posted after "
            f"{again['posted']:.2f} s)", "<= 1.5 s, 0 writes (audit log)", again["seconds"] <= 1.5 and writes == 0,
            f"requests of Fairlead: {verbs_text(again['verbs'])}"),
    ]
