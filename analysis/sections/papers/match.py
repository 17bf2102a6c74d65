"""Which curve of a study a printed value belongs to.

A label of a paper names what it switches on, and all else must be off: "entropy" is not
"entropy label_balanced=yes", whatever varies in the run. What a strategy borrows counts as such a
switch, by its name: "kmeans select_on=random". Parameters that are no switches
(K of the clusters, tau) count where the label states them.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from analysis.study.grouping import CURVE, as_labels
from analysis.study.study import Study
from rayal.sweep.names import BORROWED, flatten, spell

SWITCHES = frozenset({
    "label_balanced", "class_balanced", "pseudo_label_balanced", "diverse", "cover_classes",
    "prototypes", "pseudo_labels", *BORROWED,
})  # fmt: skip
SINGLE = "single"
Json = Mapping[str, Any]


class Curve(NamedTuple):
    """Trials that differ in seed and budget alone: their labels, and one of their definitions."""

    place: tuple[Any, ...]  # labels, in the order of CURVE
    definition: Json


def curves(study: Study) -> list[Curve]:
    """Every curve that a study plans, once."""
    labels = as_labels(study.trials).drop_duplicates(CURVE)
    plan = study.run.plan["trials"]
    places = labels[CURVE].itertuples(index=False, name=None)
    return [Curve(place, plan[trial]) for trial, place in zip(labels["trial"], places, strict=True)]


def belongs(curve: Curve, printed: Json, *, any_learner: bool) -> bool:
    """Whether a printed value is of this curve, but for the number of labeled images."""
    trial = curve.definition
    return (
        is_of_dataset(printed, trial)
        and is_named(printed["strategy"], trial["strategy"])
        and _started(printed, trial)
        and (not printed["encoder"] or is_named(printed["encoder"], trial["encoder"]))
        and (any_learner or not departs(curve, printed))
    )


def departs(curve: Curve, printed: Json) -> str:
    """Say how the learner differs from the paper's; "" where it does not."""
    learner = curve.definition["learner"]
    if not printed["learner"] or is_named(printed["learner"], learner):
        return ""
    return f"learner {learner['name']}, in print {printed['learner']}"


def counts(printed: Json) -> frozenset[int]:
    """Numbers of labeled images that a printed value may stand for; none where it says none."""
    return frozenset(int(number) for number in printed["labelled"].split("|") if number)


def is_named(label: str, component: Json) -> bool:
    """Whether a component is what a label, or one of its alternatives, says."""
    return any(_is_named(one, component) for one in label.split("|"))


def _is_named(label: str, component: Json) -> bool:
    name, *stated = label.split(" ")
    if name != component["name"]:
        return False
    params = component["params"] | borrowed_names(component)
    switched_on = {switch for switch in SWITCHES if params.get(switch)}
    if switched_on != {word.split("=")[0] for word in stated} & SWITCHES:
        return False
    values = {key: spell(value) for key, value in flatten(params).items()}
    # A parameter that an older record does not have stood at its default.
    wanted = dict(word.split("=") for word in stated if "=" in word)
    return all(fnmatchcase(values.get(key, value), value) for key, value in wanted.items())


def borrowed_names(component: Json) -> dict[str, str]:
    """Return the names of what a strategy chooses by in place of the trial's own."""
    return {key: str(component[key]["name"]) for key in BORROWED if key in component}


def is_of_dataset(printed: Json, trial: Json) -> bool:
    """Whether a trial's dataset is that of printed values, which may name several: "a*|b"."""
    name = trial["dataset_name"].split(" [")[0]  # without the parameters
    return any(fnmatchcase(name, pattern) for pattern in printed["dataset"].split("|"))


def _started(printed: Json, trial: Json) -> bool:
    """Whether the first query was made as printed, and of as many images."""
    ways = printed["initial"].split("|")
    if len(trial["schedule"]) == 1:
        return SINGLE in ways
    if printed["start"] and int(printed["start"]) != trial["schedule"][0]:
        return False
    return any(is_named(way, trial["initial"]) for way in ways if way != SINGLE)
