"""What is compared: each as a process (or none, for the direct path), its port, and what it costs."""

import http.server
import json
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time

import rivals

HERE = pathlib.Path(__file__).parent
IP = "127.0.0.1"


def free_port():
    """Below the ephemeral range, or a connect of the load could take it first."""
    for port in range(20000 + os.getpid() % 5000, 32000):
        with socket.socket() as probe:
            try:
                probe.bind((IP, port))
                if port not in free_port.given:
                    free_port.given.add(port)
                    return port
            except OSError:
                pass
    raise RuntimeError("no free port")


free_port.given = set()


def wait_for_port(host, port, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex((host, port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"nobody listens on {host}:{port}")


def tree(pid):
    """A process and those that it started (nginx's workers, HAProxy's worker)."""
    found = [pid]
    for parent in found:
        for task in pathlib.Path(f"/proc/{parent}/task").iterdir():
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


class Subject:
    """A program between load and server; `command` is empty for the direct path."""

    def __init__(self, name, port, command=(), core=None, host=IP, backend=None, stdout=os.devnull):
        self.name, self.port, self.host, self.backend = name, port, host, backend
        self.stdout = stdout
        pinned = ["taskset", "-c", str(core)] if core is not None else []
        self.command = [*pinned, *command] if command else []
        self.process = None
        self.start()

    def start(self):
        if self.command:
            with open(self.stdout, "ab") as stdout:
                self.process = subprocess.Popen(self.command, stderr=subprocess.DEVNULL, stdout=stdout)
        wait_for_port(self.host, self.port)

    def thread_seconds(self, name=None):
        """CPU time of each thread (of this name) since it started, by its number."""
        return {task.name: int((task / "schedstat").read_text().split()[0]) / 1e9
                for pid in (tree(self.process.pid) if self.process else [])
                for task in pathlib.Path(f"/proc/{pid}/task").iterdir()
                if name in (None, (task / "comm").read_text().strip())}

    def cpu_seconds(self):
        return sum(self.thread_seconds().values())

    def descriptors(self):
        return len(list(pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def anonymous_bytes(self):
        if not self.process:
            return 0
        status = "".join(pathlib.Path(f"/proc/{pid}/status").read_text()
                         for pid in tree(self.process.pid))
        return sum(int(line.split()[1]) * 1024 for line in status.splitlines()
                   if line.startswith("RssAnon"))

    def time_wait_towards_backend(self):
        """Sockets that keep a port from being used again for a minute."""
        if not self.backend:
            return 0
        address = socket.inet_aton(self.backend[0])[::-1].hex().upper()
        remote = f"{address}:{self.backend[1]:04X}"
        lines = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
        return sum(line.split()[2] == remote and line.split()[3] == "06" for line in lines)

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def restart(self):
        if self.process:
            self.stop()
            self.start()


def member(name, role, host, api_port, **more):
    return {"name": name, "role": role, "state": "running", "host": host, "port": 5432,
            "api_url": f"http://{IP}:{api_port}/patroni", "timeline": 1, **more}


class Patroni(http.server.BaseHTTPRequestHandler):
    """Tells of `members`, the first of which leads."""

    def do_GET(self):
        body = {"members": self.server.members} if self.path == "/cluster" else {
            "state": "running", "role": "master", "timeline": 1, "server_version": 150000,
            "patroni": {"version": "3.0.2", "scope": "bench", "name": "b1"}}
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def serve_patroni(host):
    """Of one member at `host`. More may be put into the `members` of what it gives."""
    server = http.server.ThreadingHTTPServer((IP, 0), Patroni)
    server.members = [member("b1", "leader", host, server.server_port)]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def configuration(file, directory, **values):
    text = (HERE / file).read_text()
    for name, value in dict(values, directory=directory).items():
        text = text.replace(f"@{name}@", str(value))
    made = pathlib.Path(directory) / f"{values['port']}-{file}"
    made.write_text(text)
    return str(made)


# What writes a line for each session into a file, and what writes none. HAProxy's goes to its stdout.
SESSION_LOG = {
    "haproxy": ("", "log stdout format raw local0\n    log-tag haproxy", "log global\n    option tcplog"),
    "nginx": ("access_log off;", "", "log_format session '$remote_addr:$remote_port [$time_local] $status "
              "$bytes_sent $bytes_received $session_time $upstream_addr';\n"
              "    access_log @directory@/@port@-sessions.log session;"),
    "pgbouncer": ("", "", ""),  # never has one here
    "patroni_proxy": ("level: warning, sessions: failed", "", "level: info, sessions: all"),
}


def start(name, program, directory, backend, threads=1, core=None, logs=False):
    """`program` is a Rival, or the path of a patroni_proxy; `backend` its backend. With `logs` it
    writes a line for each session into a file."""
    port = free_port()
    host, backend_port = backend
    values = {"port": port, "host": host, "backend": backend_port, "threads": threads}
    kind = program.kind if isinstance(program, rivals.Rival) else "patroni_proxy"
    without, in_global, in_each = SESSION_LOG[kind]
    values = {"log": in_global if logs else "", "session_log": in_each if logs else without, **values}
    if isinstance(program, rivals.Rival):
        file = {"haproxy": "haproxy.cfg", "nginx": "nginx.conf", "pgbouncer": "pgbouncer.ini"}
        made = configuration(file[program.kind], directory, root=program.root,
                             splice="option splice-auto" if program.splices else "", **values)
        command = [*program.command, *program.arguments(made)]
    else:
        file = configuration("patroni_proxy.yaml", directory, **values,
                             patroni=serve_patroni(host).server_port)
        command = [program, file]
    stdout = f"{directory}/{port}-stdout.log" if logs else os.devnull
    return Subject(name, port, command, core, backend=backend, stdout=stdout)
