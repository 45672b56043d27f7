"""The running processes of a testbed, and who runs them."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .basics import Deadline, Misuse

# Each process started here, and what it starts, carries its node's directory in
# this variable. (Patroni does not pass on variables that start with PATRONI_.)
MARK = "TESTBED_NODE"


@dataclass(frozen=True)
class Process:
    """A running process of a node. Zombies do not count: they have no /proc/PID/exe."""

    pid: int
    started: int  # in clock ticks since boot: with the PID, it names one process for ever
    node: str = field(compare=False)  # directory of the node it belongs to
    program: str = field(compare=False)
    parent: int = field(compare=False)
    stopped: bool = field(compare=False)  # by SIGSTOP

    @staticmethod
    def find(pid: int) -> Process | None:
        """The process, if it belongs to any testbed."""
        proc = Path("/proc", str(pid))
        try:
            # The same directory in another container, or in scripts/in-release, is another one.
            if os.readlink(proc / "ns/pid") != os.readlink("/proc/self/ns/pid"):
                return None
            program = os.path.basename(os.readlink(proc / "exe").removesuffix(" (deleted)"))
            environment = (proc / "environ").read_bytes().split(b"\0")
            stat = (proc / "stat").read_text().rpartition(")")[2].split()
            node = next((os.fsdecode(v) for v in environment if v.startswith(MARK.encode() + b"=")), "")
            node = node.partition("=")[2]
            # PostgreSQL's children write their title over their environment,
            # and all of them work in the data directory.
            if not node and program == "postgres":
                node = os.path.dirname(os.readlink(proc / "cwd").removesuffix(" (deleted)"))
        except (OSError, ValueError):
            return None
        return Process(pid, int(stat[19]), node, program, int(stat[1]), stat[0] in "Tt") if node else None

    @property
    def is_postgres(self) -> bool:
        return self.program == "postgres"

    @property
    def job(self) -> str:
        """The job of a child of PostgreSQL, from its title: startup, walreceiver, ..."""
        try:
            title = Path("/proc", str(self.pid), "cmdline").read_text(errors="replace").split()
        except OSError:
            return ""
        # "postgres: CLUSTER: JOB ...": Patroni always names the cluster.
        return title[2] if self.is_postgres and len(title) > 2 and title[0] == "postgres:" else ""

    def signal(self, number: signal.Signals) -> None:
        """Signals this process, but no other process that has got its PID since."""
        with contextlib.suppress(ProcessLookupError):
            handle = os.pidfd_open(self.pid)
            try:
                if Process.find(self.pid) == self:
                    signal.pidfd_send_signal(handle, number)
            finally:
                os.close(handle)


def processes_of(belongs: Callable[[str], bool]) -> list[Process]:
    """The running processes whose node directory `belongs` accepts."""
    found = (Process.find(int(entry)) for entry in os.listdir("/proc") if entry.isdigit())
    return [process for process in found if process and belongs(process.node)]


def heads(processes: list[Process]) -> list[Process]:
    """The processes that no other of them started: a postmaster, but not its children."""
    pids = {process.pid for process in processes}
    return [process for process in processes if process.parent not in pids]


def gone(processes: list[Process]) -> bool:
    return all(Process.find(process.pid) != process for process in processes)


def suspend(processes: list[Process]) -> None:
    """Sends SIGSTOP, and returns once all have stopped."""

    def still() -> bool:
        found = (Process.find(process.pid) for process in processes)
        return all(now is None or now.stopped for now in found)

    for process in processes:
        process.signal(signal.SIGSTOP)
    Deadline(5).wait(still, pause=0.002)


def let_go_on(processes: list[Process]) -> None:
    for process in processes:
        process.signal(signal.SIGCONT)


def end_processes(belongs: Callable[[str], bool], deadline: Deadline) -> int:
    """PostgreSQL by an immediate shutdown, which gives back its shared memory; the rest by SIGKILL."""
    found = processes_of(belongs)
    postgres = [process for process in found if process.is_postgres]
    for process in found:
        if process not in postgres:
            process.signal(signal.SIGKILL)
    for postmaster in heads(postgres):
        postmaster.signal(signal.SIGQUIT)
    let_go_on(postgres)  # one may be held
    deadline.wait(lambda: not processes_of(belongs), pause=0.01)
    while left := processes_of(belongs):
        for process in left:
            process.signal(signal.SIGKILL)
        time.sleep(0.01)
    return len(found)


def orphans_are_reaped() -> bool:
    """Whether PID 1 reaps orphans, as an init does."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        orphan = os.fork()  # it ends at once, as its parent does
        if orphan:
            os.write(writes, str(orphan).encode())
        os._exit(0)
    os.waitpid(child, 0)
    orphan = int(os.read(reads, 20))
    os.close(reads)
    os.close(writes)
    return Deadline(2).wait(lambda: not Path("/proc", str(orphan)).exists(), pause=0.01)


@dataclass(frozen=True)
class Account:
    """The user who runs the servers: postgres if root calls, else the caller."""

    name: str
    uid: int
    gid: int

    @staticmethod
    def choose() -> Account:
        if os.geteuid() != 0:
            entry = pwd.getpwuid(os.geteuid())
        else:
            try:
                entry = pwd.getpwnam("postgres")
            except KeyError:
                raise Misuse("there is no user postgres", "Run: scripts/install-packages testbed") from None
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)

    def own(self, path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid)

    def popen_options(self) -> dict[str, Any]:
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if os.geteuid() == 0 else {}
