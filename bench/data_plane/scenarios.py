"""What is measured. Each scenario asks one subject once and gives figures by name."""

import dataclasses
import json
import pathlib
import subprocess
import time

ROOT = pathlib.Path(__file__).parent.parent.parent
LOAD = ROOT / "build/release/bench/bench_load"
# Both of the load's ends have the other core to themselves.
LOAD_CORE = 1


def load(subject, mode, *arguments, pinned=True):
    command = ["taskset", "-c", str(LOAD_CORE)] if pinned else []
    command += [str(LOAD), mode, subject.host, str(subject.port), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{subject.name}: {' '.join(command)}: {done.stderr}{done.stdout}")
    return json.loads(done.stdout)


def lasting(scenario, factor):
    """The same for so many times as long. A count of connections stays."""
    if hasattr(scenario, "seconds"):
        return dataclasses.replace(scenario, seconds=round(scenario.seconds * factor, 2))
    return scenario


def with_cpu(subject, work):
    before = subject.cpu_seconds()
    result = work()
    result["cpu_seconds"] = subject.cpu_seconds() - before
    return result


@dataclasses.dataclass(frozen=True)
class Exchange:
    connections: int
    request: int
    answer: int
    seconds: float = 0.8
    pinned: bool = True
    unit = "exchanges/s"
    better = "rate"

    @property
    def title(self):
        return f"exchanges, {self.connections} connections, {self.request} B / {self.answer} B"

    def measure(self, subject):
        found = with_cpu(subject, lambda: load(subject, "exchange", self.connections, self.request,
                                               self.answer, self.seconds, pinned=self.pinned))
        return {"rate": found["count"] / found["seconds"], "p99_us": found["p99_us"],
                "cpu_us": found["cpu_seconds"] / found["count"] * 1e6}


@dataclasses.dataclass(frozen=True)
class Paced:
    """Questions at fixed times, so that a stall shows in the latency of all that were due in it."""
    connections: int
    rate: int
    seconds: float = 2.0
    bulk: int = 0  # flows beside them
    mib_per_second: int = 600  # of these together: the load's own core must have time left
    unit = "us, p99"
    better = "p99_us"

    @property
    def title(self):
        beside = (f" beside {self.bulk} bulk flows of {self.mib_per_second} MiB/s together"
                  if self.bulk else "")
        return f"{self.rate:,} exchanges/s on {self.connections} connections{beside}"

    def measure(self, subject):
        flows = subprocess.Popen(["taskset", "-c", str(LOAD_CORE), str(LOAD), "bulk", subject.host,
                                  str(subject.port), str(self.bulk), str(self.seconds + 0.5),
                                  str(self.mib_per_second)],
                                 stdout=subprocess.DEVNULL) if self.bulk else None
        time.sleep(0.2 if flows else 0)
        found = with_cpu(subject, lambda: load(subject, "exchange", self.connections, 100, 1000,
                                               self.seconds, self.rate))
        if flows:
            flows.wait()
        return {"rate": found["p99_us"], "p99_us": found["p99_us"], "p50_us": found["p50_us"],
                "cpu_us": found["cpu_seconds"] / found["count"] * 1e6}


@dataclasses.dataclass(frozen=True)
class Bulk:
    connections: int = 4
    seconds: float = 2.0
    pinned: bool = True
    both_ways: bool = False
    mib_per_second: int = 0  # that are read of all flows together; 0: as much as comes
    unit = "MiB/s"
    better = "rate"

    @property
    def title(self):
        more = ", both ways at once" if self.both_ways else ""
        more += f", read at {self.mib_per_second} MiB/s" if self.mib_per_second else ""
        return f"bulk, {self.connections} connections{more}"

    def measure(self, subject):
        slow = [self.mib_per_second] if self.mib_per_second else []
        found = with_cpu(subject, lambda: load(subject, "echo" if self.both_ways else "bulk",
                                               self.connections, self.seconds, *slow,
                                               pinned=self.pinned))
        return {"rate": found["bytes"] / found["seconds"] / 2**20,
                "cpu_ms_per_gib": found["cpu_seconds"] / (found["bytes"] / 2**30) * 1e3}


@dataclasses.dataclass(frozen=True)
class Churn:
    end: str  # abort or orderly
    length: str = "1.0"  # seconds, or a count: "5000x"
    connections: int = 32
    pinned: bool = True
    unit = "connections/s"
    better = "rate"

    @property
    def title(self):
        return f"connect, one exchange, {self.end} close"

    def measure(self, subject):
        found = with_cpu(subject, lambda: load(subject, "churn", self.connections, self.length,
                                               self.end, pinned=self.pinned))
        return {"rate": found["count"] / found["seconds"], "p99_us": found["p99_us"],
                "cpu_us": found["cpu_seconds"] / found["count"] * 1e6, "failed": found["failed"],
                "time_wait": subject.time_wait_towards_backend()}


@dataclasses.dataclass(frozen=True)
class Idle:
    moved: int
    connections: int = 4000
    most_rounds = 2  # it is the same each time
    unit = "B a connection"
    better = "bytes"

    @property
    def title(self):
        after = f" after {self.moved:,} B each way" if self.moved else ""
        return f"memory of an idle connection{after}"

    def measure(self, subject):
        subject.restart()  # memory of what was before may be reused
        before = subject.anonymous_bytes()
        clients = subprocess.Popen([str(LOAD), "idle", subject.host, str(subject.port),
                                    str(self.connections), str(self.moved)],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        clients.stdout.readline()
        time.sleep(0.3)
        during = subject.anonymous_bytes()
        clients.stdin.close()
        clients.wait()
        time.sleep(0.5)
        per_connection = (during - before) / self.connections
        return {"rate": per_connection, "bytes": per_connection,
                "kept_kib": (subject.anonymous_bytes() - before) / 1024}


def result_of(process):
    output = process.communicate()[0]
    if process.returncode != 0:
        raise RuntimeError(f"the load failed: {process.args}")
    return json.loads(output)
