"""What the statistics of the analysis hold to, and what it costs.

    python -m benchmarks.analysis [--records 1000 10000 100000] [--studies 1000]

`--studies 0` leaves out the simulations, `--records` without a number the costs.

Prints the coverage of the 95 % intervals on simulated data, the level of the paired tests and of
Holm's correction where nothing differs, and seconds and memory of `analysis` for runs of several
sizes, with the growth exponent: the slope of log seconds over log records.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from analysis.statistics import bootstrap, intervals, paired_tests

Draw = Callable[[np.random.Generator, int], np.ndarray]
DISTRIBUTIONS: dict[str, tuple[Draw, float]] = {
    "normal": (lambda rng, n: rng.normal(size=n), 0.0),
    "exponential": (lambda rng, n: rng.exponential(size=n), 1.0),
    "AUC near 1 (beta 38, 2)": (lambda rng, n: rng.beta(38, 2, n), 0.95),
}
SEEDS = (3, 5, 10, 30, 100)
SHAPES = {1_000: (2, 10, 10), 10_000: (4, 10, 10), 100_000: (10, 20, 10)}
METRICS = ("auc", "accuracy", "balanced_accuracy", "mean_class_accuracy", "pool_error",
           "coverage", "class_entropy", "l1_score", "select_seconds", "train_seconds")  # fmt: skip


def main() -> None:
    """Print all three parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, nargs="*", default=list(SHAPES))
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure)))
        return
    if options.studies:
        print_coverage(options.studies)
        print_levels(options.studies)
    if options.records:
        print_cost(options.records)


# Intervals -------------------------------------------------------------------


def print_coverage(studies: int) -> None:
    """Print how often each interval holds the true mean."""
    error = 100 * math.sqrt(0.95 * 0.05 / studies)
    print(f"Coverage of the 95 % interval of a mean, %, {studies} studies (+- {error:.1f})")
    names = ("percentile", "BCa", "expanded", "Student", "used")
    print(f"{'':26}{'n':>5}" + "".join(f"{name:>12}" for name in names))
    for name, (draw, truth) in DISTRIBUTIONS.items():
        for n in SEEDS:
            rng = np.random.default_rng([n, len(name)])
            held = np.mean([_held(draw(rng, n), truth) for _ in range(studies)], axis=0)
            print(f"{name:26}{n:>5}" + "".join(f"{100 * value:12.1f}" for value in held))


def _held(values: np.ndarray, truth: float) -> list[bool]:
    means = values[bootstrap.resamples(len(values), 0)].mean(axis=1)
    ends = (
        np.quantile(means, [0.025, 0.975]),
        np.quantile(means, _bca_ends(values, means)),
        bootstrap.bootstrap_interval(values),
        intervals.student_interval(values),
        bootstrap.mean_interval(values),
    )
    return [bool(low <= truth <= high) for low, high in ends]


def _bca_ends(values: np.ndarray, means: np.ndarray) -> tuple[float, float]:
    """Ends of the bias-corrected and accelerated interval (Efron 1987) of a mean."""
    from scipy.special import ndtr, ndtri

    below = np.clip((means < values.mean()).mean(), 1e-6, 1 - 1e-6)
    away = values.mean() - values
    acceleration = (away**3).sum() / (6 * (away**2).sum() ** 1.5) * -1
    shift = ndtri(below)
    shifted = shift + ndtri(np.array([0.025, 0.975]))
    low, high = ndtr(shift + shifted / (1 - acceleration * shifted))
    return float(low), float(high)


# Tests -----------------------------------------------------------------------


def print_levels(studies: int) -> None:
    """Print how often tests say "different" where nothing is, alone and in a family of six."""
    error = 100 * math.sqrt(0.05 * 0.95 / studies)
    print(f"\nLevel on null data at .05, %, {studies} studies of 6 strategies (+- {error:.1f})")
    print(f"{'':26}{'n':>5}{'test alone':>38}{'any of 6 after Holm':>36}")
    tests = ("Student", "sign flip", "Wilcoxon")
    print(f"{'':31}" + "".join(f"{name:>12}" for name in tests * 2))
    for name, (draw, _) in DISTRIBUTIONS.items():
        for n in (3, 5, 8, 20):
            rng = np.random.default_rng([n, len(name), 1])
            single, family = np.mean([_wrong(draw, rng, n) for _ in range(studies)], axis=0)
            cells = "".join(f"{100 * value:12.1f}" for value in [*single, *family])
            print(f"{name:26}{n:>5}{cells}")


