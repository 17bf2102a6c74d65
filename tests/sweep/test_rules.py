"""What has to fit together in a sweep."""

from pathlib import Path

import numpy as np
import pytest

from rayal.storage.shards import Batch, write_shards
from rayal.sweep.errors import SweepError
from tests.sweep.small_sweeps import CYCLES, plan_of

REFUSED = [
    ({"encoders": ["features"]}, "'features' has no path, and digits comes without features"),
    ({"budgets": None}, "has neither budgets nor cycles"),
    ({"strategies": ["entropy"]}, "'entropy' needs predictions, and before the first label"),
    ({"strategies": ["hacon"]}, "'hacon' needs the dataset map, which encoder 'pixels'"),
    (
        {"strategies": [{"name": "hacon", "order": "hard_to_learn"}]},
        "needs the map by true labels, which encoder 'pixels' does not give: set the encoder's",
    ),
    ({"strategies": ["vaal"]}, "'vaal' needs labels, and before the first label there are none"),
    ({**CYCLES, "strategies": ["bald"]}, "needs dropout, which learner 'linear' does not give"),
    ({**CYCLES, "strategies": ["msal"]}, "set the learner's prototypes, such as {name: linear"),
    (
        {**CYCLES, "strategies": [{"name": "entropy", "diverse": {"beta": 2}}]},
        "'entropy' needs prototypes, which learner 'linear'",
    ),
    (
        {**CYCLES, "strategies": ["consistency"]},
        "needs views, which encoder 'pixels' does not give: set the encoder's views",
    ),
    (
        {
            **CYCLES,
            "strategies": [
                {"name": "margin", "pseudo_label_balanced": True, "diverse": {"beta": 2}}
            ],
        },
        "pseudo_label_balanced and diverse are different ways to choose",
    ),
    ({"learners": ["finetune"]}, "'finetune' needs weights, which encoder 'pixels' does not give"),
    (  # its network makes other features than those whose mean and spread the learner starts from
        {
            "learners": ["finetune"],
            "encoders": [{"name": "random", "backbone": "small_cnn", "features": {"unit": True}}],
        },
        "does not give with these parameters: .* whose `features` stay as they are",
    ),
    (
        {"learners": [{"name": "scratch", "early_stopping": 5}]},
        "learner 'scratch' watches the loss on a validation set .*, and digits has none",
    ),
    (
        {"learners": [{"name": "scratch", "weights": "absent.pth"}]},
        "learner 'scratch': weights=absent.pth: there is no such file",
    ),
    ({"strategies": ["set_aside"]}, "among images set aside, and digits sets none aside"),
    (
        {
            "datasets": [{"name": "digits", "imbalance": {"step": 1, "set_aside": 0.1}}],
            "strategies": ["set_aside"],
            "budgets": [50, 150],
        },
        "is asked for 150 first images, and digits-step1-aside0.1 sets 120 aside: lower the first",
    ),
    ({"cycles": {"start": 5, "step": 5, "rounds": 3}}, "both budgets and cycles"),
    (
        {"encoders": [{"name": "moco", "queue": 64, "epochs": 3}]},
        "encoder 'moco' on digits: warmup_epochs=5 must be below epochs=3",
    ),
    (
        {"encoders": [{"name": "moco"}]},
        "encoder 'moco' on digits: queue=65536 is more than the 1[0-9]+ images of an epoch",
    ),
    (
        {
            "encoders": [{"name": "moco", "queue": 64, "processes": 3}],
            "resources": {"pretrain": {"gpus": 2}},
        },
        r"has processes=3, which need a GPU each, and resources\.pretrain\.gpus=2: make it 3",
    ),
    (
        {"resources": {"trials_of": {"liner": {"cpus": 1}}}},
        "there is no learner named 'liner', did you mean 'linear'",
    ),
    ({"resources": {"trial": {"gpus": 1.5}}}, "a part of one GPU or a whole number"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED, ids=[str(c)[:60] for c, _ in REFUSED])
def test_a_wrong_sweep_is_refused_with_the_reason(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(SweepError, match=message):
        plan_of(tmp_path, **changes)


def test_a_tau_that_the_map_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SweepError, match=r"asks for tau=0.07.* has taus 0.2, 0.1"):
        plan_of(
            tmp_path,
            encoders=[{"name": "moco", "queue": 9}],
            strategies=[{"name": "hacon", "tau": 0.07}],
            seeds=1,
        )


def test_a_learner_of_images_makes_its_own_views(tmp_path: Path) -> None:
    scratch = {"name": "scratch", "epochs": 1}
    plan = plan_of(tmp_path, **CYCLES, strategies=["consistency"], learners=[scratch])
    assert plan.trials
    plain = [{**scratch, "augmentation": "none"}]
    with pytest.raises(SweepError, match="'consistency' needs views, which encoder 'pixels'"):
        plan_of(tmp_path, **CYCLES, strategies=["consistency"], learners=plain)


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"encoders": ["pixels"]}, "encoder 'pixels'"),
        ({"learners": ["scratch"]}, "learner 'scratch'"),
        ({**CYCLES, "strategies": ["vaal"]}, "strategy 'vaal'"),
    ],
)
def test_what_reads_pixels_is_refused_where_a_dataset_is_features(
    tmp_path: Path, changed: dict[str, object], what: str
) -> None:
    for name, value in (("pool", 1), ("test", 2)):
        rows = Batch([f"row {i}" for i in range(30)], value * np.eye(30))
        write_shards(tmp_path / name, [rows])
        np.save(tmp_path / f"{name}.npy", np.arange(30) % 3)
    place = {"path": "pool", "test": "test", "labels": "pool.npy", "test_labels": "test.npy"}
    shards = {"name": "shards", **{key: str(tmp_path / name) for key, name in place.items()}}
    asked = {"datasets": [shards], "encoders": ["features"], **changed}
    with pytest.raises(SweepError, match=f"{what} reads images, and pool comes as features alone"):
        plan_of(tmp_path, **asked)
