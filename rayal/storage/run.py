"""A run's directory: its plan, records of trials, traces of failures; artifacts beside them.

    DIR/sweep.yaml              the sweep as resolved
    DIR/plan.json               the trials of the present sweep, by id
    DIR/artefacts/              see storage.artifacts
    DIR/datasets/               see storage.dataset_images
    DIR/records/ID.json         a finished trial; its presence means "done"
    DIR/partial/ID.json         the finished rounds of a trial in progress
    DIR/failures/ID.log         definition and traceback of a trial that failed
    DIR/pruned.json             see storage.stopped
    DIR/.rayal                  marks a folder as a run, which is written to
    NAME.set-aside              what was no file of a run, or not what was written

DIR is a directory or an address in an object store. On a disk everything is written under a
temporary name in the same folder and renamed, in an object store put as a whole; so a reader sees a
complete file or none, whatever is killed in between.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rayal.storage import formats
from rayal.storage.artifacts import ArtifactStore
from rayal.storage.dataset_images import DatasetImages
from rayal.storage.files import DamagedError, Files, StoreError, files_of
from rayal.storage.formats import Failure, Json, PlanFile, Record
from rayal.storage.location import Location

FOLDERS = ("records", "partial", "failures", "artefacts", "datasets")


@dataclass(frozen=True)
class Run:
    """All that a run's directory says: what was asked, what came out, what failed."""

    root: Location
    plan: PlanFile
    records: list[Record]
    failures: list[Failure]
    left_out: int  # records of earlier versions of this sweep, not in the present plan


class RunStore:
    """Reads and writes one run's directory. Cheap to make: workers make their own."""

    def __init__(self, root: Location) -> None:
        self.root = root
        self.artifacts = ArtifactStore(root)
        self.images = DatasetImages(root)

    @property
    def files(self) -> Files:
        return files_of(self.root)

    # Finished trials ---------------------------------------------------------

    def finished(self) -> set[str]:
        """Ids of the trials that need not run again."""
        return set(self.finished_at())

    def finished_at(self) -> dict[str, float]:
        """The same, and when each record was written, in seconds since the epoch."""
        return _stems(self.files.list_files(self.root / "records"), ".json")

    def has_record(self, trial_id: str) -> bool:
        return self.files.exists(self.record_path(trial_id))

    def record(self, trial_id: str) -> Record:
        """Read a finished trial."""
        return self.records([trial_id])[0]

    def records(
        self, trial_ids: Sequence[str], definitions: Mapping[str, Json] | None = None
    ) -> list[Record]:
        """Read many finished trials, in order.

        definitions: of the trials, where they are known: a record is held against its own.
        """
        places = [self.record_path(trial_id) for trial_id in trial_ids]
        try:
            contents = self.files.read_all(places)
        except FileNotFoundError as error:
            raise StoreError(
                f"a record in {self.root / 'records'} is not there any more ({error}); run the "
                "sweep again"
            ) from error
        known, versions = definitions or {}, dict[str, Json]()
        read = []
        for place, content, trial_id in zip(places, contents, trial_ids, strict=True):
            record = formats.parse_record(place, content, trial_id, known.get(trial_id))
            formats.check_finished(place, record, known.get(trial_id, {}))
            _share(record, known.get(trial_id), versions)
            read.append(record)
        return read

    def save_record(self, trial_id: str, record: Record) -> None:
        """Keep a finished trial; its rounds in progress and its old failure go.

        A worker that was cut off may end a trial that another has run again: the first record
        stays.
        """
        if not self.has_record(trial_id):
            self.files.write(self.record_path(trial_id), json.dumps(record).encode())
        self.files.remove(self._progress_path(trial_id))
        self.forget_failure(trial_id)

    def forget_trial(self, trial_id: str) -> None:
        """Give a trial's record another name, so that it runs again from its first round."""
        if self.has_record(trial_id):
            self.files.set_aside(self.record_path(trial_id))
        self.files.remove(self._progress_path(trial_id))
        self.forget_failure(trial_id)

    def record_path(self, trial_id: str) -> Location:
        """Return where the record of a trial lies, once it has finished."""
        return self.root / "records" / f"{trial_id}.json"

    # Trials in progress ------------------------------------------------------

    def in_progress(self) -> set[str]:
        """Ids of the trials of which finished rounds are kept."""
        return set(_stems(self.files.list_files(self.root / "partial"), ".json"))

    def save_in_progress(self, trial_id: str, record: Record) -> None:
        """Keep the rounds that a trial has finished."""
        self.files.write(self._progress_path(trial_id), json.dumps(record).encode())

    def record_in_progress(self, trial_id: str, definition: Json | None = None) -> Record | None:
        """Return the rounds that an interrupted trial had finished.

        None where there are none of this trial, or what is there is damaged: they are made again.
        """
        place = self._progress_path(trial_id)
        try:
            return formats.parse_record(place, self.files.read(place), trial_id, definition)
        except (FileNotFoundError, DamagedError):
            return None

    def _progress_path(self, trial_id: str) -> Location:
        return self.root / "partial" / f"{trial_id}.json"

    # Failures ----------------------------------------------------------------

    def failed(self) -> set[str]:
        """Ids of the trials of which a failure is kept."""
        return set(_stems(self.files.list_files(self.root / "failures"), ".log"))

    def failure_path(self, trial_id: str) -> Location:
        return self.root / "failures" / f"{trial_id}.log"

    def save_failure(self, trial_id: str, definition: Json, error: str, trace: str) -> None:
        """Leave a failed trial's definition and traceback; never a record."""
        content = formats.write_failure(trial_id, definition, error, trace)
        self.files.write(self.failure_path(trial_id), content)

    def forget_failure(self, trial_id: str) -> None:
        self.files.remove(self.failure_path(trial_id))

    def set_aside_former_failures(self, present: Collection[str]) -> int:
        """Give failures of others than these trials and embeddings another name; count them.

        A component that was repaired makes other trials: what it failed by before is history.
        """
        former = self.failed().difference(present)
        for trial_id in former:
            self.files.set_aside(self.failure_path(trial_id))
        return len(former)

    def failures(self, trial_ids: Collection[str] | None = None) -> list[Failure]:
        """Read the failures that are kept, of these trials or of all.

        Of one that cannot be read it is known that it failed.
        """
        failed = sorted(i for i in self.failed() if trial_ids is None or i in trial_ids)
        places = [self.failure_path(trial_id) for trial_id in failed]
        try:
            contents = self.files.read_all(places)
            logs = zip(places, contents, failed, strict=True)
            return [formats.parse_failure(*log) for log in logs]
        except (FileNotFoundError, StoreError):  # one by one, it shows which
            return [self._failure(trial_id) for trial_id in failed]

    def _failure(self, trial_id: str) -> Failure:
        place = self.failure_path(trial_id)
        try:
            return formats.parse_failure(place, self.files.read(place), trial_id)
        except (FileNotFoundError, StoreError) as error:
            return formats.unread_failure(trial_id, place, error)

    # The plan ----------------------------------------------------------------

    def has_plan(self) -> bool:
        return self.files.exists(self.root / "plan.json")

    def plan(self) -> PlanFile:
        """Read the plan.

        Raises:
            StoreError: it is damaged, or a later version of rayal wrote this run.
        """
        place = self.root / "plan.json"
        return formats.parse_plan(place, self.files.read(place))

    def plan_name(self) -> str:
        """Return the name of the sweep whose run this is; errors as of `plan`."""
        place = self.root / "plan.json"
        return formats.parse_plan_name(place, self.files.read(place))

    def started_at(self) -> float:
        """When the plan was written, which every start does; seconds since the epoch."""
        return self.files.list_files(self.root)["plan.json"]

    def save_plan(self, plan: Mapping[str, Any], sweep_yaml: str) -> None:
        """Write the plan, as sweep.plan.Plan gives it, and the sweep it was made of."""
        content = json.dumps(formats.make_plan(plan))
        self.files.write(self.root / "sweep.yaml", sweep_yaml.encode())
        self.files.write(self.root / "plan.json", content.encode())


