import unittest

import evaluation
import report
from made_up import NEW, OLD, evaluated, failure, of_proxy, reading, row, session, through


class Outage(unittest.TestCase):
    def test_is_from_the_last_row_on_the_old_primary_to_the_first_on_the_new_one(self):
        self.assertAlmostEqual(of_proxy(through("proxy", last=10.1, first=13.0)).outage, 2.9)

    def test_is_that_of_the_path_itself(self):
        found = evaluated([*through("direct", first=11.0), *through("proxy", first=15.0)])
        self.assertAlmostEqual(found["direct"].outage, 1.0)
        self.assertAlmostEqual(found["proxy"].outage, 5.0)

    def test_ends_when_a_held_row_is_acknowledged_not_when_it_was_due(self):
        writes = [row("proxy", 10.0), row("proxy", 13.0, 2, due=10.5)]
        self.assertAlmostEqual(of_proxy(writes).outage, 3.0)

    def test_ends_with_the_first_row_acknowledged_not_with_the_first_due(self):
        writes = [row("proxy", 10.0), row("proxy", 13.2, 2, due=10.5), row("proxy", 13.0, 2, due=12.9)]
        self.assertAlmostEqual(of_proxy(writes).outage, 3.0)

    def test_goes_on_while_the_old_primary_comes_and_goes(self):
        writes = [row("proxy", 10.0), row("proxy", 11.0), row("proxy", 13.0, 2)]
        self.assertAlmostEqual(of_proxy(writes).outage, 2.0)

    def test_has_ended_though_a_row_on_the_old_primary_follows(self):
        self.assertAlmostEqual(of_proxy([*through("proxy"), row("proxy", 14.0)]).outage, 2.0)

    def test_ends_on_a_timeline_that_is_two_later(self):
        self.assertAlmostEqual(of_proxy(through("proxy", timeline=3)).outage, 2.0)

    def test_is_told_from_the_order_in_time_not_in_the_list(self):
        self.assertAlmostEqual(of_proxy(through("proxy")[::-1]).outage, 2.0)

    def test_does_not_end_for_a_path_that_never_follows(self):
        found = of_proxy([row("proxy", 10.0), failure("proxy", 11.0)])
        self.assertIsNone(found.outage)
        self.assertIsNone(found.behind)

    def test_does_not_end_for_a_path_that_follows_once_the_old_primary_is_back(self):
        self.assertIsNone(of_proxy(through("proxy", first=51.0)).outage)

    def test_over_floor_is_what_the_path_adds_to_the_direct_one(self):
        self.assertAlmostEqual(of_proxy(through("proxy", first=12.3)).behind, 0.3)

    def test_over_floor_is_less_than_nothing_where_the_direct_path_itself_was_away_for_longer(self):
        found = evaluated([*through("direct", last=9.5), *through("proxy")])
        self.assertAlmostEqual(found["proxy"].behind, -0.5)

    def test_over_floor_is_unknown_where_the_direct_path_never_follows(self):
        found = evaluated([row("direct", 10.0), *through("proxy")])
        self.assertIsNone(found["proxy"].behind)
        self.assertAlmostEqual(found["proxy"].outage, 2.0)


