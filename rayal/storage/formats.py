"""What a run's files say: the one place that names the keys of its JSON.

It checks them, too, with `definition_checks` and `record_checks`.

A later version of rayal reads what an earlier one wrote: `SCHEMA` is raised by hand when an older
version could not read what is written, and every format up to it is read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict, cast

from typing_extensions import NotRequired

from rayal.storage.definition_checks import (
    is_artifact_entry,
    is_dataset_entry,
    is_definition,
    is_of,
)
from rayal.storage.files import DamagedError, StoreError
from rayal.storage.location import Location
from rayal.storage.record_checks import misfit_of_rounds

SCHEMA = 1  # of a run's files

Json = dict[str, Any]


class Round(TypedDict):
    """A round of a trial. Measures that an older version did not take are absent.

    budget: images asked for in this round; labelled: in all, after it. selected: (budget,) indices.
    class_counts: (C,) labeled images of each class. auc_missing_classes: left out of the mean.
    pseudo_labels, pseudo_labels_right: labels that the learner gave itself, and how many of them
    are true; absent where it has no rule for it. query_entropy, query_l1_loss: of this round's
    query, both terms of CBAL's Eq. 8; absent unless the sweep has `record_losses`, and where no
    learner was there to choose by. query_plane: see `rayal.trial.query_plane`; absent unless the
    sweep has `record_embeddings`. warnings: of the strategy; absent where there is none.
    Where an image may have several classes: mean_average_precision; f1 at thresholds (C,);
    classes_without_positive in the test set, left out of both; class_counts, images that have each
    class; one_sided_classes, of which the labels have no positive or no negative. balanced_accuracy
    and mean_class_accuracy are absent there.
    """

    round: int
    budget: int
    labelled: int
    selected: list[int]
    class_counts: list[int]
    auc_missing_classes: list[int]
    auc: float
    accuracy: float
    balanced_accuracy: NotRequired[float]
    mean_class_accuracy: NotRequired[float]
    pool_error: float
    coverage: float
    class_entropy: float
    l1_score: float
    select_seconds: float
    train_seconds: float
    pseudo_labels: NotRequired[int]
    pseudo_labels_right: NotRequired[int]
    query_entropy: NotRequired[float]
    query_l1_loss: NotRequired[float]
    query_plane: NotRequired[dict[str, list[float]]]
    warnings: NotRequired[list[str]]
    mean_average_precision: NotRequired[float]
    f1: NotRequired[float]
    thresholds: NotRequired[list[float]]
    classes_without_positive: NotRequired[list[int]]
    one_sided_classes: NotRequired[list[int]]


class Record(TypedDict):
    """A trial that is finished, or its finished rounds; seconds: of choosing and training."""

    schema: int
    trial: str
    definition: Json  # of sweep.definition.Trial
    versions: dict[str, str]
    host: str
    seconds: float
    rounds: list[Round]


class Failure(TypedDict):
    """A trial, or an encoder's run, that failed; path: where this is kept."""

    trial: str
    error: str
    definition: Json
    trace: str
    path: str


class DatasetEntry(TypedDict):
    """A dataset in the plan."""

    classes: list[str]
    train: int
    test: int
    class_counts: list[int]
    content: str
    multilabel: NotRequired[bool]  # an image may have several classes; absent where it has one


class ArtifactEntry(TypedDict):
    """An encoder on a dataset in the plan, by the key of its artifact."""

    dataset: str
    encoder: Json
    has_map: bool
    notes: NotRequired[list[str]]  # on weights and sizes; absent in runs of earlier versions


class PlanFile(TypedDict):
    """plan.json: the trials of the present sweep by id, and what they stand on.

    Definitions are those of sweep.definition.Trial, with `at_default` in each component (names of
    parameters), `former` in encoders (parameters outside their ids, at an earlier default) and
    `oracle` in strategies that read true labels.
    """

    schema: int
    name: str
    question: str
    cost: str
    expect: str
    measure: NotRequired[str]  # that its report leads with; absent in runs of earlier versions
    command: str
    versions: dict[str, str]
    datasets: dict[str, DatasetEntry]
    artefacts: dict[str, ArtifactEntry]
    trials: dict[str, Json]
    names: NotRequired[list[str]]  # of the sweeps, where several were put together
    contents: NotRequired[dict[str, dict[str, str]]]  # hash -> path -> hash of files and sources
    superseded: NotRequired[dict[str, Json]]  # the same trials, made by other files or plugins


