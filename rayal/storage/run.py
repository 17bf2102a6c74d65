"""Where a run lies on disk: artefacts of encoders, records of trials, traces of failures.

    DIR/sweep.yaml              the sweep as resolved
    DIR/plan.json               the trials of the present sweep, by id
    DIR/artefacts/KEY/          one encoder on one dataset: features, map, weights, views
    DIR/artefacts/KEY.unfinished/   what an encoder that is not done yet goes on from
    DIR/records/ID.json         a finished trial; its presence means "done"
    DIR/partial/ID.json         the finished rounds of a trial under way
    DIR/failures/ID.log         definition and traceback of a trial that failed

DIR is a directory or an address in an object store. On a disk everything is written under a
temporary name in the same folder and renamed, in an object store put as a whole; so a reader sees a
whole file or none, whatever is killed in between.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from rayal.contracts import DatasetMap, Embedding, Split
from rayal.storage.files import Files, StoreError, explain, files_of
from rayal.storage.location import Address, Location

SCHEMA = 1  # of a run's files; raised by hand when an older version could not read them
FOLDERS = ("records", "partial", "failures", "artefacts")
Json = dict[str, Any]

_TRUTH = ("truth_confidence", "truth_variability")  # columns of a map by ground truth


@dataclass(frozen=True)
class Run:
    """All that a run's directory says: what was asked, what was found, what failed."""

    root: Location
    plan: Json
    records: list[Json]
    failures: list[Json]
    left_out: int  # records of earlier versions of this sweep, not in the present plan


