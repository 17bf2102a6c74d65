"""The first page of the strategies: "I want to ... | use | because", by the evidence measured."""

from __future__ import annotations

import re
from collections.abc import Iterator

_HEAD = """\
# Which strategy?

Where nothing speaks for another, `auto`: it is what the measurements recommend at any number of
labels, and what `rayal select` takes. The first rows are copied from [Evidence](evidence.md), where
every number and its interval stands; with a data set or an encoder that is not among those measured
there, run a sweep of your own: `rayal sweep quickstart` is one to change.

"""
_NEEDS = (
    (
        "know whether choosing pays at all",
        "random",
        "random draws with the same learner are the bar that a choice has to clear",
    ),
    (
        "spread random draws",
        "random, stratify: budget",
        "one draw from each cluster: still random, so it has an interval",
    ),
    (
        "know what a perfect choice would bring",
        "best_of",
        "an oracle: it reads true labels and keeps the best of many batches",
    ),
    (
        "know what balanced classes alone would bring",
        "uniform",
        "an oracle: equal numbers of each true class",
    ),
    (
        "choose from images that come in bundles, as slices of one scan",
        "typiclust, collapse: 0.98",
        "near-identical images stand for one another and are chosen once",
    ),
    (
        "follow what the encoder's training showed",
        "hacon",
        "it reads the dataset map; the encoder is trained here (`moco`)",
    ),
    (
        "ask about what the learner is unsure of",
        "margin",
        "the cheapest of later queries; many choices may be alike",
    ),
    (
        "the same, and no twenty images that are alike",
        "uherding",
        "it covers the uncertain part of the pool",
    ),
    (
        "label rare and frequent classes equally",
        "entropy, class_balanced: {lambda: 1.0}",
        "any strategy with a score can be balanced by predicted class",
    ),
    (
        "try one of mine",
        "your own",
        "one file with one function",
    ),
)


def page(evidence: str) -> str:
    """Return the page as Markdown.

    evidence: the text of `docs/evidence.md`.
    """
    measured = "".join(f"| {want} | {use} | {why} |\n" for want, use, why in _measured(evidence))
    needs = "".join(f"| {want} | {_linked(use)} | {why} |\n" for want, use, why in _NEEDS)
    table = "| I want to ... | use | because |\n|---|---|---|\n"
    return (
        f"{_HEAD}## By what was measured\n\n{table}{measured}\n"
        f"## By what you need\n\n{table}{needs}\n"
        "What each of them does, with a picture: "
        "[all strategies](reference/strategies/index.md). What each reads and costs: "
        "[the guide](strategies.md), also as `rayal strategies NAME`.\n"
    )


def _measured(evidence: str) -> Iterator[tuple[str, str, str]]:
    """Yield want, use and because from the tables "What to use"."""
    for heading, body in re.findall(
        r"^## What to use: ([^\n]+)\n(.*?)(?=^## )", evidence, re.M | re.S
    ):
        which = (
            "choose the first images" if heading.startswith("first") else "choose the next images"
        )
        for have, use, why in re.findall(r"^\| ([^|]+) \| (`[^|]+`) \| ([^|]+) \|$", body, re.M):
            yield f"{which}, {have}", _linked(use.strip("`")), why


def _linked(use: str) -> str:
    """Link a strategy, written as in a sweep file, to its page."""
    if use == "your own":
        return "[your own](write-a-strategy.md)"
    return f"[`{use}`](reference/strategies/{re.split('[ ,]', use)[0]}.md)"
