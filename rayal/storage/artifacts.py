"""What encoders leave in a run: embeddings, and what those in training go on from.

    DIR/artefacts/KEY/              train.npy (N, D), test.npy (M, D), views.npy (A, N, D),
                                    map.parquet, weights.safetensors, about.json, whole.json
    DIR/artefacts/KEY.unfinished/   checkpoints of an encoder that is not done yet

What is read is what was written: whole.json has sizes and hashes of the other files, and about.json
the key.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from rayal.contracts import DatasetMap, Embedding
from rayal.storage import dataset_map, manifest, plain_files
from rayal.storage.atomic import lock
from rayal.storage.embedding_files import read_embedding, write_embedding
from rayal.storage.files import DamagedError, Files, StoreError, explain, files_of
from rayal.storage.formats import Json, parse_json
from rayal.storage.location import Location

ABOUT = "about.json"
ROWS_AT_ONCE = 4096  # of features, looked at


class ArtifactStore:
    """Reads and writes the artifacts of one run, by the key of encoder and dataset."""

    def __init__(self, root: Location) -> None:
        self._root = root / "artefacts"

    @property
    def _files(self) -> Files:
        return files_of(self._root)

    def folder(self, key: str) -> Location:
        return self._root / key

    def is_complete(self, key: str) -> bool:
        """Whether the encoder's embedding is there."""
        return self._files.is_complete(self.folder(key))

    def local_copy(self, key: str) -> Path | None:
        """Return the folder of a complete artifact on this machine; None where there is none.

        From an object store it is fetched, once a machine.

        Raises:
            DamagedError: a file is not what was written, or is of another artifact.
        """
        return self._checked_copy(key) if self.is_complete(key) else None

    def _checked_copy(self, key: str) -> Path:
        folder = self._files.local_copy(self.folder(key))
        with _damage_named(folder):
            own = _key_of(folder)
            if own not in ("", key):
                raise ValueError(f"it is the embedding {own}, under another name")
            if own and isinstance(self._root, Path) and not (folder / manifest.NAME).exists():
                raise ValueError(f"{manifest.NAME} is missing")
        return folder

    def embedding(self, key: str) -> Embedding:
        """Read features (memory-mapped), map and weights of a complete artifact.

        Raises:
            DamagedError: a file is not what was written.
        """
        folder = self._checked_copy(key)
        with _damage_named(folder):
            embedding = read_embedding(folder)
            _check_embedding(embedding)
        return embedding

    def dataset_map(self, key: str) -> DatasetMap | None:
        """Read the dataset map of an artifact alone; None where there is none.

        Raises:
            DamagedError: a file is not what was written.
        """
        folder = self.local_copy(key)
        if folder is None or not (folder / "map.parquet").exists():
            return None
        with _damage_named(folder):
            return dataset_map.read(folder / "map.parquet")

    def about(self, key: str) -> Json:
        """Read how an artifact was made."""
        place = self.folder(key) / ABOUT
        return parse_json(place, self._files.read(place))

    def set_aside_damaged(self, key: str) -> str:
        """Give an artifact that is not what was written another name; say what was wrong with it.

        Returns "" where nothing is wrong. In an object store artifacts are looked at where they are
        fetched, not here.
        """
        folder = self.folder(key)
        if isinstance(folder, Path) and os.path.lexists(folder) and not folder.is_dir():
            return f"{folder} is no folder: it lies in {self._files.set_aside(folder)} now"
        if not isinstance(folder, Path) or not self.is_complete(key):
            return ""
        try:
            self.embedding(key)
        except DamagedError as error:
            moved = self._files.set_aside(self.folder(key))
            what = str(error).partition("; ")[0]
            return f"{what}: it lies in {moved} now, and is made again"
        return ""

    def save(self, key: str, embedding: Embedding, about: Json) -> None:
        """Keep an embedding; when another process was first, its result stays."""
        with self._files.create_dir_atomic(self.folder(key)) as folder:
            write_embedding(folder, embedding)
            (folder / ABOUT).write_text(json.dumps({"key": key, **about}, indent=1))
        self._files.remove_dir(self.checkpoint_folder(key))

    def made_once(self, key: str) -> contextlib.AbstractContextManager[None]:
        """Hold what others who would make the same artifact wait for; free in an object store."""
        if not isinstance(self._root, Path):
            return contextlib.nullcontext()
        self._root.mkdir(parents=True, exist_ok=True)
        return lock(self._root / f".{key}.lock")

    # Encoders in training ------------------------------------------------------

    def checkpoint_folder(self, key: str) -> Location:
        return self._root / f"{key}.unfinished"

    def has_checkpoint(self, key: str) -> bool:
        """Whether an encoder began to train that is not done."""
        return self._files.has_dir(self.checkpoint_folder(key))

    def checkpoint_dir(self, key: str) -> contextlib.AbstractContextManager[Path]:
        """Give the folder in which an encoder may leave what it needs to go on."""
        return self._files.synced_dir(self.checkpoint_folder(key))


def _key_of(folder: Path) -> str:
    """Return the key that an artifact was written under, "" where an earlier version wrote it.

    Raises:
        DamagedError, OSError: about.json is damaged, or not there.
    """
    place = folder / ABOUT
    return str(parse_json(place, plain_files.read(place)).get("key", ""))


def _check_embedding(embedding: Embedding) -> None:
    """Check what can be told without hashes, which earlier versions did not write.

    Raises:
        ValueError: shapes that do not fit together, or features that are not finite.
    """
    train, test, views = embedding.train, embedding.test, embedding.views
    shapes = f"train {train.shape}, test {test.shape}"
    if train.ndim != 2 or test.ndim != 2 or train.shape[1] != test.shape[1]:
        raise ValueError(f"features do not fit together: {shapes}")
    if views is not None and (views.ndim != 3 or views.shape[1:] != train.shape):
        raise ValueError(f"views {views.shape} do not fit to {shapes}")
    if embedding.map is not None and len(embedding.map.count) != len(train):
        raise ValueError(f"a map of {len(embedding.map.count)} images does not fit to {shapes}")
    for part in (train, test):
        for start in range(0, len(part), ROWS_AT_ONCE):
            if not np.isfinite(part[start : start + ROWS_AT_ONCE]).all():
                raise ValueError("features are not finite")


@contextlib.contextmanager
def _damage_named(folder: Path) -> Iterator[None]:
    from safetensors import SafetensorError

    try:
        yield
    except PermissionError as error:
        raise StoreError(f"{error.filename} cannot be read: {explain(error)}") from error
    except (OSError, ValueError, EOFError, KeyError, SafetensorError) as error:
        raise DamagedError(
            f"{folder} is damaged ({error}); remove it and run the same command again, and it is "
            "made again"
        ) from error