class Store:
    """Reads and writes one run's directory. Cheap to make: workers make their own."""

    def __init__(self, root: Location) -> None:
        self.root = root

    @property
    def files(self) -> Files:
        return files_of(self.root)

    # Records -----------------------------------------------------------------

    def finished(self) -> set[str]:
        """Ids of the trials that need not run again."""
        return set(self.finished_at())

    def finished_at(self) -> dict[str, float]:
        """The same, and when each record was written, in seconds since the epoch."""
        return _stems(self.files.list_files(self.root / "records"), ".json")

    def failed(self) -> set[str]:
        """Ids of the trials of which a failure is kept."""
        return set(_stems(self.files.list_files(self.root / "failures"), ".log"))

    def under_way(self) -> set[str]:
        """Ids of the trials of which finished rounds are kept."""
        return set(_stems(self.files.list_files(self.root / "partial"), ".json"))

    def save_record(self, trial_id: str, record: Json) -> None:
        """Keep a finished trial; its partial rounds and its old failure go.

        A worker that was cut off may end a trial that another has run again: the first record
        stays.
        """
        if not self.has_record(trial_id):
            write_json(self.root / "records" / f"{trial_id}.json", record)
        self.files.remove(self.root / "partial" / f"{trial_id}.json")
        self.forget_failure(trial_id)

    def record(self, trial_id: str) -> Json:
        """Read a finished trial."""
        return read_json(self.root / "records" / f"{trial_id}.json")

    def records(self, trial_ids: Sequence[str]) -> list[Json]:
        """Read many finished trials, in order."""
        places = [self.root / "records" / f"{trial_id}.json" for trial_id in trial_ids]
        contents = self.files.read_all(places)
        return [_parsed(place, text) for place, text in zip(places, contents, strict=True)]

    def save_partial(self, trial_id: str, record: Json) -> None:
        write_json(self.root / "partial" / f"{trial_id}.json", record)

    def partial(self, trial_id: str) -> Json | None:
        """Return the rounds that an interrupted trial had finished, or None."""
        place = self.root / "partial" / f"{trial_id}.json"
        try:
            return _parsed(place, self.files.read(place))
        except FileNotFoundError:
            return None

    def has_record(self, trial_id: str) -> bool:
        return self.files.exists(self.root / "records" / f"{trial_id}.json")

    def failure_path(self, trial_id: str) -> Location:
        return self.root / "failures" / f"{trial_id}.log"

    def save_failure(self, trial_id: str, definition: Json, error: str, trace: str) -> None:
        """Leave a failed trial's definition and traceback; never a record."""
        head = json.dumps({"trial": trial_id, "error": error, "definition": definition})
        self.files.write(self.failure_path(trial_id), f"{head}\n\n{trace}".encode())

    def forget_failure(self, trial_id: str) -> None:
        self.files.remove(self.failure_path(trial_id))

    def failures(self) -> list[Json]:
        """Read all failures that are kept."""
        places = [self.failure_path(trial_id) for trial_id in sorted(self.failed())]
        contents = self.files.read_all(places)
        return [_parsed_failure(*both) for both in zip(places, contents, strict=True)]

    # Artefacts ---------------------------------------------------------------

    def artefact(self, key: str) -> Location:
        return self.root / "artefacts" / key

    def unfinished(self, key: str) -> Location:
        return self.root / "artefacts" / f"{key}.unfinished"

    def has_unfinished(self, key: str) -> bool:
        return self.files.has_dir(self.unfinished(key))

    def going_on(self, key: str) -> contextlib.AbstractContextManager[Path]:
        """Give the folder in which an encoder may leave what it needs to go on."""
        return self.files.synced_dir(self.unfinished(key))

    def has_embedding(self, key: str) -> bool:
        return self.files.is_complete(self.artefact(key))

    def opened(self, key: str) -> Path | None:
        """Return the folder of a finished encoder stage on this machine; None where there is none.

        From an object store it is fetched, once a machine.
        """
        return self.files.local_copy(self.artefact(key)) if self.has_embedding(key) else None

    def embedding(self, key: str) -> Embedding:
        """Read features (memory-mapped), map and weights of a finished encoder stage."""
        folder = self.files.local_copy(self.artefact(key))
        table = folder / "map.parquet"
        weights = folder / "weights.safetensors"
        views = folder / "views.npy"
        return Embedding(
            train=_map_array(folder / "train.npy"),
            test=_map_array(folder / "test.npy"),
            map=read_map(table) if table.exists() else None,
            weights=_read_weights(weights) if weights.exists() else None,
            views=_map_array(views) if views.exists() else None,
        )

    def dataset_map(self, key: str) -> DatasetMap | None:
        """Read the map of an encoder stage alone."""
        place = self.artefact(key) / "map.parquet"
        if not (self.has_embedding(key) and self.files.exists(place)):
            return None
        return read_map(io.BytesIO(self.files.read(place)))

    def about(self, key: str) -> Json:
        """Read what is said of an encoder stage."""
        return read_json(self.artefact(key) / "about.json")

    def save_embedding(
        self, key: str, embedding: Embedding, about: Json, pool: Split | None = None
    ) -> None:
        """Keep an encoder stage; when another process was first, its result stays.

        pool: what the report shows of the images: their classes and small pictures.
        """
        with self.files.create_dir_atomic(self.artefact(key)) as folder:
            _write_array(folder / "train.npy", embedding.train)
            _write_array(folder / "test.npy", embedding.test)
            if embedding.map is not None:
                write_map(folder / "map.parquet", embedding.map)
            if embedding.weights is not None:
                _write_weights(folder / "weights.safetensors", embedding.weights)
            if embedding.views is not None:
                _write_views(folder / "views.npy", embedding.views)
            if pool is not None:
                _write_array(folder / "labels.npy", pool.labels)
                _write_array(folder / "thumbnails.npy", pool.images)
            (folder / "about.json").write_text(json.dumps(about, indent=1))
        self.files.remove_dir(self.unfinished(key))

    # The run -----------------------------------------------------------------

    def has_plan(self) -> bool:
        return self.files.exists(self.root / "plan.json")

    def plan(self) -> Json:
        """Read the plan.

        Raises:
            StoreError: it is damaged, or a later version of rayal wrote this run.
        """
        plan = read_json(self.root / "plan.json")
        _check_schema(self.root, plan)
        return plan

    def started_at(self) -> float:
        """When the plan was written, which every start does; seconds since the epoch."""
        return self.files.list_files(self.root)["plan.json"]

    def save_plan(self, plan: Json, sweep_yaml: str) -> None:
        self.files.write(self.root / "sweep.yaml", sweep_yaml.encode())
        write_json(self.root / "plan.json", plan)


def read_run(root: Location) -> Run:
    """Read a run's directory whole.

    Raises:
        StoreError: it is not a run, or a record in it cannot be read.
    """
    store = Store(root)
    if not store.has_plan():
        raise StoreError(f"{root} is not a run: it has no plan.json; make one with rayal.sweep")
    plan = store.plan()
    present = store.finished()
    records = store.records([trial for trial in plan["trials"] if trial in present])
    failures = [f for f in store.failures() if f["trial"] in plan["trials"]]
    return Run(root, plan, records, failures, len(present - plan["trials"].keys()))


@contextlib.contextmanager
def claim(root: Location, name: str) -> Iterator[Store]:
    """Hold a directory for one sweep while it runs.

    Raises:
        StoreError: it is not empty and no run, belongs to another sweep, is in use by another
            process, or cannot be written to.
    """
    store = Store(root)
    try:
        _refuse_foreign(store, name)
    except OSError as error:
        raise StoreError(f"{root} cannot be read: {explain(error)}") from error
    with store.files.lock(root, FOLDERS):
        yield store


def check_space(root: Location, needed: int) -> None:
    """Refuse before anything starts when the disk cannot hold the run.

    Raises:
        StoreError: fewer than `needed` bytes are free where root lies.
    """
    if isinstance(root, Address):
        return  # object stores do not fill up
    free = shutil.disk_usage(root).free
    if free < needed:
        raise StoreError(
            f"no space for the run in {root}: it needs about {needed / 1e6:,.0f} MB and "
            f"{free / 1e6:,.0f} MB are free; free some or give another --out"
        )


