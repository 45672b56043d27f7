"""What happens to the leader, and how the cluster is made whole again."""

import dataclasses
import typing

from testbed_lib.basics import Deadline
from cluster import PATIENCE


def switchover(cluster, _):
    cluster.testbed.switchover("", "", Deadline(PATIENCE))


def stop(cluster, name):
    cluster.testbed.stop(cluster.members[name], Deadline(PATIENCE))


def kill(cluster, name):
    cluster.members[name].kill()
    cluster.kill_beside(name)


def kill_patroni(cluster, name):
    cluster.members[name].kill(lambda process: not process.is_postgres)


def isolate(cluster, name):
    cluster.isolate(name)


@dataclasses.dataclass(frozen=True)
class Event:
    name: str
    what: str
    happen: typing.Callable
    rounds: int
    main: bool  # one of those in the picture, and in a quick run

    def heal(self, cluster, name):
        cluster.join()
        cluster.start_again(name)


ALL = [
    Event("switchover", "a planned switchover, asked of Patroni's API", switchover, 10, True),
    Event("stop", "the leader's Patroni is asked to end (SIGTERM), which ends its PostgreSQL; what runs "
          "beside it stays", stop, 10, True),
    Event("kill", "everything on the leader's host is killed at once (SIGKILL): Patroni, PostgreSQL, "
          "PgBouncer, patroni_agent", kill, 10, True),
    Event("patroni_killed", "Patroni alone is killed on the leader's host; its PostgreSQL goes on, "
          "and takes writes", kill_patroni, 3, False),
    Event("isolated", "no packet reaches the leader's host or leaves it, and nobody is told (nftables)",
          isolate, 3, False),
]
