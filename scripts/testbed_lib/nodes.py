"""The servers: etcd, and Patroni with its PostgreSQL."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .basics import Deadline, Failure, Misuse
from .processes import MARK, Account, Process, gone, heads, let_go_on, processes_of, suspend
from .tls import Certificates

PYTHON = "/usr/bin/python3"  # Debian's Patroni is not seen by another Python on the PATH
PATRONI = "/usr/bin/patroni"
ETCD = "/usr/bin/etcd"
POSTGRES_BINARIES = "/usr/lib/postgresql"
POSTGRES_PORT = 5432
REST_PORT = 8008
# What may be held on a replica: its name in messages, the process that does it, the query for its position.
REPLAY = ("replay", "startup", "pg_last_wal_replay_lsn()")
RECEIVE = ("receiving", "walreceiver", "pg_last_wal_receive_lsn()")


class Addresses:
    """Where everything listens: each cluster has a range of its own."""

    def __init__(self, cluster: int) -> None:
        self.range = f"127.0.{cluster - 1}"
        self.etcd = f"{self.range}.10"

    def member(self, number: int) -> str:
        return f"{self.range}.{10 + number}"


class Node:
    """One server process with what it starts: etcd, or Patroni with its PostgreSQL."""

    server = ""  # its name, for messages
    program = ""  # how the file name of its executable begins

    def __init__(self, name: str, state_dir: Path, address: str, ports: list[int]) -> None:
        self.name = name
        self.address = address
        self.ports = ports
        self.directory = state_dir / name
        self.log = state_dir / "log" / f"{name}-{self.server.lower()}.log"
        self.child: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def write_configuration(self, account: Account) -> None:
        raise NotImplementedError

    def processes(self) -> list[Process]:
        return processes_of(lambda node: node == str(self.directory))

    def servers(self) -> list[Process]:
        return [process for process in self.processes() if not process.is_postgres]

    def is_running(self) -> bool:
        return any(process.program.startswith(self.program) for process in self.processes())

    def is_frozen(self) -> bool:
        return any(process.stopped for process in self.servers())

    def freeze(self) -> None:
        """From now on the server accepts connections, as the kernel does for it, and does nothing else."""
        servers = self.servers()
        if not servers:
            raise Failure(f"{self.server} of {self.name} is not running")
        suspend(servers)

    def thaw(self) -> None:
        let_go_on(self.servers())

    def start(self, account: Account) -> None:
        self.check_ports()
        self.directory.mkdir(exist_ok=True)
        account.own(self.directory)
        self.write_configuration(account)
        # A clean environment: no proxy, no PG* and no ETCD_* of the caller.
        environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", MARK: str(self.directory)}
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(
                self.command(), cwd=self.directory, env=environment, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True, **account.popen_options())

    def check_ports(self) -> None:
        """Says who has an address that this node, not running, is about to listen on."""
        if self.processes():
            return
        for port in self.ports:
            try:
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind((self.address, port))
            except OSError as error:
                raise Failure(
                    f"{self.name} cannot listen on {self.address}:{port}: {error.strerror}",
                    *listeners_on(self.address, port),
                    "Stop what listens there (testbed down --state-dir DIR), or take another --cluster N") from None

    def check_alive(self) -> None:
        code = self.child.poll() if self.child else None
        if code is not None or not self.is_running():
            how = f"exit code {code}" if code is not None else "it is not running"
            raise Failure(f"{self.server} of {self.name} has ended ({how})", *self.tail())

    def tail(self, lines: int = 12) -> list[str]:
        try:
            last = self.log.read_text(errors="replace").splitlines()[-lines:]
        except OSError:
            last = []
        return [*(f"| {line}" for line in last), f"Its log: {self.log}"]

    def stop(self, deadline: Deadline, spares_postgres: bool = False) -> None:
        """Asks the server to end, which ends what it started, and waits."""

        def left() -> list[Process]:
            return self.servers() if spares_postgres else self.processes()

        for process in heads(self.servers()):
            process.signal(signal.SIGTERM)
        let_go_on(self.processes())  # nothing held or frozen can end
        if not deadline.wait(lambda: not left()):
            names = ", ".join(f"{process.program} {process.pid}" for process in heads(left()))
            raise Failure(f"{self.name} still runs {names}", *self.tail())

    def kill(self, victim: Callable[[Process], bool] = lambda process: True) -> list[Process]:
        """SIGKILL; the server first, so that it does not restart what it lost."""
        killed = sorted(filter(victim, self.processes()), key=lambda process: process.is_postgres)
        for process in killed:
            process.signal(signal.SIGKILL)
        if not Deadline(10).wait(lambda: gone(killed), pause=0.005):
            raise Failure(f"a process of {self.name} does not end on SIGKILL")
        return heads(killed)


class Etcd(Node):
    server = "etcd"
    program = "etcd"

    def __init__(self, state_dir: Path, address: str) -> None:
        super().__init__("etcd", state_dir, address, [2379, 2380])
        self.log = state_dir / "log" / "etcd.log"
        self.client_url, self.peer_url = (f"http://{address}:{port}" for port in self.ports)

    def write_configuration(self, account: Account) -> None:
        pass

    def command(self) -> list[str]:
        # One node needs no time to find out who leads.
        return [ETCD, "--name", self.name, "--data-dir", str(self.directory / "data"),
                "--listen-client-urls", self.client_url, "--advertise-client-urls", self.client_url,
                "--listen-peer-urls", self.peer_url, "--initial-advertise-peer-urls", self.peer_url,
                "--initial-cluster", f"{self.name}={self.peer_url}",
                "--heartbeat-interval", "20", "--election-timeout", "200"]

    def is_healthy(self) -> bool:
        answer = request("GET", self.address, self.ports[0], "/health")[1]
        return isinstance(answer, dict) and answer.get("health") == "true"  # 3.5 adds a reason


    def version(self) -> str:
        answer = request("GET", self.address, self.ports[0], "/version")[1]
        return answer.get("etcdserver", "") if isinstance(answer, dict) else ""


class Member(Node):
    """A PostgreSQL server under its Patroni."""

    server = "Patroni"
    program = "python"

    def __init__(self, name: str, state_dir: Path, address: str, certificates: Certificates | None = None) -> None:
        super().__init__(name, state_dir, address, [POSTGRES_PORT, REST_PORT])
        self.certificates = certificates  # of the REST API, where it speaks TLS
        self.data_dir = self.directory / "data"
        self.configuration = self.directory / "patroni.yml"
        self.settings: Callable[[Member], dict[str, Any]] = lambda member: {}

    def command(self) -> list[str]:
        return [PYTHON, PATRONI, str(self.configuration)]

    def write_configuration(self, account: Account) -> None:
        self.configuration.write_text(json.dumps(self.settings(self), indent=2))  # JSON is YAML

    def has_data(self) -> bool:
        return (self.data_dir / "PG_VERSION").exists()

    def postgres(self) -> list[Process]:
        return [process for process in self.processes() if process.is_postgres]

    def workers(self, job: str) -> list[Process]:
        return [process for process in self.postgres() if process.job == job]

    def held(self) -> str:
        """What is held, or nothing."""
        return " and ".join(what for what, job, _ in (REPLAY, RECEIVE) if any(p.stopped for p in self.workers(job)))

    def hold(self, part: tuple[str, str, str], deadline: Deadline) -> str:
        """Holds replay or receiving; says where it stands. PostgreSQL's own pg_wal_replay_pause() does
        not last, as Patroni resumes it within a loop."""
        what, job, position = part
        if not self.workers("startup"):
            raise Failure(f"{self.name} is no running replica")
        if not deadline.wait(lambda: bool(self.workers(job))):
            raise Failure(f"{self.name} receives nothing within {deadline.seconds:g} s", *self.tail())
        suspend(self.workers(job))
        try:
            return self.query(f"select {position}", deadline.left())
        except Failure as failure:  # it may have been stopped with a lock in its hands
            self.release()
            raise Failure(f"{what} of {self.name} could not be held, and goes on: {failure.args[0]}") from None

    def release(self) -> None:
        let_go_on(self.postgres())

    def rest(self, method: str, path: str, body: dict[str, Any] | None = None,
             timeout: float = 2) -> tuple[int, Any]:
        tls = self.certificates.context if self.certificates else None
        return request(method, self.address, REST_PORT, path, body, timeout, tls)

    def versions(self) -> str:
        """The versions of Patroni and PostgreSQL, as the member reports them."""
        status, answer = self.rest("GET", "/patroni")
        if status not in (200, 503) or not isinstance(answer, dict):
            return ""
        number = answer.get("server_version", 0)  # such as 170005
        return f"Patroni {answer.get('patroni', {}).get('version', '?')}, PostgreSQL {number // 10000}.{number % 10000}"

    def shows_pause(self, paused: bool) -> bool:
        status, answer = self.rest("GET", "/patroni")
        return status == 200 and answer.get("pause", False) == paused

    def query(self, sql: str, timeout: float = 5) -> str:
        """The answer of psql, or a Failure with what it complained about."""
        command = [str(postgres_binaries() / "psql"), "-X", "-At", "-v", "ON_ERROR_STOP=1",
                   "-h", self.address, "-p", str(POSTGRES_PORT), "-U", "postgres", "-d", "postgres", "-c", sql]
        environment = {"PATH": "/usr/bin:/bin", "PGCONNECT_TIMEOUT": str(max(2, int(timeout / 2)))}
        try:
            answer = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL,
                                    capture_output=True, text=True, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise Failure("PostgreSQL does not answer") from None
        if answer.returncode != 0:
            raise Failure("psql: " + (answer.stderr.strip().splitlines() or ["failed"])[-1])
        return answer.stdout.strip()

    def accepts_writes(self) -> bool:
        try:
            return self.query("select pg_current_xact_id()") != ""  # a standby refuses to assign one
        except Failure:
            return False

    def remove_shared_memory(self, account: Account) -> None:
        """Removes the System V segment that a killed postmaster leaves behind until its next start."""
        try:
            key, segment = (self.data_dir / "postmaster.pid").read_text().splitlines()[6].split()
            for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]:
                column = line.split()
                owner, attached = int(column[7]), int(column[6])
                if (int(column[0]), column[1], owner, attached) == (int(key), segment, account.uid, 0):
                    subprocess.run(["/usr/bin/ipcrm", "-m", segment], check=False)
        except (OSError, IndexError, ValueError):
            pass


def request(method: str, address: str, port: int, path: str, body: dict[str, Any] | None = None,
            timeout: float = 2, tls: ssl.SSLContext | None = None) -> tuple[int, Any]:
    """Status and decoded answer; status 0 where there was no answer."""
    connection = (http.client.HTTPSConnection(address, port, timeout=timeout, context=tls) if tls
                  else http.client.HTTPConnection(address, port, timeout=timeout))
    try:
        connection.request(method, path, json.dumps(body) if body else None)
        response = connection.getresponse()
        text = response.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error)
    finally:
        connection.close()
    try:
        return response.status, json.loads(text)
    except ValueError:
        return response.status, text


def listeners_on(address: str, port: int) -> list[str]:
    """Lines of ss about who listens on that address, or on that port of all addresses."""
    try:
        found = subprocess.run(["ss", "-Hltnp", f"sport = :{port}"], capture_output=True, text=True)
    except OSError:
        return []
    taken = {f"{host}:{port}" for host in (address, "0.0.0.0", "*", "[::]")}
    return [f"| {' '.join(line.split())}" for line in found.stdout.splitlines() if taken & set(line.split())]


def postgres_binaries(version: int = 0) -> Path:
    """Where the server of this major version is, or of the newest that is installed."""
    found = {int(path.parent.name): path for path in Path(POSTGRES_BINARIES).glob("*/bin")
             if (path / "postgres").exists()}
    if not found:
        raise Misuse(f"there is no PostgreSQL server below {POSTGRES_BINARIES}",
                     "Run: scripts/install-packages testbed")
    if version and version not in found:
        raise Misuse(f"PostgreSQL {version} is not installed; there is {', '.join(map(str, sorted(found)))}",
                     f"Install it with: apt-get install postgresql-{version}")
    return found[version or max(found)]
