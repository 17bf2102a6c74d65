"""Several runs as one, so that they can be compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeVar, cast

from analysis.study.measures import PRIMARY
from rayal.storage.formats import Failure, Json, PlanFile, Record
from rayal.storage.location import Location
from rayal.storage.run import Run

Entry = TypeVar("Entry", Record, Failure)
WORDS = ("question", "cost", "expect", "command")


def merged(runs: Sequence[Run], root: Location) -> Run:
    """Put the trials of several runs side by side under one plan.

    A trial that several runs plan counts once: it is the same by all that determines its result,
    so the first record of it stands. Datasets that share a name but not their content get the
    name of their run beside it, and so are not mixed up.

    Args:
        runs: at least two, in the order in which they are shown.
        root: where the comparison is written.
    """
    runs = [_with_distinct_datasets(run, _clashing(runs)) for run in runs]
    return Run(
        root=root,
        plan=_merged_plan(runs),
        records=_first_of_each(record for run in runs for record in run.records),
        failures=_first_of_each(failure for run in runs for failure in run.failures),
        left_out=sum(run.left_out for run in runs),
    )


def repeated(runs: Sequence[Run]) -> int:
    """Count the trials that several of the runs plan, beyond the first of each."""
    times = Counter(trial for run in runs for trial in run.plan["trials"])
    return times.total() - len(times)


def folder_for(roots: Sequence[Location]) -> Location:
    """Folder of a comparison: beside the first run, named after them all."""
    names = "+".join(dict.fromkeys(root.resolve().name for root in roots))
    return roots[0].resolve().parent / f"compared-{names[:100]}"


def _merged_plan(runs: Sequence[Run]) -> PlanFile:
    plans = [cast("Json", run.plan) for run in runs]
    names = [str(plan["name"]) for plan in plans]
    merged: Json = {
        key: _first_entries(plans, key) for key in ("versions", "datasets", "artefacts", "trials")
    }
    words = {word: _in_words(names, [str(plan.get(word, "")) for plan in plans]) for word in WORDS}
    name = " and ".join(dict.fromkeys(names))
    measures = {plan.get("measure", PRIMARY) for plan in plans}
    words["measure"] = measures.pop() if len(measures) == 1 else PRIMARY
    plan = {"schema": plans[0].get("schema", 1), **words, **merged, "name": name, "names": names}
    return cast("PlanFile", plan)


def _first_entries(plans: Sequence[Json], key: str) -> Json:
    """Entries of all plans, the first of each name."""
    first: Json = {}
    for plan in plans:
        for name, value in plan[key].items():
            first.setdefault(name, value)
    return first


def _in_words(names: Sequence[str], texts: Sequence[str]) -> str:
    """What each run says, after its name, unless all say the same."""
    if len(set(texts)) == 1:
        return texts[0]
    return " ".join(f"{name}: {text}" for name, text in zip(names, texts, strict=True) if text)


def _clashing(runs: Sequence[Run]) -> set[str]:
    contents: dict[str, set[str]] = {}
    for run in runs:
        for name, about in run.plan["datasets"].items():
            contents.setdefault(name, set()).add(str(about.get("content")))
    return {name for name, hashes in contents.items() if len(hashes) > 1}


def _with_distinct_datasets(run: Run, clashing: set[str]) -> Run:
    """Add the run's name to the names of datasets that another run uses for other content."""
    if not clashing & run.plan["datasets"].keys():
        return run

    def name(dataset: str) -> str:
        return f"{dataset} [{run.root.resolve().name}]" if dataset in clashing else dataset

    trials = {
        trial: {**definition, "dataset_name": name(definition["dataset_name"])}
        for trial, definition in run.plan["trials"].items()
    }
    datasets = {name(dataset): about for dataset, about in run.plan["datasets"].items()}
    plan = cast("PlanFile", {**run.plan, "trials": trials, "datasets": datasets})
    return Run(run.root, plan, run.records, run.failures, run.left_out)


def _first_of_each(entries: Iterable[Entry]) -> list[Entry]:
    first: dict[str, Entry] = {}
    for entry in entries:
        first.setdefault(entry["trial"], entry)
    return list(first.values())
