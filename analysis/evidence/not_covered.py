"""What the evidence says nothing of: from the cells, the plans and the names of all strategies."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.evidence.cells import LATER
from analysis.study.grouping import as_labels
from analysis.study.study import Study
from analysis.study.wording import enumerated

SEEDS = 50  # fewer are said
DEVELOPED_ON = {"bloodmnist", "cifar10_lt", "digits", "mnist", "pbcblood", "scans"}
_SAID = {  # parameters of an encoder that say what it is, and how
    "model": "the network {}", "backbone": "one training of {}", "epochs": "{} epochs",
    "size": "at {} pixels",
}  # fmt: skip
_PACKAGED = {"efficientnet_lite0": "efficientnet_lite0, packaged, trained on ImageNet"}


def not_covered(study: Study, cells: pd.DataFrame, known: Sequence[str]) -> Iterator[str]:
    """Yield a list.

    known: names of strategies, of which those that were not asked are named.
    """
    yield "## What this does not cover"
    yield ""
    if cells.empty:
        yield f"Everything: {_why_nothing(study)}."
        return
    yield f"* Datasets and encoders: {_data(study, cells)}; no others."
    if encoders := _encoders(study, cells):
        yield (
            f"* The encoders are {encoders}.{_unsaid(study, cells)} Others, and longer trainings, "
            "may change who leads."
        )
    yield f"* Learner: {_names(cells['learner'])} alone. Another may change who leads."
    yield f"* Up to {int(cells['labelled'].max())} labels; nothing is said of more."
    later = cells[cells["query"] == LATER]
    if len(later):
        yield f"* All later queries follow a first one by {_names(later['initial'])}, no other."
    yield from _strategies(cells, known)
    yield from _developed_on(cells)
    yield from _seeds(cells)
    yield from _missing(study)
    yield ""


def _why_nothing(study: Study) -> str:
    if not study.baseline:
        return "the runs hold no random selection, which all others are compared with"
    return "in no cell do the runs hold finished trials of random selection and of another strategy"


def _names(column: pd.Series[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(set(column)))


def _data(study: Study, cells: pd.DataFrame) -> str:
    """Name each dataset with the size of its images, where a plan says it, and its encoders."""
    sizes = {}
    for about in study.run.plan["artefacts"].values():
        for note in about.get("notes", ()):
            if found := re.match(r"images are (\d+ x \d+)", note):
                sizes[about["dataset"]] = found[1]
    return "; ".join(
        f"{dataset}{f' ({sizes[dataset]} pixels)' if dataset in sizes else ''} with "
        f"{enumerated(sorted(set(own['encoder'])))}"
        for dataset, own in ((str(name), own) for name, own in cells.groupby("dataset"))
    )


def _encoders(study: Study, cells: pd.DataFrame) -> str:
    """Say what each encoder of the runs read is; where they differ, on which datasets."""
    said: dict[str, dict[str, list[str]]] = {}
    artefacts = study.run.plan["artefacts"]
    trials = as_labels(study.trials).drop_duplicates("artefact")
    for row in trials[trials["encoder"].isin(set(cells["encoder"]))].to_dict("records"):
        about = artefacts[row["artefact"]]["encoder"]
        forms = said.setdefault(row["encoder"], {})
        forms.setdefault(_encoder(about["params"]), []).append(row["dataset"])
    parts = {name: _forms(forms) for name, forms in said.items() if any(forms)}
    return enumerated(f"`{name}` ({form})" for name, form in parts.items()) if parts else ""


def _unsaid(study: Study, cells: pd.DataFrame) -> str:
    """Name the datasets of an earlier table whose encoders no run at hand describes."""
    trials = as_labels(study.trials)
    described = set(zip(trials["dataset"], trials["encoder"], strict=True))
    places = zip(cells["dataset"], cells["encoder"], strict=True)
    others = sorted({dataset for dataset, encoder in places if (dataset, encoder) not in described})
    if not others:
        return ""
    return f" Of those on {enumerated(others)} the earlier table has the names alone."


def _encoder(params: Mapping[str, Any]) -> str:
    """Say in words what is known of an encoder by its parameters; "" for nothing."""
    words = [
        form.format(_PACKAGED.get(str(params[name]), params[name]))
        for name, form in _SAID.items()
        if params.get(name) is not None
    ]
    features = params.get("features") or {}
    changes = [name if value is True else f"{name} {value}" for name, value in features.items()]
    return ", ".join(words + [f"features {' and '.join(changes)}"] * bool(changes))


def _forms(forms: Mapping[str, Sequence[str]]) -> str:
    """Join the forms of one encoder; what has no parameters to name is called as it is."""
    if len(forms) == 1:
        return next(iter(forms))
    return "; ".join(
        f"on {enumerated(sorted(datasets))} {form or 'as they are'}"
        for form, datasets in forms.items()
    )


def _strategies(cells: pd.DataFrame, known: Sequence[str]) -> Iterator[str]:
    asked = {part.split()[0] for name in set(cells["strategy"]) for part in name.split(" / ")}
    absent = sorted(set(known) - asked - {"random"})
    if absent:
        yield f"* Strategies not asked: {enumerated(absent)}."
    if not re.search("temperature|balanced", " ".join(set(cells["strategy"]))):
        yield (
            "* Each strategy has the parameters that stand with its name, and its defaults "
            "elsewhere: a calibrated temperature or balanced classes were not asked."
        )


def _developed_on(cells: pd.DataFrame) -> Iterator[str]:
    """Say of which datasets a lead is partly chosen, and that no interval is of other data."""
    names = list(dict.fromkeys(cells["dataset"]))
    known = [name for name in names if name in DEVELOPED_ON]
    if known == names:
        said = "The datasets are those that the defaults were developed on: "
    else:
        said = f"The defaults were developed on {enumerated(known)} too: " if known else ""
    lead = "a strategy's lead here is partly chosen. " if known else ""
    yield f"* {said}{lead}Intervals are of these cells, not of other data."


def _seeds(cells: pd.DataFrame) -> Iterator[str]:
    several = cells[(cells["choices"] > 1) & ~cells["oracle"].astype(bool)]
    few = several[several["trials"] < SEEDS]
    if len(few):
        least = int(few["trials"].min())
        yield f"* {len(few)} of {len(cells)} rows have fewer than {SEEDS} seeds, the least {least}."
    one = cells[(cells["choices"] == 1) & ~cells["oracle"].astype(bool)]
    if len(one):
        yield (
            f"* {len(one):,} of {len(cells):,} rows have neither an interval nor a test, as they "
            f"rest on one choice, of a strategy that draws nothing or has one seed: "
            f"{_names(one['strategy'])}."
        )
    if untested := int(several["p"].isna().sum()):
        yield (
            f"* {untested:,} of {len(cells):,} rows have no test for another reason: what would be "
            "compared does not vary, or random selection made one choice."
        )


def _missing(study: Study) -> Iterator[str]:
    done = study.progress
    if done.missing + done.failed:
        yield (
            f"* {done.missing + done.failed:,} of {done.planned:,} planned trials have no record "
            f"({done.failed:,} of them failed): their cells are absent or have fewer seeds."
        )
