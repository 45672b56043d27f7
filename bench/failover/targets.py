"""What patroni_proxy has to keep to in a failover, and whether it did. Pure functions."""

import dataclasses
import math

import evaluation

OVER_FLOOR = {"proxy_queue": 0.1, "proxy": 0.3}  # seconds, p95
EVENTS = ("switchover", "stop", "kill")
ERRORS = 1  # of all clients in a switchover: the one in flight


@dataclasses.dataclass(frozen=True)
class Target:
    what: str
    figure: float  # infinite: what was waited for never came, or nobody saw it
    limit: float
    unit: str = ""

    @property
    def verdict(self):
        return "met" if self.figure <= self.limit else "MISSED"

    @property
    def measured(self):
        if math.isinf(self.figure):
            return "never seen"
        return f"{self.figure:.3f}{self.unit}" if self.unit else f"{self.figure}"

    @property
    def allowed(self):
        return f"{self.limit}{self.unit}"

    def __str__(self):
        return f"{self.what}: {self.measured}, at most {self.allowed}: {self.verdict}"


def over_floor(rounds, path):
    """p95 by nearest rank: of fewer than 20 rounds the worst. One in which the path never followed, or
    the direct one did not, is worse than all others."""
    behind = [each[path].behind for each in rounds]
    return evaluation.percentile([math.inf if each is None else each for each in behind], 95)


def judged(outcomes):
    """`outcomes`: by name of the event and round, a value for each path. Of events that were not
    measured nothing is said."""
    found = [Target(f"{event}, {path}: p95 over floor", over_floor(outcomes[event], path), limit, " s")
             for path, limit in OVER_FLOOR.items() for event in EVENTS if event in outcomes]
    if "switchover" in outcomes:
        queue = [each["proxy_queue"] for each in outcomes["switchover"]]
        found.append(Target("switchover, proxy_queue: errors in the worst round",
                            max(each.no_connection + each.no_row for each in queue), ERRORS))
    ours = [outcome for rounds in outcomes.values() for each in rounds
            for path, outcome in each.items() if path.startswith("proxy")]
    readers = [each.reader_cut for each in ours if each.reader_cut is not None]
    found.append(Target("all events, proxy*: readers cut on the unaffected replica",
                        sum(readers) if readers else math.inf, 0))
    found.append(Target("all events, proxy*: rows acknowledged by another than the primary",
                        sum(each.stale for each in ours), 0))
    return found
