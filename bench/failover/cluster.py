"""The real cluster of scripts/testbed, with what runs beside each member: PgBouncer and patroni_agent.
A member can be taken off the network, as all of it is in a namespace of the benchmark's own."""

import dataclasses
import pathlib
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from testbed_lib.basics import Deadline, Failure  # noqa: E402
from testbed_lib.cluster import Settings, Testbed  # noqa: E402
from testbed_lib.processes import Account  # noqa: E402
from testbed_lib.state_dir import StateDir, down  # noqa: E402
from testbed_lib.tls import Certificates  # noqa: E402

UNAFFECTED = "p3"  # never leads, so no event is about it
POOLER_PORT = 6432
GROUP = 6000  # p1's processes have the group 6001, and so on, by which the firewall knows them
PATIENCE = 180
REJOINING = 60  # seconds that a member may need to stream again
DEFAULTS = {"loop_wait": 10, "ttl": 30, "retry_timeout": 10}  # Patroni's own; the testbed's are shorter
# What is written stays in memory until a checkpoint that somebody asks for, as the one of a shutdown.
HEAVY = {"shared_buffers": "1GB", "checkpoint_timeout": "1h", "max_wal_size": "32GB"}
HEAVY_ROWS = 3_000_000

PGBOUNCER = """[databases]
* = host={address} port=5432 user=postgres
[pgbouncer]
listen_addr = {address}
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
max_client_conn = 2000
default_pool_size = 50
logfile = {log}
"""

ISOLATION = """table ip isolation
delete table ip isolation
table ip isolation {{
    chain input {{
        type filter hook input priority 0;
        ip daddr {address} drop
        ip saddr {address} drop
    }}
    chain output {{
        type filter hook output priority 0;
        meta skgid {group} drop
    }}
}}
"""


class RoomyTestbed(Testbed):
    """With room for the clients that were held in an outage: they all come when it ends. (No pool of
    an application would open as many.) `heavy`: with TLS too, and prepared for heavy writes."""

    def __init__(self, state_dir, settings, heavy):
        super().__init__(state_dir, settings)
        self.heavy = heavy
        self.postgres_certificates = Certificates(state_dir)

    def patroni_settings(self, member):
        settings = super().patroni_settings(member)
        dcs = settings["bootstrap"]["dcs"]
        dcs["postgresql"]["parameters"].update(max_connections=1000, **(HEAVY if self.heavy else {}))
        if self.heavy:
            settings["postgresql"]["parameters"].update(
                ssl="on", ssl_cert_file=str(self.postgres_certificates.certificate(member.name)),
                ssl_key_file=str(self.postgres_certificates.key(member.name)))
        if self.settings.loop_wait == DEFAULTS["loop_wait"]:
            dcs.update(DEFAULTS)
        return settings


