"""Where a run lies on disk: artefacts of encoders, records of trials, traces of failures.

    DIR/sweep.yaml              the sweep as resolved
    DIR/plan.json               the trials of the present sweep, by id
    DIR/artefacts/KEY/          one encoder on one dataset: features, map, weights, views
    DIR/artefacts/KEY.unfinished/   what an encoder that is not done yet goes on from
    DIR/records/ID.json         a finished trial; its presence means "done"
    DIR/partial/ID.json         the finished rounds of a trial under way
    DIR/failures/ID.log         definition and traceback of a trial that failed

Everything is written under a temporary name in the same folder and renamed, so a reader sees a
whole file or none, whatever is killed in between.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
import socket
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from rayal.contracts import DatasetMap, Embedding

SCHEMA = 1  # of records; raised by hand when their meaning changes
Json = dict[str, Any]

_TRUTH = ("truth_confidence", "truth_variability")  # columns of a map by ground truth


class StoreError(Exception):
    """The run's directory cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Run:
    """All that a run's directory says: what was asked, what was found, what failed."""

    root: Path
    plan: Json
    records: list[Json]
    failures: list[Json]
    left_out: int  # records of earlier versions of this sweep, not in the present plan


class Store:
    """Reads and writes one run's directory. Cheap to make: workers make their own."""

    def __init__(self, root: Path) -> None:
        self.root = root

    # Records -----------------------------------------------------------------

    def finished(self) -> set[str]:
        """Ids of the trials that need not run again."""
        return {path.stem for path in (self.root / "records").glob("*.json")}

    def save_record(self, trial_id: str, record: Json) -> None:
        """Keep a finished trial; its partial rounds and its old failure go."""
        write_json(self.root / "records" / f"{trial_id}.json", record)
        (self.root / "partial" / f"{trial_id}.json").unlink(missing_ok=True)
        self.failure_path(trial_id).unlink(missing_ok=True)

    def save_partial(self, trial_id: str, record: Json) -> None:
        write_json(self.root / "partial" / f"{trial_id}.json", record)

    def partial(self, trial_id: str) -> Json | None:
        """Return the rounds that an interrupted trial had finished, or None."""
        path = self.root / "partial" / f"{trial_id}.json"
        return read_json(path) if path.exists() else None

    def has_record(self, trial_id: str) -> bool:
        return (self.root / "records" / f"{trial_id}.json").is_file()

    def failure_path(self, trial_id: str) -> Path:
        return self.root / "failures" / f"{trial_id}.log"

    def save_failure(self, trial_id: str, definition: Json, error: str, trace: str) -> None:
        """Leave a failed trial's definition and traceback; never a record."""
        head = json.dumps({"trial": trial_id, "error": error, "definition": definition})
        write_text(self.failure_path(trial_id), f"{head}\n\n{trace}")

    # Artefacts ---------------------------------------------------------------

    def artefact(self, key: str) -> Path:
        return self.root / "artefacts" / key

    def unfinished(self, key: str) -> Path:
        """Return the folder in which an encoder may leave what it needs to go on."""
        return self.root / "artefacts" / f"{key}.unfinished"

    def has_embedding(self, key: str) -> bool:
        return self.artefact(key).is_dir()

    def embedding(self, key: str) -> Embedding:
        """Read features (memory-mapped), map and weights of a finished encoder stage."""
        folder = self.artefact(key)
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

    def save_embedding(self, key: str, embedding: Embedding, about: Json) -> None:
        """Keep an encoder stage; when another process was first, its result stays."""
        with temporary_beside(self.artefact(key)) as folder:
            folder.mkdir(parents=True)
            np.save(folder / "train.npy", embedding.train, allow_pickle=False)
            np.save(folder / "test.npy", embedding.test, allow_pickle=False)
            if embedding.map is not None:
                write_map(folder / "map.parquet", embedding.map)
            if embedding.weights is not None:
                _write_weights(folder / "weights.safetensors", embedding.weights)
            if embedding.views is not None:
                _write_views(folder / "views.npy", embedding.views)
            (folder / "about.json").write_text(json.dumps(about, indent=1))
        shutil.rmtree(self.unfinished(key), ignore_errors=True)

    # The run -----------------------------------------------------------------

    def save_plan(self, plan: Json, sweep_yaml: str) -> None:
        write_text(self.root / "sweep.yaml", sweep_yaml)
        write_json(self.root / "plan.json", plan)


def read_run(root: Path) -> Run:
    """Read a run's directory whole.

    Raises:
        StoreError: it is not a run, or a record in it cannot be read.
    """
    if not (root / "plan.json").is_file():
        raise StoreError(f"{root} is not a run: it has no plan.json; make one with rayal.sweep")
    plan = read_json(root / "plan.json")
    present = Store(root).finished()
    records = [read_json(root / "records" / f"{i}.json") for i in plan["trials"] if i in present]
    failures = [_read_failure(path) for path in sorted((root / "failures").glob("*.log"))]
    failures = [f for f in failures if f["trial"] in plan["trials"]]
    return Run(root, plan, records, failures, len(present - plan["trials"].keys()))


