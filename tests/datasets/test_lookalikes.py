import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayal.datasets._files.lookalikes import (
    is_blank,
    lookalikes,
    means_missing,
    shown,
    skeleton,
    tidy,
)

ALIKE = [
    ("MEL", "mel"), ("a b", "a\u00a0b"), ("ab", "a\u200bb"), ("ab", "ab\u00ad"), ("a b", "a  b"),
    ("1", "1.0"), ("1", "01"), ("1", "1."), ("1", "1,0"), ("1", "\uff11"), ("-1", "\u22121"),
    ("é", unicodedata.normalize("NFD", "é")), ("Straße", "STRASSE"), ("nevus", "nevus."),
    ("basal cell", "basal_cell"), ("basal-cell", "basal cell"), ("basal-cell", "basal\u2011cell"),
    ("type 1", "type1"), ("\u0410CE", "ACE"), ("\u0441at", "cat"), ("\u039f", "O"),
    ("ﬁne", "fine"), ("\u202ea", "a"), ("a'b", "a\u2019b"), ("a", "\u201ca\u201d"),
    ("grade 1", "grade-1"), ("P 12", "P12"), ("a\t b", "a b"),
    ("МЕЛАНОМА", "меланома"), ("ΑΒΓ", "αβγ"), ("ΣΟΣ", "σος"),
    ("\u0412\u0415\u041d", "BEH"), ("a/b", "a / b"),
    ("a & b", "a&b"), ("a&b", "a &amp; b"), ("é", "&eacute;"), ("névus", "nÃ©vus"),
    ("(mel)", "mel"), ("[1]", "1"), ("benign_", "benign"), ("['mel']", "mel"), ("b'mel'", "mel"),
    ("1E5", "100000"), ("1.5e3", "1500"), ("P07", "P7"), ("P-007", "p 7"), ("\u0661", "1"),
    ("葛", "葛\U000e0100"), ("a\u034fb", "ab"), ("a b", "a\u3164b"), ("1 2", "1\u28002"),
    ("علي", "علی"), ("علی", "عـلی"), ("ملك", "ملک"), ("İstanbul", "istanbul"), ("a-b", "a\u2015b"),
    ("P1-2", "P01-02"), ("001-A", "1-A"), ("1,234", "1234"), ("1 234 567", "1234567"),
    ("1.5", "1,5"), ("1,50", "1.50"), ('="0012"', "12"), ("a\\b", "a/b"), ("Müller", "MÃƒÂ¼ller"),
    ("é", "√©"), ("é", "├®"), ("café", "caf%C3%A9"), ("a b", "a%20b"),
]  # fmt: skip
APART = [
    ("a", "b"), ("1", "10"), ("1.1", "1.10"), ("1", "-1"), ("A+", "A-"), ("A", "A-"), ("A", "A+"),
    ("1-2", "12"), ("1 2", "12"), ("HER2+", "HER2-"), ("mel", "mel?"), ("é", "e"), ("T1", "T2"),
    ("1_2", "12"), ("0", "00.5"), ("日", "日本"), ("p1", "p10"), ("a (b)", "a b"), ("дом", "том"),
    ("A +", "A -"), ("2 / 1", "21"), ("T0", "T10"), ("a0.5", "a0.05"), ("1e5", "1e6"), ("e5", "5"),
    ("1.23e1", "12"), ("P70", "P7"), ("1e99", "1"),
    ("1.05", "1.5"), ("1,05", "1,5"), ("1.5", "15"), ("1.234", "1234"), ("12,34", "1234"),
    ("50%", "50"), ("P1-10", "P1-1"), ("0", "00.05"), ("Müller", "Muller"), ("√", "v"),
]  # fmt: skip


@pytest.mark.parametrize(("first", "second"), ALIKE)
def test_what_a_person_takes_for_one_looks_alike(first: str, second: str) -> None:
    assert lookalikes([first, second]) == (first, second)


@pytest.mark.parametrize(("first", "second"), APART)
def test_what_differs_to_the_eye_does_not(first: str, second: str) -> None:
    assert lookalikes([first, second]) is None


@given(st.text())
def test_a_name_looks_like_itself_and_its_skeleton_stays(name: str) -> None:
    assert lookalikes([name, name]) is None
    assert skeleton(name) == skeleton(unicodedata.normalize("NFD", name))


def test_the_first_pair_of_many_is_told() -> None:
    assert lookalikes(["a", "b", "B", "A"]) == ("b", "B")


def test_characters_that_cannot_be_seen_are_spelled_out() -> None:
    assert shown("mel") == "'mel'"
    assert shown("a\u200bb") == r"'a\u200bb'"
    assert shown("\u0410") == "'\u0410' ('\\u0410')"


def test_tidy_names_keep_their_case() -> None:
    assert tidy(" My\u00a0\u200b Column ") == "My Column"


def test_blank_is_what_cannot_be_seen() -> None:
    assert is_blank(" \u200b\u00a0\ufeff\u3164\u2800\ufe0f")
    assert not is_blank(" . ")


def test_words_for_a_missing_value_are_known() -> None:
    assert all(map(means_missing, ("nan", "NA", "#N/A", " none ", "?", "Unknown", "#REF!")))
    assert not any(map(means_missing, ("mel", "nano", "other", "0")))