class Cluster:
    def __init__(self, state_dir, agent, loop_wait, heavy=False):
        slow = loop_wait == DEFAULTS["loop_wait"]
        times = {key: DEFAULTS[key] for key in ("loop_wait", "ttl")} if slow else {}
        self.settings = Settings(tags={UNAFFECTED: {"nofailover": True}}, **times)
        self.state_dir = StateDir(state_dir)
        self.heavy = heavy
        self.writing = None
        self.testbed = RoomyTestbed(self.state_dir.path, self.settings, heavy)
        self.members = {member.name: member for member in self.testbed.members}
        self.logs = self.state_dir.path / "log"
        self.agent = agent
        self.account = Account.choose()
        self.beside = {name: [] for name in self.members}  # processes on the host of each member

    def __enter__(self):
        try:
            self.begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def begin(self):
        with self.state_dir.lock(create=True):
            self.testbed.check_ports()
            self.state_dir.prepare(self.settings, self.account)
            self.testbed.postgres_certificates.create(
                {name: member.address for name, member in self.members.items()}, self.account)
            deadline = Deadline(PATIENCE)
            # Each with a group of its own; the first has to lead before the others come.
            self.testbed.etcd.start(self.account)
            self.testbed.wait_until(self.testbed.etcd.is_healthy, deadline, "no etcd", [self.testbed.etcd])
            for name, member in self.members.items():
                member.start(self.account_of(name))
                self.testbed.wait_until(lambda: self.testbed.leader() != "", deadline, "no leader", [member])
            self.wait_until_whole()
        self.leader().query("CREATE TABLE failover (event int, path text, number int, pid int,"
                            " member text, timeline int, PRIMARY KEY (event, path, number))")
        for name in self.members:
            self.start_beside(name)
        if self.heavy:
            self.psql("CREATE TABLE heavy AS SELECT i, repeat('x', 200) AS text FROM"
                      f" generate_series(1, {HEAVY_ROWS}) i", "CREATE INDEX ON heavy (i)")

    def __exit__(self, *_):
        self.end_writing()
        self.join()
        for name in self.members:
            self.kill_beside(name)
        down(self.state_dir, self.account)

    def account_of(self, name):
        return dataclasses.replace(self.account, gid=GROUP + int(name[1:]))

    def leader(self):
        return self.members[self.testbed.leader()]

    def rows(self, event):
        """What the primary has of an event: path and number of every row."""
        text = self.leader().query(f"SELECT path, number FROM failover WHERE event = {event}")
        return {(path, int(number)) for path, number in (line.split("|") for line in text.splitlines())}

    def wait_until_whole(self):
        """PostgreSQL may be unable to follow a new timeline; such a member is made anew."""
        try:
            self.testbed.wait_healthy(self.testbed.members, Deadline(REJOINING))
        except Failure as failure:
            for health in self.testbed.health():
                if health.problem and health.role != "leader":
                    print(f"{health.member.name} is made anew: {health.problem}", flush=True)
                    self.make_anew(health.member)
            print(failure.args[0], flush=True)
            self.testbed.wait_healthy(self.testbed.members, Deadline(PATIENCE))

    def is_whole_within(self, seconds):
        try:
            self.testbed.wait_healthy(self.testbed.members, Deadline(seconds))
        except Failure:
            return False
        return True

    def make_anew(self, member):
        """As an operator does it. Patroni's own way is not enough: after an isolation it may have started
        two postmasters at once, and have removed the directory of the one that it does not know of."""
        member.kill()
        shutil.rmtree(member.data_dir, ignore_errors=True)
        # They name a process that nobody may have reaped yet, for which a postmaster makes way. Patroni
        # would take what it left for a crash, and end the recovery of a base backup before its time.
        for lock in member.directory.glob(".s.PGSQL.*"):
            lock.unlink()
        member.start(self.account_of(member.name))

    def wait_until_caught_up(self):
        """Every replica has what the primary has written by now, or an event would lose seconds."""
        leader = self.leader()
        behind = [member for member in self.members.values() if member is not leader]

        def caught_up():
            try:
                written = leader.query("SELECT pg_current_wal_lsn()")
                return all(member.query("SELECT greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())"
                                        f" >= '{written}'") == "t" for member in behind)
            except Failure:
                return False  # it is busy

        self.testbed.wait_until(caught_up, Deadline(REJOINING), "a replica is behind", behind)

    def start_again(self, name):
        if not self.members[name].is_running():
            self.members[name].start(self.account_of(name))
        if not self.beside[name]:
            self.start_beside(name)

    # --- heavy writes

    def psql(self, *statements):
        """On the leader; it may take its time."""
        commands = [argument for each in statements for argument in ("-c", each)]
        subprocess.run(["psql", "-q", "-h", self.leader().address, "-U", "postgres", *commands], check=True)

    def write_heavily(self):
        """On who leads now, for as long as that does."""
        if not self.heavy:
            return
        random_rows = f"SELECT (random() * {HEAVY_ROWS})::int FROM generate_series(1, 1000)"
        script = self.state_dir.path / "heavy.sql"
        script.write_text(f"UPDATE heavy SET i = i WHERE i IN ({random_rows});\n")
        with open(self.logs / "heavy.log", "ab") as log:
            self.writing = subprocess.Popen(
                ["pgbench", "-n", "-R", "5", "-T", "600", "-f", str(script), "-h", self.leader().address,
                 "-U", "postgres", "postgres"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        time.sleep(15)  # until there is something to write at a checkpoint

    def end_writing(self):
        if self.writing:
            self.writing.kill()
            self.writing.wait()
            self.writing = None

    # --- beside a member

    def start_beside(self, name):
        address = self.members[name].address
        pooler = self.state_dir.path / f"{name}-pgbouncer.ini"
        # It refuses to run as root, so the log is its own: what it prints.
        pooler.write_text(PGBOUNCER.format(address=address, port=POOLER_PORT, log=""))
        text = (ROOT / "contrib/haproxy/patroni_agent.yaml").read_text()
        agent = self.state_dir.path / f"{name}-agent.yaml"
        agent.write_text(text.replace("[::]", address).replace("localhost", address))
        options = {"stdin": subprocess.DEVNULL}
        with open(self.logs / f"{name}-pgbouncer.log", "ab") as log:
            pooling = subprocess.Popen(["/usr/sbin/pgbouncer", str(pooler)], stdout=log, stderr=log,
                                       **options, **self.account.popen_options())
        with open(self.logs / f"{name}-agent.log", "ab") as log:
            telling = subprocess.Popen([self.agent, str(agent)], stdout=log, stderr=log, **options)
        self.beside[name] = [pooling, telling]

    def kill_beside(self, name):
        for process in self.beside[name]:
            process.kill()
            process.wait()
        self.beside[name] = []

    # --- off the network

    def isolate(self, name):
        """From now on no packet reaches the member or leaves it, and nobody is told so."""
        self.firewall(ISOLATION.format(address=self.members[name].address, group=GROUP + int(name[1:])))

    def join(self):
        self.firewall("table ip isolation\ndelete table ip isolation\n")

    @staticmethod
    def firewall(rules):
        subprocess.run(["/usr/sbin/nft", "-f", "-"], input=rules, text=True, check=True)
