"""What an event was like on each path. Pure functions: no clock, no process."""

import dataclasses
import re
import statistics

SLOW = 0.2  # seconds, from the moment a write was due
TOGETHER = 1.0  # seconds; readers that are cut within them are cut by the same thing
READ_ONLY = "25006"
# How failures are counted together: by what the server or PgBouncer says, else by what libpq does.
REASONS = [(r"server_login_retry|query_wait_timeout|pgbouncer", "PgBouncer"),
           (r"system is (starting up|shutting down|in recovery)|not (yet )?accepting", "57P03"),
           (r"administrator command", "57P01"),
           (r"too many clients|remaining connection slots", "53300"),
           (r"read-only transaction", READ_ONLY),
           (r"timeout expired|Connection timed out", "timeout"),
           (r"could not open file", "broken member"),
           (r"server closed the connection|Connection reset|Broken pipe|EOF", "closed"),
           (r"Connection refused", "refused")]

SESSIONS = ("cut", "went on", "broken", "left", "hangs", "cut before", "failed")


@dataclasses.dataclass
class Outcome:
    """One path in one event. Times are seconds; `None`: it never came."""

    outage: float | None
    behind: float | None  # the outage minus that of the direct path
    later: int  # failures after the first row on the new primary, until the old one comes back
    later_by: float  # how long after it the last of them was
    no_connection: int  # failures, and slow ones, from the event on
    no_row: int
    reasons: dict[str, int]
    slow: int
    longest: float
    read_only: int  # writes that reached a member which refused them as a standby
    stale: int  # acknowledged by another than the primary, as a rule by the former one
    lost: int  # acknowledged, and not there at the end
    lost_new: int  # of these, by the new primary: a promise broken
    reader_cut: int | None  # the transaction on the unaffected replica was; `None`: who knows
    session: str  # what became of the idle session, one of SESSIONS
    session_after: float | None  # seconds from the event until it was cut


def reason(write):
    text = write.text + " " + write.state
    return next((name for pattern, name in REASONS if re.search(pattern, text)),
                write.state or write.outcome)


def leading_timeline(writes, until):
    return max((write.timeline for write in writes if write.ok and write.ended <= until), default=0)


def first_on_new(writes, path, old, until):
    """The first row that a primary on a later timeline took, or nothing."""
    return min((write for write in writes
                if write.path == path and write.ok and write.timeline > old and write.ended < until),
               key=lambda write: write.ended, default=None)


def outage_of(writes, path, old, until):
    """Begins and ends with an acknowledged row; on the way from the old primary to the new one."""
    after = first_on_new(writes, path, old, until)
    if not after:
        return None
    before = [write.ended for write in writes
              if write.path == path and write.ok and write.timeline <= old and write.ended <= after.ended]
    return (max(before), after.ended) if before else None


def by_no_primary(writes):
    """Rows acknowledged when another member had acknowledged one on the same timeline or a later one."""
    found, primary = [], (0, "")
    for write in sorted((write for write in writes if write.ok), key=lambda write: write.ended):
        if write.timeline > primary[0]:
            primary = (write.timeline, write.member)
        elif (write.timeline, write.member) != primary:
            found.append(write)
    return found


def length(interval):
    return interval[1] - interval[0] if interval else None


def session_of(longs, path, began, new_primary):
    found = next((each for each in reversed(longs) if (each.kind, each.path) == ("session", path)), None)
    if not found or found.what in ("failed", "open"):
        return ("failed" if not found or found.what == "failed" else "hangs"), None
    if found.what == "cut" and found.at < began:
        return "cut before", None
    if found.what in ("cut", "broken"):  # broken: nobody said so until it was used
        return found.what, found.at - began
    if found.what == "on":
        address, in_recovery = found.more[:2]
        return ("went on" if address == new_primary and in_recovery == "f" else "left"), None
    return "hangs", None