class Failures(unittest.TestCase):
    def test_are_told_by_whether_there_was_a_session(self):
        found = of_proxy([*through("proxy"), failure("proxy", 11.0), failure("proxy", 11.1),
                          failure("proxy", 11.2, "no row")])
        self.assertEqual((found.no_connection, found.no_row), (2, 1))

    def test_a_client_that_was_never_answered_is_one(self):
        found = of_proxy([*through("proxy"), failure("proxy", 60.0, "unanswered", due=11.0)])
        self.assertEqual((found.no_row, found.reasons), (1, {"unanswered": 1}))

    def test_a_client_that_began_before_the_event_and_failed_in_it_is_one(self):
        self.assertEqual(of_proxy([*through("proxy"), failure("proxy", 10.1, due=9.9)]).no_connection, 1)

    def test_before_the_event_are_not_of_it(self):
        found = of_proxy([*through("proxy"), failure("proxy", 9.0, "no row", "25006"), failure("proxy", 9.0)])
        self.assertEqual((found.no_connection, found.no_row, found.read_only, found.reasons), (0, 0, 0, {}))

    def test_of_the_direct_path_are_none_for_all_members_but_one_refuse(self):
        found = evaluated([*through("direct"), failure("direct", 11.0, "no row", "25006")])["direct"]
        self.assertEqual((found.no_connection, found.no_row, found.read_only), (0, 0, 0))

    def test_after_the_outage_are_those_that_follow_the_first_row_on_the_new_primary(self):
        found = of_proxy([*through("proxy", first=12.0), failure("proxy", 11.9), failure("proxy", 12.5),
                          failure("proxy", 15.0)])
        self.assertEqual(found.later, 2)
        self.assertAlmostEqual(found.later_by, 3.0)

    def test_after_the_outage_are_not_those_once_the_old_primary_is_back(self):
        self.assertEqual(of_proxy([*through("proxy"), failure("proxy", 51.0)]).later, 0)

    def test_on_a_standby_are_rows_that_it_refused(self):
        found = of_proxy([*through("proxy"), failure("proxy", 11.0, "no row", "25006",
                                                     "cannot execute INSERT in a read-only transaction"),
                          failure("proxy", 11.0, text="Connection refused")])
        self.assertEqual((found.read_only, found.no_row, found.reasons), (1, 1, {"25006": 1, "refused": 1}))

    def test_on_a_standby_are_told_by_the_code_where_the_message_is_in_another_language(self):
        self.assertEqual(of_proxy([*through("proxy"), failure("proxy", 11.0, "no row", "25006")]).read_only, 1)

    def test_are_counted_by_what_the_server_or_libpq_says(self):
        for text, reason in (("FATAL:  the database system is shutting down", "57P03"),
                             ("FATAL:  the database system is not yet accepting connections", "57P03"),
                             ("terminating connection due to administrator command", "57P01"),
                             ("FATAL:  server_login_retry, server closed the connection", "PgBouncer"),
                             ("FATAL:  sorry, too many clients already", "53300"),
                             ("server closed the connection unexpectedly", "closed"),
                             ("connection to server failed: Connection refused", "refused"),
                             ("timeout expired", "timeout"),
                             ("something else", "no connection")):
            with self.subTest(text):
                self.assertEqual(of_proxy([*through("proxy"), failure("proxy", 11.0, text=text)]).reasons,
                                 {reason: 1})


class Slow(unittest.TestCase):
    def test_is_a_row_acknowledged_more_than_200_ms_after_it_was_due(self):
        found = of_proxy([*through("proxy"), row("proxy", 13.0, 2, due=11.0), row("proxy", 13.0, 2, due=12.7),
                          row("proxy", 13.0, 2, due=12.9)])
        self.assertEqual(found.slow, 2)
        self.assertAlmostEqual(found.longest, 2.0)

    def test_before_the_event_is_not_of_it(self):
        self.assertEqual(of_proxy([*through("proxy"), row("proxy", 9.5, due=9.0)]).slow, 0)

    def test_is_no_failure_however_late(self):
        self.assertEqual(of_proxy([*through("proxy"), failure("proxy", 20.0, due=11.0)]).slow, 0)


class Rows(unittest.TestCase):
    def test_lost_are_those_acknowledged_that_are_not_there_in_the_end(self):
        gone = row("proxy", 10.05)
        found = of_proxy([*through("proxy"), gone], lost=[gone])
        self.assertEqual((found.lost, found.lost_new), (1, 0))

    def test_lost_by_the_new_primary_are_told_apart(self):
        gone = row("proxy", 12.5, 2)
        found = of_proxy([*through("proxy"), gone], lost=[gone])
        self.assertEqual((found.lost, found.lost_new), (1, 1))

    def test_of_another_path_with_the_same_number_do_not_stand_in(self):
        gone = row("proxy", 10.05)
        other = row("direct", 10.05)
        other.number = gone.number
        self.assertEqual(of_proxy([*through("proxy"), gone, other], lost=[gone]).lost, 1)

    def test_that_are_there_though_their_client_was_told_an_error_are_not_lost(self):
        unsure = failure("proxy", 10.1, "no row")
        writes = [*through("direct"), *through("proxy"), unsure]
        rows = {(each.path, each.number) for each in writes}
        found = evaluation.evaluate(writes, [], rows, 10.0, 50.0, ["proxy"])["proxy"]
        self.assertEqual((found.lost, found.no_row), (0, 1))

    def test_by_the_old_primary_are_those_after_the_first_on_the_new_one(self):
        found = of_proxy([*through("proxy"), row("proxy", 12.5), row("proxy", 12.6)])
        self.assertEqual(found.stale, 2)

    def test_by_the_old_primary_count_though_their_clients_had_been_held_since_before(self):
        self.assertEqual(of_proxy([*through("proxy"), row("proxy", 12.5, due=11.0)]).stale, 1)

    def test_by_a_second_old_primary_count_too(self):
        writes = [*through("proxy"), row("proxy", 20.0, 3, member=OLD), row("proxy", 20.5, 2)]
        self.assertEqual(of_proxy(writes).stale, 1)

    def test_by_a_replica_that_acknowledges_what_it_should_refuse_count_too(self):
        self.assertEqual(of_proxy([*through("proxy"), row("proxy", 12.5, 2, member="10.0.0.3")]).stale, 1)

    def test_that_were_not_acknowledged_are_neither_lost_nor_by_the_old_primary(self):
        found = of_proxy([*through("proxy"), failure("proxy", 12.5)])
        self.assertEqual((found.lost, found.stale), (0, 0))

    def test_by_the_old_primary_before_that_are_as_they_should_be(self):
        self.assertEqual(of_proxy([*through("proxy"), row("proxy", 11.9)]).stale, 0)

    def test_by_the_old_primary_count_from_the_first_on_the_new_one_through_any_path(self):
        found = evaluated([*through("direct", first=11.0), *through("proxy", first=13.0), row("proxy", 12.0)])
        self.assertEqual(found["proxy"].stale, 1)

    def test_by_the_old_primary_count_where_the_path_never_follows(self):
        self.assertEqual(of_proxy([row("proxy", 10.0), row("proxy", 12.5)]).stale, 1)

    def test_are_none_by_an_old_primary_where_nobody_followed(self):
        found = evaluated([row("direct", 10.0), row("proxy", 10.0), row("proxy", 20.0)])["proxy"]
        self.assertEqual((found.stale, found.outage), (0, None))


