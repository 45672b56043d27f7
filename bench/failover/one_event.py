"""One event, seen by the clients on every path."""

import time

import clients
import evaluation
from workshop import CLIENTS

SETTLED = 2.0  # seconds of success on every path before an event
ELECTED = 120  # seconds that a new primary may take
FOLLOWED = 20  # seconds after it that a path may take
HEALING = 20  # seconds that clients go on while the old primary comes back, if it takes so long
HANGING = 10  # seconds after the new primary accepts writes, when an idle session should know


def all_steady(names):
    """Every path has served every client that began in the last SETTLED seconds: all checks of all
    programs agree who leads."""
    def steady(writes):
        since = time.monotonic() - SETTLED
        good = {each.path for each in writes if each.ok and each.due < since}
        lately = [each for each in writes if each.ended > since]
        bad = {each.path for each in lately if not each.ok and each.path != "direct"}
        return names <= good and names <= {each.path for each in lately if each.ok} and not bad
    return steady


def all_followed(names, old):
    return lambda writes: names <= {each.path for each in writes if each.ok and each.timeline > old}


def watch(event, number, compared, whole, log):
    """One event: what every client saw, and what the primary has at the end."""
    check_alive(compared)
    whole.wait_until_whole()
    leader = whole.leader().name
    names = {path.name for path in compared}
    seen = clients.Clients(CLIENTS, number, compared, whole, log)
    try:
        if not seen.begun.wait(60) or not seen.wait_for(all_steady(names), 60):
            raise RuntimeError("not every path works before the event; see the logs of --keep")
        whole.wait_until_caught_up()
        whole.write_heavily()
        began = time.monotonic()
        old = evaluation.leading_timeline(seen.writes, began)
        event.happen(whole, leader)
        seen.wait_for(all_followed({"direct"}, old), ELECTED)
        accepts = time.monotonic()
        seen.wait_for(all_followed(names, old), FOLLOWED)
        time.sleep(max(0.0, accepts + HANGING - time.monotonic()))
        seen.check()
        healed = time.monotonic()
        whole.end_writing()
        event.heal(whole, leader)
        whole.is_whole_within(HEALING)
        seen.end()
    finally:
        whole.end_writing()
        seen.kill()
    # Without clients: where they overload the machine, nothing would ever heal.
    whole.wait_until_whole()
    rows = whole.rows(number)
    return {"began": began, "healed": healed, "writes": seen.writes, "longs": seen.longs, "rows": rows}


def check_alive(compared):
    ended = [path.name for path in compared if path.process and path.process.poll() is not None]
    if ended:
        raise RuntimeError(f"ended: {', '.join(ended)}; see the logs of --keep")
