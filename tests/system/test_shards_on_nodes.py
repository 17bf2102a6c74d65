"""Shards on nodes of a Ray cluster, one of which dies in the middle of the work."""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.ray_nodes import Nodes, nodes
from rayal.distributed.encoding import encode_files
from rayal.distributed.encoding_job import EncodingJob
from rayal.distributed.local import LocalExecutor
from rayal.distributed.selecting import select_from_shards
from rayal.storage.shard_set import read_shard_set
from tests.distributed.pools import LABELS, write_pool
from tests.labeling.images import folder_of
from tests.scripts import run_script

pytestmark = pytest.mark.slow

STRATEGIES: list[tuple[str, dict[str, Any]]] = [
    ("random", {}),
    ("k_center", {}),
    ("scores", {}),
    ("margin", {"class_balanced": 1.0}),
    ("kmeans", {}),
    ("typiclust", {}),
    ("facility_location", {}),
]
# Several choices in one session: joining a cluster takes longer than they do.
ASKING = """
import contextlib, json, sys, time
import psutil
from rayal.distributed import selecting
from rayal.distributed.on_ray import executor

place, address, asked, labels, kills = json.loads(sys.argv[1])
killed = []

class Killing(executor.RayExecutor):
    def call(self, parts, call, *, changes, combine=None):
        if kills and not killed and len(parts.updates) == 12:
            killed.append(kill_a_node(self._workers))
        return super().call(parts, call, changes=changes, combine=combine)

def kill_a_node(workers):
    import ray
    here = ray.get_runtime_context().get_node_id()
    at = {ray.get(worker.actor.__ray_call__.remote(node_of)) for worker in workers}
    victim = next(iter(at - {here}))
    assert len(at) > 1, at
    [socket] = [n["RayletSocketName"] for n in ray.nodes() if n["NodeID"] == victim]
    raylets = [p for p in psutil.process_iter(["name", "cmdline"]) if p.info["name"] == "raylet"]
    for raylet in raylets:
        if any(socket in word for word in raylet.info["cmdline"] or []):
            raylet.kill()
    while any(n["Alive"] for n in ray.nodes() if n["NodeID"] == victim):
        time.sleep(0.1)  # its actors end with it: no work may end before they do
    return victim

def node_of(actor):
    import ray
    return ray.get_runtime_context().get_node_id()

def encode(joined, job, paths):
    from rayal.distributed.encoding import encode_files
    from rayal.distributed.encoding_job import EncodingJob
    done = []

    def count(piece):
        done.append(piece)
        if kills and len(done) == 3:
            killed.append(kill_a_node(joined._workers))

    shards, left_out = encode_files(joined, EncodingJob(**job), paths, count)
    return [shards.content, left_out]

executor.RayExecutor = Killing
with executor.ray_executor(address, lambda line: print(line, file=sys.stderr)) as joined:
    selecting._executor = lambda *_: contextlib.nullcontext(joined)
    if isinstance(asked, dict):
        chosen = encode(joined, **asked)
    else:
        chosen = [
            selecting.select_from_shards(place, name, 30, labels=labels, **params).ids
            for name, params in asked
        ]
print(json.dumps({"chosen": chosen, "killed": len(killed), "losses": joined._losses}))
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Nodes]:
    """A head without CPUs, and three nodes, two of which will die."""
    with nodes() as started:
        started.head()
        for _ in range(3):
            started.add(cpus=1)
        yield started


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pool")
    write_pool(folder, 5)
    return folder


def ask(cluster: Nodes, pool: Path, asked: object, kills: bool = False) -> dict[str, Any]:
    given = json.dumps([str(pool), cluster.address, asked, LABELS, kills])
    ended = run_script(ASKING, given, timeout=400, env=cluster.environment)
    answer: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return answer


def alone(pool: Path, asked: list[tuple[str, dict[str, Any]]]) -> list[list[str]]:
    return [
        list(select_from_shards(pool, name, 30, labels=LABELS, **params).ids)
        for name, params in asked
    ]


def test_nodes_choose_what_one_process_chooses(cluster: Nodes, pool: Path) -> None:
    assert ask(cluster, pool, STRATEGIES)["chosen"] == alone(pool, STRATEGIES)


def test_a_node_that_dies_changes_no_choice(cluster: Nodes, pool: Path) -> None:
    asked: list[tuple[str, dict[str, Any]]] = [("k_center", {}), ("kmeans", {})]
    answer = ask(cluster, pool, asked, kills=True)
    assert answer["killed"] == 1
    assert answer["losses"] >= 1
    assert answer["chosen"] == alone(pool, asked)


def test_a_node_that_dies_changes_no_features(cluster: Nodes, tmp_path: Path) -> None:
    folder_of(tmp_path / "cells", 40)
    (tmp_path / "cells" / "none.png").write_bytes(b"no picture")
    job = EncodingJob(
        str(tmp_path / "cells"), str(tmp_path / "alone"), "pixels", {}, 16, "float32", 3
    )
    paths = sorted(path.name for path in (tmp_path / "cells").iterdir())
    shards, left_out = encode_files(LocalExecutor(), job, paths)
    elsewhere = replace(job, root=str(tmp_path / "nodes"))
    answer = ask(cluster, tmp_path, {"job": asdict(elsewhere), "paths": paths}, kills=True)
    assert answer["killed"] == 1
    assert answer["chosen"] == [shards.content, [list(pair) for pair in left_out]]
    assert read_shard_set(elsewhere.root).content == shards.content