class Session(unittest.TestCase):
    def outcome(self, *longs):
        found = of_proxy(through("proxy"), longs)
        return found.session, found.session_after

    def test_cut_is_told_with_the_time_since_the_event(self):
        self.assertEqual(self.outcome(session("proxy", "open", 5.0), session("proxy", "cut", 10.5)), ("cut", 0.5))

    def test_cut_before_the_event_is_told_apart(self):
        self.assertEqual(self.outcome(session("proxy", "cut", 9.0)), ("cut before", None))

    def test_broken_is_one_that_ended_without_a_word(self):
        self.assertEqual(self.outcome(session("proxy", "broken", 22.0)), ("broken", 12.0))

    def test_left_is_one_still_on_the_old_primary(self):
        self.assertEqual(self.outcome(session("proxy", "on", more=[OLD, "f"])), ("left", None))

    def test_left_is_one_on_a_standby(self):
        self.assertEqual(self.outcome(session("proxy", "on", more=[NEW, "t"])), ("left", None))

    def test_went_on_is_one_that_is_on_the_new_primary(self):
        self.assertEqual(self.outcome(session("proxy", "on", more=[NEW, "f"])), ("went on", None))

    def test_hangs_is_one_that_did_not_answer(self):
        self.assertEqual(self.outcome(session("proxy", "hangs")), ("hangs", None))

    def test_hangs_is_one_of_which_nothing_was_heard_but_that_it_is_open(self):
        self.assertEqual(self.outcome(session("proxy", "open", 5.0)), ("hangs", None))

    def test_failed_is_one_that_never_was(self):
        self.assertEqual(self.outcome(), ("failed", None))
        self.assertEqual(self.outcome(session("proxy", "failed", 5.0)), ("failed", None))

    def test_of_another_path_and_a_reader_are_not_looked_at(self):
        self.assertEqual(self.outcome(session("proxy", "cut", 10.5), session("direct", "hangs"),
                                      reading("proxy", "kept")), ("cut", 0.5))


