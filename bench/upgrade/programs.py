"""What is upgraded: each with its processes, and how it is told."""

import pathlib
import re
import signal
import subprocess
import time

import subjects


def anonymous_kib(pids):
    total = 0
    for pid in pids:
        try:
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
        except FileNotFoundError:
            continue
        total += sum(int(size) for size in re.findall(r"RssAnon:\s+(\d+) kB", status))
    return total


def wait_until(condition, what, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"timed out: {what}")
        time.sleep(0.02)


class PatroniProxy:
    """Hands everything over to a new process; a reload of its file starts none."""

    def __init__(self, program, directory, backend_port):
        self.name, self.port, self.standstills = "patroni_proxy", subjects.free_port(), []
        self.program, directory = program, pathlib.Path(directory)
        self.control, self.log = directory / "control.sock", directory / "patroni_proxy.log"
        patroni = subjects.serve_patroni(subjects.IP).server_port
        self.file = directory / "patroni_proxy.yaml"
        self.configuration = (
            f"listen_address: {subjects.IP}:0\ncontrol: {{socket: {self.control}}}\n"
            f"log: {{level: info, sessions: failed, file: {self.log}}}\nclusters:\n  bench:\n"
            f"    hosts: ['http://{subjects.IP}:{patroni}']\n    ports:\n"
            f"      port: {{listen: '{subjects.IP}:{self.port}', roles: [leader], "
            f"host_port: {backend_port}, max_connections: @limit@}}\n")
        self.write(9000)
        self.process = subprocess.Popen([program, str(self.file)])
        self.pids = {self.process.pid}
        subjects.wait_for_port(subjects.IP, self.port)

    def version(self):
        return subprocess.run([self.program, "--version"], capture_output=True, text=True,
                              check=True).stdout.strip()

    def write(self, limit):
        self.file.write_text(self.configuration.replace("@limit@", str(limit)))

    def command(self, *words):
        return subprocess.run([self.program, *words, "--control", str(self.control)], check=True,
                              capture_output=True, text=True).stdout

    def upgrade(self):
        said = self.command("upgrade")
        pid, milliseconds = re.search(r"process (\d+) has .* longest stop of one was ([\d.]+) ms", said).groups()
        self.pids.add(int(pid))
        self.standstills.append(float(milliseconds))

    def reload(self):
        """Of a file with another limit."""
        self.write(9000 + len(self.standstills))
        self.command("reload")

    def processes(self):
        living = []
        for pid in self.pids:
            stat = pathlib.Path(f"/proc/{pid}/stat")
            if stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z":
                living.append(pid)
        return living

    def stop(self):
        for pid in self.processes():
            subprocess.run(["kill", str(pid)], check=False)
        wait_until(lambda: not self.processes() or self.process.poll() is not None, "the end")


class HaProxy:
    """A master that starts a new worker for each reload; the former ones end with their last session."""

    def __init__(self, rival, directory, backend_port):
        self.name, self.rival, self.port = rival.name, rival, subjects.free_port()
        self.standstills = []
        directory = pathlib.Path(directory)
        file = directory / f"{rival.name.replace(' ', '-')}.cfg"
        file.write_text(
            f"global\n    maxconn 9000\n    stats socket {directory}/{self.port}.sock mode 600 "
            "expose-fd listeners\n"
            "defaults\n    mode tcp\n    timeout connect 4s\n    timeout client 30m\n"
            "    timeout server 30m\n"
            f"listen port\n    bind {subjects.IP}:{self.port}\n"
            f"    server b1 {subjects.IP}:{backend_port}\n")
        self.process = subprocess.Popen([*rival.command, "-W", "-f", str(file)],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        subjects.wait_for_port(subjects.IP, self.port)
        self.newest = max(self.processes())

    def version(self):
        return f"HAProxy {self.rival.version()}"

    def upgrade(self):
        before = set(self.processes())
        self.process.send_signal(signal.SIGUSR2)
        wait_until(lambda: set(self.processes()) - before, "a new worker")
        time.sleep(0.3)  # it tells the former ones to accept no more

    reload = upgrade

    def processes(self):
        return subjects.tree(self.process.pid)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
