"""A run's records as a pandas DataFrame, and the account of the trials that are not in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd

from analysis.study.choices import choices_of
from analysis.study.embeddings import StoredEmbedding
from analysis.study.embeddings_on_disk import stored_embeddings
from analysis.study.frames import rounds_of, trials_of
from analysis.study.grouping import Names as SelectionNames
from analysis.study.grouping import as_labels, in_sequence
from analysis.study.measures import OF_SEVERAL, PRIMARY, TEST_MEASURES
from analysis.study.merge import differing, folder_for, merged, repeated
from analysis.study.names import baseline
from analysis.study.same_choices import SameChoices, same_choices
from analysis.study.stopped import SPARED, of_stopped, stopped_in, with_spared, without_curves
from rayal.storage.files import StoreError
from rayal.storage.location import Location, parse_location
from rayal.storage.run import Run, read_run
from rayal.storage.stopped import Stopped
from rayal.sweep.names import Names


@dataclass(frozen=True)
class TrialCounts:
    """How many trials a run plans, and what became of them.

    left_out: records of earlier versions of the sweep, which the present plan does not ask for.
    spared: trials of strategies that `prune` stopped, which are not to be run.
    repeated: trials that several of the runs compared plan, and that count once.
    differing: trials of which they have different results; those of the first run count.
    """

    planned: int
    done: int
    failed: int
    missing: int
    left_out: int
    repeated: int = 0
    spared: int = 0
    differing: int = 0


@dataclass(frozen=True)
class Study:
    """A run as frames: the trials planned, the rounds measured, and what random is called here."""

    run: Run
    trials: pd.DataFrame
    rounds: pd.DataFrame
    baseline: str
    oracles: frozenset[str]  # labels of strategies that read true labels: no rivals, but bounds
    roots: tuple[Location, ...]  # of the runs that it holds
    repeated: int = 0
    stopped: tuple[Stopped, ...] = ()  # strategies, by `prune`, each in a cell
    differing: int = 0

    @property
    def sweeps(self) -> tuple[str, ...]:
        """Names of the sweeps that it holds."""
        return tuple(self.run.plan.get("names") or [str(self.run.plan.get("name", ""))])

    @cached_property
    def measure(self) -> str:
        """The measure that the report leads with, the sweep's, or AUC where that is not there."""
        wanted = str(self.run.plan.get("measure", PRIMARY))
        known = wanted in self.measures and self.rounds[wanted].notna().any()
        return wanted if known else PRIMARY

    @cached_property
    def measures(self) -> tuple[str, ...]:
        """What learners are judged by here.

        Where an image may have several classes, what is of one class alone was not measured.
        """
        several = [measure for measure in OF_SEVERAL if measure in self.rounds]
        if not several:
            return tuple(TEST_MEASURES)
        every = (*TEST_MEASURES, *several)
        return tuple(measure for measure in every if self.rounds[measure].notna().any())

    @cached_property
    def labeled_rounds(self) -> pd.DataFrame:
        """The rounds under their labels, each with its `choice`; equal ones rest on one choice."""
        return as_labels(self.rounds).assign(choice=choices_of(self.rounds))

    @cached_property
    def same_choices(self) -> SameChoices:
        """The strategies that chose the same images, which are shown once."""
        return same_choices(self.labeled_rounds, {self.baseline, *self.oracles})

    @cached_property
    def distinct_trials(self) -> pd.DataFrame:
        """The trials under their labels, those of strategies with the same choices once."""
        return self.same_choices.trials_once(as_labels(self.trials))

    @cached_property
    def distinct_rounds(self) -> pd.DataFrame:
        """The rounds of `distinct_trials`, each with its `choice`."""
        rounds = self.same_choices.named(self.labeled_rounds)
        return rounds[rounds["trial"].isin(self.distinct_trials["trial"])]

    @cached_property
    def _several_initial(self) -> bool:
        """Whether the trials with several rounds have different initial strategies."""
        cycles = self.distinct_rounds["rounds"] > 1
        return self.distinct_rounds.loc[cycles, "initial"].nunique() > 1

    def selection(self, initial: SelectionNames, strategy: SelectionNames) -> SelectionNames:
        """Name who chose in cycles: the query strategy, with its initial one if these differ."""
        return in_sequence(initial, strategy) if self._several_initial else strategy

    @cached_property
    def compared_rounds(self) -> pd.DataFrame:
        """The rounds of `distinct_trials` but for those of strategies that were stopped.

        Whether one was stopped depends on its results, so that what is left of them is biased.
        """
        rounds = self.distinct_rounds
        return rounds[~of_stopped(rounds, self.stopped)]

    @cached_property
    def compared_curves(self) -> pd.DataFrame:
        """The compared rounds, without the strategies that were stopped at another budget."""
        rounds = self.distinct_rounds
        if not self.stopped:
            return rounds
        return without_curves(rounds, of_stopped(rounds, self.stopped))

    @cached_property
    def embeddings(self) -> list[StoredEmbedding]:
        """Embeddings that are on disk, in the plan's order."""
        return stored_embeddings(self.run.plan, self.trials, self.roots)

    @property
    def progress(self) -> TrialCounts:
        """Count the trials by what became of them."""
        counts = self.trials["status"].value_counts()
        return TrialCounts(
            planned=len(self.trials),
            done=int(counts.get("done", 0)),
            failed=int(counts.get("failed", 0)),
            missing=int(counts.get("missing", 0)),
            left_out=self.run.left_out,
            repeated=self.repeated,
            spared=int(counts.get(SPARED, 0)),
            differing=self.differing,
        )


