import pandas as pd
import pytest

from analysis import export
from analysis.figures.text import one_line, printable

UNSEEN = ["\u2028", "\u2029", "\u2060", "\u200b", "\ufeff", "\u202e", "\x85", "\x07"]


@pytest.mark.parametrize("mark", UNSEEN, ids=lambda mark: f"U+{ord(mark):04X}")
def test_a_character_that_does_not_show_is_left_out_of_pages_and_of_files(mark) -> None:
    assert one_line(f"a{mark}b") == "a b"
    frame = pd.DataFrame({"name": [f"a{mark}b"], "x": [1]})
    for form in (export.to_markdown, export.to_latex):
        text = form(frame, "title")
        assert mark not in text
        assert sum("a b" in line for line in text.splitlines()) == 1


def test_half_of_a_surrogate_pair_is_left_out() -> None:
    assert one_line("a\ud800b") == "a b"


def test_a_long_name_is_shortened_in_the_middle() -> None:
    assert printable("a" * 20 + "b" * 20, 11) == "aaaaa\N{HORIZONTAL ELLIPSIS}bbbbb"


def test_a_name_of_nothing_that_shows_says_so() -> None:
    assert printable("\u200b \n") == "(no name)"
