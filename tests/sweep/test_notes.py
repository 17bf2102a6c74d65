"""What a plan says of weights, sizes and bytes before anything runs."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from rayal.storage.file_hash import file_hash
from rayal.sweep import notes as sweep_notes
from rayal.sweep.errors import SweepError
from rayal.sweep.file import load_sweep
from rayal.sweep.plan import Plan, make_plan
from rayal.vision import networks


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYAL_CACHE", str(tmp_path / "cache"))


def plan(folder: Path, encoder: Any, learner: Any = "linear") -> Plan:
    content = {
        "name": "s", "datasets": ["digits"], "encoders": [encoder], "learners": [learner],
        "strategies": ["random"], "budgets": [10], "seeds": 1,
    }  # fmt: skip
    (folder / "s.yaml").write_text(yaml.safe_dump(content))
    return make_plan(load_sweep(folder / "s.yaml", []))


def notes(plan: Plan) -> tuple[str, ...]:
    (found,) = plan.notes.values()
    return found


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "w.pt"
    plain, average = (networks.backbone("small_cnn", "imagenet", 1, seed=s) for s in (1, 2))
    states = {"state_dict": plain.state_dict(), "state_dict_ema": average.state_dict()}
    torch.save(states, path)
    return path


def test_a_checkpoint_is_said_with_its_file_hash_average_and_sizes(
    tmp_path: Path, weights: Path
) -> None:
    encoder = {"name": "checkpoint", "weights": str(weights), "backbone": "small_cnn", "size": 32}
    assert notes(plan(tmp_path, encoder)) == (
        f"weights: {weights} (sha256 {file_hash(weights)[:12]}), a moving average of weights (EMA) "
        "at state_dict_ema; left: state_dict",
        "images are 8 x 8, enlarged to 32",
        "features: 1,797 x 128 float32, 920 kB",
    )


def test_weights_that_a_learner_starts_from_are_said(tmp_path: Path, weights: Path) -> None:
    learner = {"name": "scratch", "backbone": "small_cnn", "weights": str(weights), "epochs": 1}
    found = notes(plan(tmp_path, "pixels", learner))
    assert found[-1].startswith(f"learner scratch: weights: {weights} (sha256 ")


@pytest.mark.parametrize(
    ("encoder", "note"),
    [
        ({"name": "random", "backbone": "small_cnn"}, "weights: random, as asked for"),
        (
            {"name": "moco", "backbone": "small_cnn", "queue": 64},
            "weights: trained here, from random ones",
        ),
        ("pixels", "features: 1,797 x 64 float32, 460 kB"),
    ],
)
def test_where_weights_are_not_from_a_file_it_is_said_too(
    tmp_path: Path, encoder: Any, note: str
) -> None:
    assert notes(plan(tmp_path, encoder))[0] == note


def test_weights_of_another_network_are_refused_when_planned(tmp_path: Path, weights: Path) -> None:
    with pytest.raises(SweepError, match="belongs to another network"):
        plan(tmp_path, {"name": "checkpoint", "weights": str(weights), "backbone": "resnet18"})
    learner = {"name": "scratch", "backbone": "resnet18", "weights": str(weights)}
    with pytest.raises(SweepError, match="belongs to another network"):
        plan(tmp_path, "pixels", learner)


def test_random_weights_nobody_asked_for_are_refused_with_both_ways_out(tmp_path: Path) -> None:
    pytest.importorskip("timm")
    with pytest.raises(SweepError, match=r"weights: PATH of a file, or pretrained: true"):
        plan(tmp_path, {"name": "timm_model", "model": "resnet18", "size": 32})


def test_notes_are_kept_in_the_plan_for_the_report(tmp_path: Path) -> None:
    made = plan(tmp_path, {"name": "random", "backbone": "small_cnn"})
    (entry,) = made.as_json("", {})["artefacts"].values()
    assert entry["notes"][0] == "weights: random, as asked for"


def test_strategies_that_take_an_approximate_form_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(strategies: list[Any]) -> list[str]:
        content = {
            "name": "s", "datasets": ["digits"], "encoders": ["pixels"], "learners": ["linear"],
            "strategies": strategies, "budgets": [10], "seeds": 1,
        }  # fmt: skip
        (tmp_path / "s.yaml").write_text(yaml.safe_dump(content))
        found = notes(make_plan(load_sweep(tmp_path / "s.yaml", [])))
        return [note for note in found if note.startswith("strategy")]

    assert not said(["kmeans", "random"])
    monkeypatch.setattr(sweep_notes, "LARGE", 1000)
    (line,) = said(["kmeans", "random", {"name": "typiclust", "exact": True}])
    assert line.startswith(
        "strategy kmeans: the approximate form, for the pool has more than 1,000"
    )
    assert "exact: true insists" in line
