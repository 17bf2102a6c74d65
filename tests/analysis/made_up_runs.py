"""Writes runs as the sweep leaves them, with plausible made-up results."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.statistics import projections
from analysis.study.embeddings import EmbeddedImages
from analysis.study.study import Study, read_study
from rayal.contracts import DatasetMap
from rayal.storage import dataset_map as map_columns
from rayal.storage.dataset_images import StoredImages

CLASSES = ("basophil", "eosinophil", "lymphocyte", "monocyte", "platelet")
POOL = (120, 300, 90, 150, 340)
LEVELS = {"random": 0.70, "kmeans": 0.75, "hacon": 0.80}
SKILL = {"random": 0.0, "hacon": 0.03, "kmeans": 0.02, "entropy": -0.01, "margin": 0.01}
VERSIONS = {"rayal": "0.1.0", "python": "3.12.1", "torch": "2.13.0", "ray": "2.60.0"}


def component(name: str, **params: Any) -> dict[str, Any]:
    return {"name": name, "params": params}


@dataclass
class RunBuilder:
    """A run on disk: trials are added one by one, `write` leaves the directory."""

    root: Path
    about: dict[str, Any] = field(
        default_factory=lambda: {
            "name": "blood",
            "question": "Does choosing by the dataset map help the first labels?",
            "cost": "4 minutes on 2 cores",
            "expect": "hacon above random below 50 images",
            "command": "python -m rayal.sweep sweeps/blood.yaml",
        }
    )
    trials: dict[str, dict[str, Any]] = field(default_factory=dict)
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    maps: dict[str, DatasetMap] = field(default_factory=dict)

    def trial(
        self,
        strategy: dict[str, Any],
        seed: int,
        schedule: Sequence[int],
        **others: Any,
    ) -> str:
        """Plan a trial and return its id; others: initial, dataset (a name), encoder, learner."""
        dataset = others.get("dataset", "blood")
        encoder = others.get("encoder", component("moco", epochs=40))
        definition = {
            "dataset": component("npz", path=f"{dataset}.npz"),
            "encoder": encoder,
            "initial": others.get("initial", strategy),
            "strategy": strategy,
            "learner": others.get("learner", component("linear", epochs=100)),
            "schedule": list(schedule),
            "seed": seed,
            "dataset_name": dataset,
            "artefact": _digest(dataset, encoder),
        }
        trial = _digest(definition)
        self.trials[trial] = definition
        return trial

    def done(self, trial: str, auc: Sequence[float] | None = None) -> str:
        """Record a planned trial, with these AUCs or with plausible ones."""
        definition = self.trials[trial]
        rng = np.random.default_rng(int(trial, 16))
        curve = auc if auc is not None else _plausible_auc(definition, rng)
        counts = np.zeros(len(CLASSES), dtype=int)
        rounds = []
        for r, (total, value) in enumerate(zip(definition["schedule"], curve, strict=True)):
            asked = total - int(counts.sum())
            counts = counts + rng.multinomial(asked, np.array(POOL) / sum(POOL))
            rounds.append(_round(r, asked, counts, value, rng))
            _choose_each_once(rounds)
        self.records[trial] = {
            "schema": 1, "trial": trial, "definition": definition, "versions": VERSIONS,
            "host": "node", "seconds": 0.03, "rounds": rounds,
        }  # fmt: skip
        return trial

    def failed(self, trial: str, error: str = "ValueError: no") -> str:
        self.failures[trial] = error
        return trial

    def left_out(self) -> None:
        """Leave a record that the present plan does not ask for."""
        trial = self.done(self.trial(component("forgotten"), 0, [20]))
        del self.trials[trial]

    def mapped(self, taus: Iterable[float] = (0.05, 0.2), size: int = 800) -> None:
        """Give every artefact a dataset map."""
        for definition in self.trials.values():
            self.maps[definition["artefact"]] = _plausible_map(taus, size)

    def write(self) -> Path:
        for folder in ("records", "failures", "artefacts"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        (self.root / "plan.json").write_text(json.dumps(self._plan()))
        for trial, record in self.records.items():
            (self.root / "records" / f"{trial}.json").write_text(json.dumps(record))
        for trial, error in self.failures.items():
            head = {"trial": trial, "error": error, "definition": self.trials[trial]}
            text = json.dumps(head) + "\n\nTraceback …"
            (self.root / "failures" / f"{trial}.log").write_text(text)
        for key, dataset_map in self.maps.items():
            (self.root / "artefacts" / key).mkdir(exist_ok=True)
            (self.root / "artefacts" / key / "about.json").write_text("{}")
            map_columns.write(self.root / "artefacts" / key / "map.parquet", dataset_map)
        return self.root

    def _plan(self) -> dict[str, Any]:
        datasets = {
            d["dataset_name"]: {
                "classes": list(CLASSES), "train": sum(POOL), "test": 500,
                "class_counts": list(POOL), "content": "c0ffee",
            }
            for d in self.trials.values()
        }  # fmt: skip
        artefacts = {
            d["artefact"]: {
                "dataset": d["dataset_name"],
                "encoder": d["encoder"],
                "has_map": d["artefact"] in self.maps,
            }
            for d in self.trials.values()
        }
        plan = {"schema": 1, **self.about, "versions": VERSIONS, "datasets": datasets}
        return {**plan, "artefacts": artefacts, "trials": self.trials}


def single_query_run(root: Path, *, random_seeds: int = 10, seeds: int = 3) -> RunBuilder:
    """Random and three strategies at three budgets, all trials done."""
    run = RunBuilder(root)
    for budget in (20, 30, 50):
        for strategy, count in (
            (component("random", cover_classes=False), random_seeds),
            (component("hacon", k=20, order="hard_to_contrast"), seeds),
            (component("hacon", k=30, order="hard_to_contrast"), seeds),
            (component("kmeans"), seeds),
        ):
            for seed in range(count):
                run.done(run.trial(strategy, seed, [budget]))
    return run


def cycles_run(root: Path, *, seeds: int = 4) -> RunBuilder:
    """Three initial strategies crossed with three query strategies, four rounds."""
    run = RunBuilder(root)
    for initial in ("random", "hacon", "kmeans"):
        for query in ("random", "entropy", "margin"):
            for seed in range(seeds):
                trial = run.trial(
                    component(query), seed, [20, 30, 40, 50], initial=component(initial)
                )
                run.done(trial)
    return run


def study_of_levels(
    root: Path,
    *,
    datasets: Sequence[str] = ("a", "b", "c"),
    budgets: Sequence[int] = (20, 40),
    without: Iterable[tuple[str, str]] = (),
) -> Study:
    """Hacon above kmeans above random on every dataset, by far more than the seeds vary."""
    rng = np.random.default_rng(0)
    run = RunBuilder(root)
    for dataset in datasets:
        for budget in budgets:
            for name, level in LEVELS.items():
                if (dataset, name) in without:
                    continue
                for seed in range(5):
                    trial = run.trial(component(name), seed, [budget], dataset=dataset)
                    run.done(trial, [level + budget / 1000 + rng.normal(0, 0.005)])
    return read_study(run.write())


def run_with_one_choice(root: Path, *, seeds: int = 5, draws: int = 20) -> RunBuilder:
    """Random draws each seed; maxherding chooses the same images whatever its seed.

    The AUC of maxherding is above 18 of 20 of random's, and hardly varies.
    """
    run = RunBuilder(root)
    for seed in range(draws):
        run.done(run.trial(component("random"), seed, [20]), [0.70 + 0.01 * seed])
    for seed in range(seeds):
        trial = run.done(run.trial(component("maxherding"), seed, [20]), [0.875 + seed / 10000])
        run.records[trial]["rounds"][0]["selected"] = list(range(20))
    return run


def images_of(
    folder: Path, features: np.ndarray, labels: np.ndarray | None = None, encoder: str = "moco"
) -> EmbeddedImages:
    """Store features (N, D), and classes (N,) where given, as an encoder leaves them."""
    np.save(folder / "train.npy", features)
    if labels is not None:
        np.save(folder / "labels.npy", labels)
    return EmbeddedImages(folder, encoder, StoredImages(folder))


@contextmanager
def quick_projections() -> Iterator[None]:
    """Let projections take no seconds: the first two features stand for t-SNE."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(projections, "tsne2d", lambda features: features[:, :2])
        yield


