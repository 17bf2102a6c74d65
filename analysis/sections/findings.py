"""What the sections found, in sentences with their uncertainty."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from analysis.page.blocks import Block, Heading, Sentence, Sentences, Text
from analysis.page.table import signed
from analysis.sections.base import (
    REGISTERED,
    Report,
    Setting,
    section,
    settings,
)
from analysis.sections.leaders import MEASURES, POINT
from analysis.sections.trainings import without_seed
from analysis.statistics.choices import has_many_more
from analysis.statistics.intervals import are_equal
from analysis.statistics.paired_tests import ALPHA
from analysis.study.comparisons import INITIAL, QUERY
from analysis.study.grouping import SETTING
from analysis.study.measures import bounded, mean_of, table_of
from analysis.study.study import Study
from analysis.study.wording import enumerated
from rayal.hints import counted

NOTE = (
    "Intervals of means are of 95 %: Student's for fewer than 10 seeds, bootstrapped from there "
    "on; of differences, Student's over pairs, or Welch's over all choices of random selection "
    "where it made at least three times as many. Trials in which the same images were chosen count "
    "as one: intervals and tests are over choices. With many comparisons some differences are "
    "significant by chance, so p is corrected: in these findings for all comparisons with random "
    "selection in a setting, in the verdict for all pairs of strategies at one number of labels. "
    "The two may therefore disagree about a difference."
)


def sentences(setting: Setting) -> Iterator[Sentence]:
    """Say of each number of labels who has the highest mean."""
    budgets = sorted(setting.rows["labelled"].unique())
    ends = [budgets[0], budgets[-1]][: len(budgets)]
    for budget in ends if setting.brief else budgets:
        text = f"{_highest(setting, budget)} {_other_measures(setting, budget)}"
        yield Sentence(f"{budget} labeled images:", text.strip())


def _highest(setting: Setting, budget: int) -> str:
    """Say who has the highest mean at a number of labels."""
    measure, rows = setting.measure, setting.selections_with(budget)
    best = rows.nlargest(1, f"{measure}_mean").iloc[0]
    mean, compared = best[f"{measure}_mean"], len(rows)
    if len(tied := _tied(rows, best, measure, setting)) > 1:
        return (
            f"{enumerated(tied)} had the same highest {mean_of(setting.words)} of the "
            f"{compared} compared, {mean:.3f}."
        )
    had = (
        f"had the highest {mean_of(setting.words)} of the {compared} compared:"
        if compared > 1
        else f"was alone, with a {mean_of(setting.words)} of"
    )
    interval = _interval(best, f"{measure}_low", f"{measure}_high")
    return (
        f"{setting.selection_in_words(best)} {had} {mean:.3f}{interval}, {_seeds(best['n'])}"
        f"{_failed(best)}. {_against_random(best, setting)}"
    )


def _tied(rows: pd.DataFrame, best: pd.Series, measure: str, setting: Setting) -> list[str]:
    """Name those whose mean is the highest one, to what rounding leaves of it."""
    mean = f"{measure}_mean"
    equal = rows[are_equal(rows[mean], best[mean])]
    return list(dict.fromkeys(setting.selection_in_words(row) for _, row in equal.iterrows()))


def _other_measures(setting: Setting, budget: int) -> str:
    """Say where another measure contradicts the primary one's leader."""
    leaders = setting.table("leaders")
    against = leaders[(leaders["labelled"] == budget) & ~leaders["agrees"].astype(bool)]
    contradictions = []
    for row in against.to_dict("records"):
        words = f"by {MEASURES[row['measure']]} {row['leader']} leads"
        if row["against_random"] <= -POINT:
            points = f"{100 * -row['against_random']:.0f}"
            unit = "point" if points == "1" else "points"
            words += f" and {row['auc_leader']} is {points} {unit} below {setting.baseline}"
        contradictions.append(words)
    return f"The measures disagree: {'; '.join(contradictions)}." if contradictions else ""


def _failed(best: pd.Series) -> str:
    return f" ({best['failed']:.0f} more failed)" if best["failed"] else ""


@section("findings", title="Findings", heading="Findings", order=15, sentences=sentences)
def content(report: Report) -> Iterator[Block]:
    """The sentences of all sections, setting by setting."""
    if not report.study.progress.done:
        return
    every = sorted(REGISTERED.values(), key=lambda section: section.order)
    by_setting = [
        (setting.name, [sentence for part in every for sentence in part.sentences(setting)])
        for setting in settings(report)
    ]
    for name, words in by_setting:
        if len(by_setting) > 1:
            yield Heading(name)
        yield Sentences(words)
    for group in report.study.same_choices.groups:
        yield Text(group.in_words)
    for caveat in _caveats(report.study):
        yield Text(caveat, "warning")
    yield Text(NOTE + _oracles_in_words(report.study), "note")