def make_plan(plan: Mapping[str, Any]) -> PlanFile:
    """Put what sweep.plan.Plan says of itself into the file's form."""
    return cast("PlanFile", {"schema": SCHEMA, **plan})


def make_record(
    trial: str, definition: Json, versions: Mapping[str, str], host: str, rounds: Sequence[Json]
) -> Record:
    """Put a trial's rounds into a record."""
    return {
        "schema": SCHEMA,
        "trial": trial,
        "definition": definition,
        "versions": dict(versions),
        "host": host,
        "seconds": sum(row["select_seconds"] + row["train_seconds"] for row in rounds),
        "rounds": cast("list[Round]", list(rounds)),
    }


def rows_of(record: Record) -> list[Json]:
    """Return a record's rounds as the loop of a trial makes them and goes on from them."""
    return cast("list[Json]", record["rounds"])


def parse_json(location: Location, content: bytes) -> Json:
    """Read a JSON object.

    Raises:
        DamagedError: it is damaged, or no object; the message names the file.
    """
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _damaged(location, error) from error
    if not isinstance(parsed, dict):
        raise DamagedError(f"{location} holds no JSON object; delete it and run the sweep again")
    return parsed


def parse_plan(location: Location, content: bytes) -> PlanFile:
    """Read plan.json.

    Raises:
        StoreError: it is damaged, or a later version of rayal wrote this run.
    """
    plan = _parse_known_plan(location, content)
    if not isinstance(plan.get("name"), str):
        raise DamagedError(f"{location} has no name; delete it and run the sweep again")
    for part in ("trials", "datasets", "artefacts"):
        if not isinstance(plan.get(part), dict):
            raise DamagedError(f"{location} has no {part}; delete it and run the sweep again")
        if not all(isinstance(entry, dict) for entry in plan[part].values()):
            raise DamagedError(f"{location}: {part} are damaged; delete it and run the sweep again")
    for part in ("contents", "superseded"):
        if not isinstance(plan.get(part, {}), dict):
            raise DamagedError(f"{location}: {part} is damaged; delete it and run the sweep again")
    _check_entries(location, plan)
    return cast("PlanFile", plan)


def _check_entries(location: Location, plan: Json) -> None:
    fitting: dict[str, Callable[[Any], bool]] = {
        "trials": is_definition,
        "artefacts": is_artifact_entry,
        "datasets": is_dataset_entry,
        "contents": lambda paths: isinstance(paths, dict),
    }
    for part, fits in fitting.items():
        if bad := [key for key, entry in plan.get(part, {}).items() if not fits(entry)]:
            raise DamagedError(
                f"{location}: {part}: '{bad[0]}' is damaged; delete it and run the sweep again"
            )


def parse_plan_name(location: Location, content: bytes) -> str:
    """Return the name of the sweep that a plan is of, whatever else it says; errors as above.

    Raises:
        StoreError: it is no plan of a run.
    """
    plan = _parse_known_plan(location, content)
    if not {"name", "trials"} <= plan.keys():
        raise StoreError(f"{location} is no plan of a run; give another --out")
    return str(plan["name"])


def _parse_known_plan(location: Location, content: bytes) -> Json:
    plan = parse_json(location, content)
    schema = plan.get("schema", 1)
    if not _is_known(schema):
        raise StoreError(
            f"{location.parent} is a run in format {schema!r}, and this version of rayal reads "
            f"formats up to {SCHEMA}: use the version that wrote it, which plan.json names, or a "
            "later one"
        )
    return plan


