"""The first page of the strategies: "I want to ... | use | because", by the evidence measured."""

from __future__ import annotations

import re
from collections.abc import Iterator

_HEAD = """\
# Which strategy?

Use `auto` by default, as `rayal select` does. The first table says how much it gains, the others,
for each kind of features, what gains most beside it. They are copied from [Evidence](evidence.md),
which explains the words and has every number with its interval. The features `pretrained` are those
of a frozen network, `moco` of one trained on the images, `pixels` the images themselves.

If your data were not measured there, run your own sweep, for example from `rayal sweep quickstart`.

"""
_NEEDS = (
    (
        "know whether choosing is worth it at all",
        "random",
        "random draws with the same learner are the baseline of every comparison",
    ),
    (
        "spread random draws over the pool",
        "random, stratify: budget",
        "one draw from each cluster: still random, so it has an interval",
    ),
    (
        "know how good a nearly perfect choice would be",
        "best_of",
        "an oracle: it reads true labels and keeps the best of many batches; a bar, not a bound",
    ),
    (
        "know how much balanced classes alone would improve",
        "uniform",
        "an oracle: equal numbers of each true class",
    ),
    (
        "choose among many similar images, such as slices of one scan",
        "auto",
        "of near-identical images its first query chooses only one",
    ),
    (
        "use what the training of the encoder showed",
        "hacon",
        "it reads the dataset map; the encoder is trained in the sweep (`moco`)",
    ),
    (
        "label images about which the learner is uncertain",
        "margin",
        "the cheapest later query; the chosen images may be similar to each other",
    ),
    (
        "the same, without choosing many similar images",
        "uherding",
        "it covers the uncertain part of the pool",
    ),
    (
        "label rare and frequent classes equally",
        "entropy, class_balanced: {lambda: 1.0}",
        "any strategy with a score can be balanced by predicted class",
    ),
    (
        "try my own strategy",
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
        f"{_by_features(evidence)}"
        f"## By what you need\n\n{table}{needs}\n"
        "What each strategy does, with a picture: "
        "[all strategies](reference/strategies/index.md). What each reads and costs: "
        "[the guide](strategies.md), also as `rayal strategies NAME`.\n"
    )


def _by_features(evidence: str) -> str:
    """Return the section of the page that splits the recommendations by encoder."""
    section = re.search(r"^## What to use, by the features\n.*?(?=^## )", evidence, re.M | re.S)
    return section[0].replace("## What to use, by", "## By", 1) if section else ""


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