def write_json(place: Location, content: Json) -> None:
    """Write a JSON object whole or not at all."""
    files_of(place).write(place, json.dumps(content, allow_nan=True).encode())


def read_json(place: Location) -> Json:
    """Read a JSON object.

    Raises:
        StoreError: the file is damaged; the message names it.
    """
    try:
        content = files_of(place).read(place)
    except OSError as error:
        raise _damaged(place, error) from error
    return _parsed(place, content)


def _parsed(place: Location, text: bytes) -> Json:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise _damaged(place, error) from error
    if not isinstance(content, dict):
        raise StoreError(f"{place} holds no JSON object; delete it and run the sweep again")
    return content


def _damaged(place: Location, error: Exception) -> StoreError:
    return StoreError(f"{place} is damaged ({error}); delete it and run the sweep again")


def _stems(names: Mapping[str, float], ending: str) -> dict[str, float]:
    return {n.removesuffix(ending): time for n, time in names.items() if n.endswith(ending)}


def write_map(path: Path, dataset_map: DatasetMap) -> None:
    """Write one row per training image: index, count, mean and std per temperature and by truth."""
    columns: dict[str, Any] = {
        "index": np.arange(len(dataset_map.count)),
        "count": dataset_map.count,
    }
    for tau, values in dataset_map.confidence.items():
        columns[f"confidence@{tau:g}"] = values
        columns[f"variability@{tau:g}"] = dataset_map.variability[tau]
    if dataset_map.truth is not None:
        columns |= dict(zip(_TRUTH, dataset_map.truth, strict=True))
    pq.write_table(pa.table(columns), path)


def read_map(source: Path | io.BytesIO) -> DatasetMap:
    """Read what write_map wrote."""
    table = pq.read_table(source)
    columns = {name: table.column(name).to_numpy() for name in table.column_names}
    taus = [float(name.split("@")[1]) for name in columns if name.startswith("confidence@")]
    return DatasetMap(
        confidence={tau: columns[f"confidence@{tau:g}"] for tau in taus},
        variability={tau: columns[f"variability@{tau:g}"] for tau in taus},
        count=columns["count"],
        truth=(columns[_TRUTH[0]], columns[_TRUTH[1]]) if _TRUTH[0] in columns else None,
    )


def _check_schema(root: Location, plan: Json) -> None:
    schema = plan.get("schema", 1)
    if schema not in range(1, SCHEMA + 1):
        raise StoreError(
            f"{root} is a run in format {schema!r}, and this version of rayal reads formats up to "
            f"{SCHEMA}: use the version that wrote it, which plan.json names, or a later one"
        )


def _refuse_foreign(store: Store, name: str) -> None:
    if store.has_plan():
        owner = store.plan().get("name")
        if owner != name:
            raise StoreError(
                f"{store.root} belongs to the sweep '{owner}', not to '{name}'; give another --out"
            )
        return
    entries = store.files.list_dir(store.root)
    if entries and entries.isdisjoint(FOLDERS):
        raise StoreError(f"{store.root} holds other files and is no run; give another --out")


def _parsed_failure(place: Location, content: bytes) -> Json:
    head, _, trace = content.decode(errors="replace").partition("\n\n")
    try:
        failure: Json = json.loads(head)
    except json.JSONDecodeError as error:
        raise StoreError(
            f"{place} is damaged ({error}); remove it and run the sweep again"
        ) from None
    return {**failure, "trace": trace, "path": str(place)}


def _map_array(path: Path) -> npt.NDArray[np.float32]:
    """Open an array memory-mapped and read-only."""
    array: npt.NDArray[np.float32] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


class _Sink:
    """A file as NumPy does not know it: told to write itself to one, it forgets why that failed."""

    def __init__(self, file: BinaryIO) -> None:
        self.write = file.write


def _write_array(path: Path, array: npt.NDArray[Any]) -> None:
    """Write as np.save does; OSError says that the disk is full."""
    with path.open("wb") as file:
        np.lib.format.write_array(_Sink(file), array, allow_pickle=False)


def _write_views(path: Path, views: npt.NDArray[np.float32]) -> None:
    """Write (A, N, D) as np.save would, one view in memory at a time."""
    header = {"descr": "<f4", "fortran_order": False, "shape": views.shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for view in views:
            file.write(np.ascontiguousarray(view, dtype="<f4").data)


def _read_weights(path: Path) -> Mapping[str, Any]:
    from safetensors.numpy import load_file

    weights: Mapping[str, Any] = load_file(path)
    return weights


def _write_weights(path: Path, weights: Mapping[str, Any]) -> None:
    from safetensors.numpy import save

    path.write_bytes(save({name: np.ascontiguousarray(value) for name, value in weights.items()}))