def load(*roots: Location | str) -> pd.DataFrame:
    """Read a run, or several as one: one row per finished trial and round.

    `strategy`, `encoder` and so on hold plain names, `strategy_label` the name with those
    parameters that tell it apart in these runs; such parameters also have columns of their own
    (`strategy.k`). `selected` lists indices of the dataset, `class_counts` labeled images per
    class (C,). Trials without a record are counted by `progress`. A trial that several of the
    runs hold is there once; datasets that share a name but not their content get the run's name
    beside it.

    Raises:
        rayal.storage.files.StoreError: a root is no run, or a record in it cannot be read.
    """
    return read_study(*roots).rounds


def progress(*roots: Location | str) -> TrialCounts:
    """Count the planned, finished, failed, missing and left-out trials of runs."""
    return read_study(*roots).progress


def read_study(*roots: Location | str, out: Location | str | None = None) -> Study:
    """Read the directories of one run, or of several to compare, into frames.

    Args:
        roots: a run's directory each; one that is named twice counts once.
        out: where tables and report go; by default into the run, or beside the first of several.

    Raises:
        rayal.storage.files.StoreError: none is given, one is no run, or a record cannot be read.
    """
    if not roots:
        raise StoreError("no run is given: name a run's directory, such as runs/quickstart")
    paths = tuple({parse_location(root).resolve(): parse_location(root) for root in roots}.values())
    runs = [read_run(path) for path in paths]
    root = parse_location(out) if out else folder_for(paths) if len(runs) > 1 else runs[0].root
    run = runs[0] if len(runs) == 1 else merged(runs, root)
    run = replace(run, root=root)
    names = Names(run.plan["trials"].values())
    trials = trials_of(run, names)
    stopped = stopped_in(trials, paths)
    return Study(
        run=run,
        trials=with_spared(trials, stopped),
        rounds=rounds_of(run, trials),
        baseline=baseline(names),
        oracles=_oracles(run, names),
        roots=paths,
        repeated=repeated(runs),
        stopped=stopped,
        differing=differing(runs) if len(runs) > 1 else 0,
    )


def _oracles(run: Run, names: Names) -> frozenset[str]:
    return frozenset(
        names.of(definition)[kind].label
        for definition in run.plan["trials"].values()
        for kind in ("initial", "strategy")
        if definition[kind].get("oracle")
    )
