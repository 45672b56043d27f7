import unittest

import report
from made_up import BEGAN, evaluated, failure, reading, row, through
import targets

PATHS = ("direct", "proxy", "proxy_queue", "proxy_pgbouncer", "libpq")
KEPT = [reading(path, "kept") for path in PATHS]


def around(first=12.0, **at):
    """A round in which every path follows together with the direct one, but for those said."""
    writes = [each for path in PATHS for each in through(path, first=at.get(path, first))]
    return evaluated(writes, KEPT, paths=PATHS)


def with_more(*more, longs=()):
    writes = [each for path in PATHS for each in through(path)]
    return evaluated([*writes, *more], [*KEPT, *longs], paths=PATHS)


class Targets(unittest.TestCase):
    def verdict(self, outcomes, what):
        found = [each for each in targets.judged(outcomes) if what in each.what]
        self.assertEqual(len(found), 1, what)
        return found[0].verdict

    def test_are_met_by_a_run_in_which_every_path_follows_the_floor(self):
        found = targets.judged({event: [around()] for event in ("switchover", "stop", "kill", "isolated")})
        self.assertEqual([each.verdict for each in found], ["met"] * 9)

    def test_of_events_that_were_not_measured_are_not_judged(self):
        found = targets.judged({"isolated": [around()]})
        self.assertEqual([each.what[:11] for each in found], ["all events,"] * 2)

    def test_over_floor_differ_by_path(self):
        late = {"kill": [around(proxy=12.25, proxy_queue=12.25)]}
        self.assertEqual(self.verdict(late, "kill, proxy:"), "met")
        self.assertEqual(self.verdict(late, "kill, proxy_queue:"), "MISSED")
        self.assertEqual(self.verdict({"kill": [around(proxy=12.35)]}, "kill, proxy:"), "MISSED")

    def test_over_floor_are_of_one_event_each(self):
        found = {"switchover": [around()], "stop": [around(proxy_queue=13.0)], "kill": [around()]}
        self.assertEqual([self.verdict(found, f"{event}, proxy_queue: p95") for event in found],
                         ["met", "MISSED", "met"])

    def test_over_floor_are_missed_by_one_late_round_of_nineteen_but_not_of_twenty(self):
        late = around(proxy_queue=12.5)
        self.assertEqual(self.verdict({"stop": [late] + [around()] * 18}, "stop, proxy_queue:"), "MISSED")
        self.assertEqual(self.verdict({"stop": [late] + [around()] * 19}, "stop, proxy_queue:"), "met")

    def test_over_floor_are_missed_by_a_path_that_never_follows(self):
        found = targets.judged({"stop": [around(), around(proxy_queue=51.0)]})
        self.assertIn("stop, proxy_queue: p95 over floor: never seen, at most 0.1 s: MISSED", map(str, found))

    def test_over_floor_are_missed_where_the_floor_is_unknown(self):
        self.assertEqual(self.verdict({"stop": [around(direct=51.0)]}, "stop, proxy:"), "MISSED")

    def test_one_error_in_each_switchover_is_the_one_in_flight(self):
        one = with_more(failure("proxy_queue", BEGAN + 0.1, "no row"))
        self.assertEqual(self.verdict({"switchover": [one, one, one]}, "errors"), "met")

    def test_two_errors_in_one_switchover_are_too_many_of_whatever_kind(self):
        two = with_more(failure("proxy_queue", BEGAN + 0.1), failure("proxy_queue", BEGAN + 0.1, "unanswered"))
        self.assertEqual(self.verdict({"switchover": [around(), two, around()]}, "errors"), "MISSED")

    def test_errors_of_other_paths_and_events_have_no_target(self):
        many = [failure(path, 11.0) for path in ("proxy", "libpq", "proxy_pgbouncer")] * 9
        queue = [failure("proxy_queue", 11.0)] * 9
        found = {"switchover": [with_more(*many)], "kill": [with_more(*queue)]}
        self.assertEqual(self.verdict(found, "errors"), "met")

    def test_a_reader_cut_by_any_of_our_paths_in_any_event_is_too_many(self):
        cut = with_more(longs=[reading("proxy_pgbouncer", "cut", 11.0)])
        self.assertEqual(self.verdict({"switchover": [around()], "isolated": [cut]}, "readers"), "MISSED")

    def test_a_reader_cut_by_another_path_is_not_ours(self):
        cut = with_more(longs=[reading("libpq", "cut", 11.0)])
        self.assertEqual(self.verdict({"isolated": [cut]}, "readers"), "met")

    def test_readers_that_nobody_saw_are_not_called_kept(self):
        unseen = evaluated([each for path in PATHS for each in through(path)], paths=PATHS)
        self.assertEqual(self.verdict({"kill": [unseen]}, "readers"), "MISSED")

    def test_a_row_by_the_old_primary_through_any_of_our_paths_in_any_event_is_too_many(self):
        stale = with_more(row("proxy_pgbouncer", 12.5))
        self.assertEqual(self.verdict({"stop": [around()], "patroni_killed": [stale]}, "rows"), "MISSED")

    def test_a_row_by_the_old_primary_through_another_path_is_not_ours(self):
        stale = with_more(row("libpq", 12.5), row("direct", 12.5))
        self.assertEqual(self.verdict({"patroni_killed": [stale]}, "rows"), "met")

    def test_are_told_in_a_line_each(self):
        self.assertEqual([str(each) for each in targets.judged({"switchover": [around(proxy=12.5)]})],
                         ["switchover, proxy_queue: p95 over floor: 0.000 s, at most 0.1 s: met",
                          "switchover, proxy: p95 over floor: 0.500 s, at most 0.3 s: MISSED",
                          "switchover, proxy_queue: errors in the worst round: 0, at most 1: met",
                          "all events, proxy*: readers cut on the unaffected replica: 0, at most 0: met",
                          "all events, proxy*: rows acknowledged by another than the primary: 0, at most 0: met"])

    def test_are_told_in_the_report(self):
        text = report.targets_table(targets.judged({"switchover": [around(proxy=12.5)]}))
        self.assertIn("| switchover, proxy: p95 over floor | 0.500 s | 0.3 s | MISSED |", text)


if __name__ == "__main__":
    unittest.main()
