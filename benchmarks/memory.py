"""Memory of a pre-training against the images it trains on: python -m benchmarks.memory.

Measured: the peak of resident memory (VmHWM of Linux, mapped files included) in a fresh process,
less what the libraries take before. Two datasets, made for the purpose and removed afterwards:

* small: RGB images of 28 pixels in a .npz; loaded, hashed, trained on for one epoch of MoCo v2
  with the dataset map (small_cnn, batches of 256), then described.
* large: a folder of JPEG files of 224 pixels (hard links to a few pictures), decoded beforehand
  into the memory-mapped cache; loaded and hashed. An epoch over all images gathers every batch,
  without the networks, and leaves features and records of the map for all; beside these ResNet-18
  is trained for one epoch on the first 128 in batches of 32. That holds what a whole epoch holds,
  without the hours that it takes on a CPU.

Networks, one batch and libraries loaded on the way take the same for any pool: the column "fixed"
is the peak of the same work on a thousand images, less these images. What the pool adds is the
rest of the peak, and is accepted below twice the images' bytes. The last column is the part of
memory at the end that maps no file. The system takes pages of a mapped file back when it needs
room; the rest it cannot.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rayal.contracts import DATASETS, ENCODERS, Dataset, Split
from rayal.encoders.dataset_map import MapRecords
from rayal.encoders.schedule import Schedule
from rayal.seeds import generator
from rayal.vision.device import device, to_device

ACCEPTED = 2.0
SMALL, LARGE = 100_000, 50_000
FEW = 1000  # images of the pool that shows what does not grow with it
TRAINED, BATCH = 128, 32  # of the large images
_PICTURES = 200
_WIDTH = 512  # features of ResNet-18


def make_small(folder: Path, N: int) -> None:
    """Write a .npz of N images of noise in ten classes."""
    images = np.random.default_rng(0).integers(0, 256, (N, 28, 28, 3), dtype=np.uint8)
    labels = np.arange(N) % 10
    parts = {"train_images": images, "train_labels": labels}
    parts |= {"test_images": images[:100], "test_labels": labels[:100]}
    np.savez(folder / "small.npz", allow_pickle=False, **parts)


def make_large(folder: Path, N: int) -> None:
    """Write N files of 224 pixels for training and 20 for testing in two classes; decode them."""
    from PIL import Image

    random = np.random.default_rng(0)
    originals = folder / "originals"
    originals.mkdir()
    for number in range(_PICTURES):
        coarse = Image.fromarray(random.integers(0, 256, (16, 16, 3), dtype=np.uint8))
        coarse.resize((224, 224)).save(originals / f"{number}.jpg")
    for split, count in (("train", N), ("test", 20)):
        for number in range(count):
            place = folder / "large" / split / f"class{number % 2}"
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{number}.jpg").hardlink_to(originals / f"{number % _PICTURES}.jpg")
    load_large(folder)


def load_small(folder: Path) -> Dataset:
    """Read the .npz."""
    data: Dataset = DATASETS.find("npz").function(path=str(folder / "small.npz"))
    return data


def load_large(folder: Path) -> Dataset:
    """Read the folder, through the cache."""
    places = {"path": str(folder / "large"), "cache": str(folder / "cache")}
    data: Dataset = DATASETS.find("image_folder").function(**places)
    return data


def train(data: Dataset, **params: Any) -> None:
    """Pre-train for one epoch and describe all images."""
    encoder = ENCODERS.find("moco")
    usual = {"epochs": 1, "warmup_epochs": 0, "queue": 64}
    bound = encoder.bind({**usual, **params})
    encoder.function(data, generator("memory"), lambda said: None, **bound)


def gather_all(data: Dataset) -> tuple[object, ...]:
    """Take every batch of an epoch over all images; return what such an epoch holds."""
    images = to_device(data.train.images)
    records = MapRecords(len(images), (0.2, 0.1, 0.05, 0.01, 0.001), device())
    features = np.ones((len(images), _WIDTH), np.float32)
    schedule = Schedule(len(images), 1, BATCH, 1, 0, 0.03)
    for batch in schedule.batches(torch.Generator().manual_seed(0)):
        records.add(batch.to(device()), images[batch].float().mean((1, 2, 3))[:, None].repeat(1, 5))
    return images, records, features


def run_small(folder: Path) -> int:
    """Return the bytes of the images."""
    data = load_small(folder)
    assert data.content
    train(data, backbone="small_cnn", batch_size=256)
    return data.train.images.nbytes


def run_large(folder: Path) -> int:
    """Return the bytes of the images."""
    data = load_large(folder)
    assert data.content
    some = Split(data.train.images[:TRAINED], data.train.labels[:TRAINED])
    held = gather_all(data)
    few = Dataset(data.name, data.classes, some, data.test)
    train(few, backbone="resnet18", batch_size=BATCH)
    return data.train.images.nbytes if held else 0


KINDS: dict[str, tuple[Callable[[Path, int], None], Callable[[Path], int]]] = {
    "small": (make_small, run_small),
    "large": (make_large, run_large),
}


def measure(step: str, kind: str, folder: Path, N: int) -> list[int]:
    """Make or run a dataset in a process of its own; return what `main` prints in it."""
    command = [sys.executable, "-m", "benchmarks.memory", step, kind, str(folder), str(N)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return [int(word) for word in done.stdout.split()[-3:]] if step == "--run" else []


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"this system does not tell {name}; the benchmark needs Linux")


def _inside(step: str, kind: str, folder: Path, N: int) -> int:
    make, run = KINDS[kind]
    if step == "make":
        make(folder, N)
        return 0
    before = _status("VmRSS")
    size = run(folder)
    print(size, _status("VmHWM") - before, _status("RssAnon") - before)
    return 0


def main() -> int:
    """Print the table; return 0 when both are accepted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", type=int, default=SMALL, help="images of 28 pixels; 0: none")
    parser.add_argument("--large", type=int, default=LARGE, help="images of 224 pixels; 0: none")
    parser.add_argument("--within", type=Path, help="folder for the data (8 GB)")
    for step in ("make", "run"):
        parser.add_argument(f"--{step}", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    for step in ("make", "run"):
        if found := getattr(given, step):
            return _inside(step, found[0], Path(found[1]), int(found[2]))
    accepted = True
    print("data       images  images' MB    peak MB   fixed MB   pool / images   not mapped MB")
    for kind, N in (("small", given.small), ("large", given.large)):
        if N:
            accepted &= _show(kind, N, given.within)
    print(f"{'accepted' if accepted else 'REFUSED'}: a pool adds below {ACCEPTED} x its images")
    return 0 if accepted else 1


def _show(kind: str, N: int, within: Path | None) -> bool:
    """Print a row; return whether what the pool adds is accepted."""
    few, few_peak, _ = _measured(kind, FEW, within)
    size, peak, held = _measured(kind, N, within)
    fixed = few_peak - few
    mega = [each / 1e6 for each in (size, peak, fixed, held)]
    added = (peak - fixed) / size
    print(f"{kind:8s}{N:9,d}{mega[0]:12,.0f}{mega[1]:11,.0f}{mega[2]:11,.0f}", end="")
    print(f"{added:16.2f}{mega[3]:16,.0f}")
    return added < ACCEPTED


def _measured(kind: str, N: int, within: Path | None) -> list[int]:
    with tempfile.TemporaryDirectory(dir=within) as folder:
        measure("--make", kind, Path(folder), N)
        return measure("--run", kind, Path(folder), N)


if __name__ == "__main__":
    raise SystemExit(main())
