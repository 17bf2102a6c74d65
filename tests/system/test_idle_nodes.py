"""Nodes of a cluster that shrinks: what rayal leaves on them does not keep them.

Ray counts a node as idle while it holds copies of objects alone (ray-project/ray #21870), and as
busy while an actor lives there, though that asks for no CPU (#46172).
"""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.autoscaling import provider
from benchmarks.ray_nodes import nodes
from tests import sweeps
from tests.scripts import run_script

pytestmark = pytest.mark.slow

WORKERS = 2
ENCODERS = [{"name": "pixels", "views": views} for views in range(4)]

# Encoder actors start before the first worker and while workers are up; what they hold is read on
# every worker, as trials read it; then nothing is left to do.
DRIVER = """
import json, sys, time
from pathlib import Path

from rayal.run.encoding import make_embedding
from rayal.run.ray.encoder_actor import actor_name, shared_trial_data, start_encoder
from rayal.run.ray.session import ray_session
from rayal.run.ray.stages import worker_config
from rayal.storage.run import RunStore
from rayal.sweep.file import load_sweep
from rayal.sweep.plan import make_plan
from rayal.sweep.schema import Resources

sweep, out, address, count = sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
plan, store = make_plan(load_sweep(Path(sweep))), RunStore(out)
embeddings = list(plan.embeddings.values())
for trial in embeddings:
    make_embedding(trial, store, lambda report: None, 1)  # no training is left for a worker
config = worker_config(plan, store)


class Trials:
    def read(self, embeddings, config):
        return [int(shared_trial_data(one, config).embedding.train.size) for one in embeddings]

    def node(self):
        return ray.get_runtime_context().get_node_id()


def workers():
    return [n["NodeID"] for n in ray.nodes() if n["Alive"] and n["NodeID"] != here]


def started(trial):
    actor = start_encoder(trial, config)
    data = actor.trial_data.remote()
    ray.get(data)
    ray.get(actor.set_ref.remote([data]))
    return actor


def node_of(actor):
    return ray.get(actor.__ray_call__.remote(lambda self: Trials.node(self)))


with ray_session(Resources(), address, lambda line: print(line, file=sys.stderr)):
    import ray

    here = ray.get_runtime_context().get_node_id()
    actors = [started(embeddings[0])]
    woken = len(workers())
    busy = [ray.remote(Trials).options(num_cpus=1).remote() for _ in range(count)]
    at = ray.get([one.node.remote() for one in busy])
    actors += [started(trial) for trial in embeddings[1:]]
    read = ray.get([one.read.remote(embeddings, config) for one in busy])
    for one in busy:
        ray.kill(one)
    del busy
    until = time.monotonic() + 120
    while workers() and time.monotonic() < until:
        time.sleep(0.5)
    left = len(workers())
    answer = {
        "woken": woken,
        "nodes": len(set(at)),
        "left": left,
        "read": read,
        "elsewhere": sum(node_of(actor) != here for actor in actors),
        "read again": Trials().read(embeddings, config),
    }
print(json.dumps(answer))
"""


@pytest.mark.timeout(600)
def test_nodes_go_when_their_trials_have_ended_and_encoders_stay(tmp_path: Path) -> None:
    sweep = sweeps.write_sweep(tmp_path, encoders=ENCODERS, strategies=["random"])
    with nodes() as cluster:
        config = tmp_path / "provider.json"
        config.write_text(json.dumps(provider(cluster, WORKERS)))
        settings = {"RAY_FAKE_CLUSTER": "1", "AUTOSCALER_UPDATE_INTERVAL_S": "1"}
        cluster.head(f"--autoscaling-config={config}", **settings)
        place, more = tmp_path / "out", {"env": cluster.environment, "timeout": 500}
        ended = run_script(DRIVER, sweep, place, cluster.address, WORKERS, **more)
    answer: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    assert answer["woken"] == 0  # an actor without CPUs starts no node
    assert answer["nodes"] == WORKERS
    assert answer["left"] == 0  # copies keep none
    assert answer["elsewhere"] == 0  # for an actor would
    assert answer["read"] == [answer["read again"]] * WORKERS
