"""A type checker refuses a component that breaks its contract, and lets a right one pass."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent

HEAD = """\
import numpy as np

from rayal.contracts import (
    Dataset, Embedding, Features, Indices, Pool, Predictions, Progress, Task,
    dataset, encoder, learner, strategy,
)
from rayal.scores import Scores, score

"""

RIGHT = """\
@strategy()
def first(pool: Pool, budget: int, rng: np.random.Generator, *, skip: int = 0) -> Indices:
    return pool.unlabeled[skip : skip + budget]


@strategy(needs={"predictions"}, check=lambda params, N, encoder: None)
def plain(pool: Pool, budget: int, rng: np.random.Generator) -> Indices:
    return first(pool, budget, rng, skip=2)


@score(needs=set())
def lowest(pool: Pool, rng: np.random.Generator, *, shift: float = 0.0) -> Scores:
    return np.zeros(len(pool.unlabeled)) + shift


@encoder(gives={"views"})
def small(
    data: Dataset, rng: np.random.Generator, progress: Progress, *, width: int = 3
) -> Embedding:
    features = np.zeros((9, width), dtype=np.float32)
    return Embedding(features, features)


@learner()
def silent(task: Task, rng: np.random.Generator, *, k: int = 3) -> Predictions:
    return Predictions(task.test, lambda: task.train)


@dataset()
def of_size(*, size: int = 3) -> Dataset:
    raise NotImplementedError
"""

# Name -> what a type checker has to refuse.
WRONG = {
    "a strategy of other arguments": """
@strategy()
def wrong(pool: int, budget: str) -> Indices:
    return np.zeros(3, dtype=np.int64)
""",
    "a strategy that returns features": """
@strategy()
def wrong(pool: Pool, budget: int, rng: np.random.Generator) -> Features:
    return pool.features
""",
    "a strategy called with a parameter that it has not": """
@strategy()
def right(pool: Pool, budget: int, rng: np.random.Generator, *, skip: int = 0) -> Indices:
    return pool.unlabeled[skip:]

def call(pool: Pool, rng: np.random.Generator) -> Indices:
    return right(pool, 3, rng, skop=2)
""",
    "a strategy called with a value of another type": """
@strategy()
def right(pool: Pool, budget: int, rng: np.random.Generator, *, skip: int = 0) -> Indices:
    return pool.unlabeled[skip:]

def call(pool: Pool, rng: np.random.Generator) -> Indices:
    return right(pool, 3, rng, skip="2")
""",
    "a strategy whose check takes one argument": """
@strategy(check=lambda params: None)
def wrong(pool: Pool, budget: int, rng: np.random.Generator) -> Indices:
    return pool.unlabeled
""",
    "a score that takes a budget": """
@score(needs=set())
def wrong(pool: Pool, budget: int) -> Scores:
    return pool.features[:, 0]
""",
    "an encoder without progress": """
@encoder()
def wrong(data: Dataset, rng: np.random.Generator) -> Embedding:
    raise NotImplementedError
""",
    "an encoder that returns an array": """
@encoder()
def wrong(data: Dataset, rng: np.random.Generator, progress: Progress) -> Features:
    raise NotImplementedError
""",
    "a learner of arrays": """
@learner()
def wrong(features: Features, rng: np.random.Generator) -> Predictions:
    raise NotImplementedError
""",
    "a learner that returns probabilities": """
@learner()
def wrong(task: Task, rng: np.random.Generator) -> Features:
    raise NotImplementedError
""",
    "a dataset that returns an embedding": """
@dataset()
def wrong(*, size: int) -> Embedding:
    raise NotImplementedError
""",
}


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Run mypy once over all examples; return the names of the files that it complains of."""
    folder = tmp_path_factory.mktemp("typed")
    for name, code in {"right": RIGHT, **WRONG}.items():
        (folder / f"{name.replace(' ', '_')}.py").write_text(HEAD + code)
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml")]
    run = subprocess.run(
        [*command, *sorted(map(str, folder.glob("*.py")))],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert run.returncode in (0, 1), run.stdout + run.stderr
    return {name.replace("_", " ") for name in re.findall(r"(\w+)\.py:\d+: error:", run.stdout)}


def test_right_components_pass(refused: set[str]) -> None:
    assert "right" not in refused


@pytest.mark.parametrize("name", WRONG)
def test_a_type_checker_refuses(refused: set[str], name: str) -> None:
    assert name in refused


@pytest.mark.parametrize("package", ["rayal", "analysis"])
def test_a_package_says_that_it_has_types(package: str) -> None:
    assert (ROOT / package / "py.typed").exists()
