"""pgbench and COPY against the leader of the testbed, through each subject in turn."""

import dataclasses
import pathlib
import re
import subprocess
import time

from scenarios import ROOT, with_cpu

LEADER = ("127.0.0.11", 5432)
TESTBED = [str(ROOT / "scripts/testbed"), "--state-dir", "/tmp/patroni-testbed-bench"]


def run(host, port, *options):
    return subprocess.run(["pgbench", "-h", host, "-p", str(port), "-U", "postgres", "-n", *options,
                           "postgres"], capture_output=True, text=True, check=True).stdout


class Testbed:
    def __enter__(self):
        subprocess.run([*TESTBED, "up"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["pgbench", "-h", LEADER[0], "-U", "postgres", "-i", "-s", "5", "-q",
                        "postgres"], check=True, capture_output=True)
        return self

    def __exit__(self, *_):
        subprocess.run([*TESTBED, "down"], check=True, stdout=subprocess.DEVNULL)


@dataclasses.dataclass(frozen=True)
class PgBench:
    connect_each_time: bool
    seconds: float = 3
    unit = "transactions/s"
    better = "rate"

    @property
    def title(self):
        return "pgbench -S -c 16" + (" -C" if self.connect_each_time else "")

    def measure(self, subject):
        options = [*self.title.split()[1:], "-j", "1", "-T", str(max(1, round(self.seconds)))]
        found = with_cpu(subject, lambda: {"text": run(subject.host, subject.port, *options)})
        rate = float(re.search(r"^tps = ([0-9.]+)", found["text"], re.MULTILINE)[1])
        count = int(re.search(r"transactions actually processed: (\d+)", found["text"])[1])
        return {"rate": rate, "cpu_us": found["cpu_seconds"] / count * 1e6}


@dataclasses.dataclass(frozen=True)
class Copy:
    """Of rows of 1 KiB, which PostgreSQL makes, or drops: no disk is measured."""
    out: bool
    directory: str
    mib: int = 1024
    unit = "MiB/s"
    better = "rate"

    @property
    def title(self):
        return f"COPY {'out' if self.out else 'in'} of {self.mib:,} MiB"

    def measure(self, subject):
        rows = self.mib * 1024
        command = ["psql", "-h", subject.host, "-p", str(subject.port), "-U", "postgres", "-q"]
        if self.out:
            command += ["-c", f"COPY (SELECT repeat('x', 1023) FROM generate_series(1, {rows})) TO STDOUT"]
        else:
            command += ["-c", "CREATE TEMPORARY TABLE IF NOT EXISTS t (line text)", "-c", "COPY t FROM STDIN WHERE false"]

        def work():
            begin = time.monotonic()
            with open(self.file() if not self.out else "/dev/null", "rb") as stdin:
                subprocess.run([*command, "postgres"], stdin=stdin, stdout=subprocess.DEVNULL, check=True)
            return {"seconds": time.monotonic() - begin}

        found = with_cpu(subject, work)
        return {"rate": self.mib / found["seconds"],
                "cpu_ms_per_gib": found["cpu_seconds"] / (self.mib / 1024) * 1e3}

    def file(self):
        """What goes in."""
        path = pathlib.Path(self.directory) / f"copy-{self.mib}"
        if not path.exists():
            path.write_bytes((b"x" * 1023 + b"\n") * (self.mib * 1024))
        return path
