"""Events as the clients of bench/failover would have told of them. The old primary is on timeline 1."""

import itertools

from clients import Long, Write
import evaluation

BEGAN, HEALED = 10.0, 50.0
OLD, NEW = "10.0.0.1", "10.0.0.2"
numbers = itertools.count()


def row(path, ended, timeline=1, due=None, member=None):
    """Acknowledged."""
    return Write(path, next(numbers), ended if due is None else due, ended, "ok",
                 member or (OLD if timeline == 1 else NEW), timeline, "", "")


def failure(path, ended, outcome="no connection", state="", text="", due=None):
    return Write(path, next(numbers), ended if due is None else due, ended, outcome, "", 0, state, text)


def through(path, last=10.0, first=12.0, timeline=2):
    """Well before, and from `first` on."""
    return [row(path, last - 0.1), row(path, last), row(path, first, timeline), row(path, first + 0.1, timeline)]


def reading(path, what, at=60.0):
    return Long("reading", path, what, at, [])


def session(path, what, at=60.0, more=()):
    return Long("session", path, what, at, list(more))


def evaluated(writes, longs=(), lost=(), paths=("direct", "proxy")):
    """By path; on the primary are in the end all rows that were acknowledged, but for those `lost`."""
    rows = {(each.path, each.number) for each in writes if each.ok and each not in lost}
    return evaluation.evaluate(writes, list(longs), rows, BEGAN, HEALED, paths)


def of_proxy(writes, longs=(), lost=()):
    """The outcome of the path `proxy`, beside a direct one that was away for two seconds."""
    return evaluated([*through("direct"), *writes], longs, lost)["proxy"]
