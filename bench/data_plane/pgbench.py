"""pgbench against the leader of the testbed, through each subject in turn."""

import re
import subprocess

from scenarios import ROOT, with_cpu

LEADER = ("127.0.0.11", 5432)
TESTBED = [str(ROOT / "scripts/testbed"), "--state-dir", "/tmp/patroni-testbed-bench"]
SECONDS = 3


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


class PgBench:
    unit = "transactions/s"
    better = "rate"

    def __init__(self, connect_each_time):
        self.options = ["-S", "-c", "16", "-j", "1", "-T", str(SECONDS)]
        self.options += ["-C"] if connect_each_time else []
        self.title = "pgbench " + " ".join(self.options[:3] + self.options[7:])

    def measure(self, subject):
        found = with_cpu(
            subject, lambda: {"text": run(subject.host, subject.port, *self.options)})
        rate = float(re.search(r"^tps = ([0-9.]+)", found["text"], re.MULTILINE)[1])
        count = int(re.search(r"transactions actually processed: (\d+)", found["text"])[1])
        return {"rate": rate, "cpu_us": found["cpu_seconds"] / count * 1e6}
