"""bench/results/failover.md."""

import datetime
import os
import pathlib
import platform
import re
import shlex
import subprocess
import sys

import evaluation

HEADING = """# What clients see of a failover

Every path side by side in one run of [bench/failover](../failover), on a real cluster (scripts/testbed):
`{command}` with the programs of commit {commit} on {date}.
Why the figures are what they are: [docs/failover.md](../../docs/failover.md).

Every 50 ms a client of each path connects, inserts a numbered row, and leaves; one that waits hides none
of those that follow.

| column | |
|---|---|
| outage | from the last row that the old primary acknowledged to the first one that the new primary did, on the same path |
| over floor | the outage minus that of the direct path in the same event: what the path itself adds |
| failures after it | those that came after that first row; in brackets how long after it the last one did |
| failed connects, failed rows | what clients were told as an error from the event on, before and after they had a session; among the rows are clients that were not answered at all; the line below says what |
| slow | acknowledged, more than 200 ms after it was due; in brackets the longest |
| on a standby | rows that a member refused as a standby (25006) |
| by the old primary | rows that it, or whoever else was not the primary, acknowledged after the new primary had acknowledged its first |
| lost | rows acknowledged, all of them by the old primary, that the new primary does not have |
| idle session | what became of one that was open on the old primary: cut, with the median and the longest time; left: still there 10 s after the new primary accepts rows; cut before: before the event |
| reader cut | a transaction on the replica that the event was not about; not counted where the same one without a path in between was cut too |

{machine}

![One example of each event]({svg})

| path | |
|---|---|
{paths}
"""

COLUMNS = ("outage, s: median", "over floor, s: median", "p95", "max", "failures after it (last, s)",
           "failed connects", "failed rows",
           "slow (longest, s)", "on a standby", "by the old primary", "lost", "idle session", "reader cut")


def output_of(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return (done.stdout + done.stderr).strip()


VERSIONS = (("Patroni", "patroni", "--version"),
            ("PostgreSQL", "/usr/lib/postgresql/15/bin/postgres", "--version"),
            ("etcd", "etcd", "--version"), ("HAProxy", "/usr/sbin/haproxy", "-v"),
            ("PgBouncer", "/usr/sbin/pgbouncer", "--version"))


def about(loop_wait):
    """What is known when a run begins."""
    return {"command": shlex.join(["bench/failover/run", *sys.argv[1:]]), "loop_wait": loop_wait,
            "commit": output_of("git", "-C", os.path.dirname(__file__), "rev-parse", "--short", "HEAD"),
            "date": str(datetime.date.today())}


def machine(loop_wait):
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())[1]
    versions = ", ".join(f"{name} {re.search(r'[0-9]+([.][0-9]+)+', output_of(*command))[0]}"
                         for name, *command in VERSIONS)
    ttl = 30 if loop_wait == 10 else 20
    return (f"Machine: {os.cpu_count()} cores of {model}, Linux {platform.release()}, shared with other\n"
            f"work, before which all that is measured goes (nice -15);\n{versions};\n"
            f"`loop_wait` {loop_wait}, `ttl` {ttl}; loopback of a network namespace.")


def seconds(value, sign=""):
    return "-" if value is None else f"{value:{sign}.2f}"


def session_text(path, found):
    if path == "direct":
        return "-"
    cut = found["cut_after"]
    parts = []
    for name, count in found["sessions"].items():
        if count:
            when = f", {cut[0]:.1f} s (max {cut[1]:.1f})" if name == "cut" else ""
            parts.append(f"{count} {name}{when}")
    return "; ".join(parts)


def row(path, found):
    behind = found["behind"] or (None, None, None)
    never = f" ({found['never']} never)" if found["never"] else ""
    slow = f"{found['slow']:,} ({found['longest']:.1f})" if found["slow"] else "0"
    later = f"{found['later']:,} ({found['later_by']:.1f})" if found["later"] else "0"
    readers = "-" if found["readers_cut"] is None else f"{found['readers_cut']} of {found['readers']}"
    failed = [f"{found[name]:,}" if path != "direct" else "-"
              for name in ("no_connection", "no_row", "read_only")]
    cells = [f"`{path}`", seconds(found["outage"]) + never,
             *(["-"] * 3 if path == "direct" else [seconds(value, "+") for value in behind]),
             "-" if path == "direct" else later, failed[0], failed[1], slow, failed[2],
             f"{found['stale']:,}", f"{found['lost']:,}", session_text(path, found), readers]
    return "| " + " | ".join(cells) + " |"


def reasons_line(summaries):
    """What the failures were, the most frequent first."""
    parts = []
    for path, found in summaries.items():
        reasons = sorted(found["reasons"].items(), key=lambda each: -each[1])
        if reasons:
            parts.append(f"`{path}` " + ", ".join(f"{name} {count:,}" for name, count in reasons))
    return f"\nFailures: {'; '.join(parts) or 'none'}."


def lost_line(summaries):
    broken = sum(found["lost_new"] for found in summaries.values())
    return f" **Rows lost that the new primary had acknowledged: {broken}.**" if broken else ""


def section(event, rounds, what):
    summaries = {path: evaluation.summary([each[path] for each in rounds]) for path in what}
    times = f"{len(rounds)} time{'s' if len(rounds) > 1 else ''}"
    return (f"\n## {event.name}: {times}\n\n{event.what[0].upper()}{event.what[1:]}.\n\n" +
            "| path | " + " | ".join(COLUMNS) + " |\n|---|" + "---:|" * len(COLUMNS) + "\n" +
            "\n".join(row(path, found) for path, found in summaries.items()) + "\n" +
            reasons_line(summaries) + lost_line(summaries) + "\n")


def overview(outcomes, paths):
    """One table for all events: what each path adds to the outage, and how many clients it fails."""
    lines = ["\n## In short\n", "Over floor, s: median (max); then how many of 20 clients a second got an "
             "error, for each event.\n",
             "| path | " + " | ".join(event.name for event in outcomes) + " |",
             "|---|" + "---:|" * len(outcomes)]
    for path in paths:
        if path == "direct":
            continue
        cells = []
        for rounds in outcomes.values():
            found = evaluation.summary([each[path] for each in rounds])
            over = found["behind"]
            times = f"{over[0]:+.1f} ({over[2]:+.1f})" if over else "never"
            if over and found["never"]:
                times += f", {found['never']} never"
            cells.append(f"{times}; {(found['no_connection'] + found['no_row']) / len(rounds):,.0f}")
        lines.append(f"| `{path}` | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def targets_table(judged):
    return ("\n## Targets\n\np95 by nearest rank: of fewer than 20 rounds it is the worst.\n\n"
            "| target | measured | at most | |\n|---|---:|---:|---|\n" +
            "".join(f"| {each.what} | {each.measured} | {each.allowed} | {each.verdict} |\n"
                    for each in judged))


def text(known, outcomes, judged, svg):
    """`known`: of about(), and the paths; `outcomes`: by event and round, a value for each path; `judged`:
    the targets."""
    listed = "\n".join(f"| `{name}` | {what} |" for name, what in known["paths"].items())
    heading = HEADING.format(**{**known, "paths": listed}, machine=machine(known["loop_wait"]), svg=svg)
    return (heading + overview(outcomes, known["paths"]) + targets_table(judged) +
            "".join(section(event, rounds, known["paths"]) for event, rounds in outcomes.items()))
