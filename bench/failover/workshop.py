"""What a measurement needs before it begins: the built programs, and a network namespace."""

import os
import signal
import subprocess
import sys

from cluster import ROOT

BUILT = ROOT / "build/release"
PROXY = str(BUILT / "apps/patroni_proxy/patroni_proxy")
AGENT = str(BUILT / "apps/patroni_agent/patroni_agent")
CLIENTS = str(BUILT / "bench/bench_failover_clients")
STATE_DIR = "/tmp/patroni-testbed-failover"
INSIDE = "PATRONI_PROXY_FAILOVER_NAMESPACE"


def prepare():
    """Builds, and begins the program anew in a namespace of its own."""
    if INSIDE not in os.environ:
        if os.geteuid() != 0:
            sys.exit(f"{sys.argv[0]} needs root, for a network namespace")
        build()
        os.environ[INSIDE] = "1"
        os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # all that was started ends too
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def build():
    subprocess.run(["cmake", "--preset", "release"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", "--preset", "release", "--target", "patroni_proxy",
                    "patroni_agent", "bench_failover_clients"], cwd=ROOT, check=True,
                   stdout=subprocess.DEVNULL)
