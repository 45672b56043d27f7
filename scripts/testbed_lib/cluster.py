"""The cluster: its settings, its health, and the commands that change it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .basics import Deadline, Failure, Misuse, say
from .nodes import POSTGRES_PORT, REST_PORT, Addresses, Etcd, Member, Node, postgres_binaries
from .processes import Account, heads
from .tls import Certificates

MAXIMUM_LAG = 1024 * 1024  # Patroni lets no member take over that is further behind


@dataclass
class Settings:
    """What `up` was asked for; kept in the state directory for later commands."""

    cluster: int = 1  # its number, where there are several
    members: int = 3
    postgres: int = 0  # its major version; 0: the newest that is installed
    synchronous_mode: str = "off"
    synchronous_node_count: int = 1
    loop_wait: int = 2
    ttl: int = 20
    tls: str = "off"  # or Patroni's verify_client
    postgres_tls: bool = False
    callback: str = ""  # on_role_change
    tags: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def scope(self) -> str:
        return "testbed" if self.cluster == 1 else f"testbed-{self.cluster}"

    @property
    def retry_timeout(self) -> int:
        return min(3, (self.ttl - self.loop_wait) // 2)

    def validate(self) -> None:
        if not 1 <= self.members <= 20:
            raise Misuse("--members must be 1 to 20")
        if self.loop_wait < 1 or self.retry_timeout < 1:
            raise Misuse("--loop-wait must be at least 1, and --ttl at least loop_wait + 2",
                         "(Patroni wants loop_wait + 2 * retry_timeout <= ttl.)")
        if not 1 <= self.synchronous_node_count <= max(1, self.members - 1):
            raise Misuse("--synchronous-node-count must be at least 1 and less than --members")
        unknown = set(self.tags) - {member_name(number) for number in range(1, self.members + 1)}
        if unknown:
            raise Misuse(f"--tags names {', '.join(sorted(unknown))}, but the members are p1 to p{self.members}")


@dataclass
class Health:
    """What is known of one member; without a problem it is healthy."""

    member: Member
    role: str = "-"
    state: str = "-"
    timeline: Any = "-"
    lag: Any = "-"
    problem: str = ""


def member_name(number: int) -> str:
    return f"p{number}"


class Testbed:
    def __init__(self, state_dir: Path, settings: Settings) -> None:
        addresses = Addresses(settings.cluster)
        self.settings = settings
        rest_tls = settings.tls != "off"
        self.certificates = Certificates(state_dir) if rest_tls or settings.postgres_tls else None
        self.etcd = Etcd(state_dir, addresses.etcd)
        self.members = [Member(member_name(number), state_dir, addresses.member(number),
                               self.certificates if rest_tls else None)
                        for number in range(1, settings.members + 1)]
        for member in self.members:
            member.settings = self.patroni_settings

    def nodes(self) -> list[Node]:
        return [self.etcd, *self.members]

    def node(self, name: str) -> Node:
        for node in self.nodes():
            if node.name == name:
                return node
        raise Misuse(f"there is no node {name}; there are {', '.join(node.name for node in self.nodes())}")

    def member(self, name: str) -> Member:
        node = self.node(name)
        if not isinstance(node, Member):
            raise Misuse(f"{name} is no member")
        return node

    def patroni_settings(self, member: Member) -> dict[str, Any]:
        """Patroni's configuration file for a member."""
        settings = self.settings
        tls: dict[str, Any] = {}
        if self.certificates and settings.tls != "off":
            tls = self.certificates.patroni_settings(member.name, settings.tls)
        postgres_tls: dict[str, Any] = {}
        if self.certificates and settings.postgres_tls:
            postgres_tls = self.certificates.postgres_settings(member.name)
        return {
            "scope": settings.scope,
            "name": member.name,
            "etcd3": {"host": f"{self.etcd.address}:{self.etcd.ports[0]}"},
            "restapi": {
                "listen": f"{member.address}:{REST_PORT}",
                "connect_address": f"{member.address}:{REST_PORT}",
                **tls.get("restapi", {}),
            },
            "ctl": tls.get("ctl", {}),
            "bootstrap": {
                "dcs": {
                    "loop_wait": settings.loop_wait,
                    "ttl": settings.ttl,
                    "retry_timeout": settings.retry_timeout,
                    "maximum_lag_on_failover": MAXIMUM_LAG,
                    "synchronous_mode": "quorum" if settings.synchronous_mode == "quorum"
                    else settings.synchronous_mode != "off",
                    "synchronous_mode_strict": settings.synchronous_mode == "strict",
                    "synchronous_node_count": settings.synchronous_node_count,
                    "postgresql": {
                        "use_pg_rewind": True,
                        "use_slots": True,
                        "parameters": {
                            "max_connections": 200,
                            "hot_standby": "on",
                            "shared_buffers": "16MB",
                            "fsync": "off",
                            "full_page_writes": "on",  # pg_rewind refuses to work without
                            "wal_keep_size": "64MB",
                            "wal_retrieve_retry_interval": "500ms",
                            # Kept in files, dynamic shared memory goes with the state directory.
                            "dynamic_shared_memory_type": "mmap",
                        },
                    },
                },
                "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}, "no-sync"],
            },
            "postgresql": {
                "listen": f"{member.address}:{POSTGRES_PORT}",
                "connect_address": f"{member.address}:{POSTGRES_PORT}",
                "data_dir": str(member.data_dir),
                "bin_dir": str(postgres_binaries(settings.postgres)),
                "pgpass": str(member.directory / "pgpass"),
                "use_unix_socket": True,
                "use_unix_socket_repl": True,
                "authentication": {
                    "superuser": {"username": "postgres"},
                    "replication": {"username": "replicator"},
                },
                # Members reach each other from 127.0.0.1, whatever their own address.
                "pg_hba": [
                    "local all all trust",
                    "local replication all trust",
                    "host all all 127.0.0.0/8 trust",
                    "host replication all 127.0.0.0/8 trust",
                ],
                "callbacks": {"on_role_change": settings.callback} if settings.callback else {},
                "basebackup": [{"checkpoint": "fast"}, "no-sync"],
                "remove_data_directory_on_rewind_failure": True,
                "remove_data_directory_on_diverged_timelines": True,
                "parameters": {
                    "unix_socket_directories": str(member.directory),
                    "logging_collector": "on",
                    "log_directory": str(member.log.parent),
                    "log_filename": f"{member.name}-postgresql.log",
                    "log_file_mode": "0644",
                    "log_line_prefix": "%m [%p] ",
                    **postgres_tls,
                },
            },
            "tags": settings.tags.get(member.name, {}),
        }

    # --- health

    def reachable(self) -> list[Member]:
        """The members whose Patroni may answer."""
        return [member for member in self.members if member.is_running() and not member.is_frozen()]

    def view(self) -> dict[str, Any]:
        """What /cluster says, from the first Patroni that answers."""
        for member in self.reachable():
            status, answer = member.rest("GET", "/cluster")
            if status == 200 and isinstance(answer, dict):
                return answer
        return {"members": []}

    def cluster(self) -> list[dict[str, Any]]:
        return self.view()["members"]

    def is_paused(self) -> bool:
        return self.view().get("pause", False)

    def leader(self) -> str:
        """The leader's name, or nothing."""
        return next((member["name"] for member in self.cluster() if member["role"] == "leader"), "")

    def health(self) -> list[Health]:
        seen = {member["name"]: member for member in self.cluster()}
        leader = next((member for member in seen.values() if member["role"] == "leader"), {})
        written = self.written_by(leader.get("name", ""))
        return [self.examine(member, seen.get(member.name, {}), leader, written) for member in self.members]

    def written_by(self, name: str) -> str:
        """How far a member has written its WAL; nothing if it is no primary."""
        try:
            return next((m.query("select pg_current_wal_lsn()") for m in self.members if m.name == name), "")
        except Failure:
            return ""

    def examine(self, member: Member, seen: dict[str, Any], leader: dict[str, Any], written: str) -> Health:
        health = Health(member, *(seen.get(key, "-") for key in ("role", "state", "timeline", "lag")))
        is_leader = health.role == "leader"
        if not member.is_running():
            health.problem = "Patroni is not running"
        elif member.is_frozen():
            health.problem = "Patroni is frozen"
        elif not member.postgres():
            health.problem = "PostgreSQL is not running"
        elif held := member.held():
            health.problem = f"{held} held"
        elif not seen:
            health.problem = "not in /cluster"
        elif not leader:
            health.problem = "the cluster has no leader"
        elif health.state not in ("running", "streaming"):
            health.problem = f"state {health.state}"
        elif health.timeline != leader.get("timeline"):
            health.problem = f"timeline {health.timeline}, the leader has {leader.get('timeline', '-')}"
        elif not is_leader and not (isinstance(health.lag, int) and health.lag <= MAXIMUM_LAG):
            health.problem = f"lag {health.lag}"
        else:
            health.problem = self.examine_rest(member, is_leader) or self.examine_postgres(member, is_leader, written)
        return health

    def examine_rest(self, member: Member, is_leader: bool) -> str:
        """Asks the member itself: /cluster may show what it was before it was restarted."""
        path = "/leader" if is_leader else "/health"
        status, answer = member.rest("GET", path)
        return "" if status == 200 else f"its REST API says {status or answer} to {path}"

    def examine_postgres(self, member: Member, is_leader: bool, written: str) -> str:
        """Asks PostgreSQL too: the lag in /cluster may be as old as loop_wait, and 0 before the first loop."""
        if not written:
            return "the leader takes no writes"
        if is_leader:
            return ""  # it has just said what it wrote
        try:
            if member.query("select pg_is_in_recovery()") != "t":
                return "a replica, but PostgreSQL is not in recovery"
            # After a restart its received position is the start of a segment, until it has received more than it
            # has replayed.
            behind = member.query("select pg_wal_lsn_diff('%s', greatest(pg_last_wal_receive_lsn(),"
                                  " pg_last_wal_replay_lsn()))"
                                  " from pg_stat_wal_receiver where status = 'streaming'" % written)
        except Failure as failure:
            return failure.args[0]
        if not behind:
            return "it does not stream from the leader"
        return f"it has not received the last {behind} bytes" if int(behind) > MAXIMUM_LAG else ""

    def problems(self, healths: list[Health]) -> list[str]:
        found = [f"{health.member.name}: {health.problem}" for health in healths if health.problem]
        if not self.etcd.is_healthy():
            found.insert(0, f"etcd: {'unhealthy' if self.etcd.is_running() else 'not running'}")
        wanted = self.synchronous_standbys_wanted()
        have = sum(health.role in ("sync_standby", "quorum_standby") for health in healths)
        if have < wanted:
            found.append(f"synchronous standbys: {have} of {wanted}")
        return found

    def synchronous_standbys_wanted(self) -> int:
        if self.settings.synchronous_mode == "off":
            return 0
        able = sum(not self.settings.tags.get(member.name, {}).get("nosync") for member in self.members)
        return min(self.settings.synchronous_node_count, max(0, able - 1))

    # --- commands

    def check_ports(self) -> None:
        for node in self.nodes():
            node.check_ports()

    def up(self, account: Account, deadline: Deadline) -> None:
        if self.certificates:
            self.certificates.create({member.name: member.address for member in self.members}, account)
        if not self.etcd.is_running():
            self.etcd.start(account)
        self.wait_until(self.etcd.is_healthy, deadline, "etcd does not become healthy", [self.etcd])
        say(f"etcd answers on {self.etcd.client_url}", deadline)
        if not any(member.has_data() for member in self.members):
            # The first member alone, so that it is always p1 that leads at first.
            first = self.members[0]
            self.start_members([first], account)
            self.wait_until(lambda: self.leader() == first.name and first.accepts_writes(), deadline,
                            f"{first.name} does not become leader", [first])
            say(f"{first.name} leads on {first.address}", deadline)
        self.start_members(self.members, account)
        self.wait_healthy(self.members, deadline)
        say(f"all {len(self.members)} members are healthy, leader {self.leader()}", deadline)
        print(f"etcd {self.etcd.version()}, {self.members[0].versions()}")

    def start_members(self, members: list[Member], account: Account) -> None:
        for member in members:
            if not member.is_running():
                member.start(account)

    def wait_healthy(self, members: list[Member], deadline: Deadline) -> None:
        sick: list[str] = []

        def healthy() -> bool:
            healths = [health for health in self.health() if health.member in members]
            everyone = len(members) == len(self.members)
            sick[:] = self.problems(healths) if everyone else [h.problem for h in healths if h.problem]
            return not sick

        names = ", ".join(member.name for member in members)
        self.wait_until(healthy, deadline, f"not healthy: {names}", list(members), sick)

    def wait_until(self, condition: Callable[[], bool], deadline: Deadline, complaint: str,
                   nodes: list[Node], details: list[str] | None = None) -> None:
        """Waits for the condition, but no longer than its nodes are alive."""

        def reached() -> bool:
            if condition():
                return True
            for node in nodes:
                node.check_alive()
            return False

        if not deadline.wait(reached, pause=0.3):
            logs = nodes[0].tail() if len(nodes) == 1 else [f"The logs: {nodes[0].log.parent}/"]
            raise Failure(f"{complaint} within {deadline.seconds:g} s", *(details or []), *logs)

    def start(self, node: Node, account: Account, deadline: Deadline) -> None:
        if not node.is_running():
            node.start(account)
        if isinstance(node, Member):
            self.wait_healthy([node], deadline)
        else:
            self.wait_until(self.etcd.is_healthy, deadline, "etcd does not become healthy", [node])
        say(f"{node.name} is healthy", deadline)

    def stop(self, node: Node, deadline: Deadline) -> None:
        paused = isinstance(node, Member) and self.is_paused()
        node.stop(deadline, spares_postgres=paused)
        runs_on = "; its PostgreSQL runs on, as in maintenance mode" if node.processes() else ""
        say(f"{node.name} has ended{runs_on}", deadline)

    def switchover(self, expected: str, target: str, deadline: Deadline) -> None:
        leader, candidate = self.wait_for_candidate(expected, target, deadline)
        began = Deadline(deadline.seconds)
        status, answer = leader.rest("POST", "/switchover", {"leader": leader.name, "candidate": candidate.name},
                                     timeout=deadline.seconds)
        if status != 200:
            raise Failure(f"{leader.name} refused the switchover to {candidate.name}: {status} {answer}",
                          *leader.tail())
        if not deadline.wait(lambda: self.leader() == candidate.name and candidate.accepts_writes()):
            raise Failure(f"{candidate.name} does not lead within {deadline.seconds:g} s "
                          f"(leader: {self.leader() or 'none'})", *candidate.tail())
        say(f"switched over from {leader.name} to {candidate.name}, which leads and takes writes", began)

    def wait_for_candidate(self, expected: str, target: str, deadline: Deadline) -> tuple[Member, Member]:
        """Leader and candidate, as soon as the candidate can take over."""
        for name in filter(None, (expected, target)):
            self.node(name)
        if target and self.settings.tags.get(target, {}).get("nofailover"):
            raise Misuse(f"{target} is tagged nofailover: it never leads")
        why = "no leader"
        while not deadline.passed():
            healths = self.health()
            leader = next((health.member for health in healths if health.role == "leader"), None)
            if leader and leader.name == target:
                raise Misuse(f"{target} leads already")
            if leader and expected not in ("", leader.name):
                raise Misuse(f"{leader.name} leads, not {expected}")
            able = [health for health in healths if self.can_lead(health)]
            chosen = next((health.member for health in able if target in ("", health.member.name)), None)
            if leader and chosen:
                return leader, chosen
            why = "; ".join(self.problems(healths)) or "it is no synchronous standby, or tagged nofailover"
            time.sleep(0.1)
        raise Failure(f"{target or 'no member'} can take over within {deadline.seconds:g} s", why)

    def can_lead(self, health: Health) -> bool:
        wanted = ("replica",) if self.settings.synchronous_mode == "off" else ("sync_standby", "quorum_standby")
        tags = self.settings.tags.get(health.member.name, {})
        return not health.problem and health.role in wanted and not tags.get("nofailover")

    def pause(self, paused: bool, deadline: Deadline) -> None:
        member = next(iter(self.reachable()), None)
        if not member:
            raise Failure("no Patroni is running")
        status, answer = member.rest("PATCH", "/config", {"pause": paused or None}, timeout=deadline.left())
        if status != 200:
            raise Failure(f"{member.name} refused: {status or 'no answer'} {answer}", *member.tail())
        late: list[str] = []

        def shown() -> bool:
            late[:] = [member.name for member in self.reachable() if not member.shows_pause(paused)]
            return not late

        if not deadline.wait(shown):
            raise Failure(f"not shown within {deadline.seconds:g} s by {', '.join(late)}")
        say("in maintenance mode" if paused else "no longer in maintenance mode", deadline)

    def write_wal(self, megabytes: int, deadline: Deadline) -> None:
        name = self.leader()
        if not name:
            raise Failure("the cluster has no leader")
        leader = self.member(name)
        for done in range(0, megabytes, 16):
            if deadline.passed():
                raise Failure(f"only {done} MB written within {deadline.seconds:g} s")
            # Messages of 1 MB that nobody reads. They do not wait for standbys.
            leader.query("set synchronous_commit = local; "
                         "select count(pg_logical_emit_message(true, 'testbed', repeat('x', 1024 * 1024)))"
                         f" from generate_series(1, {min(16, megabytes - done)})", deadline.left())
        say(f"{megabytes} MB written by {name}, now at {self.written_by(name)}", deadline)

    def change_tags(self, member: Member, changes: dict[str, Any], account: Account) -> None:
        """In the settings and the member's configuration; Patroni knows once it has reloaded."""
        tags = self.settings.tags.get(member.name, {}) | changes
        self.settings.tags[member.name] = {key: value for key, value in tags.items() if value is not None}
        member.write_configuration(account)

    def reload_tags(self, member: Member, deadline: Deadline) -> None:
        tags = self.settings.tags[member.name]

        def shown() -> bool:
            return any(seen["name"] == member.name and set_tags(seen.get("tags", {})) == set_tags(tags)
                       for seen in self.cluster())

        if not member.is_running():
            say(f"{member.name} is not running; it will have the tags {json.dumps(tags)}", deadline)
            return
        status, answer = member.rest("POST", "/reload", timeout=deadline.left())
        if status != 202:
            raise Failure(f"{member.name} does not reload: {status or 'no answer'} {answer}", *member.tail())
        if not deadline.wait(shown):
            raise Failure(f"/cluster does not show the tags within {deadline.seconds:g} s", *member.tail())
        say(f"{member.name} has the tags {json.dumps(tags)}", deadline)

    def status(self) -> bool:
        healths = self.health()
        pids = [process.pid for process in heads(self.etcd.processes())]
        table = [("node", "role", "state", "timeline", "lag", "address", "pids", "tags"),
                 ("etcd", "-", "running" if pids else "-", "-", "-", self.etcd.address, show(pids), "")]
        for health in healths:
            member = health.member
            pids = [process.pid for process in heads(member.servers()) + heads(member.postgres())]
            tags = self.settings.tags.get(member.name, {})
            table.append((member.name, health.role, health.state, str(health.timeline), str(health.lag),
                          member.address, show(pids), ",".join(f"{k}={json.dumps(v)}" for k, v in tags.items())))
        widths = [max(map(len, column)) for column in zip(*table)]
        for row in table:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
        problems = self.problems(healths)
        if self.is_paused():
            print("in maintenance mode")
        print("\n".join(problems) if problems else "healthy")
        return not problems


def show(pids: list[int]) -> str:
    return ",".join(map(str, pids)) or "-"


def set_tags(tags: dict[str, Any]) -> dict[str, Any]:
    """Without the tags that are off: Patroni shows only some of them."""
    return {key: value for key, value in tags.items() if value}
