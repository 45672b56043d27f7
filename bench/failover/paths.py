"""The ways from a client to the primary: what each needs to run, and how a client connects."""

import dataclasses
import pathlib
import subprocess

from cluster import POOLER_PORT, ROOT, UNAFFECTED

CONTRIB = ROOT / "contrib/haproxy"
QUEUE = "queue_timeout: 15s, max_connect_rate: 50"
# Longer than queue_timeout, as the documentation asks. One that goes to a member itself needs less.
THROUGH = "user=postgres dbname=postgres sslmode=disable connect_timeout=20"
DIRECT = "user=postgres dbname=postgres sslmode=disable connect_timeout=2"

PROXY = """listen_address: "{address}:8009"
clusters:
  testbed:
    hosts: [{hosts}]
    ports:
      primary:  {{listen: "{address}:5000", roles: [leader]{options}}}
      replicas: {{listen: "{address}:5001", roles: [sync, async]{options}}}
"""


@dataclasses.dataclass
class Path:
    name: str
    what: str  # for the report
    writers: list[str]  # connection strings; more than one: all are tried at once
    session: str = ""
    reading: str = ""
    command: list[str] = dataclasses.field(default_factory=list)
    process: subprocess.Popen | None = None

    def clients(self, cluster):
        """Lines for clients.cpp."""
        wanted = cluster.members[UNAFFECTED].address
        yield from (f"write\t{self.name}\t{how}" for how in self.writers)
        # The direct one goes to whoever leads now.
        yield f"session\t{self.name}\t{self.session or f'host={cluster.leader().address} {DIRECT}'}"
        if self.reading:
            yield f"reading\t{self.name}\t{self.reading}\t{wanted}"

    def start(self, logs):
        if self.command:
            with open(logs / f"{self.name}.log", "ab") as log:
                self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log,
                                                stderr=log)

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(10)


def between(name, what, address, command):
    """A path with a program in between, which listens for writers on 5000 and for readers on 5001."""
    through = THROUGH + (" sslmode=require" if name.endswith("_tls") else "")  # the last one counts
    return Path(name, what, [f"host={address} port=5000 {through}"],
                f"host={address} port=5000 {through}", f"host={address} port=5001 {through}", command)


def proxy(name, what, program, directory, address, cluster, options=""):
    hosts = ", ".join(f'"http://{member.address}:8008"' for member in cluster.members.values())
    file = directory / f"{name}.yaml"
    file.write_text(PROXY.format(address=address, hosts=hosts, options=options and ", " + options))
    return between(name, what, address, [program, str(file)])


def haproxy(name, what, source, directory, address, cluster, timing=""):
    """As contrib/haproxy has it, with these addresses."""
    text = (CONTRIB / source).read_text()
    for old, new in (("10.0.0.", "127.0.0."), ("bind *:", f"bind {address}:"),
                     ("/run/haproxy/admin.sock", f"{cluster.state_dir.path}/{name}.sock"),
                     ("inter 3s fall 3 rise 2", timing or "inter 3s fall 3 rise 2")):
        text = text.replace(old, new)
    file = directory / f"{name}.cfg"
    file.write_text(text)
    return between(name, what, address, ["/usr/sbin/haproxy", "-db", "-f", str(file)])


def all_paths(directory, cluster, programs):
    """`programs`: patroni_proxy by name; the first is this tree's, others are compared with it."""
    directory = pathlib.Path(directory)
    members = [member.address for member in cluster.members.values()]
    unaffected = cluster.members[UNAFFECTED].address
    paths = [Path("direct", "every member that may lead at once: the floor",
                  [f"host={each} {DIRECT}" for each in members if each != unaffected],
                  reading=f"host={unaffected} {DIRECT}")]
    for number, (name, program) in enumerate(programs.items()):
        options = {"": ("patroni_proxy at its defaults", ""),
                   "_queue": (f"`{QUEUE}`", QUEUE),
                   "_pgbouncer": (f"`{QUEUE}`, `host_port`: a PgBouncer beside each member",
                                  f"{QUEUE}, host_port: {POOLER_PORT}")}
        # Two cores have no room for it beside all others in every run.
        if cluster.heavy:
            options["_queue_tls"] = (f"`{QUEUE}`, `sslmode=require`: no startup packet is seen", QUEUE)
        paths += [proxy(name + suffix, what, program, directory, f"127.0.0.{30 + 10 * number + place}",
                        cluster, setting)
                  for place, (suffix, (what, setting)) in enumerate(options.items())]
    paths += [haproxy("haproxy_slow", "httpchk, `inter 3s fall 3 rise 2`", "httpchk_only.cfg", directory,
                      "127.0.0.20", cluster),
              haproxy("haproxy_fast", "httpchk, `inter 1s fall 2 rise 1`", "httpchk_only.cfg", directory,
                      "127.0.0.21", cluster, "inter 1s fall 2 rise 1"),
              haproxy("haproxy_agent", "patroni_agent on the database hosts, as contrib/haproxy has it",
                      "agent_on_database_hosts.cfg", directory, "127.0.0.22", cluster)]
    several = f"host={','.join(members)} target_session_attrs=read-write {DIRECT}"
    return [*paths, Path("libpq", "all members in the connection string, `target_session_attrs=read-write`",
                         [several], several)]
