"""What one NVIDIA GPU makes of rayal, in under six minutes: make gpu, or python -m benchmarks.gpu.

Checked: that PyTorch uses the GPU, that it computes what a CPU does (augmentation, loss, dataset
map, features, k-means, k-center), that no step waits for a transfer, and that four trials share the
card. Measured: images a second of pre-training, of `scratch` and of FixMatch, with the memory that
they take. With two GPUs or more, a training by two processes has to end as one process's does.

The floors in FLOORS are estimates for an H100, a third of what is expected; none was measured.
`--json FILE` keeps the figures and `--against FILE` compares with figures that were kept. `--dry`
runs all of it at toy size, on a CPU too: that the script works is then all that it tells.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import launches
from rayal.encoders._features.extraction import extract_features
from rayal.encoders._moco.model import info_nce
from rayal.encoders._training.dataset_map import confidence
from rayal.kernels import clustering
from rayal.kernels.covering import greedy_k_center
from rayal.run.gpus import driver_version, take_share
from rayal.vision import augment, networks
from rayal.vision.augmentation_params import augmentation_ranges, sample_params
from rayal.vision.device import bytes_to_network_range, device
from rayal.vision.one_pass import augment_in_one_pass, pack

# Images a second, at the least.
FLOORS = {
    "moco resnet18 imagenet 28 px, 256": 18_000,
    "moco resnet18 cifar 28 px, 256": 15_000,
    "moco resnet50 imagenet 28 px, 4096": 50_000,
    "moco resnet50 imagenet 224 px, 256": 1_400,
    "scratch resnet18 cifar 32 px, 128": 18_000,
}
TRIALS_AT_ONCE = 4
SHARER = "from benchmarks.gpu import share_the_card; share_the_card({share}, {steps})"


@dataclass
class Findings:
    """What was checked and measured; printed as it comes."""

    passed: dict[str, bool] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    machine: dict[str, str] = field(default_factory=dict)

    def check(self, name: str, passed: bool, detail: str = "") -> None:
        self.passed[name] = bool(passed)
        print(f"{'ok  ' if passed else 'FAIL'} {name}{': ' + detail if detail else ''}", flush=True)

    def measure(self, name: str, value: float, unit: str) -> None:
        self.figures[f"{name}, {unit}"] = value
        print(f"     {name}: {value:,.4g} {unit}", flush=True)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count an error of a part as its failure, and go on with the next."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - all of the report is wanted
            self.check(name, False, f"{type(error).__name__}: {error}")


def environment(result: Findings, where: torch.device) -> None:
    """Whether PyTorch has kernels for this GPU."""
    result.machine |= {"torch": torch.__version__, "driver": driver_version() or "none"}
    if where.type != "cuda":
        return
    major, minor = torch.cuda.get_device_capability()
    result.machine |= {"gpu": torch.cuda.get_device_name(), "cuda": str(torch.version.cuda)}
    result.check("bf16", torch.cuda.is_bf16_supported(including_emulation=False))
    known = {name.partition("_")[2] for name in torch.cuda.get_arch_list()}
    result.check("kernels for this GPU", f"{major}{minor}" in known, f"sm_{major}{minor}")


def numbers(result: Findings, where: torch.device) -> None:
    """What the GPU computes against what the CPU does."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (64, 3, 28, 28), dtype=torch.uint8, generator=generator)
    for name in ("rgb", "ct", "grey"):
        ranges = augmentation_ranges(name, (0.08, 1.0), True)
        params = sample_params(64, (28, 28), ranges, generator)
        packed = pack(params, 3, (28, 28)).to(where)
        ours = augment_in_one_pass(images.to(where), packed, ranges)
        _close(result, f"augmentation {name}", ours, augment.augment(images, params, ranges), 1e-4)
    unit = torch.nn.functional.normalize(torch.randn(640, 128, generator=generator), dim=1)
    queries, keys, queue = unit[:64], unit[64:128], unit[128:]
    q, k, others = (z.to(where) for z in (queries, keys, queue))
    loss = info_nce(queries, keys, queue, 0.2)
    _close(result, "InfoNCE", info_nce(q, k, others, 0.2), loss, 1e-5)
    index, taus = torch.arange(64), (0.2, 0.01)
    ours = confidence(q, k, index.to(where), taus)
    _close(result, "dataset map", ours, confidence(queries, keys, index, taus), 1e-4)
    network = networks.backbone("resnet18", "imagenet", 3, seed=0).eval()
    with torch.inference_mode():
        expected = network(bytes_to_network_range(images))
    features = extract_features(network, images.permute(0, 2, 3, 1).numpy())
    scale = float(expected.abs().max())
    _close(result, "features", torch.tensor(features) / scale, expected / scale, 1e-3)


def _close(
    result: Findings, name: str, ours: torch.Tensor, expected: torch.Tensor, most: float
) -> None:
    away = float((ours.detach().float().cpu() - expected.float()).abs().max())
    result.check(f"{name} as on a CPU", away <= most, f"{away:.1e} of at most {most:g}")


def kernels(result: Findings, where: torch.device, *, dry: bool) -> None:
    """K-means by faiss-gpu, where it is there, and k-center against the CPU's."""
    rng = np.random.default_rng(0)
    points = rng.standard_normal((2_000 if dry else 140_000, 512), dtype=np.float32)
    inertia = []
    for least in (1 << 60, 0):
        clustering.WORTH_A_GPU, began = least, time.perf_counter()
        clusters, centers = clustering.kmeans(points, 20, np.random.default_rng(0), restarts=1)
        inertia.append(float(np.square(points - centers[clusters]).sum()))
        result.measure(f"k-means{'' if least else ' on a GPU'}", time.perf_counter() - began, "s")
    away = abs(inertia[1] / inertia[0] - 1)
    result.check("k-means as good as on a CPU", away < 0.01, f"inertia differs by {away:.2%}")
    none = np.empty(0, np.int64)
    picks = [
        greedy_k_center(points, none, 50, np.random.default_rng(0), device=name)
        for name in (str(where), "cpu")
    ]
    result.check("k-center as on a CPU", float(np.mean(picks[0] == picks[1])) > 0.9)