def _wrong(draw: Draw, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Share of six tests that are wrong, and whether one of the six is after correction, (3,)."""
    random = draw(rng, n)
    differences = [draw(rng, n) - random for _ in range(6)]
    p = np.array([
        (paired_tests.student_p(d), paired_tests.sign_flip_p(d), paired_tests.wilcoxon_p(d))
        for d in differences
    ])  # fmt: skip
    corrected = np.column_stack([paired_tests.holm(column) for column in p.T])
    wrong = corrected < paired_tests.ALPHA
    return (p < paired_tests.ALPHA).mean(axis=0), np.asarray(wrong.any(axis=0))


# Cost ------------------------------------------------------------------------


def print_cost(sizes: list[int]) -> None:
    """Print seconds and memory of each step by the number of records, and their growth."""
    print("\nCost of `python -m analysis`, its main process on one core")
    steps = ("read", "tables", "export", "report")
    header = "".join(f"{step + ', s':>12}" for step in steps)
    print(f"{'records':>10}{header}   peak, MB   page, MB")
    costs = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            make_run(Path(folder), size)
            command = [sys.executable, "-m", "benchmarks.analysis", "--measure", folder]
            answer = subprocess.run(command, check=True, capture_output=True, text=True)
        row = json.loads(answer.stdout)
        costs.append(row)
        seconds = "".join(f"{row[step]:12.2f}" for step in steps)
        print(f"{row['records']:>10,}{seconds}{row['peak']:11.0f}{row['page']:11.1f}", flush=True)
    if len(costs) > 1:
        slopes = "".join(f"{_growth(costs, step):12.2f}" for step in (*steps, "peak"))
        print(f"{'exponent':>10}{slopes}")


def _growth(costs: list[dict[str, float]], step: str) -> float:
    records, cost = ([math.log(row[name]) for row in costs] for name in ("records", step))
    return float(np.polyfit(records, cost, 1)[0])


def measure(root: Path) -> dict[str, float]:
    """Run each step on a run; seconds, the peak of memory in MB, the size of the page in MB."""
    import resource

    from analysis import processes, report
    from analysis.export import write_tables
    from analysis.file_writing import file_writing
    from analysis.study.study import read_study

    processes.start()
    times = [time.perf_counter()]
    study = read_study(root)
    times.append(time.perf_counter())
    rendered = report.make_report(study, draw_ahead=True)
    times.append(time.perf_counter())
    with file_writing() as write:  # while other processes draw
        write_tables(root / "tables", rendered.tables, {}, write)
    times.append(time.perf_counter())
    page = report.page_of(rendered)
    times.append(time.perf_counter())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    steps = dict(zip(("read", "tables", "export", "report"), np.diff(times).tolist(), strict=True))
    return {"records": len(study.rounds), **steps, "peak": peak, "page": len(page) / 1e6}


def make_run(root: Path, records: int) -> None:
    """Write a run of single queries: datasets x strategies x budgets, and seeds to make up."""
    datasets, strategies, budgets = SHAPES.get(records, (2, 5, 5))
    seeds = max(1, records // (datasets * strategies * budgets))
    trials = dict(_trials(datasets, strategies, budgets, seeds))
    (root / "records").mkdir()
    names = {f"set{d}" for d in range(datasets)}
    about = {"classes": list("abcdefgh"), "class_counts": [500] * 8, "content": "0"}
    words = dict.fromkeys(("question", "cost", "expect", "command"), "")
    plan = {"schema": 1, "name": "made-up", **words, "versions": {}, "artefacts": {},
            "datasets": {name: {**about, "train": 4000, "test": 500} for name in sorted(names)},
            "trials": trials}  # fmt: skip
    (root / "plan.json").write_text(json.dumps(plan))
    rng = np.random.default_rng(0)
    for trial, definition in trials.items():
        content = {"schema": 1, "trial": trial, "definition": definition,
                   "versions": {"rayal": "0"}, "host": "a", "seconds": 1.0,
                   "rounds": [_round(definition["schedule"][0], rng)]}  # fmt: skip
        (root / "records" / f"{trial}.json").write_text(json.dumps(content))


def _trials(
    datasets: int, strategies: int, budgets: int, seeds: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    names = ["random", *(f"strategy{k}" for k in range(1, strategies))]
    shape = (datasets, strategies, budgets, seeds)
    for d, s, b, seed in np.ndindex(*shape):
        chooser = {"name": names[s], "params": {}}
        yield f"{d:02}{s:02}{b:02}{seed:05}", {
            "dataset": {"name": "npz", "params": {}}, "dataset_name": f"set{d}",
            "encoder": {"name": "pixels", "params": {}}, "initial": chooser, "strategy": chooser,
            "learner": {"name": "linear", "params": {}}, "schedule": [20 * (b + 1)],
            "seed": seed, "artefact": f"{d}",
        }  # fmt: skip


def _round(labelled: int, rng: np.random.Generator) -> dict[str, Any]:
    measured = dict(zip(METRICS, rng.uniform(0.5, 1, len(METRICS)).tolist(), strict=True))
    lists = {"selected": rng.choice(4000, labelled, replace=False).tolist(),
             "class_counts": rng.multinomial(labelled, [0.125] * 8).tolist(),
             "auc_missing_classes": []}  # fmt: skip
    return {"round": 0, "budget": labelled, "labelled": labelled, **measured, **lists}


if __name__ == "__main__":
    main()
