"""The section on clusters and first choices, on a pool of known clusters."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import numpy as np
import pandas as pd
import pytest

from analysis.report import make_report
from analysis.sections import clusters
from analysis.sections.clusters import PLACE, _table, begin
from analysis.study.embeddings import StoredEmbedding
from analysis.study.study import Study, read_study


def pool_of_three_groups() -> StoredEmbedding:
    """Ninety images in three far groups, each of one class but for its first image."""
    rng = np.random.default_rng(0)
    groups = np.repeat([0, 1, 2], 30)
    features = (rng.normal(size=(90, 2)) + 100 * np.eye(3)[groups, :2]).astype(np.float32)
    features[groups == 2] -= 100
    classes = groups.copy()
    classes[[0, 30, 60]] = [1, 2, 0]
    images = SimpleNamespace(features=features, classes=lambda indices: classes[indices])
    place = {"dataset": "d", "encoder": "e", "artefact": "a"}
    embedding = SimpleNamespace(key="a", images=images, place=place)
    return cast("StoredEmbedding", embedding)


def test_a_choice_of_each_groups_odd_image_is_outside_its_majority() -> None:
    place = dict.fromkeys(PLACE[:3], "a")
    queries = pd.DataFrame(
        [
            {**place, "initial": "odd", "labelled": 3, "selected": [0, 30, 60]},
            {**place, "initial": "even", "labelled": 3, "selected": [1, 31, 61]},
            {**place, "initial": "even", "labelled": 3, "selected": [2, 32, 60]},
        ]
    )
    begun = begin(pool_of_three_groups(), queries)
    assert begun is not None
    rows = {row["initial"]: row for row in begun()}
    assert rows["odd"]["outside_majority_mean"] == 1
    assert rows["even"]["outside_majority_mean"] == pytest.approx(1 / 6)
    assert rows["even"]["n"] == 2
    assert _table(pd.DataFrame(rows.values())).rows
    assert [row["purity"] for row in rows.values()] == [pytest.approx(87 / 90)] * 2


def test_of_many_pools_few_are_held_in_memory_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each that is begun holds a sample of its features, until its rows are asked for."""
    held, most = set[str](), []

    def begun(pool: StoredEmbedding, _queries: pd.DataFrame) -> Callable[[], clusters.Rows]:
        held.add(pool.key)
        most.append(len(held))

        def rows() -> clusters.Rows:
            held.remove(pool.key)
            return [{**dict.fromkeys(clusters.COLUMNS, 0), "n": int(pool.key)}]

        return rows

    monkeypatch.setattr(clusters, "begin", begun)
    monkeypatch.setattr(clusters, "as_labels", lambda rounds: rounds)
    trials = pd.DataFrame({"trial": ["a"], "artefact": ["0"], "initial": ["hacon"]})
    rounds = trials[["trial", "initial"]].assign(round=0)
    pools = [SimpleNamespace(key=str(number)) for number in range(20)]
    study = cast("Study", SimpleNamespace(trials=trials, rounds=rounds, embeddings=pools))
    table = clusters.tables(study, {})()["clusters_of_choices"]
    assert table["n"].tolist() == list(range(20))
    assert max(most) == clusters.AHEAD


@pytest.mark.slow
def test_a_run_without_embeddings_has_no_such_section(single_query) -> None:
    assert "clusters_of_choices" not in make_report(read_study(single_query)).tables
