# SPDX-License-Identifier: Apache-2.0
"""Requests per second and core: one resource, a page of 30, and nginx with the same bytes."""
import os
import re
import shutil
import subprocess
import time

from figures import bed, machine
from figures.report import Row
from stage.processes import Stage

SECONDS = 5
CONNECTIONS = 32
PAGE = 30
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
CONFIG = """daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  sendfile on;
  keepalive_requests 100000000;
  default_type application/json;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; root {folder}/www; }}
}}
"""


def measure(_):
    with Stage() as stage:
        fairlead = bed.Bed(stage)
        projects = fairlead.add_projects([(f"project-{number:02}", [bed.script_step("Hello", "true")])
                                          for number in range(PAGE)])
        paths = {"one resource": f"{bed.SPACE}/projects/{projects[0]}",
                 f"a page of {PAGE}": f"{bed.SPACE}/projects?take={PAGE}"}
        bodies = {what: fairlead.client().text("GET", path) for what, path in paths.items()}
        nginx, port = start_nginx(stage, bodies)
        found = []
        for number, (what, path) in enumerate(paths.items()):
            rate, core = wrk(fairlead.server.url + path, fairlead.server.program.pid, fairlead.server.api_key)
            nginx_rate, nginx_core = wrk(f"http://127.0.0.1:{port}/{number}.json", nginx.pid)
            found.append(Row(
                f"HTTP, {what}", f"wrk, {CONNECTIONS} connections, {SECONDS} s, loopback; requests divided by the CPU "
                f"seconds of the server; {len(bodies[what].encode())} bytes", f"{core:,.0f} per core-second "
                f"({rate:,.0f} per second)", "report", None,
                f"nginx, the same bytes as a file: {nginx_core:,.0f} per core-second ({nginx_rate:,.0f} per second)"))
    return found


def start_nginx(stage, bodies):
    folder = stage.path("nginx")
    os.makedirs(os.path.join(folder, "www"))
    os.chmod(stage.folder, 0o755)
    for number, body in enumerate(bodies.values()):
        with open(os.path.join(folder, "www", f"{number}.json"), "w", encoding="utf-8") as stream:
            stream.write(body)
    port = bed.free_port()
    with open(os.path.join(folder, "nginx.conf"), "w", encoding="utf-8") as stream:
        stream.write(CONFIG.format(folder=folder, port=port))
    program = stage.start("nginx", [NGINX, "-p", folder, "-c", os.path.join(folder, "nginx.conf"),
                                    "-e", os.path.join(folder, "nginx.log")])
    bed.wait_for_port(program, port, 10)
    return program, port


def wrk(url, pid, api_key=None):
    """(requests per second, requests per CPU second of the process)."""
    header = ["-H", f"X-Octopus-ApiKey: {api_key}"] if api_key else []
    before, start = machine.cpu_seconds(pid), time.monotonic()
    done = subprocess.run(["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", str(SECONDS), *header, url],
                          capture_output=True, text=True, timeout=SECONDS + 60, check=True)
    seconds, cpu = time.monotonic() - start, machine.cpu_seconds(pid) - before
    if "Non-2xx" in done.stdout:
        raise RuntimeError(f"wrk {url}: {done.stdout}")
    requests = int(re.search(r"(\d+) requests in", done.stdout).group(1))
    return requests / seconds, requests / max(cpu, 0.01)
