"""Which trials of a plan are meant: `strategy=hacon,seed=3`, the beginning of an id, `all`."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set

from rayal.hints import nearest
from rayal.sweep.definition import Trial
from rayal.sweep.errors import SweepError
from rayal.sweep.plan import Plan

_KINDS = ("dataset", "encoder", "initial", "strategy", "learner", "seed")
_FORMS = (
    "give KIND=NAME of dataset, encoder, initial, strategy, learner or seed (several by commas "
    "hold together), the beginning of a trial's id, unverified, or all"
)


def select(plan: Plan, selectors: Sequence[str], unverified: Set[str]) -> list[Trial]:
    """Return the trials that one of some selectors means.

    Args:
        plan: whose trials are chosen from.
        selectors: terms by commas, which hold together.
        unverified: ids of the trials that the word unverified means.

    Raises:
        SweepError: a selector is none, or means no trial.
    """
    chosen: dict[str, Trial] = {}
    for selector in selectors:
        meant = [t for t in plan.trials if all(_terms(plan, t, selector, unverified))]
        if not meant:
            raise SweepError(f"--redo {selector} means no trial of this sweep; {_FORMS}")
        chosen |= {trial.id: trial for trial in meant}
    return list(chosen.values())


def _terms(plan: Plan, trial: Trial, selector: str, unverified: Set[str]) -> list[bool]:
    return [_holds(plan, trial, term.strip(), unverified) for term in selector.split(",")]


def _holds(plan: Plan, trial: Trial, term: str, unverified: Set[str]) -> bool:
    if term == "all":
        return True
    if term == "unverified":
        return trial.id in unverified
    kind, is_pair, name = term.partition("=")
    if not is_pair:
        if not re.fullmatch(r"[0-9a-f]{4,16}", term):
            raise SweepError(f"--redo {term} is no selector; {_FORMS}")
        return trial.id.startswith(term)
    if kind not in _KINDS:
        raise SweepError(f"--redo {term}: there is no '{kind}'{nearest(kind, _KINDS)}; {_FORMS}")
    if kind == "seed":
        return str(trial.seed) == name
    named = plan.names(trial)[kind]
    known = {named.plain, named.label, trial.dataset_name if kind == "dataset" else named.plain}
    return name in known
