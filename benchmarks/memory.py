"""Memory of an encoder stage against the images it works on: python -m benchmarks.memory.

Measured: the peak of resident memory, mapped files included, of `python -m rayal.encode` and of all
processes it starts. Two datasets, made for the purpose and removed afterwards:

* small: RGB images of 28 pixels in a .npz: planned, hashed, trained on for an epoch of MoCo v2 with
  the dataset map (small_cnn, batches of 256), described, saved and shown.
* large: a folder of JPEG files of 224 pixels (hard links to a few pictures), decoded beforehand
  into the memory-mapped cache. All is done as above, but for the networks' work on all images,
  which takes a CPU hours: see benchmarks/memory_encoder.py.

The column "libraries" is the peak of the same command on twenty images. What a run takes beyond
that is accepted below twice the bytes of its images where these are many. The column "fixed" is
what a thousand images take beyond the libraries and themselves: networks, a batch, and what the
allocator keeps. The last column leaves that out too.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import yaml

ROOT = Path(__file__).parent.parent
ACCEPTED = 2.0
SMALL, LARGE = 100_000, 50_000
FEW, LEAST = 1000, 20  # images of the pools that show what does not grow with them
DOMINATES = 200e6  # bytes from which images outweigh networks and a batch
_TESTED = 100
_PICTURES = 200
_MOCO = {
    "name": "moco",
    "backbone": "small_cnn",
    "epochs": 1,
    "warmup_epochs": 0,
    "batch_size": 256,
    "queue": 16,
}
_SWEEP = {"seeds": 1, "strategies": ["random"], "learners": ["knn"], "budgets": [1]}
_ONE_CPU = {"pretrain": {"cpus": 1}}


def make_small(folder: Path, N: int) -> int:
    """Write a .npz of N images of noise in ten classes; return their bytes, with the test set's."""
    images = np.random.default_rng(0).integers(0, 256, (N + _TESTED, 28, 28, 3), dtype=np.uint8)
    labels = np.arange(N + _TESTED) % 10
    np.savez(
        folder / "small.npz",
        train_images=images[:N],
        train_labels=labels[:N],
        test_images=images[N:],
        test_labels=labels[N:],
    )
    _write_sweep(folder, {"name": "npz", "path": str(folder / "small.npz")}, _MOCO)
    return images.nbytes


def make_large(folder: Path, N: int) -> int:
    """Write N files of 224 pixels in two classes; decode them; return the bytes decoded."""
    from PIL import Image

    from rayal.registry import DATASETS

    random = np.random.default_rng(0)
    originals = folder / "originals"
    originals.mkdir()
    for number in range(_PICTURES):
        coarse = Image.fromarray(random.integers(0, 256, (16, 16, 3), dtype=np.uint8))
        coarse.resize((224, 224)).save(originals / f"{number}.jpg")
    for split, count in (("train", N), ("test", _TESTED)):
        for number in range(count):
            place = folder / "large" / split / f"class{number % 2}"
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{number}.jpg").hardlink_to(originals / f"{number % _PICTURES}.jpg")
    places = {"path": str(folder / "large"), "cache": str(folder / "cache")}
    _write_sweep(folder, {"name": "image_folder", **places}, {"name": "batches_of_an_epoch"})
    data = DATASETS.find("image_folder").function(**places)
    return int(data.train.images.nbytes + data.test.images.nbytes)


def _write_sweep(folder: Path, dataset: Mapping[str, str], encoder: Mapping[str, object]) -> None:
    plugins = [str(ROOT / "benchmarks" / "memory_encoder.py")]
    parts = {"name": "memory", "plugins": plugins, "datasets": [dataset], "encoders": [encoder]}
    sweep = {**_SWEEP, **parts, "resources": _ONE_CPU}
    (folder / "sweep.yaml").write_text(yaml.safe_dump(sweep), encoding="utf-8")


def peak(folder: Path) -> int:
    """Encode what lies there; return the largest sum over its processes, in bytes."""
    command = [sys.executable, "-m", "rayal.encode", str(folder / "sweep.yaml")]
    run = subprocess.Popen([*command, "--out", str(folder / "run")], cwd=ROOT, stdout=sys.stderr)
    most = 0
    while True:
        pid, status, used = os.wait4(run.pid, os.WNOHANG)
        if pid:
            break
        most = max(most, sum(map(_resident, _family(run.pid))))
        time.sleep(0.05)
    run.returncode = os.waitstatus_to_exitcode(status)
    if run.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {run.returncode}")
    return max(most, used.ru_maxrss * 1024)


def _family(process: int) -> list[int]:
    """Return a process and all that it started, directly or not."""
    try:
        tasks = Path(f"/proc/{process}/task").iterdir()
        children = [child for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []  # it has just ended
    return [process, *(each for child in children for each in _family(int(child)))]


def _resident(process: int) -> int:
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def main() -> int:
    """Print the table; return 0 when both are accepted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", type=int, default=SMALL, help="images of 28 pixels; 0: none")
    parser.add_argument("--large", type=int, default=LARGE, help="images of 224 pixels; 0: none")
    parser.add_argument("--within", type=Path, help="folder for the data (8 GB)")
    arguments = parser.parse_args()
    sizes = ("images", "images' MB", "peak MB", "libraries", "fixed MB", "total / images", "growth")
    print("data    " + "".join(f"{name:>16s}" for name in sizes))
    kinds = (("small", make_small, arguments.small), ("large", make_large, arguments.large))
    accepted = [_show(name, make, N, arguments.within) for name, make, N in kinds if N]
    print(f"{'accepted' if all(accepted) else 'REFUSED'}: below {ACCEPTED} x the images, where "
          f"these take {DOMINATES / 1e6:,.0f} MB or more")  # fmt: skip
    return 0 if all(accepted) else 1


def _show(name: str, make: Callable[[Path, int], int], N: int, within: Path | None) -> bool:
    """Print a row; return whether it is accepted."""
    _, libraries = _measured(make, LEAST, within)
    few, few_peak = _measured(make, FEW, within)
    size, most = _measured(make, N, within)
    fixed = few_peak - libraries - few
    total, growth = (most - libraries) / size, (most - libraries - fixed) / size
    print(f"{name:8s}{N:16,d}", end="")
    print("".join(f"{each / 1e6:16,.0f}" for each in (size, most, libraries, fixed)), end="")
    print(f"{total:16.2f}{growth:16.2f}", flush=True)
    return total < ACCEPTED or size < DOMINATES


def _measured(make: Callable[[Path, int], int], N: int, within: Path | None) -> tuple[int, int]:
    """Return the bytes of N images and the peak of their encoder stage."""
    with tempfile.TemporaryDirectory(dir=within) as folder:
        return make(Path(folder), N), peak(Path(folder))


if __name__ == "__main__":
    raise SystemExit(main())
