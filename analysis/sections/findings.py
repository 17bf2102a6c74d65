"""The first words of the page: what the sections found, in sentences with their uncertainty."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pandas as pd

from analysis.page.blocks import Block, Heading, Sentence, Sentences, Text
from analysis.page.table import signed
from analysis.sections.base import (
    REGISTERED,
    Report,
    Setting,
    competing,
    section,
    selection_in_words,
)
from analysis.sections.leaders import MANY_TIMES, MEASURES
from analysis.sections.trainings import without_seed
from analysis.statistics.paired_tests import ALPHA
from analysis.study.comparisons import INITIAL, QUERY
from analysis.study.grouping import SETTING, as_labels, groups, query_modes
from analysis.study.measures import in_order, table_of
from analysis.study.study import Study

MOST_SPANS, MOST_NAMES = 3, 4  # leaders, and names, that one sentence lists
MOST_NAMED = 5  # strategies with failed trials
MOST_SETTINGS = 6  # beyond this many, only the ends of the budgets are told
NOTE = (
    "Intervals of means are of 95 %: Student's for fewer than 10 seeds, bootstrapped from there "
    "on; of differences, Student's over shared seeds, or Welch's over all trials of random "
    "selection where it has at least three times as many. The best of many is flattered by "
    "chance; where a difference is called shown, it is so after Holm's correction if the sentence "
    "says so. Trials in which the same images were chosen count as one: intervals and tests are "
    "over choices."
)


def settings(report: Report) -> list[Setting]:
    """Split the summary by setting and query mode, in which sentences are told."""
    summary = report.tables["summary"]
    measured = competing(summary[summary["n"] > 0], report.study)
    measured = measured.assign(mode=query_modes(measured))
    parts = list(groups(measured, [*SETTING, "mode"]))
    brief = len(parts) > MOST_SETTINGS
    return [Setting(_name(key, measured), rows, report, brief) for key, rows in parts]


def sentences(setting: Setting) -> Iterator[Sentence]:
    """Give the verdict, then say of each number of labels who has the highest mean."""
    yield from _verdict(setting)
    measure = setting.measure
    budgets = sorted(setting.rows["labelled"].unique())
    ends = [budgets[0], budgets[-1]][: len(budgets)]
    for budget in ends if setting.brief else budgets:
        here = setting.rows[setting.rows["labelled"] == budget]
        best = here.loc[here[f"{measure}_mean"].idxmax()]
        compared = here["initial"].nunique() if best["round"] == 0 else len(here)
        text = (
            f"{selection_in_words(best)} had the highest mean {setting.words} of the {compared} "
            f"compared: {best[f'{measure}_mean']:.3f}"
            f"{_interval(best, f'{measure}_low', f'{measure}_high')}, {_seeds(best['n'])}"
            f"{_failed(best)}."
        )
        lead = f"{budget} labeled images:"
        measures = _other_measures(setting, budget)
        yield Sentence(lead, f"{text} {_against_random(best, setting)} {measures}".strip())


def _verdict(setting: Setting) -> Iterator[Sentence]:
    """Say who leads up to which budget, who is not told apart, and whether measures agree."""
    leaders = setting.table("leaders")
    primary = leaders[leaders["measure"] == setting.measure].sort_values("labelled")
    if primary.empty or len(setting.rows[["initial", "strategy"]].drop_duplicates()) < 2:
        return
    agree = leaders.groupby("labelled")["agrees"].all()
    disputed = [int(n) for n in agree.index[~agree]]
    if not disputed:
        judged = f"{_measures_in_words(setting.measure)} do not contradict it"
    elif len(disputed) < len(agree):
        judged = f"the measures disagree with {_listed(disputed)} labels"
    else:
        judged = "the measures disagree at every number of labels: no strategy is best by all"
    yield Sentence("Verdict:", f"by {setting.words}, {_spans_in_words(primary)}; {judged}.")


def _measures_in_words(primary: str) -> str:
    *before, last = (MEASURES[measure] for measure in (*in_order(primary), "coverage"))
    return f"{', '.join(before)} and {last}"


class _Span(NamedTuple):
    """Budgets in a row with one leader; for each, who is not told apart from it."""

    leader: str
    budgets: list[int]
    not_told_apart: list[set[str]]


def _spans_in_words(leaders: pd.DataFrame) -> str:
    """Name the leaders over the budgets, each with those that are not told apart from it."""
    spans: list[_Span] = []
    for row in leaders.to_dict("records"):
        if not spans or spans[-1].leader != row["leader"]:
            spans.append(_Span(str(row["leader"]), [], []))
        spans[-1].budgets.append(int(row["labelled"]))
        names = str(row["not_told_apart"]).split("; ")
        spans[-1].not_told_apart.append({name for name in names if name})
    if len(spans) > MOST_SPANS:
        names = list(dict.fromkeys(span.leader for span in spans))
        return f"no strategy keeps the lead: it changes between {'; '.join(names)}"
    return "; ".join(map(_span_in_words, spans))


def _span_in_words(span: _Span) -> str:
    first, last = span.budgets[0], span.budgets[-1]
    ends = f"{first}" if first == last else f"{first} to {last}"
    everywhere, anywhere = set.intersection(*span.not_told_apart), set.union(*span.not_told_apart)
    names = sorted(everywhere or anywhere)
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    listed = f"{'; '.join(names[:MOST_NAMES])}{more}"
    if not names:
        sure = "told apart from all others"
    elif everywhere:
        sure = f"not told apart from {listed}"
    else:
        sure = f"at some of them not told apart from {listed}"
    return f"{span.leader} leads with {ends} labels ({sure})"


def _other_measures(setting: Setting, budget: int) -> str:
    """Say where another measure contradicts the primary one's leader."""
    leaders = setting.table("leaders")
    against = leaders[(leaders["labelled"] == budget) & ~leaders["agrees"].astype(bool)]
    contradictions = []
    for row in against.to_dict("records"):
        words = f"by {MEASURES[row['measure']]} {row['leader']} leads"
        if row["against_random"] < 0:
            words += f" and {row['auc_leader']} is {100 * -row['against_random']:.0f} points below"
            words += f" {setting.baseline}"
        contradictions.append(words)
    return f"The measures disagree: {'; '.join(contradictions)}." if contradictions else ""


