"""`rayal encode IMAGES --shards` on JPEG files made here, against a loop with the same network.

    python -m benchmarks.embedding --images 2000 --nodes 2

The plain loop opens file after file and gives the network batches of 64. The command is also killed
(SIGKILL) when half of its shards are there, and run again. Memory is the largest sum of resident
sets of the command's processes, sampled twice a second.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from benchmarks.ray_nodes import Nodes, nodes
from rayal.encoders._features.extraction import extract_features
from rayal.encoders._timm import models
from rayal.encoders._timm.known_models import KNOWN
from rayal.storage.shards import read_shard_set
from rayal.vision.weight_files import WeightFile

SIDE, BATCH = 224, 64
MODEL = "efficientnet_lite0"


def write_images(folder: Path, count: int, bad: int) -> None:
    """Write smooth random pictures as JPEG, and files that are none."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(count):
        small = rng.integers(0, 255, (14, 14, 3), dtype=np.uint8)
        picture = Image.fromarray(small).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        picture.save(folder / f"{i:06}.jpg", quality=90)
    for i in range(bad):
        (folder / f"{i * (count // bad):06}-bad.jpg").write_bytes(b"\xff\xd8\xff no picture")


def plain_loop(folder: Path) -> float:
    """Return the seconds of a loop over the files."""
    started = time.perf_counter()
    known = KNOWN[MODEL]
    network = models.build(known.name, SIDE, seed=0)
    WeightFile(known.find()).load(network, lambda state: known.renamed(network, state))
    prepare = known.preparation(network, SIDE)
    batch: list[np.ndarray] = []
    for path in sorted(folder.glob("*[0-9].jpg")):
        batch.append(np.asarray(Image.open(path).convert("RGB")))
        if len(batch) == BATCH:
            extract_features(network, np.stack(batch), BATCH, prepare)
            batch = []
    if batch:
        extract_features(network, np.stack(batch), BATCH, prepare)
    return time.perf_counter() - started


def run(
    folder: Path, shards: Path, size: int, more: list[str], environment: dict[str, str],
    stop: Callable[[], bool] = lambda: False,
) -> dict[str, float]:  # fmt: skip
    """Run the command; kill it where `stop` says so."""
    command = [
        sys.executable, "-m", "rayal", "encode", str(folder), "--shards", str(shards),
        "--files-per-shard", str(size), *more,
    ]  # fmt: skip
    started, peak = time.perf_counter(), 0
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        peak = max(peak, _resident(process.pid))
        if stop():
            process.send_signal(signal.SIGKILL)
        time.sleep(0.5)
    return {
        "seconds": round(time.perf_counter() - started, 1),
        "status": process.returncode,
        "peak_MiB": peak // 2**20,
    }


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
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--files-per-shard", type=int, default=256)
    parser.add_argument("--nodes", type=int, default=0, help="Ray nodes of one CPU")
    options = parser.parse_args()
    size, bad = options.files_per_shard, 3
    with tempfile.TemporaryDirectory(prefix="embedding-") as place:
        root = Path(place)
        write_images(root / "images", options.images, bad)
        half = options.images // size // 2

        def report(name: str, line: dict[str, float], images: int) -> None:
            speed = {"images_per_second": round(images / line["seconds"], 1)}
            print(json.dumps({"way": name, **line, **speed}), flush=True)

        seconds = round(plain_loop(root / "images"), 1)
        report("plain loop", {"seconds": seconds}, options.images)
        line = run(root / "images", root / "whole", size, [], dict(os.environ))
        report("one process", line, options.images)
        killed = run(
            root / "images", root / "killed", size, [], dict(os.environ),
            lambda: len(list((root / "killed").glob("shard-*"))) >= half,
        )  # fmt: skip
        report("killed", killed, half * size)
        line = run(root / "images", root / "killed", size, [], dict(os.environ))
        report("gone on with", line, options.images - half * size)
        same = [read_shard_set(root / name).content for name in ("whole", "killed")]
        print(json.dumps({"the same features": same[0] == same[1]}))
        with _cluster(options.nodes) as cluster:
            if cluster:
                more = ["--address", cluster.address]
                line = run(root / "images", root / "nodes", size, more, cluster.environment)
                report(f"{options.nodes} nodes of one CPU", line, options.images)


if __name__ == "__main__":
    main()