def reader_of(longs, path):
    """1: cut. Where the direct one was too, and no later, nobody knows what the path would have done."""
    last = {each.path: each for each in longs if each.kind == "reading"}
    mine, direct = last.get(path), last.get("direct")
    if not mine or mine.what == "failed":
        return None
    if mine.what == "kept":
        return 0
    blameless = direct and (direct.what == "kept" or mine.at < direct.at - TOGETHER)
    return 1 if blameless or path == "direct" else None


def evaluate(writes, longs, rows, began, healed, paths):
    """Outcomes by path. `rows`: what the primary has at the end; `began`: when the event did;
    `healed`: when the old primary was about to come back. Who follows later has not followed."""
    old = leading_timeline(writes, began)
    floor = length(outage_of(writes, "direct", old, healed))
    stale = [write.path for write in by_no_primary(writes)]
    final = max((write for write in writes if write.ok), key=lambda write: write.timeline)
    found = {}
    for path in paths:
        mine = [write for write in writes if write.path == path]
        good = [write for write in mine if write.ok]
        # Of the direct path's attempts all but one fail, as they should.
        failed = [write for write in mine if not write.ok and write.ended > began] if path != "direct" else []
        interval = outage_of(writes, path, old, healed)
        outage = length(interval)
        later = [write.ended - interval[1] for write in failed
                 if interval and interval[1] < write.ended < healed]
        slow = [write.ended - write.due for write in good
                if write.ended - write.due > SLOW and write.ended > began]
        reasons = [reason(write) for write in failed]
        lost = [write for write in good if (path, write.number) not in rows]
        session, session_after = session_of(longs, path, began, final.member)
        found[path] = Outcome(
            outage=outage,
            behind=None if outage is None or floor is None else outage - floor,
            later=len(later), later_by=max(later, default=0),
            no_connection=sum(write.outcome == "no connection" for write in failed),
            no_row=sum(write.outcome != "no connection" for write in failed),
            reasons={name: reasons.count(name) for name in sorted(set(reasons))},
            slow=len(slow), longest=max(slow, default=0),
            read_only=reasons.count(READ_ONLY),
            stale=stale.count(path),
            lost=len(lost), lost_new=sum(write.timeline > old for write in lost),
            reader_cut=reader_of(longs, path), session=session, session_after=session_after)
    return found


def typical(rounds):
    """The one of several raw results in which the direct path's outage was the median."""
    def outage(seen):
        old = leading_timeline(seen["writes"], seen["began"])
        return length(outage_of(seen["writes"], "direct", old, seen["healed"])) or 0.0
    return sorted(rounds, key=outage)[len(rounds) // 2]


def percentile(values, share):
    """The value that so large a share does not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)]


def summary(outcomes):
    """One path over all rounds of an event."""
    behind = [each.behind for each in outcomes if each.behind is not None]
    outage = [each.outage for each in outcomes if each.outage is not None]
    cut = [each.session_after for each in outcomes if each.session == "cut"]
    reasons = {}
    for each in outcomes:
        for name, count in each.reasons.items():
            reasons[name] = reasons.get(name, 0) + count
    readers = [each.reader_cut for each in outcomes if each.reader_cut is not None]
    return {"outage": statistics.median(outage) if outage else None,
            "behind": (statistics.median(behind), percentile(behind, 95), max(behind)) if behind else None,
            "never": len(outcomes) - len(outage),
            **{name: sum(getattr(each, name) for each in outcomes)
               for name in ("later", "no_connection", "no_row", "slow", "read_only", "stale", "lost",
                            "lost_new")},
            "longest": max(each.longest for each in outcomes),
            "later_by": max(each.later_by for each in outcomes),
            "reasons": reasons,
            "readers_cut": sum(readers) if readers else None, "readers": len(readers),
            "sessions": {name: sum(each.session == name for each in outcomes)
                         for name in SESSIONS},
            "cut_after": (statistics.median(cut), max(cut)) if cut else None}
