import numpy as np
import pytest

from rayal.kernels import sampled_typicality as module
from rayal.kernels.rows import Rows
from rayal.kernels.sampled_typicality import nearly_most_typical
from rayal.kernels.typicality import most_typical


def made(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(400, 3)).astype(np.float32)


@pytest.fixture
def _many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EXACT", 50)
    monkeypatch.setattr(module, "SAMPLE", 150)
    monkeypatch.setattr(module, "FINALISTS", 60)


@pytest.mark.parametrize("seed", range(5))
def test_few_members_are_compared_exactly(seed: int) -> None:
    points, members = made(seed), np.arange(100, 300)
    place = nearly_most_typical(Rows(points), members, 20, np.random.default_rng(0))
    assert place == most_typical(points[members], 20)


@pytest.mark.usefixtures("_many")
@pytest.mark.parametrize("seed", range(20))
def test_of_many_members_one_of_the_most_typical_is_found(seed: int) -> None:
    points, members = made(seed), np.arange(100, 400)
    place = nearly_most_typical(Rows(points), members, 20, np.random.default_rng(0))
    away = np.linalg.norm(points[members][:, None] - points[members][None], axis=2)
    means = np.sort(away, axis=1)[:, 1:21].mean(axis=1)
    assert means[place] <= 1.05 * means.min()


@pytest.mark.parametrize("offset", [0, 4096])
@pytest.mark.parametrize("seed", range(4))
def test_finalists_are_those_with_the_nearest_others_in_the_sample(
    seed: int, offset: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FINALISTS", 25)
    points = np.rint(made(seed) * 512).astype(np.float32) / 512 + np.float32(offset)
    members, drawn = (
        np.arange(100, 400),
        np.sort(np.random.default_rng(seed).choice(300, 90, False)),
    )
    expected = []
    for place, member in enumerate(members):
        others = [points[m] for m, d in zip(members[drawn], drawn, strict=True) if d != place]
        away = ((np.array(others, dtype=np.float64) - points[member]) ** 2).sum(axis=1)
        expected.append(np.sort(away)[:6].sum())  # 20 of 300 are 6 of 90
    found = module._finalists(Rows(points), members, 20, drawn)
    assert found.tolist() == np.sort(np.argsort(expected, kind="stable")[:25]).tolist()


def test_finalists_come_from_the_sample_as_often_as_its_rows_do() -> None:
    points = np.random.default_rng(0).normal(size=(8000, 8)).astype(np.float32)
    drawn = np.sort(np.random.default_rng(1).choice(8000, 400, replace=False))
    found = module._finalists(Rows(points), np.arange(8000), 20, drawn)
    assert np.isin(found, drawn).mean() < 0.2  # a twentieth of the rows


@pytest.mark.usefixtures("_many")
def test_with_all_members_in_the_last_round_it_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FINALISTS", 400)
    points, members = made(1), np.arange(400)
    place = nearly_most_typical(Rows(points), members, 5, np.random.default_rng(0))
    assert place == most_typical(points, 5)