def _digest(*content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _plausible_auc(definition: dict[str, Any], rng: np.random.Generator) -> list[float]:
    initial, query = definition["initial"]["name"], definition["strategy"]["name"]
    # Trials of one seed share their start, as the sweep's paired seeds do.
    start = np.random.default_rng([definition["seed"], len(initial)]).normal(0, 0.03)
    skill = SKILL.get(initial, 0.0) + start
    curve = []
    for r, total in enumerate(definition["schedule"]):
        gain = SKILL.get(query, 0.0) * min(r, 1) + rng.normal(0, 0.004) * min(r, 1)
        gain += _of_variant(definition["initial"]) + rng.normal(0, 0.004)
        curve.append(float(np.clip(1 - 1.6 * total**-0.75 + skill * 15 / total + gain, 0, 1)))
    return curve


def _of_variant(chosen: dict[str, Any]) -> float:
    return 0.0005 * (chosen["params"].get("k", 20) - 20)


def _round(
    number: int, asked: int, counts: np.ndarray, auc: float, rng: np.random.Generator
) -> dict[str, Any]:
    shares = counts[counts > 0] / counts.sum()
    balanced = counts.sum() / len(CLASSES)
    worst = 2 * balanced * (len(CLASSES) - 1)
    return {
        "round": number, "budget": asked, "labelled": int(counts.sum()), "auc": auc,
        "accuracy": max(auc - 0.2, 0.0), "balanced_accuracy": max(auc - 0.25, 0.0),
        "mean_class_accuracy": max(auc - 0.25, 0.0), "pool_error": min(1.2 - auc, 1.0),
        "coverage": float((counts > 0).mean()),
        "class_entropy": float(-(shares * np.log(shares)).sum()),
        "l1_score": float(np.abs(counts - balanced).sum() / worst),
        "select_seconds": 0.01, "train_seconds": 0.2,
        "selected": sorted(rng.choice(max(sum(POOL), asked), asked, replace=False).tolist()),
        "class_counts": counts.tolist(), "auc_missing_classes": [],
    }  # fmt: skip


def _choose_each_once(rounds: list[dict[str, Any]]) -> None:
    """Put other images for those of the last round that were chosen in an earlier one."""
    before = {image for row in rounds[:-1] for image in row["selected"]}
    drawn = rounds[-1]["selected"]
    new = [image for image in drawn if image not in before]
    others = (image for image in itertools.count() if image not in before.union(drawn))
    rounds[-1]["selected"] = sorted([*new, *itertools.islice(others, len(drawn) - len(new))])


def _plausible_map(taus: Iterable[float], size: int) -> DatasetMap:
    rng = np.random.default_rng(0)
    confidence = {t: rng.beta(5, 2 + 10 * t, size).astype(np.float32) for t in taus}
    variability = {
        t: (0.5 * np.sqrt(c * (1 - c)) * rng.uniform(0.5, 1, size)).astype(np.float32)
        for t, c in confidence.items()
    }
    return DatasetMap(confidence, variability, np.full(size, 40))
