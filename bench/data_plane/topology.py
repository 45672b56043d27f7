"""What a new topology costs patroni_proxy: 50 ports, 100 members, 9,000 sessions."""

import pathlib
import subprocess
import time
import urllib.request

import scenarios
import subjects

PORTS, MEMBERS, SESSIONS = 50, 100, 9000


def configuration(directory, patroni_port, backend_port):
    listed = [subjects.free_port() for _ in range(PORTS)]
    api = subjects.free_port()
    ports = "".join(f"      p{number}: {{listen: '{subjects.IP}:{port}', roles: [replica], "
                    f"host_port: {backend_port}, max_lag_in_bytes: 1000000}}\n"
                    for number, port in enumerate(listed))
    file = pathlib.Path(directory) / "topology.yaml"
    file.write_text(f"workers: 1\ncluster_update_interval: 1h\nlisten_address: {subjects.IP}:{api}\n"
                    "log: {level: error}\nclusters:\n  bench:\n"
                    f"    hosts: ['http://{subjects.IP}:{patroni_port}']\n    ports:\n{ports}")
    return file, listed, api


def members(server, replicas):
    port = server.server_port
    server.members = [subjects.member("b1", "leader", "127.0.1.1", port)] + [
        subjects.member(f"r{n}", "replica", f"127.0.2.{n}", port, lag=0) for n in replicas]


def push(api):
    request = urllib.request.Request(f"http://{subjects.IP}:{api}/update_clusters", method="POST")
    urllib.request.urlopen(request, timeout=10).read()


def worker_ms(subject, api):
    """CPU time of the worker for what Patroni tells now."""
    before = sum(subject.thread_seconds("worker").values())
    push(api)
    time.sleep(1)  # a second answer may have to confirm the first
    return (sum(subject.thread_seconds("worker").values()) - before) * 1e3


def open_sessions(listed):
    clients = []
    for port in listed:
        process = subprocess.Popen(
            [str(scenarios.LOAD), "idle", subjects.IP, str(port), str(SESSIONS // PORTS), "0"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process.stdout.readline()
        clients.append(process)
    return clients


def measure(program, directory, backend_port):
    """Figures by name: what a worker spends, and the latency of what runs meanwhile."""
    patroni = subjects.serve_patroni("127.0.1.1")
    members(patroni, range(1, MEMBERS))
    file, listed, api = configuration(directory, patroni.server_port, backend_port)
    subject = subjects.Subject("patroni_proxy", listed[0], [program, str(file)], 0)
    clients = []
    try:
        figures = {"p99 alone, us": running(listed[0])["p99_us"]}
        clients = open_sessions(listed)
        time.sleep(1)
        figures["p99 beside all sessions, us"] = running(listed[0])["p99_us"]
        figures["sessions"] = SESSIONS
        # One member more: every port has a new table, and no session ends.
        members(patroni, range(1, MEMBERS + 1))
        figures["worker, new tables, ms"] = worker_ms(subject, api)
        members(patroni, range(1, MEMBERS))
        push(api)
        load = running_in_background(listed[0])
        time.sleep(0.5)  # its sessions are none of the new member's
        for number in range(2):
            members(patroni, range(1, MEMBERS + (number + 1) % 2))
            push(api)
            time.sleep(1)
        figures["p99 with a new topology every second, us"] = scenarios.result_of(load)["p99_us"]
        before = subject.descriptors()
        members(patroni, range(1, MEMBERS // 2))
        figures["worker, cutting half, ms"] = worker_ms(subject, api)
        figures["sessions cut"] = (before - subject.descriptors()) // 2
    finally:
        for client in clients:
            client.stdin.close()
            client.wait()
        subject.stop()
    return figures


def running(port):
    return scenarios.result_of(running_in_background(port))


def running_in_background(port):
    return subprocess.Popen(["taskset", "-c", str(scenarios.LOAD_CORE), str(scenarios.LOAD),
                             "exchange", subjects.IP, str(port), "32", "100", "1000", "3", "5000"],
                            stdout=subprocess.PIPE)
