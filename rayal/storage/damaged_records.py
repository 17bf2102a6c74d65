"""Records that cannot count: found before a sweep goes on, and given another name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import TypeAlias

from rayal.label_arrays import Labels
from rayal.storage.files import DamagedError
from rayal.storage.formats import Json, Record
from rayal.storage.record_checks import contradiction
from rayal.storage.run import RunStore

AT_ONCE = 256  # records that are read and looked at together
LabelsOf: TypeAlias = Callable[[str], Labels | None]


def set_aside_damaged_records(
    store: RunStore, definitions: Mapping[str, Json], labels_of: LabelsOf = lambda _: None
) -> list[str]:
    """Give records that cannot count another name, so that their trials run again.

    Args:
        store: of the run.
        definitions: of the trials of the present plan, by id.
        labels_of: gives the true labels (N,), or (N, C), of a dataset's pool by its name, where
            they are known.

    Returns:
        A sentence about each.

    Raises:
        StoreError: one may not be read, or a later version of rayal wrote it.
    """
    folder = store.root / "records"
    files = store.files.list_files(folder).keys()
    present = [trial_id for trial_id in definitions if f"{trial_id}.json" in files]
    names = {f"{trial_id}.json" for trial_id in definitions}
    no_files = sorted((store.files.list_dir(folder) - files) & names)
    damage = {folder / name: f"{folder / name} is no file" for name in no_files}
    for trial_id, wrong in _damage(store, present, definitions, labels_of).items():
        damage[store.record_path(trial_id)] = wrong
    return [
        f"{wrong}: it lies in {store.files.set_aside(place)} now, and its trial runs again"
        for place, wrong in damage.items()
    ]


def _damage(
    store: RunStore,
    trial_ids: Sequence[str],
    definitions: Mapping[str, Json],
    labels_of: LabelsOf,
) -> dict[str, str]:
    """What is wrong with records, by trial."""
    damage: dict[str, str] = {}
    labels = cache(labels_of)
    for start in range(0, len(trial_ids), AT_ONCE):
        batch = trial_ids[start : start + AT_ONCE]
        for trial_id, record in _read(store, batch, definitions):
            if isinstance(record, DamagedError):
                damage[trial_id] = str(record).partition("; ")[0]
                continue
            dataset = str(definitions[trial_id].get("dataset_name"))
            if wrong := contradiction(record["rounds"], labels(dataset)):
                damage[trial_id] = f"{store.record_path(trial_id)} is damaged ({wrong})"
    return damage


def _read(
    store: RunStore, trial_ids: Sequence[str], definitions: Mapping[str, Json]
) -> Iterator[tuple[str, Record | DamagedError]]:
    try:
        yield from zip(trial_ids, store.records(trial_ids, definitions), strict=True)
    except DamagedError:  # one by one, it shows which
        for trial_id in trial_ids:
            try:
                yield trial_id, store.records([trial_id], definitions)[0]
            except DamagedError as error:
                yield trial_id, error
