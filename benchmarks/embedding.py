"""`rayal encode IMAGES --shards` on JPEG files made here, against a loop with the same network.

    python -m benchmarks.embedding --images 50000 --plain 5000

The plain loop opens file after file and gives the network, as PyTorch has it, batches of 64; it may
be run on a part of the files. The command is killed (SIGKILL) when half of its shards are there,
and run again; its features are held against the loop's. Memory is the largest sum of resident sets
of the command's processes, sampled twice a second; CPU seconds are those of all of them.

Weights are random: they do not change the speed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import psutil
import torch
from PIL import Image

from benchmarks.ray_nodes import Nodes, nodes
from rayal.distributed.shard_rows import rows_at
from rayal.encoders._timm import models
from rayal.seeds import generator, integer
from rayal.storage.shard_set import read_shard_set

SIDE, BATCH = 224, 64
DISTINCT = 500  # pictures; every further file is a copy
ENCODER = "timm_model"
Float32 = npt.NDArray[np.float32]


def write_images(folder: Path, count: int, bad: int) -> None:
    """Write smooth random pictures as JPEG, and files that are none."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    pictures: list[bytes] = []
    for i in range(count):
        if i < DISTINCT:
            small = rng.integers(0, 255, (14, 14, 3), dtype=np.uint8)
            content = io.BytesIO()
            picture = Image.fromarray(small).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
            picture.save(content, "JPEG", quality=90)
            pictures.append(content.getvalue())
        (folder / f"{i:06}.jpg").write_bytes(pictures[i % len(pictures)])
    for i in range(bad):
        (folder / f"{i * (count // bad):06}-bad.jpg").write_bytes(b"\xff\xd8\xff no picture")


def plain_loop(folder: Path, model: str, count: int) -> Float32:
    """Return the features (count, D) of the first files."""
    network = models.build(model, SIDE, seed=integer(generator("shards encoder", ENCODER))).eval()
    prepare = models.preparation(network, SIDE)
    paths = sorted(folder.glob("*[0-9].jpg"))[:count]
    features = []
    with torch.inference_mode():
        for start in range(0, len(paths), BATCH):
            pictures = [
                np.asarray(Image.open(path).convert("RGB")) for path in paths[start : start + BATCH]
            ]
            batch = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
            features.append(network(prepare(batch)).numpy())
    return np.concatenate(features)


def run(
    command: list[str],
    environment: Mapping[str, str] = os.environ,
    stop: Callable[[], bool] = lambda: False,
) -> dict[str, float]:
    """Run a command; kill it where `stop` says so."""
    started, peak, cpu = time.perf_counter(), 0, _cpu_of_children()
    process = subprocess.Popen(command, env=dict(environment), stdout=subprocess.DEVNULL)
    while process.poll() is None:
        peak = max(peak, _resident(process.pid))
        if stop():
            process.send_signal(signal.SIGKILL)
        time.sleep(0.5)
    return {
        "seconds": round(time.perf_counter() - started, 1),
        "cpu_seconds": round(_cpu_of_children() - cpu, 1),
        "status": process.returncode,
        "peak_MiB": peak // 2**20,
    }


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _resident(pid: int) -> int:
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return sum(p.memory_info().rss for p in [process, *process.children(recursive=True)])
    return 0


@contextlib.contextmanager
def _cluster(count: int) -> Iterator[Nodes | None]:
    if not count:
        yield None
        return
    with nodes() as started:
        started.head()
        for _ in range(count):
            started.add(cpus=1)
        yield started


def main() -> None:
    """Print a line of JSON for each way."""
    options = _options()
    size = options.files_per_shard
    with tempfile.TemporaryDirectory(prefix="embedding-", dir=options.folder) as place:
        root = Path(place)
        write_images(root / "images", options.images, bad=3)
        plain = options.plain or options.images
        started, cpu = time.perf_counter(), time.process_time()
        features = plain_loop(root / "images", options.model, plain)
        spent = {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu}
        _report("plain loop", {what: round(value, 1) for what, value in spent.items()}, plain)

        command = _command(root, options, "shards")
        half = options.images // size // 2
        shards = root / "shards"
        killed = run(command, stop=lambda: len(list(shards.glob("shard-*"))) >= half)
        written = len(list(shards.glob("shard-*/whole.json"))) * size
        _report("killed", killed, written)
        _report("gone on with", run(command), options.images - written)
        differ = _largest_difference(shards, features)
        print(json.dumps({"largest difference from the loop's features": differ}), flush=True)
        with _cluster(options.nodes) as cluster:
            if cluster:
                command = [*_command(root, options, "nodes"), "--address", cluster.address]
                line = run(command, cluster.environment)
                _report(f"{options.nodes} nodes of one CPU", line, options.images)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--plain", type=int, help="images of the plain loop; all by default")
    parser.add_argument("--model", default="mobilenetv3_small_050", help="timm's name of it")
    parser.add_argument("--files-per-shard", type=int, default=256)
    parser.add_argument("--nodes", type=int, default=0, help="Ray nodes of one CPU")
    parser.add_argument("--folder", help="for the files, 0.5 GB for 50,000")
    return parser.parse_args()


def _command(root: Path, options: argparse.Namespace, name: str) -> list[str]:
    return [
        sys.executable, "-m", "rayal", "encode", str(root / "images"), "--shards", str(root / name),
        "--files-per-shard", str(options.files_per_shard), "--encoder", ENCODER,
        "--set", f"encoder.model={options.model}", "--set", "encoder.weights=random",
    ]  # fmt: skip


def _report(way: str, line: dict[str, float], images: int) -> None:
    speeds = {
        "images": images,
        "images_per_second": round(images / line["seconds"], 1),
        "images_per_cpu_second": round(images / line["cpu_seconds"], 1),
    }
    print(json.dumps({"way": way, **line, **speeds}), flush=True)


def _largest_difference(place: Path, features: Float32) -> float:
    """Return how far the shards' features are from the loop's at most, of the largest of these."""
    rows = rows_at(read_shard_set(place), np.arange(len(features)))
    return float(np.abs(rows - features).max() / np.abs(features).max())


if __name__ == "__main__":
    main()
