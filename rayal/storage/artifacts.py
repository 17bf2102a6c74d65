"""What encoders leave in a run: embeddings, and what those in training go on from.

DIR/artefacts/KEY/              train.npy (N, D), test.npy (M, D), map.parquet, views.npy
(A, N, D), weights.safetensors, about.json
DIR/artefacts/KEY.unfinished/   checkpoints of an encoder that is not done yet
"""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

from rayal.contracts import DatasetMap, Embedding
from rayal.storage import dataset_map
from rayal.storage.embedding_files import read_embedding, write_embedding
from rayal.storage.files import Files, files_of
from rayal.storage.formats import Json, parse_json
from rayal.storage.location import Location


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
        """
        return self._files.local_copy(self.folder(key)) if self.is_complete(key) else None

    def embedding(self, key: str) -> Embedding:
        """Read features (memory-mapped), map and weights of a complete artifact."""
        return read_embedding(self._files.local_copy(self.folder(key)))

    def dataset_map(self, key: str) -> DatasetMap | None:
        """Read the dataset map of an artifact alone."""
        place = self.folder(key) / "map.parquet"
        if not (self.is_complete(key) and self._files.exists(place)):
            return None
        return dataset_map.read(io.BytesIO(self._files.read(place)))

    def about(self, key: str) -> Json:
        """Read how an artifact was made."""
        place = self.folder(key) / "about.json"
        return parse_json(place, self._files.read(place))

    def save(self, key: str, embedding: Embedding, about: Json) -> None:
        """Keep an embedding; when another process was first, its result stays."""
        with self._files.create_dir_atomic(self.folder(key)) as folder:
            write_embedding(folder, embedding)
            (folder / "about.json").write_text(json.dumps(about, indent=1))
        self._files.remove_dir(self.checkpoint_folder(key))

    # Encoders in training ------------------------------------------------------

    def checkpoint_folder(self, key: str) -> Location:
        return self._root / f"{key}.unfinished"

    def has_checkpoint(self, key: str) -> bool:
        """Whether an encoder began to train that is not done."""
        return self._files.has_dir(self.checkpoint_folder(key))

    def checkpoint_dir(self, key: str) -> contextlib.AbstractContextManager[Path]:
        """Give the folder in which an encoder may leave what it needs to go on."""
        return self._files.synced_dir(self.checkpoint_folder(key))
