"""Strategies beside random selection on the same seeds: differences, tests, power."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.page.table import (
    EMPTY,
    Column,
    PageCell,
    PageTable,
    Row,
    count,
    interval,
    name_columns,
    number,
    p_value,
    page_table,
    text,
)
from analysis.statistics import intervals, paired_tests
from analysis.statistics.choices import (
    MANY_TIMES,
    Place,
    by_choice,
    paired_by_choice,
    place_among,
)
from analysis.study.comparisons import QUERY, Comparison, comparisons
from analysis.study.grouping import CURVE, GROUP_KEYS, SETTING, groups, to_frame
from analysis.study.measures import IN_WORDS, PRIMARY, table_of
from analysis.study.study import Study

COMPARED = {PRIMARY: (PRIMARY, "coverage")}  # what else is compared in the table of a measure
CHOICES = ("choices", *Place._fields)
TESTS = ("student", "permutation", "wilcoxon")
WHO = ("varied", "initial", "strategy")
SHOWN = 0.0005  # by what a difference of three digits is seen to be another
CHOICES_ONCE = (
    "Seeds in which the same images were chosen count once in a difference, and only seeds that "
    "both have make pairs: a difference may not be that of the two means."
)


def against_random(study: Study, measure: str = PRIMARY) -> pd.DataFrame:
    """Paired differences to random over shared seeds, by group, with their tests.

    `n_own` and `n_random` count the trials of each in the group, and `seeds` says where some have
    no partner. `n` counts what is tested, the pairs of distinct choices: trials in which the same
    images were chosen are one. A strategy that made one choice (`choices`) has no test; `below`
    says how many of random's `draws`, its distinct choices, had a lower mean. `comparisons` is the
    size of the family that Holm's correction is over: all strategies and budgets of one setting,
    one measure and one thing varied, but for those without two pairs. (Student's and Welch's tests
    also have no p where nothing varies, and are corrected for the others alone.) `all_mean` to
    `p_welch` compare with every choice of random, paired or not.
    """
    counts = ["random_mean", "n_own", "n_random", "seeds"]
    measures = [*counts, *intervals.Difference._fields, *paired_tests.PairedTest._fields]
    measures += [*intervals.Welch._fields, *CHOICES]
    rows = (
        {"varied": comparison.varied, "metric": metric, **row}
        for comparison in comparisons(study.compared_rounds, study.baseline)
        for metric in COMPARED.get(measure, (measure,))
        for row in paired_rows(comparison, metric, ["round", "labelled"])
        if (comparison.varied, row["round"]) != (QUERY, 0)
    )
    compared = to_frame(rows, ["varied", "metric", *GROUP_KEYS, "own_mean", *measures])
    return _corrected(compared, [*SETTING, "varied", "metric"])


def power(against: pd.DataFrame) -> pd.DataFrame:
    """What the seeds of each comparison can show, and how many would show what was seen.

    `detectable` is the smallest true difference that so many seeds show with a chance of .8;
    `seeds_for_seen` and `seeds_for_0.01` are how many it takes for the difference seen and for
    one point. All for Student's paired test at .05, without correction.
    """
    rows = (
        {
            **{key: row[key] for key in ["varied", "metric", *GROUP_KEYS, "n", "mean", "std"]},
            "detectable": paired_tests.detectable(row["n"], row["std"]),
            "seeds_for_seen": paired_tests.seeds_needed(row["mean"], row["std"]),
            "seeds_for_0.01": paired_tests.seeds_needed(0.01, row["std"]),
        }
        for row in against.to_dict("records")
    )
    measures = ["n", "mean", "std", "detectable", "seeds_for_seen", "seeds_for_0.01"]
    return to_frame(rows, ["varied", "metric", *GROUP_KEYS, *measures])


def paired_rows(
    comparison: Comparison, metric: str, more_keys: list[str]
) -> Iterator[dict[str, Any]]:
    """Yield the difference to random of each group: in the mean, over pairs, over all trials."""
    keys = [*comparison.keys, *more_keys, "seed"]
    random = comparison.random[[*keys, metric, "choice"]]
    random = random.rename(columns={metric: "random", "choice": "random_choice"})
    of_random = {tuple(k.values()): part for k, part in groups(random, keys[:-1])}
    pairs = comparison.rows.merge(random, on=keys, how="left")
    group_keys = [*CURVE, *more_keys]
    for key, group in groups(pairs, group_keys):
        every = of_random.get(tuple(key[k] for k in keys[:-1]), random.head(0))
        yield {**key, **_difference(group.rename(columns={metric: "own"}), every)}


def _place_cell(row: Row) -> PageCell:
    """Of one choice, which has no test: how many of random's choices it lies above."""
    if row["choices"] != 1 or not row["draws"]:
        return EMPTY
    return PageCell(f"{row['below']} of {row['draws']}", row["below"] / row["draws"])


PLACE_COLUMN = Column("one choice: above so many of random's", _place_cell, optional=True)


def against_table(compared: pd.DataFrame) -> PageTable:
    """Paired differences of a measure, with Student's test after Holm's correction."""
    return _table(
        compared,
        "{} against random on shared seeds: mean paired difference, Student's interval, and "
        "Student's p after Holm's correction; bold below .05",
        [
            count("labeled", "labelled"),
            count("pairs of choices", "n"),
            number("mean", "own_mean", ".3f"),
            number("random", "random_mean", ".3f"),
            number("difference", "mean", "+.3f", shown_by="holm_student"),
            interval("95 % interval", "low", "high", "+.3f"),
            number("effect size", "effect", "+.2f"),
            p_value("p, Holm", "holm_student", strong=True),
            PLACE_COLUMN,
        ],
    )