def _caveats(study: Study) -> Iterator[str]:
    """Name encoders that were trained once, and finished trials that the plan does not name."""
    plan: Mapping[str, Any] = study.run.plan["artefacts"]
    trainings: dict[str, set[str]] = {}
    for row in study.trials.drop_duplicates("artefact").to_dict("records"):
        if plan.get(row["artefact"], {}).get("has_map"):
            name = f"{without_seed(row['encoder_label'])} on {row['dataset_label']}"
            trainings.setdefault(name, set()).add(row["artefact"])
    once = [name for name, keys in trainings.items() if len(keys) == 1]
    if once:
        yield (
            f"One training stands behind all results of {', '.join(once)}: another training may "
            "order the strategies otherwise. Intervals and tests here do not cover that; trainings "
            "with several seeds do (encoders: [{name: ..., seed: [0, 1, 2]}])."
        )
    if study.run.left_out:
        n = study.run.left_out
        yield (
            f"{counted(n, 'finished trial')} {'is' if n == 1 else 'are'} left out of these "
            "findings: the present plan does not name them (a narrower --set, or a sweep file that "
            "was changed)."
        )


def _oracles_in_words(study: Study) -> str:
    if not study.oracles:
        return ""
    names = ", ".join(sorted(study.oracles))
    return (
        f" {names} read{'s' if len(study.oracles) == 1 else ''} the true labels of the pool, which "
        "nobody has before asking: shown for comparison, not counted among the compared."
    )


def _interval(row: pd.Series, low: str, high: str, sign: str = "") -> str:
    if math.isnan(row[low]):
        return f" (no interval from one {'seed' if row['n'] == 1 else 'choice'})"
    values = (row[end] if sign else bounded(row[end]) for end in (low, high))
    ends = (signed(value, f"{sign}.3f") for value in values)
    return f" (95 % interval {' to '.join(ends)})"


def _seeds(n: float) -> str:
    return counted(round(n), "seed")


def _pairs(row: pd.Series) -> str:
    """Say what a paired test is over: seeds, or the fewer choices that they made."""
    if row["n"] == row["choices"] < row["n_own"]:
        return f"the {row['n']:.0f} choices that its {_seeds(row['n_own'])} made"
    return f"{_seeds(row['n'])} they share"


def _against_random(best: pd.Series, setting: Setting) -> str:
    if not setting.baseline:
        return "No random selection ran beside it."
    row = _comparison(best, setting)
    if row is None:
        return ""
    if row["choices"] == 1 and row["n_own"] > 1:
        return (
            f"It made one choice, whatever the seed: above {row['below']:.0f} of "
            f"{setting.baseline}'s {row['draws']:.0f}{_fixed(row)}."
        )
    if has_many_more(row["draws"], row["choices"]) and not math.isnan(row["all_low"]):
        fewer = row["draws"] < row["n_random"] or row["choices"] < row["n_own"]
        return (
            f"Against {setting.baseline}{_fixed(row)}, over all of its {row['draws']:.0f} "
            f"{'choices' if fewer else 'seeds'}, it differs by {signed(row['all_mean'], '+.3f')}"
            f"{_interval(row, 'all_low', 'all_high', '+')}"
            f"{_shown(row, 'all_', 'welch', setting)}."
        )
    return (
        f"Against {setting.baseline}{_fixed(row)}, on {_pairs(row)}, it differs "
        f"by {signed(row['mean'], '+.3f')}{_interval(row, 'low', 'high', '+')}"
        f"{_shown(row, '', 'student', setting)}."
    )


def _comparison(best: pd.Series, setting: Setting) -> pd.Series | None:
    """Return the row of the table against random that is about a row of the summary."""
    against = setting.table(table_of("against_random", setting.measure))
    same = against[(against["metric"] == setting.measure) & (against["round"] == best["round"])]
    for name in ("initial", "strategy", "rounds", "labelled"):
        same = same[same[name] == best[name]]
    same = same[same["n"] > 0]
    return None if same.empty else same.iloc[-1 if best["round"] == 0 else 0]


def _fixed(row: pd.Series) -> str:
    return {
        QUERY: f" after the same start ({row['initial']})",
        INITIAL: f" as the start, with the same later queries ({row['strategy']})",
    }.get(str(row["varied"]), "")


def _shown(row: pd.Series, kind: str, test: str, setting: Setting) -> str:
    """Say what a test shows, and whether it stands among all comparisons made."""
    if math.isnan(row[f"{kind}low"]):
        return ""
    if math.isnan(row[f"p_{test}"]):
        return ": by the same on every pair, so that no test can tell it from chance"
    if row[f"{kind}low"] <= 0 <= row[f"{kind}high"]:
        return ": no difference is shown"
    side = f": {'better' if row[f'{kind}mean'] > 0 else 'worse'} by {setting.words}"
    comparisons = _family(row, test, setting)
    if comparisons < 2:
        return side
    of = f"Holm's correction for the {comparisons} comparisons with it in this setting"
    if row[f"holm_{test}"] < ALPHA:
        return f"{side}, also after {of}"
    return f"{side} on its own, but not shown after {of}"


def _family(row: pd.Series, test: str, setting: Setting) -> int:
    """Count the tests that a row's p was corrected for, bounds that read true labels among them."""
    table = setting.report.tables[table_of("against_random", setting.measure)]
    same = table[table[f"p_{test}"].notna()]
    for name in (*SETTING, "varied", "metric"):
        same = same[same[name] == row[name]]
    return len(same)