def speed(result: Findings, where: torch.device, *, dry: bool) -> None:
    """Images a second, waits for transfers, and memory."""
    chosen = launches.cases(small=dry)
    for name, run in list(chosen.items())[: 2 if dry else None]:
        size, steps = _batch(name), 1 if dry else _steps(name)
        run(2)  # libraries are loaded, kernels chosen
        began = _now(where)
        run(2)
        middle = _now(where)
        run(2 + steps)
        rate = steps * size / max(1e-9, (_now(where) - middle) - (middle - began))
        result.measure(name, rate, "images/s")
        if where.type == "cuda":
            least = FLOORS.get(name, 0)
            result.check(f"speed of {name}", rate >= least, f"at least {least:,}")
            result.measure(name, torch.cuda.max_memory_allocated() / 2**30, "GiB")
            waits = _waits(run, 3) - _waits(run, 2)
            result.check(f"no waits in {name}", waits == 0, f"{waits} in a step")
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()


def _batch(name: str) -> int:
    """Return the images of a step: the last numbers of a case's name."""
    sizes = name.split("px, ")[1].split(",")[0]
    return sum(int(part) for part in sizes.split("+"))


def _steps(name: str) -> int:
    return 12 if "224" in name else 60


def _now(where: torch.device) -> float:
    if where.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def _waits(run: Callable[[int], object], steps: int) -> int:
    """Count what PyTorch itself calls synchronizing."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            run(steps)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    return sum("synchroniz" in str(warning.message) for warning in caught)


def sharing(result: Findings, *, dry: bool) -> None:
    """Trials that share the card, each in a process and with its part of the memory."""
    steps, trials = (2, 2) if dry else (60, TRIALS_AT_ONCE)
    single, together = _seconds(result, 1, steps), _seconds(result, trials, steps)
    result.measure(f"{trials} trainings at once against one", together / single, "times")


def _seconds(result: Findings, processes: int, steps: int) -> float:
    share = 1 / TRIALS_AT_ONCE if device().type == "cuda" else 0
    command = [sys.executable, "-c", SHARER.format(share=share, steps=steps)]
    began = time.perf_counter()
    running = [
        subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(processes)
    ]
    errors = [process.communicate(timeout=200)[1] for process in running]
    failed = [error for process, error in zip(running, errors, strict=True) if process.returncode]
    result.check(f"{processes} trainings at once", not failed, "".join(failed)[-300:])
    return time.perf_counter() - began


def share_the_card(share: float, steps: int) -> None:
    """Train for so many steps on a part of the card; in a process of its own."""
    take_share(share)
    launches.scratch(32, 32 if steps < 10 else 128, "crop_flip", "small_cnn")(steps)


def processes(result: Findings) -> None:
    """A training by two processes: by gloo on CPUs, by NCCL where there are two GPUs."""
    from rayal.contracts import Dataset, Split
    from rayal.registry import ENCODERS

    images = np.random.default_rng(0).integers(256, size=(80, 12, 12, 3), dtype=np.uint8)
    split = Split(images, np.arange(80) % 2)
    encode = ENCODERS.find("moco")
    params = {
        "backbone": "small_cnn", "epochs": 2, "warmup_epochs": 0, "batch_size": 40, "queue": 40,
        "processes": 2,
    }  # fmt: skip
    data = Dataset("noise", ("a", "b"), split, split)
    began = time.perf_counter()
    encode.function(data, np.random.default_rng(0), lambda report: None, **encode.bind(params))
    result.measure("two processes, two epochs", time.perf_counter() - began, "s")


def compare(result: Findings, kept: Path) -> None:
    """Print each figure beside the one that was kept."""
    earlier: dict[str, Any] = json.loads(kept.read_text())
    for name in result.figures.keys() & earlier["figures"].keys():
        print(f"     {name}: {result.figures[name] / earlier['figures'][name]:.2f} of {kept.name}")


def main() -> None:
    """Run all parts and write the JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--dry", action="store_true", help="at toy size, without a GPU too")
    parser.add_argument("--json", type=Path, help="keep the figures here")
    parser.add_argument("--against", type=Path, help="compare with figures that were kept")
    options = parser.parse_args()
    where, dry = device(), options.dry
    if where.type != "cuda" and not dry:
        take_share(1)  # raises, and says what is missing
    result, began = Findings(), time.perf_counter()
    parts: dict[str, Callable[[], None]] = {
        "environment": lambda: environment(result, where),
        "numbers": lambda: numbers(result, where),
        "kernels": lambda: kernels(result, where, dry=dry),
        "speed": lambda: speed(result, where, dry=dry),
        "sharing": lambda: sharing(result, dry=dry),
    }
    if dry or torch.cuda.device_count() > 1:
        parts["processes"] = lambda: processes(result)
    for name, run in parts.items():
        with result.part(name):
            run()
    result.measure("all of it", time.perf_counter() - began, "s")
    if options.json:
        options.json.write_text(json.dumps({**vars(result), "dry": dry}, indent=1))
    if options.against:
        compare(result, options.against)
    sys.exit(not all(result.passed.values()))


if __name__ == "__main__":
    main()