def parse_record(
    location: Location, content: bytes, trial: str, definition: Mapping[str, Any] | None = None
) -> Record:
    """Read the record of a trial, finished or in progress.

    definition: of the trial that is expected, where it is known.

    Raises:
        DamagedError: it is damaged, or another trial's.
        StoreError: a later version of rayal wrote it.
    """
    record = parse_json(location, content)
    schema = record.get("schema", 1)
    if not _is_known(schema):
        raise StoreError(
            f"{location} is of schema {schema}, and this version of rayal reads {SCHEMA}: read it "
            "with the version that wrote it, or delete it and run the sweep again"
        )
    if "trial" not in record or not isinstance(record.get("rounds"), list):
        raise DamagedError(f"{location} is not whole; delete it and run the sweep again")
    if record["trial"] != trial or not is_of(record.get("definition"), definition or {}):
        raise DamagedError(
            f"{location} holds the record of another trial, {record['trial']}; delete it and run "
            "the sweep again"
        )
    schedule = (definition or {}).get("schedule")
    misfit = _misfit_of_head(record) or misfit_of_rounds(record["rounds"], schedule)
    if misfit:
        raise DamagedError(f"{location} is damaged ({misfit}); delete it and run the sweep again")
    return cast("Record", record)


def check_classes(location: Location, record: Record, classes: int) -> None:
    """Hold the numbers of labels of each class against the number of classes in the plan.

    Raises:
        DamagedError: a round counts others.
    """
    for number, row in enumerate(record["rounds"]):
        if "class_counts" in row and len(row["class_counts"]) != classes:
            raise DamagedError(
                f"{location} is damaged (round {number}: {len(row['class_counts'])} classes are "
                f"counted, and its dataset has {classes}); delete it and run the sweep again"
            )


def check_finished(location: Location, record: Record, definition: Mapping[str, Any]) -> None:
    """Hold the rounds of a finished trial against the schedule of its definition.

    Raises:
        DamagedError: there are others than it has.
    """
    planned, recorded = len(definition.get("schedule", record["rounds"])), len(record["rounds"])
    if recorded != planned:
        raise DamagedError(
            f"{location} has {recorded} of {planned} rounds; delete it and run the sweep again"
        )


def write_failure(trial: str, definition: Json, error: str, trace: str) -> bytes:
    """Return the content of a failure's file: a line of JSON, an empty one, the traceback."""
    head = json.dumps({"trial": trial, "error": error, "definition": definition})
    return f"{head}\n\n{trace}".encode()


def unread_failure(trial: str, location: Location, error: Exception) -> Failure:
    """Return what is known of a failure whose file cannot be read."""
    unread = f"its log cannot be read: {error}"
    return {"trial": trial, "error": unread, "definition": {}, "trace": "", "path": str(location)}


def parse_failure(location: Location, content: bytes, trial: str) -> Failure:
    """Read what `write_failure` returned of a trial.

    Raises:
        DamagedError: it is damaged, or another trial's; the message names the file.
    """
    head, _, trace = content.decode(errors="replace").partition("\n\n")
    failure = parse_json(location, head.encode())
    if not {"trial", "error", "definition"} <= failure.keys():
        raise _damaged(location, KeyError("trial, error or definition"))
    if failure["trial"] != trial:
        raise _damaged(location, ValueError("it is of another trial"))
    kinds = isinstance(failure["error"], str), isinstance(failure["definition"], dict)
    if not all(kinds):
        raise _damaged(location, TypeError("error or definition is of another kind"))
    return cast("Failure", {**failure, "trace": trace, "path": str(location)})


def _misfit_of_head(record: Json) -> str:
    """Say what is wrong with a record besides its rounds."""
    if not isinstance(record.get("versions", {}), dict):
        return "versions are no mapping"
    seconds = record.get("seconds", 0.0)
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    return "" if is_number else "seconds are no number"


def _is_known(schema: object) -> bool:
    return type(schema) is int and 1 <= schema <= SCHEMA


def _damaged(location: Location, error: Exception) -> StoreError:
    return DamagedError(f"{location} is damaged ({error}); delete it and run the sweep again")