class Reader(unittest.TestCase):
    def cut(self, *longs):
        return of_proxy(through("proxy"), longs).reader_cut

    def test_is_cut_where_the_direct_one_was_kept(self):
        self.assertEqual(self.cut(reading("direct", "kept"), reading("proxy", "cut", 11.0)), 1)

    def test_that_hangs_is_cut(self):
        self.assertEqual(self.cut(reading("direct", "kept"), reading("proxy", "hangs", 13.0)), 1)

    def test_is_kept(self):
        self.assertEqual(self.cut(reading("direct", "kept"), reading("proxy", "open", 5.0),
                                  reading("proxy", "kept")), 0)

    def test_is_not_the_session_of_the_same_path(self):
        self.assertEqual(self.cut(reading("direct", "kept"), reading("proxy", "kept"),
                                  session("proxy", "cut", 70.0)), 0)

    def test_is_kept_whatever_became_of_the_direct_one(self):
        self.assertEqual(self.cut(reading("direct", "cut", 11.0), reading("proxy", "kept")), 0)

    def test_is_unknown_where_the_direct_one_was_cut_too(self):
        self.assertIsNone(self.cut(reading("direct", "cut", 11.1), reading("proxy", "cut", 11.0)))
        self.assertIsNone(self.cut(reading("direct", "cut", 11.0), reading("proxy", "cut", 20.0)))

    def test_is_cut_where_the_direct_one_was_only_later(self):
        self.assertEqual(self.cut(reading("direct", "cut", 20.0), reading("proxy", "cut", 11.0)), 1)

    def test_that_never_was_is_none(self):
        self.assertIsNone(self.cut(reading("direct", "kept")))
        self.assertIsNone(self.cut(reading("direct", "kept"), reading("proxy", "failed", 5.0)))

    def test_of_the_direct_path_is_compared_with_none(self):
        found = evaluated(through("direct"), [reading("direct", "cut", 11.0)], paths=["direct"])["direct"]
        self.assertEqual(found.reader_cut, 1)


class Summary(unittest.TestCase):
    def test_counts_the_rounds_in_which_a_path_never_followed(self):
        found = evaluation.summary([of_proxy(through("proxy", first=12.2)), of_proxy([row("proxy", 10.0)])])
        self.assertEqual(found["never"], 1)
        self.assertAlmostEqual(found["outage"], 2.2)

    def test_has_the_middle_and_the_worst_over_floor(self):
        found = evaluation.summary([of_proxy(through("proxy", first=first)) for first in (12.3, 12.1, 12.2)])
        for value, expected in zip(found["behind"], (0.2, 0.3, 0.3)):
            self.assertAlmostEqual(value, expected)

    def test_adds_up_failures_and_their_reasons(self):
        one = of_proxy([*through("proxy"), failure("proxy", 11.0, text="Connection refused")])
        two = of_proxy([*through("proxy"), failure("proxy", 11.0, text="Connection refused"),
                        failure("proxy", 11.0, text="timeout expired")])
        found = evaluation.summary([one, two])
        self.assertEqual((found["no_connection"], found["reasons"]), (3, {"refused": 2, "timeout": 1}))

    def test_counts_readers_only_where_there_was_one(self):
        with_one = of_proxy(through("proxy"), [reading("direct", "kept"), reading("proxy", "cut", 11.0)])
        found = evaluation.summary([with_one, of_proxy(through("proxy"))])
        self.assertEqual((found["readers_cut"], found["readers"]), (1, 1))
        self.assertIsNone(evaluation.summary([of_proxy(through("proxy"))])["readers_cut"])

    def test_tells_what_became_of_the_sessions_and_when(self):
        found = evaluation.summary([of_proxy(through("proxy"), [session("proxy", what, at)])
                                    for what, at in (("cut", 11.0), ("cut", 13.0), ("broken", 30.0))])
        self.assertEqual((found["sessions"]["cut"], found["sessions"]["broken"]), (2, 1))
        self.assertEqual(found["cut_after"], (2.0, 3.0))


class Overview(unittest.TestCase):
    def test_names_the_rounds_in_which_a_path_never_followed(self):
        class Event:
            name = "kill"

        rounds = [{"proxy": of_proxy(through("proxy", first=12.2))}, {"proxy": of_proxy([row("proxy", 10.0)])}]
        self.assertIn("| `proxy` | +0.2 (+0.2), 1 never; 0 |", report.overview({Event: rounds}, ["proxy"]))


class Percentile(unittest.TestCase):
    def test_is_the_worst_of_fewer_than_twenty(self):
        for count in (1, 3, 10, 19):
            self.assertEqual(evaluation.percentile(range(count), 95), count - 1)

    def test_lets_one_of_twenty_be_worse(self):
        self.assertEqual(evaluation.percentile(range(20), 95), 18)
        self.assertEqual(evaluation.percentile(range(21), 95), 19)

    def test_does_not_ask_for_an_order(self):
        self.assertEqual(evaluation.percentile([3, 1, 2], 50), 2)


class Typical(unittest.TestCase):
    def test_is_the_round_with_the_median_of_the_direct_outages(self):
        rounds = [{"writes": through("direct", first=first), "began": 10.0, "healed": 50.0}
                  for first in (15.0, 11.0, 13.0)]
        self.assertIs(evaluation.typical(rounds), rounds[2])


if __name__ == "__main__":
    unittest.main()
