"""A sweep on a pool in shards: the choices of the same pool as one matrix, without copies of it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rayal.cli.sweep import main as sweep_command
from rayal.cli.terminal import DONE
from rayal.storage.shards import Batch, write_shards
from tests import sweeps

pytestmark = pytest.mark.slow

N, M, D, C = 600, 100, 8, 4
RNG = np.random.default_rng(0)
LABELS = RNG.integers(C, size=N + M)
CENTERS = 2 * RNG.standard_normal((C, D))
MATRIX = (CENTERS[LABELS] + RNG.standard_normal((N + M, D))).astype(np.float16)
LOCAL = "--local", "--no-report"
STRATEGIES = ["random", "kmeans", "k_center", "margin"]


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same numbers as shards and as one matrix beside images of the same name."""
    folder = tmp_path_factory.mktemp("pool")
    ids = [f"row {i}" for i in range(N + M)]
    parts = {"pool": (slice(0, N), 170), "test": (slice(N, N + M), 60)}
    for name, (rows, size) in parts.items():
        batch = Batch(ids[rows], MATRIX[rows])
        write_shards(folder / name, [batch], dtype="float16", rows_per_shard=size)
        np.save(folder / f"{name}.npy", LABELS[rows])
    np.save(folder / "matrix.npy", MATRIX)
    pixels = np.zeros((N + M, 2, 2), np.uint8)
    np.savez(
        folder / "pool.npz",
        **{"train_images": pixels[:N], "test_images": pixels[N:]},
        **{"train_labels": LABELS[:N], "test_labels": LABELS[N:]},
    )
    return folder


def of_shards(pool: Path, **changes: Any) -> dict[str, Any]:
    place = {"path": "pool", "test": "test", "labels": "pool.npy", "test_labels": "test.npy"}
    dataset = {"name": "shards", **{key: str(pool / name) for key, name in place.items()}}
    return {
        "datasets": [dataset], "encoders": ["features"], "strategies": STRATEGIES,
        "initial": ["kmeans"], "learners": ["logistic"], "budgets": None, "seeds": 1,
        "cycles": {"start": 12, "step": 10, "rounds": 2}, **changes,
    }  # fmt: skip


def chosen(folder: Path, *options: str, **changes: Any) -> dict[str, list[list[int]]]:
    """Run a sweep; return what each strategy chose, round by round."""
    sweep = sweeps.write_sweep(folder, **changes)
    if "--local" in options:
        assert sweep_command([str(sweep), "--out", str(folder / "out"), *options]) == DONE
    else:
        ended = sweeps.run(sweep, folder / "out", *options)
        assert ended.returncode == 0, ended.stdout
    return {
        record["definition"]["strategy"]["name"]: [row["selected"] for row in record["rounds"]]
        for record in sweeps.records(folder / "out").values()
    }


def test_shards_and_one_matrix_have_the_same_choices(pool: Path, tmp_path: Path) -> None:
    for name in ("shards", "matrix", "ray"):
        (tmp_path / name).mkdir()
    matrix = {
        "datasets": [{"name": "npz", "path": str(pool / "pool.npz")}],
        "encoders": [{"name": "features", "path": str(pool / "matrix.npy")}],
    }
    expected = chosen(tmp_path / "matrix", *LOCAL, **of_shards(pool, **matrix))
    assert expected.keys() == set(STRATEGIES)
    assert chosen(tmp_path / "shards", *LOCAL, **of_shards(pool)) == expected
    mapped = {"pretrain": {"cpus": 1}, "machine_cpus": 2, "object_store": 0}
    assert chosen(tmp_path / "ray", **of_shards(pool, resources=mapped)) == expected