def _failed(best: pd.Series) -> str:
    return f" ({best['failed']:.0f} more failed)" if best["failed"] else ""


def _listed(numbers: list[int]) -> str:
    *before, last = map(str, numbers)
    return f"{', '.join(before)} and {last}" if before else last


@section("findings", title="Findings", heading="Findings", order=10, sentences=sentences)
def content(report: Report) -> Iterator[Block]:
    """The sentences of all sections, setting by setting."""
    counts = report.study.progress
    if not counts.done:
        failed = f", and {counts.failed:,} failed" if counts.failed else ""
        yield Text(f"No trial has finished{failed}: there is nothing to report yet.")
        return
    if counts.done < counts.planned:
        yield Text(_incomplete(report.study), "warning")
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


def _incomplete(study: Study) -> str:
    counts, trials = study.progress, as_labels(study.trials)
    failed = (trials["status"] == "failed").groupby(trials["strategy"], sort=False)
    words = [
        f"{number} of {len(of_one)} of {strategy}"
        for strategy, of_one in failed
        if (number := int(of_one.sum()))
    ]
    more = f" and of {len(words) - MOST_NAMED} more" if len(words) > MOST_NAMED else ""
    named = f" Failed: {', '.join(words[:MOST_NAMED])}{more}." if words else ""
    return (
        f"The run is not complete: these findings rest on {counts.done:,} of {counts.planned:,} "
        f"trials.{named}"
    )


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
            f"{n:,} finished trial{'s are' if n > 1 else ' is'} left out of these findings: the "
            "present plan does not name them (a narrower --set, or a sweep file that was changed)."
        )