def against_all_table(compared: pd.DataFrame) -> PageTable:
    """Differences of a measure to all trials of random, with Welch's test and Holm's correction."""
    return _table(
        compared,
        "{} against all trials of random: difference of the means, Welch's interval, and its p "
        "before and after Holm's correction; bold below .05. Verdict and findings rest on this "
        f"test where random made at least {MANY_TIMES} times as many choices, and else on pairs",
        [
            count("labeled", "labelled"),
            count("trials", "n_own"),
            count("random's trials", "n_random"),
            number("difference", "all_mean", "+.3f", shown_by="holm_welch"),
            interval("95 % interval", "all_low", "all_high", "+.3f"),
            p_value("p", "p_welch"),
            p_value("p, Holm", "holm_welch", strong=True),
            PLACE_COLUMN,
        ],
    )


def tests_table(compared: pd.DataFrame) -> PageTable:
    """Three paired tests of each difference, before and after Holm's correction."""
    headers = {"student": "Student", "permutation": "sign flips", "wilcoxon": "Wilcoxon"}
    tests = [
        column
        for test in TESTS
        for column in (
            p_value(f"p, {headers[test]}", f"p_{test}"),
            p_value(f"Holm, {headers[test]}", f"holm_{test}", strong=True),
        )
    ]
    return _table(
        compared,
        "{}: paired tests against random, each alone and after Holm's correction over all "
        "comparisons; sign flips cannot go below the smallest p that the number of pairs allows",
        [
            count("labeled", "labelled"),
            text("seeds", "seeds"),
            *tests,
            p_value("smallest p of sign flips", "least_p"),
            count("comparisons", "comparisons"),
        ],
    )


def power_table(differences: pd.DataFrame) -> PageTable:
    """What the seeds can show, and how many it would take."""
    rows = differences[differences["n"] > 1]
    return page_table(
        f"Power: the smallest true difference of {_in_words(rows)} that this number of pairs "
        "shows with a chance of .8, and the seeds it takes to show what was seen, or one point "
        "(Student's paired test at .05, uncorrected)",
        f"{table_of('power', _metric(rows))}.csv",
        rows,
        name_columns(rows, WHO),
        [
            count("labeled", "labelled"),
            count("pairs of choices", "n"),
            number("difference seen", "mean", "+.3f"),
            number("smallest detectable difference", "detectable", ".3f"),
            count("seeds to show the difference seen", "seeds_for_seen"),
            count("seeds to show 0.01", "seeds_for_0.01"),
        ],
    )


def _table(compared: pd.DataFrame, caption: str, columns: list[Column]) -> PageTable:
    """Show the comparisons of one measure that have a pair; it is named in the caption's place."""
    rows = compared[compared["n"] > 0]
    words = _in_words(rows)
    caption = caption.format(f"{words[:1].upper()}{words[1:]}")
    source = f"{table_of('against_random', _metric(rows))}.csv"
    table = page_table(caption, source, rows, name_columns(rows, WHO), columns)
    return replace(table, note=choices_once(rows["own_mean"] - rows["random_mean"], rows["mean"]))


def choices_once(of_means: pd.Series[float], over_choices: pd.Series[float]) -> str:
    """Say that differences are over choices, where one is seen to be another than that of means."""
    return CHOICES_ONCE if ((of_means - over_choices).abs() > SHOWN).any() else ""


def _in_words(rows: pd.DataFrame) -> str:
    """Name the one measure of some rows."""
    return IN_WORDS[_metric(rows)]


def _metric(rows: pd.DataFrame) -> str:
    return str(rows["metric"].iloc[0]) if len(rows) else PRIMARY


def _difference(pairs: pd.DataFrame, every: pd.DataFrame) -> dict[str, Any]:
    """Compare a strategy with random: seed by seed, and with every trial of random.

    Args:
        pairs: own, choice, random, random_choice; a row for each trial of the strategy.
        every: random, random_choice; a row for each trial of random.
    """
    own, random = (pairs[name].to_numpy(np.float64) for name in ("own", "random"))
    both = np.isfinite(own - random)
    n_own, n_random = len(intervals.finite(own)), int(every["random"].notna().sum())
    tested = paired_by_choice(own - random, pairs["choice"], pairs["random_choice"].astype(str))
    own_choices = by_choice(own, pairs["choice"])
    draws = by_choice(every["random"], every["random_choice"])
    return {
        "own_mean": intervals.mean(own[both]),
        "random_mean": intervals.mean(random[both]),
        "n_own": n_own,
        "n_random": n_random,
        "seeds": _seeds_in_words(int(both.sum()), n_own, n_random),
        **intervals.paired_difference(tested, np.zeros(len(tested)))._asdict(),
        **paired_tests.paired_test(tested)._asdict(),
        **intervals.welch(own_choices, draws)._asdict(),
        "choices": len(own_choices),
        **place_among(intervals.mean(own_choices), draws)._asdict(),
    }


def _seeds_in_words(pairs: int, own: int, random: int) -> str:
    if pairs == own == random:
        return "the same"
    return f"{pairs} shared of {own} and random's {random}"


def _corrected(compared: pd.DataFrame, family: list[str]) -> pd.DataFrame:
    """Add Holm's correction of every test within its family, and the family's size."""
    members = compared.groupby(family, sort=False)
    for test in (*TESTS, "welch"):
        compared[f"holm_{test}"] = members[f"p_{test}"].transform(paired_tests.holm)
    compared["comparisons"] = members["p_permutation"].transform("count")
    return compared[[*(name for name in compared if name not in CHOICES), *CHOICES]]
