"""Sweeps on clusters of several nodes, all on this machine, as an administrator starts them."""

import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from benchmarks.ray_nodes import PLUGIN, Nodes, nodes
from tests import sweeps

pytestmark = pytest.mark.slow


# An encoder whose second dataset is not ready before trials on the first have ended, and a learner
# that says where in shared memory its features and images lie.
LOOKING = '''

from rayal.contracts import Embedding, encoder


@encoder()
def behind(dataset, rng, progress, *, marks: str, trials: str):
    """Give random features, late for a long-tailed dataset."""
    mark(marks)
    until = time.monotonic() + 200
    while dataset.name != "digits" and len(os.listdir(trials)) < 5:  # three run at a time
        assert time.monotonic() < until, "no trial of the other dataset ended"
        time.sleep(0.1)
    sizes = len(dataset.train.labels), len(dataset.test.labels)
    return Embedding(*(rng.standard_normal((n, 64), dtype=np.float32) for n in sizes))


def place(array):
    """Return the mapped file and where in it an array lies: the same in processes that share it."""
    address = array.ctypes.data
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, _, offset, _, inode = line.split()[:5]
        first, last = (int(end, 16) for end in span.split("-"))
        if first <= address < last:
            return f"{inode}+{int(offset, 16) + address - first}"


@learner()
def looking(task, rng, *, marks: str):
    """Say where it runs and reads, and wait until three processes have done so."""
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "", "a trial that asked for no GPU sees some"
    mark(marks, len(task.train), os.getpid(), place(task.train), place(task.images))
    until = time.monotonic() + 200
    while len({m.split(".")[2] for m in os.listdir(marks) if f".{len(task.train)}." in m}) < 3:
        assert time.monotonic() < until, "no three trials ran side by side"
        time.sleep(0.1)
    even = lambda n: np.full((n, task.num_classes), 1 / task.num_classes, dtype=np.float32)
    return Predictions(even(len(task.test)), lambda: even(len(task.train)))


@learner()
def naming(task, rng, *, marks: str):
    """Say which file is mapped where it reads features."""
    address = task.train.ctypes.data
    for line in Path("/proc/self/maps").read_text().splitlines():
        first, last = (int(end, 16) for end in line.split()[0].split("-"))
        if first <= address < last:
            mark(marks, Path(line.split()[-1]).name.replace(".", "-"))
    even = lambda n: np.full((n, task.num_classes), 1 / task.num_classes, dtype=np.float32)
    return Predictions(even(len(task.test)), lambda: even(len(task.train)))
'''


@pytest.fixture(scope="module")
def cluster() -> Iterator[Nodes]:
    """A head without CPUs, a node that has a GPU by name, and one without."""
    with nodes() as started:
        started.environment["RAYAL_GPUS_BY_NAME"] = "1"
        started.environment.pop("CUDA_VISIBLE_DEVICES", None)  # with it empty no node has a GPU
        started.head(dashboard=True)
        started.add(cpus=3, gpus=1)
        started.add(cpus=1)
        yield started


def write_sweep(folder: Path, **changes: Any) -> Path:
    """Two datasets; encoders and trials mark the nodes they ran on."""
    encoders, trials = str(folder / "encoders"), str(folder / "trials")
    for made in (encoders, trials):
        Path(made).mkdir()
    sweep = {
        "name": "nodes",
        "plugins": ["plugin.py"],
        "datasets": ["digits", {"name": "digits", "imbalance": {"exponential": 10}}],
        "encoders": [{"name": "behind", "marks": encoders, "trials": trials}],
        "strategies": ["random"],
        "learners": [{"name": "looking", "marks": trials}],
        "budgets": [10],
        "seeds": 9,
        "resources": {
            "pretrain": {"cpus": 0.5, "gpus": 0.5},
            "trials_of": {"looking": {"cpus": 1}},
        },
    }
    (folder / "plugin.py").write_text(PLUGIN + LOOKING)
    (folder / "sweep.yaml").write_text(json.dumps({**sweep, **changes}))
    return folder / "sweep.yaml"


def run(command: list[str], cluster: Nodes, folder: Path) -> str:
    ended = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300,
        env=cluster.environment, cwd=folder, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


def marked(folder: Path) -> Counter[str]:
    """How often each node left a mark."""
    return Counter(mark.name.split(".")[0] for mark in folder.iterdir())


@pytest.fixture(scope="module")
def ended(cluster: Nodes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a sweep that has run on the cluster."""
    folder = tmp_path_factory.mktemp("nodes")
    sweep = write_sweep(folder)
    run(sweeps.command(sweep, folder / "run", "--address", cluster.address), cluster, folder)
    return folder


def test_encoders_train_where_a_gpu_is_and_trials_run_everywhere(ended: Path) -> None:
    [(gpu_node, trained)] = marked(ended / "encoders").items()
    trials = marked(ended / "trials")
    assert trained == 2
    assert gpu_node in trials
    assert len(trials) == 2
    assert sum(trials.values()) == 18


def test_features_and_images_reach_each_node_once(ended: Path) -> None:
    """All processes of a node read the same bytes of its shared memory."""
    places, processes = defaultdict(set), defaultdict(set)
    for mark in (ended / "trials").iterdir():
        node, images, process, *place, _ = mark.name.split(".")
        places[node, images].add(tuple(place))
        processes[node, images].add(process)
    assert all(len(found) == 1 for found in places.values())
    assert max(len(found) for found in processes.values()) >= 2


def test_the_training_of_one_dataset_overlaps_with_trials_of_another(ended: Path) -> None:
    events = [json.loads(line) for line in (ended / "run" / "log.jsonl").open()]
    at = {
        name: [datetime.fromisoformat(e["time"]) for e in events if e["event"] == name]
        for name in ("stage_ready", "trial_done")
    }
    assert len(at["stage_ready"]) == 2
    assert min(at["trial_done"]) < max(at["stage_ready"])


def test_a_sweep_is_sent_as_a_job(cluster: Nodes, tmp_path: Path) -> None:
    changes = {"datasets": ["digits"], "encoders": ["pixels"], "learners": ["knn"], "seeds": 2}
    sweep = write_sweep(tmp_path, resources={}, **changes)
    said = run(
        [
            sys.executable, "-m", "ray.scripts.scripts", "job", "submit",
            "--address", f"http://127.0.0.1:{cluster.dashboard}", "--",
            sys.executable, "-m", "rayal.sweep", str(sweep), "--out", str(tmp_path / "run"),
            "--no-report",
        ],
        cluster, tmp_path,
    )  # fmt: skip
    assert "2 of 2 trials done, 0 failed" in said
    assert len(sweeps.records(tmp_path / "run")) == 2


def test_what_is_larger_than_the_object_store_is_mapped_from_the_run(
    cluster: Nodes, tmp_path: Path
) -> None:
    """No node has a copy: the trials read the file that the encoder wrote."""
    marks = str(tmp_path / "trials")
    changes = {
        "datasets": ["digits"],
        "encoders": ["pixels"],
        "learners": [{"name": "naming", "marks": marks}],
        "seeds": 4,
    }
    sweep = write_sweep(tmp_path, resources={"object_store": 0.0001}, **changes)
    run(sweeps.command(sweep, tmp_path / "run", "--address", cluster.address), cluster, tmp_path)
    read = [mark.name.split(".")[1] for mark in (tmp_path / "trials").iterdir()]
    assert read == ["train-npy"] * 4