def open_run(root: Location) -> RunStore:
    """Return the store of a directory that is a run.

    Raises:
        StoreError: it is not.
    """
    store = RunStore(root)
    if not store.has_plan():
        raise StoreError(
            f"{root} is not a run: it has no plan.json; a run is a folder that rayal sweep writes, "
            "such as runs/quickstart"
        )
    return store


def read_run(root: Location) -> Run:
    """Read a run's directory.

    Raises:
        StoreError: it is not a run, or a record in it cannot be read.
    """
    store = open_run(root)
    plan = store.plan()
    present = store.finished()
    records = store.records([t for t in plan["trials"] if t in present], plan["trials"])
    _check_classes(root, plan, records)
    failures = store.failures(plan["trials"])
    return Run(root, plan, records, failures, len(present - plan["trials"].keys()))


def _check_classes(root: Location, plan: PlanFile, records: Sequence[Record]) -> None:
    """Hold what records count against the classes that the plan names.

    Raises:
        DamagedError: one counts others.
    """
    for record in records:
        dataset = plan["datasets"].get(plan["trials"][record["trial"]]["dataset_name"])
        if dataset and dataset.get("classes"):
            place = root / "records" / f"{record['trial']}.json"
            formats.check_classes(place, record, len(dataset["classes"]))


def _share(record: Record, definition: Json | None, versions: dict[str, Json]) -> None:
    """Have what is the same in many records in memory once; versions: those seen so far."""
    if definition is not None and record.get("definition") == definition:
        record["definition"] = definition
    if "versions" in record:
        record["versions"] = versions.setdefault(str(record["versions"]), record["versions"])


def _stems(names: Mapping[str, float], ending: str) -> dict[str, float]:
    return {n.removesuffix(ending): time for n, time in names.items() if n.endswith(ending)}
