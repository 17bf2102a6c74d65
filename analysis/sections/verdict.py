"""The first words of the page: who leads, how surely, and the curves that show it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd
from markupsafe import Markup

from analysis.figures.curves import kind_of
from analysis.figures.text import printable
from analysis.page.blocks import Block, Heading, Sentence, Sentences, Text
from analysis.sections.base import Report, Setting, section, settings
from analysis.sections.leaders import MEASURES
from analysis.sections.papers.agreement import agreements
from analysis.statistics.paired_tests import ALPHA
from analysis.study.grouping import as_labels
from analysis.study.measures import in_order
from analysis.study.study import Study
from analysis.study.wording import enumerated
from rayal.hints import counted
from rayal.storage.stopped import Stopped

MOST_SPANS, MOST_NAMES = 3, 4  # leaders, and names, that one sentence lists
MOST_NAMED = 5  # strategies with failed trials
HINT = (
    "Point at a mark of a figure for its value; or reach the figure with the Tab key and step "
    "through its marks with the arrow keys."
)


@section("verdict", title="Verdict", heading="Verdict", order=10)
def content(report: Report) -> Iterator[Block]:
    """Who leads in each setting, and the curves of the primary measure."""
    counts = report.study.progress
    if not counts.done:
        failed = f", and {counts.failed:,} failed" if counts.failed else ""
        yield Text(f"No trial has finished{failed}: there is nothing to report yet.")
        return
    if counts.done + counts.spared < counts.planned:
        yield Text(_incomplete(report.study), "warning")
    if stopped := report.study.stopped:
        yield Text(_stopped(stopped))
    every = settings(report)
    for setting in every:
        words = list(verdict(setting))
        if words and len(every) > 1:
            yield Heading(setting.name)
        if words:
            yield Sentences(words)
    for sentence in agreements(report.study, report.tables):
        yield Text(sentence)
    yield from report.gallery(kind_of(report.study.measure))
    yield Text(HINT, "note hint")


def verdict(setting: Setting) -> Iterator[Sentence]:
    """Say who leads with which numbers of labels, how surely, and whether measures agree."""
    leaders = setting.table("leaders")
    rivals = [_has_rivals(setting, row) for row in leaders.to_dict("records")]
    leaders = leaders[pd.Series(rivals, leaders.index, dtype=bool)]
    primary = leaders[leaders["measure"] == setting.measure].sort_values("labelled")
    if primary.empty:
        return
    agree = leaders.groupby("labelled")["agrees"].all()
    disputed = [int(n) for n in agree.index[~agree]]
    if not disputed:
        judged = f"{_measures_in_words(setting)} do not contradict it"
    elif len(disputed) < len(agree):
        judged = f"the measures disagree with {enumerated(disputed)} labels"
    else:
        judged = "the measures disagree at every number of labels: no strategy is best by all"
    yield Sentence(
        "Verdict:", f"by {setting.words}, {_spans_in_words(primary, setting)}; {judged}."
    )


def _has_rivals(setting: Setting, leader: Mapping[Any, Any]) -> bool:
    """Whether more than one selection was measured where somebody leads.

    All later queries may share one first query, which then leads nobody.
    """
    rows = setting.rows
    same = rows[(rows["labelled"] == leader["labelled"]) & (rows["round"] == leader["round"])]
    who = ["initial"] if leader["round"] == 0 else ["initial", "strategy"]
    return len(same[who].drop_duplicates()) > 1


def _measures_in_words(setting: Setting) -> str:
    """Name the measures besides the primary one."""
    _, *others = in_order(setting.measure, setting.report.study.measures)
    return enumerated(MEASURES[measure] for measure in (*others, "coverage"))


class _Span(NamedTuple):
    """Budgets in a row with one leader; for each, who is not significantly behind it.

    leaders: who has the highest mean at all of them, several where it is the same. as_random:
    random selection is the leader at all of them, or not significantly behind it; then the leader
    may change, and `leaders` has all. shown: for each budget, who is significantly better than
    random: others may be where the leader is not, as one that made a single choice, which no test
    can judge.
    """

    as_random: bool
    leaders: list[str]
    budgets: list[int]
    as_good: list[set[str]]
    shown: list[set[str]]


def _spans_in_words(leaders: pd.DataFrame, setting: Setting) -> str:
    """Name the leaders over the budgets, each with those that are not significantly behind it."""
    spans = _spans(leaders, setting)
    if len(spans) > MOST_SPANS:
        names = list(dict.fromkeys(name for span in spans for name in span.leaders))
        better = _shown_in_words(spans, setting.baseline) if setting.baseline else ""
        return f"no strategy keeps the lead (highest means: {'; '.join(names)}){better}"
    return "; ".join(_span_in_words(span, setting.baseline) for span in spans)


def _shown_in_words(spans: Sequence[_Span], baseline: str) -> str:
    """Say with how many labels some strategy is significantly better than random selection."""
    by_budget = [pair for span in spans for pair in zip(span.budgets, span.shown, strict=True)]
    shown = [budget for budget, better in by_budget if better]
    if not shown:
        return f", and none is shown to be better than {baseline}"
    where = "at every number of" if len(shown) == len(by_budget) else f"with {enumerated(shown)}"
    return f"; some are significantly better than {baseline} {where} labels"


def _spans(every: pd.DataFrame, setting: Setting) -> list[_Span]:
    spans: list[_Span] = []
    for row in every.to_dict("records"):
        highest, as_good = [row["leader"], *row["as_high"]], set(row["not_told_apart"])
        random = _random_at(row, setting)
        as_random, shown = random in {*highest, *as_good}, _better_than(random, row, setting)
        if not spans or not _goes_on(spans[-1], highest, shown, as_random=as_random):
            spans.append(_Span(as_random, list(highest), [], [], []))
        leaders = spans[-1].leaders
        shared = [name for name in leaders if name in highest]
        leaders[:] = dict.fromkeys([*leaders, *highest]) if as_random else shared
        spans[-1].budgets.append(int(row["labelled"]))
        spans[-1].as_good.append(as_good)
        spans[-1].shown.append(shown)
    return spans


def _goes_on(span: _Span, highest: list[str], shown: set[str], *, as_random: bool) -> bool:
    if span.as_random != as_random:
        return False
    if as_random:
        return bool(span.shown[-1]) == bool(shown)
    return not set(highest).isdisjoint(span.leaders)


def _better_than(random: str, row: Mapping[Any, Any], setting: Setting) -> set[str]:
    """Return who is significantly better than random selection where somebody leads."""
    pairs = setting.table("pairs")
    same = (pairs["labelled"] == row["labelled"]) & (pairs["round"] == row["round"])
    shown = (pairs["difference"] > 0) & (pairs["p_corrected"] < ALPHA)
    return set(pairs.loc[same & shown & (pairs["other"] == random), "better"])


def _random_at(row: Mapping[Any, Any], setting: Setting) -> str:
    """Name random selection as the row of a leader names selections; "" where there is none."""
    if row["round"] == 0 or not setting.baseline:
        return setting.baseline
    return setting.report.study.selection(setting.baseline, setting.baseline)


def _span_in_words(span: _Span, baseline: str) -> str:
    first, last = span.budgets[0], span.budgets[-1]
    labels = f"{first} labels" if first == last else f"{first} to {last} labels"
    highest = f"{_highest_in_words(span)}: {_few(span.leaders)}"
    if span.as_random and any(span.shown):
        better = ", ".join(_at_all_and_some(span.shown, ""))
        return (
            f"significantly better than {baseline} with {labels}: {better} (not shown of the "
            f"{highest})"
        )
    if span.as_random:
        return f"no strategy is shown to be better than {baseline} with {labels} ({highest})"
    leads = f"{span.leaders[0]} leads with {labels}"
    if len(span.leaders) > 1:
        leads = f"{enumerated(span.leaders)} lead with {labels}, with the same mean"
    others = [names.difference(span.leaders) for names in span.as_good]
    if not any(others):
        return f"{leads}, significantly ahead of all others"
    if all(shown.issuperset(span.leaders) for shown in span.shown):
        as_good = "; ".join(_at_all_and_some(others, "not of "))
        return f"{leads}, significantly ahead of {baseline} ({as_good})"
    as_good = "; ".join(_at_all_and_some(others, "not significantly ahead of "))
    return f"{leads} ({as_good})"


def _highest_in_words(span: _Span) -> str:
    if len(span.leaders) == 1:
        return "highest mean"
    return "same highest mean" if len(span.budgets) == 1 else "highest means"


def _at_all_and_some(names: Sequence[set[str]], words: str) -> Iterator[str]:
    """Name those that stand at all budgets, and those that stand at some, after these words."""
    everywhere, anywhere = set.intersection(*names), set.union(*names)
    if everywhere:
        yield f"{words}{_few(sorted(everywhere))}"
    if anywhere != everywhere:
        yield f"at some of them {words}{_few(sorted(anywhere - everywhere))}"


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"{'; '.join(names[:MOST_NAMES])}{more}"


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


def _stopped(stopped: Sequence[Stopped]) -> Markup:
    """Say who was stopped, and where more is told of it."""
    names = dict.fromkeys(one["strategy"] for one in stopped)
    cells = counted(len(stopped), "cell")
    return Markup(
        '<a href="#stopped">Stopped in {} by pruning</a>, and compared with nothing there: {}.'
    ).format(cells, ", ".join(map(printable, names)))
