"""Several runs as one, so that they can be compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias, TypeVar, cast

from analysis.study.measures import PRIMARY
from rayal.storage.formats import Failure, Json, PlanFile, Record
from rayal.storage.location import Location
from rayal.storage.run import Run

Entry = TypeVar("Entry", Record, Failure)
Dataset: TypeAlias = tuple[str, str]  # its name and content
WORDS = ("question", "cost", "expect", "command")


def merged(runs: Sequence[Run], root: Location) -> Run:
    """Put the trials of several runs side by side under one plan.

    A trial that several runs plan counts once: it is the same by all that determines its result,
    so the first record of it stands. Records follow the plan, whichever run has them: resamples
    depend on the order of values. Datasets that share a name but not their content get the
    name of the first run that has them beside it, and so are not mixed up.

    Args:
        runs: at least two, in the order in which they are shown.
        root: where the comparison is written.
    """
    names = _distinct_names(runs)
    runs = [_with_distinct_datasets(run, names) for run in runs]
    plan = _merged_plan(runs)
    records = {r["trial"]: r for r in _first_of_each(r for run in runs for r in run.records)}
    return Run(
        root=root,
        plan=plan,
        records=[records[trial] for trial in plan["trials"] if trial in records],
        failures=_first_of_each(failure for run in runs for failure in run.failures),
        left_out=sum(run.left_out for run in runs),
    )


def repeated(runs: Sequence[Run]) -> int:
    """Count the trials that several of the runs plan, beyond the first of each."""
    times = Counter(trial for run in runs for trial in run.plan["trials"])
    return times.total() - len(times)


def differing(runs: Sequence[Run]) -> int:
    """Count the trials whose records in several of the runs chose other images or differ in AUC."""
    records = [record for run in runs for record in run.records]
    times = Counter(record["trial"] for record in records)
    results: dict[str, set[str]] = {}
    for record in records:
        if times[record["trial"]] > 1:
            results.setdefault(record["trial"], set()).add(_result_in_words(record))
    return sum(len(found) > 1 for found in results.values())


def _result_in_words(record: Record) -> str:
    rows = record["rounds"]
    return str([(sorted(row.get("selected", [])), f"{row.get('auc') or 0:.4f}") for row in rows])


def folder_for(roots: Sequence[Location]) -> Location:
    """Folder of a comparison: beside the first run, named after them all."""
    names = "+".join(shortest_distinct_names(roots)).replace("/", "-")
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


def _distinct_names(runs: Sequence[Run]) -> Mapping[Dataset, str]:
    """Name the datasets, by name and content, that share their name with another content."""
    words = dict(
        zip(
            (run.root for run in runs),
            shortest_distinct_names([run.root for run in runs]),
            strict=True,
        )
    )
    first: dict[str, dict[str, str]] = {}  # name -> content -> the first run that has it, in words
    for run in runs:
        for name, content in _datasets(run):
            first.setdefault(name, {}).setdefault(content, words[run.root])
    return {
        (name, content): f"{name} [{word}]"
        for name, contents in first.items()
        if len(contents) > 1
        for content, word in contents.items()
    }


def shortest_distinct_names(roots: Sequence[Location]) -> list[str]:
    """Name folders by the ends of their paths, as much of each as no other one has."""
    paths = [str(root.resolve()).split("/") for root in roots]
    return [_own_end(path, [other for other in paths if other != path]) for path in paths]


def _own_end(path: Sequence[str], others: Sequence[Sequence[str]]) -> str:
    ends = (path[-length:] for length in range(1, len(path)))
    own = (end for end in ends if all(other[-len(end) :] != end for other in others))
    return "/".join(next(own, path))


def _datasets(run: Run) -> Iterator[Dataset]:
    return ((name, str(about.get("content"))) for name, about in run.plan["datasets"].items())


def _with_distinct_datasets(run: Run, names: Mapping[Dataset, str]) -> Run:
    """Give datasets of a run the names that tell them from those of another one."""
    new = {
        name: names[name, content] for name, content in _datasets(run) if (name, content) in names
    }
    if not new:
        return run
    trials = {
        trial: {**definition, "dataset_name": new.get(name, name)}
        for trial, definition in run.plan["trials"].items()
        for name in [definition["dataset_name"]]
    }
    datasets = {new.get(name, name): about for name, about in run.plan["datasets"].items()}
    plan = cast("PlanFile", {**run.plan, "trials": trials, "datasets": datasets})
    return Run(run.root, plan, run.records, run.failures, run.left_out)


def _first_of_each(entries: Iterable[Entry]) -> list[Entry]:
    first: dict[str, Entry] = {}
    for entry in entries:
        first.setdefault(entry["trial"], entry)
    return list(first.values())
