from dataclasses import make_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rayal.contracts import Embedding
from rayal.storage import embedding_files
from rayal.storage.embedding_files import read_embedding, write_embedding

FEATURES = np.arange(12, dtype=np.float32).reshape(4, 3)


@pytest.mark.parametrize(
    ("value", "file"),
    [
        (np.ones((4, 2)), "logits.npy"),
        (np.ones((4, 2, 3), np.float16), "logits.npy"),
        ({"a.b": np.ones(3), "c": np.zeros((2, 2), np.int32)}, "logits.safetensors"),
    ],
)
def test_a_further_output_of_encoders_is_stored_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: Any, file: str
) -> None:
    wider: Any = make_dataclass("Wider", [("logits", Any, None)], bases=(Embedding,), frozen=True)
    monkeypatch.setattr(embedding_files, "Embedding", wider)
    write_embedding(tmp_path, wider(FEATURES, FEATURES[:2], logits=value))
    assert {path.name for path in tmp_path.iterdir()} == {"train.npy", "test.npy", file}
    after = read_embedding(tmp_path)
    assert np.array_equal(after.train, FEATURES)
    parts = value.items() if isinstance(value, dict) else [(..., value)]
    for name, part in parts:
        stored = after.logits[name]
        assert stored.dtype == part.dtype
        assert np.array_equal(stored, part)


def test_features_that_are_absent_are_an_error(tmp_path: Path) -> None:
    write_embedding(tmp_path, Embedding(FEATURES, FEATURES))
    (tmp_path / "test.npy").unlink()
    with pytest.raises(FileNotFoundError, match=r"test\.npy"):
        read_embedding(tmp_path)
