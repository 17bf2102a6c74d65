"""From names and parameters to components."""

import math
from pathlib import Path

import pytest

from rayal.sweep.errors import SweepError
from tests.sweep.small_sweeps import CYCLES, plan_of

PARTS = {"few": {"budgets": [10]}, "more": {"budgets": [20]}}
REFUSED = [
    ({"strategies": ["randm"]}, "no strategy named 'randm', did you mean 'random'"),
    ({"datasets": ["digit"]}, "no dataset named 'digit', did you mean 'digits'"),
    ({"encoders": ["mocco"]}, "no encoder named 'mocco', did you mean 'moco'"),
    ({"learners": ["liner"]}, "no learner named 'liner', did you mean 'linear'"),
    (
        {"strategies": [{"name": "kmeans", "normalise": True}]},
        "strategy 'kmeans' has no parameter 'normalise', did you mean 'normalize'",
    ),
    ({"strategies": [{"name": "kmeans", "normalize": "yes"}]}, "normalize='yes' is refused"),
    (
        {**CYCLES, "strategies": [{"name": "entropy", "class_balanced": {"lamda": 1}}]},
        "strategy 'entropy': class_balanced=.* is refused",
    ),
    ({"strategies": ["random", "random"]}, "'random' is listed twice"),
    ({"encoders": [{"name": "pixels", "seed": -1}]}, "seed=-1"),
    ({"encoders": [{"name": "pixels", "features": {}}]}, "nothing is asked for; give unit: true"),
    ({"encoders": [{"name": "pixels", "seed": True}]}, "seed=True"),
    ({"encoders": [{"name": "pixels", "seed": []}]}, r"seed=\[\]"),
    ({"encoders": [{"name": "pixels", "seed": [1, 1]}]}, r"seed=\[1, 1\].* list of different"),
    ({"encoders": ["pixels", {"name": "pixels", "seed": [1, 0]}]}, "seed=0 is listed twice"),
    ({"datasets": [{"name": "npz"}]}, "dataset 'npz' needs the parameter 'path'"),
    ({"datasets": [{"name": "npz", "path": "no/such.npz"}]}, "no/such.npz"),
    ({"learners": ["kmeans"]}, "no learner named 'kmeans', but a strategy of that name"),
    ({"encoders": ["digits"]}, "no encoder named 'digits', but a dataset of that name"),
    ({"strategies": ["K-Center"]}, "no strategy named 'K-Center', did you mean 'k_center'"),
    ({"datasets": ["blood.npz"]}, r"write \{name: npz, path: blood.npz\}"),
    (
        {"datasets": ["/data/pets"]},
        r"write \{name: image_folder, path: /data/pets\}.*rayal select /data/pets",
    ),
    ({"datasets": ["x/y.csv"]}, r"write \{name: image_table, path: FOLDER, table: x/y.csv\}"),
    ({"encoders": ["dinov2"]}, r"a network of timm is \{name: timm_model, model: "),
    (
        {"strategies": [{"name": "kmeans", "normalize": "no"}]},
        "normalize='no' is refused: .*; write true or false",
    ),
    ({"learners": [{"name": "linear", "lr": "1:30"}]}, "lr='1:30' is refused: .* plain number"),
    ({"learners": [{"name": "linear", "lr": math.inf}]}, "lr=inf is refused: infinity and"),
    (
        {**CYCLES, "strategies": [{"name": "entropy", "class_balanced": {"lambda": math.nan}}]},
        r"class_balanced=\{'lambda': nan\} is refused: infinity and",
    ),
    ({"strategies": ["a\x1b[31m"]}, r"no strategy named 'a\\x1b\[31m'"),
    ({"plugins": ["absent.py"]}, "absent.py is not a Python file"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED, ids=[str(c)[:60] for c, _ in REFUSED])
def test_a_wrong_sweep_is_refused_with_the_reason(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(SweepError, match=message):
        plan_of(tmp_path, **changes)


def test_a_list_of_seeds_asks_for_as_many_trainings_of_an_encoder(tmp_path: Path) -> None:
    listed = plan_of(tmp_path, encoders=[{"name": "pixels", "seed": [0, 1]}])
    apart = plan_of(tmp_path, encoders=["pixels", {"name": "pixels", "seed": 1}])
    assert [t.id for t in listed.trials] == [t.id for t in apart.trials]
    assert len(listed.embeddings) == 2


def test_entries_that_are_one_component_are_told_once(tmp_path: Path) -> None:
    radii = [{"name": "probcover", "delta": delta} for delta in (1, 1.0)]
    plan = plan_of(tmp_path, strategies=["kmeans", *radii], budgets=None, parts=PARTS)
    assert sorted(t.id for t in plan.trials) == sorted(
        t.id for t in plan_of(tmp_path, strategies=["kmeans", radii[0]]).trials
    )
    [said] = plan.repeats
    assert said.startswith("strategies: 2 entries of 'probcover' are the same once defaults")
    default = {"name": "kmeans", "restarts": 5}
    [said] = plan_of(tmp_path, strategies=["kmeans", default]).repeats
    assert "'kmeans'" in said
    [said] = plan_of(tmp_path, datasets=["digits", {"name": "digits", "imbalance": None}]).repeats
    assert said.startswith("datasets: 2 entries of 'digits'")
    [said] = plan_of(tmp_path, **{**CYCLES, "initial": ["kmeans", default]}).repeats
    assert said.startswith("initial: ")
    assert not plan_of(tmp_path).repeats


def test_seeds_of_an_encoder_that_draws_nothing_are_said_to_give_the_same(tmp_path: Path) -> None:
    pixels = {"name": "pixels", "seed": [0, 1]}
    [said] = plan_of(tmp_path, encoders=[pixels, {"name": "pixels", "seed": 5}]).repeats
    assert said.startswith("encoders: 'pixels' draws nothing, so that its seeds 0, 1, 5 give the s")
    network = {"name": "random", "backbone": "small_cnn", "seed": [0, 1]}
    views = {**pixels, "views": 2}
    assert not plan_of(tmp_path, encoders=["pixels", views, network]).repeats