def _oracles_in_words(study: Study) -> str:
    if not study.oracles:
        return ""
    names = ", ".join(sorted(study.oracles))
    return (
        f" {names} read{'s' if len(study.oracles) == 1 else ''} the true labels of the pool, which "
        "nobody has before asking: shown for comparison, not counted among the compared."
    )


def _name(key: dict[str, str], rows: pd.DataFrame) -> str:
    """Name of a setting: the dataset, and what else differs between settings."""
    parts = [key["dataset"]]
    parts += [key[k] for k in ("encoder", "learner", "mode") if rows[k].nunique() > 1]
    return ", ".join(parts)


def _interval(row: pd.Series, low: str, high: str, sign: str = "") -> str:
    if math.isnan(row[low]):
        return f" (no interval from one {'seed' if row['n'] == 1 else 'choice'})"
    ends = (signed(row[end], f"{sign}.3f") for end in (low, high))
    return f" (95 % interval {' to '.join(ends)})"


def _seeds(n: float) -> str:
    return "1 seed" if n == 1 else f"{n:.0f} seeds"


def _pairs(row: pd.Series) -> str:
    """Say what a paired test is over: seeds, or the fewer choices that they made."""
    if row["n"] == row["choices"] < row["n_own"]:
        return f"the {row['n']:.0f} choices that its {_seeds(row['n_own'])} made"
    return f"{_seeds(row['n'])} they share"


def _against_random(best: pd.Series, setting: Setting) -> str:
    if not setting.baseline:
        return "No random selection ran beside it."
    against = setting.table(table_of("against_random", setting.measure))
    same = against[(against["metric"] == setting.measure) & (against["round"] == best["round"])]
    for name in ("initial", "strategy", "rounds", "labelled"):
        same = same[same[name] == best[name]]
    same = same[same["n"] > 0]
    if same.empty:
        return ""
    row = same.iloc[-1 if best["round"] == 0 else 0]
    if row["choices"] == 1 and row["n_own"] > 1:
        return (
            f"It made one choice, whatever the seed: above {row['below']:.0f} of "
            f"{setting.baseline}'s {row['draws']:.0f}{_fixed(row)}."
        )
    if row["n_random"] >= MANY_TIMES * row["n_own"] and not math.isnan(row["all_low"]):
        return (
            f"Against {setting.baseline}{_fixed(row)}, over all of its {row['n_random']:.0f} "
            f"seeds, it differs by {signed(row['all_mean'], '+.3f')}"
            f"{_interval(row, 'all_low', 'all_high', '+')}"
            f"{_shown(row, 'all_', 'welch', setting.words)}."
        )
    return (
        f"Against {setting.baseline}{_fixed(row)}, on {_pairs(row)}, it differs "
        f"by {signed(row['mean'], '+.3f')}{_interval(row, 'low', 'high', '+')}"
        f"{_shown(row, '', 'student', setting.words)}."
    )


def _fixed(row: pd.Series) -> str:
    return {
        QUERY: f" after the same start ({row['initial']})",
        INITIAL: f" as the start, with the same later queries ({row['strategy']})",
    }.get(str(row["varied"]), "")


def _shown(row: pd.Series, kind: str, test: str, words: str) -> str:
    """Say what a test shows, and whether it stands among all comparisons made."""
    if math.isnan(row[f"{kind}low"]):
        return ""
    if row[f"{kind}low"] <= 0 <= row[f"{kind}high"]:
        return ": no difference is shown"
    side = f": {'better' if row[f'{kind}mean'] > 0 else 'worse'} by {words}"
    if row["comparisons"] < 2 or math.isnan(row[f"holm_{test}"]):
        return side
    of = f"Holm's correction for the {row['comparisons']:.0f} comparisons made"
    if row[f"holm_{test}"] < ALPHA:
        return f"{side}, also after {of}"
    return f"{side} on its own, but not shown after {of}"