@contextlib.contextmanager
def claim(root: Path, name: str) -> Iterator[Store]:
    """Hold a directory for one sweep while it runs.

    Raises:
        StoreError: it is not empty and no run, belongs to another sweep, is in use by another
            process, or cannot be written to.
    """
    try:
        _refuse_foreign(root, name)
        for folder in ("records", "partial", "failures", "artefacts"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        lock = (root / ".lock").open("a+")
    except OSError as error:
        raise StoreError(f"{root} cannot be written to: {explain(error)}") from error
    with lock:
        _lock(lock.fileno(), root)
        lock.truncate(0)
        lock.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        lock.flush()
        _remove_temporaries(root)
        yield Store(root)


def check_space(root: Path, needed: int) -> None:
    """Refuse before anything starts when the disk cannot hold the run.

    Raises:
        StoreError: fewer than `needed` bytes are free where root lies.
    """
    free = shutil.disk_usage(root).free
    if free < needed:
        raise StoreError(
            f"no space for the run in {root}: it needs about {needed / 1e6:,.0f} MB and "
            f"{free / 1e6:,.0f} MB are free; free some or give another --out"
        )


def explain(error: OSError) -> str:
    """Say an operating system's error in words, with the way out where there is one."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "no space left on the disk; free some and run the same command again"
    return error.strerror or str(error)


def write_json(path: Path, content: Json) -> None:
    """Write a JSON object whole or not at all."""
    write_text(path, json.dumps(content, allow_nan=True))


def read_json(path: Path) -> Json:
    """Read a JSON object.

    Raises:
        StoreError: the file is damaged; the message names it.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise StoreError(
            f"{path} is damaged ({error}); delete it and run the sweep again"
        ) from error
    if not isinstance(content, dict):
        raise StoreError(f"{path} holds no JSON object; delete it and run the sweep again")
    return content


def write_text(path: Path, text: str) -> None:
    """Write whole or not at all, and on the disk before the name appears."""
    with temporary_beside(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def temporary_beside(path: Path) -> Iterator[Path]:
    """Give a name to write under, renamed to path at the end and removed after an error."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        yield temporary
        _rename(temporary, path)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        else:
            temporary.unlink(missing_ok=True)


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


def read_map(path: Path) -> DatasetMap:
    """Read what write_map wrote."""
    table = pq.read_table(path)
    columns = {name: table.column(name).to_numpy() for name in table.column_names}
    taus = [float(name.split("@")[1]) for name in columns if name.startswith("confidence@")]
    return DatasetMap(
        confidence={tau: columns[f"confidence@{tau:g}"] for tau in taus},
        variability={tau: columns[f"variability@{tau:g}"] for tau in taus},
        count=columns["count"],
        truth=(columns[_TRUTH[0]], columns[_TRUTH[1]]) if _TRUTH[0] in columns else None,
    )


def _rename(temporary: Path, path: Path) -> None:
    try:
        temporary.replace(path)
    except OSError as error:
        # A folder that exists is another process's finished copy of the same content.
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise


def _refuse_foreign(root: Path, name: str) -> None:
    if root.exists() and not root.is_dir():
        raise StoreError(f"{root} is a file; give a directory with --out")
    plan = root / "plan.json"
    if plan.exists():
        owner = read_json(plan).get("name")
        if owner != name:
            raise StoreError(
                f"{root} belongs to the sweep '{owner}', not to '{name}'; give another --out"
            )
    elif not (root / "records").is_dir() and _has_files(root):
        raise StoreError(f"{root} holds other files and is no run; give another --out")


def _has_files(root: Path) -> bool:
    return root.is_dir() and any(not path.name.startswith(".") for path in root.iterdir())


def _lock(descriptor: int, root: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = (root / ".lock").read_text(encoding="utf-8").strip()
        raise StoreError(
            f"{root} is in use by {holder or 'another process'}; wait for it or give another --out"
        ) from None


def _remove_temporaries(root: Path) -> None:
    for path in [*root.glob(".*.tmp"), *root.glob("*/.*.tmp")]:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _read_failure(path: Path) -> Json:
    head, _, trace = path.read_text(encoding="utf-8", errors="replace").partition("\n\n")
    try:
        failure: Json = json.loads(head)
    except json.JSONDecodeError as error:
        raise StoreError(
            f"{path} is damaged ({error}); remove it and run the sweep again"
        ) from None
    return {**failure, "trace": trace, "path": str(path)}


def _map_array(path: Path) -> npt.NDArray[np.float32]:
    """Open an array memory-mapped and read-only."""
    array: npt.NDArray[np.float32] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


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
    from safetensors.numpy import save_file

    save_file({name: np.ascontiguousarray(value) for name, value in weights.items()}, path)
