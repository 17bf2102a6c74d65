import pytest

from rayal.labeling.answers import Answer
from rayal.labeling.pace import pace_of


def answers(*seconds):
    return [Answer(str(n), "cat", seconds=s) for n, s in enumerate(seconds)]


def test_the_time_of_labels_is_that_of_answers_whose_time_is_known():
    pace = pace_of(answers(2, 4, None, 12))
    assert (pace.timed, pace.pauses, pace.median, pace.total) == (3, 0, 4, 18)
    assert pace.hours_for(600) == pytest.approx(1)


def test_who_took_longer_than_ten_minutes_was_away():
    pace = pace_of(answers(6, 6, 5000))
    assert (pace.timed, pace.pauses) == (3, 1)
    assert pace.hours_for(600) == pytest.approx(1)


def test_without_times_there_is_no_pace():
    assert pace_of(answers(None, 5000)) is None
    assert pace_of([Answer("a", action="withdraw", seconds=3)]) is None
