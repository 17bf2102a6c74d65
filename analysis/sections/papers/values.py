"""What a study measured where a paper prints a value: at a budget, over a curve, or as a gain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.sections.papers.match import Curve, Json, borrowed_names, counts, curves
from analysis.statistics.choices import fewer_choices
from analysis.statistics.intervals import Floats
from analysis.statistics.learning_curves import aubc as area_under
from analysis.study.grouping import CURVE, as_labels, groups
from analysis.study.stopped import of_stopped
from analysis.study.study import Study

GAIN, AREA = "accuracy_gain", "accuracy_aubc"


class PaperValue(NamedTuple):
    """What was measured at one place of a curve: values (n,), one a seed.

    choices: (n,); values of one choice rest on the same images, and say no more than one.
    """

    labeled: int
    round: int
    values: Floats
    choices: npt.NDArray[Any]


class Measured:
    """Values of a study by curve: accuracy over rounds, gains over the plain strategy, areas."""

    def __init__(self, study: Study) -> None:
        rounds = study.labeled_rounds
        view = rounds[~of_stopped(rounds, study.stopped)]
        self._rounds = {tuple(key.values()): part for key, part in groups(view, CURVE)}
        self._definitions = {curve.place: curve.definition for curve in curves(study)}
        planned = groups(as_labels(study.trials), CURVE)
        self._planned = {tuple(key.values()): _schedule(part) for key, part in planned}

    def at(self, curve: Curve, printed: Json) -> Iterator[PaperValue]:
        """What the curve has where a printed value is, by its metric.

        A place that is planned and has no trial yet has no values.
        """
        metric = printed["metric"]
        rounds = self._rounds.get(curve.place)
        if rounds is None:
            return iter(_without_values(self._planned[curve.place], printed))
        if metric == AREA:
            return self._area(rounds, counts(printed))
        if metric == GAIN:
            return self._gains(curve, rounds, int(printed["round"]))
        return self._plain(rounds, metric, counts(printed))

    def _plain(
        self, rounds: pd.DataFrame, metric: str, wanted: frozenset[int]
    ) -> Iterator[PaperValue]:
        """Values at the printed number of images, or at the largest there is of alternatives."""
        there = wanted & set(rounds["labelled"]) if wanted else {rounds["labelled"].max()}
        here = rounds["labelled"] == max(there, default=-1)
        for key, part in groups(rounds[here], ["labelled", "round"]):
            values = part[metric].to_numpy(np.float64)
            yield PaperValue(key["labelled"], key["round"], values, part["choice"].to_numpy())

    def _area(self, rounds: pd.DataFrame, wanted: frozenset[int]) -> Iterator[PaperValue]:
        """Areas of the trials with every round, where the last is at the printed budget."""
        last = int(rounds["labelled"].max())
        if wanted and last not in wanted:
            return
        areas = {
            (number, trial["choice"].iloc[-1]): area_under(trial["labelled"], trial["accuracy"])
            for number, trial in rounds.sort_values("round").groupby("trial", sort=False)
            if len(trial) == trial["rounds"].iloc[0] > 1
        }
        if areas:
            values = np.array(list(areas.values()))
            choices = np.array([choice for _, choice in areas])
            yield PaperValue(last, int(rounds["round"].max()), values, choices)

    def _gains(self, curve: Curve, rounds: pd.DataFrame, number: int) -> Iterator[PaperValue]:
        """Accuracy beyond that of the strategy without class balancing, seed by seed."""
        plain = self._unbalanced(curve)
        if plain is None:
            return
        keys = ["seed", "labelled", "round"]
        own, unbalanced = (part.loc[part["round"] == number, [*keys, "accuracy", "choice"]]
                        for part in (rounds, plain))  # fmt: skip
        pairs = own.merge(unbalanced, on=keys, suffixes=("", "_plain"))
        for key, part in groups(pairs, ["labelled", "round"]):
            gain = (part["accuracy"] - part["accuracy_plain"]).to_numpy(np.float64)
            choices = fewer_choices(part["choice"], part["choice_plain"])
            yield PaperValue(key["labelled"], key["round"], gain, choices)

    def _unbalanced(self, curve: Curve) -> pd.DataFrame | None:
        """Return the rounds of the same curve without class balancing."""
        at = CURVE.index("strategy")
        for place, rounds in self._rounds.items():
            same_place = place[:at] == curve.place[:at] and place[at + 1 :] == curve.place[at + 1 :]
            if same_place and _is_plain(self._definitions[place], curve.definition):
                return rounds
        return None


def _without_values(planned: dict[int, int], printed: Json) -> list[PaperValue]:
    """Return the place of a printed value where it is planned, without values."""
    wanted = counts(printed)
    if not wanted:
        number = printed["round"] if printed["round"] >= 0 else max(planned.values())
        wanted = frozenset(n for n, place in planned.items() if place == number)
    planned_wanted = sorted(wanted & planned.keys())
    return [
        PaperValue(n, planned[n], np.empty(0), np.empty(0, object)) for n in planned_wanted[-1:]
    ]


def _schedule(trials: pd.DataFrame) -> dict[int, int]:
    """Rounds of a curve's trials by how many images are labeled after them."""
    schedules = trials["schedule"].drop_duplicates()
    return {int(n): number for schedule in schedules for number, n in enumerate(schedule)}


def _is_plain(definition: Json, balanced: Json) -> bool:
    """Whether a trial's strategy is the balanced one's with class balancing off."""
    plain, other = definition["strategy"], balanced["strategy"]
    if plain["name"] != other["name"] or plain["params"].get("class_balanced"):
        return False
    if borrowed_names(plain) != borrowed_names(other):
        return False
    names = (plain["params"].keys() | other["params"].keys()) - {"class_balanced"}
    return all(plain["params"].get(n) == other["params"].get(n) for n in names)
