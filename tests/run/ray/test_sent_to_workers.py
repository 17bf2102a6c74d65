"""What the driver sends and keeps: of the same size however large sweep and folder are."""

import re
from pathlib import Path
from types import SimpleNamespace

from rayal.run.ray.callbacks import make_memory_trimmer
from rayal.run.ray.session import SETTINGS
from rayal.run.ray.stages import worker_config
from rayal.run.ray.trainable import make_trainable
from rayal.storage.run import RunStore
from rayal.sweep.plan import Plan
from tests.sweep.small_sweeps import plan_of

RAY_OF_RAYAL = Path(__file__).parents[3] / "rayal" / "run" / "ray"


def test_a_worker_is_sent_as_much_of_a_large_sweep_as_of_a_small_one(tmp_path: Path) -> None:
    """Trials, and what is in them, lie behind one reference; Ray warns of functions of 10 MB."""
    from ray import cloudpickle  # noqa: TID251 - what Ray sends with

    def sent(plan: Plan) -> int:
        config = worker_config(plan, RunStore(tmp_path))
        return len(cloudpickle.dumps((make_trainable(plan.sweep.name), config)))

    small, large = plan_of(tmp_path, seeds=1), plan_of(tmp_path, seeds=200)
    assert len(large.trials) == 200 * len(small.trials)
    assert sent(large) == sent(small) < 50_000


def test_no_part_of_the_working_directory_is_sent() -> None:
    """A runtime environment would be packed and sent: .git too, and never what git ignores."""
    code = "".join(path.read_text() for path in RAY_OF_RAYAL.glob("*.py"))
    assert re.findall(r"\b(?:runtime_env|working_dir|py_modules)\b", code) == []
    assert SETTINGS["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] == "0"


def test_what_is_kept_of_ended_trials_has_a_bound() -> None:
    trial = SimpleNamespace(metric_analysis={"a": 1}, metric_n_steps={"a": 1})
    make_memory_trimmer().on_trial_complete(1, [], trial)  # type: ignore[arg-type]
    assert (trial.metric_analysis, trial.metric_n_steps) == ({}, {})
    assert int(SETTINGS["RAY_task_events_max_num_task_in_gcs"]) <= 10_000
