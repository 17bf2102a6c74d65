"""Which trials a worker takes together."""

from pathlib import Path

from rayal.run.batches import batches_of
from tests.sweep.small_sweeps import plan_of


def test_trials_that_a_learner_takes_together_share_it_and_their_schedule(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        strategies=["random", "kmeans"], budgets=[10, 20], seeds=30,
        learners=["linear", {"name": "linear", "epochs": 5}, "knn"],
    )  # fmt: skip
    batches = batches_of(plan, plan.trials, workers=1)
    assert sorted(t.id for b in batches for t in b) == sorted(t.id for t in plan.trials)
    for batch in batches:
        assert len({(t.learner.as_json()["params"].get("epochs"), t.schedule) for t in batch}) == 1
    sizes = {
        name: {len(b) for b in batches if b[0].learner.name == name} for name in ("linear", "knn")
    }
    assert sizes == {"linear": {30}, "knn": {1}}
    assert {len(b) for b in batches_of(plan, plan.trials, workers=10)} == {1, 3}
