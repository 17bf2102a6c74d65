"""What a Tune worker does with a batch, without a cluster."""

from pathlib import Path

import pytest

from rayal.run.ray.encoder_actor import WorkerConfig
from rayal.run.ray.trainable import _run
from rayal.storage.run import FOLDERS, RunStore
from rayal.sweep.schema import Resources
from tests.sweep.small_sweeps import plan_of


@pytest.mark.parametrize("content", ["raise OSError('no such library')", "raise SystemExit", None])
def test_a_plugin_that_a_node_cannot_import_fails_the_trials_by_name(
    tmp_path: Path, content: str | None
) -> None:
    trials = plan_of(tmp_path, encoders=["pixels"]).trials
    for folder in FOLDERS:
        (tmp_path / "run" / folder).mkdir(parents=True)
    plugin = tmp_path / "broken_here.py"
    if content is not None:
        plugin.write_text(content)
    config = WorkerConfig(str(tmp_path / "run"), (str(plugin),), Resources())
    outcomes = _run(trials, config)
    expected = {None: "broken_here.py is not a Python file", "raise SystemExit": "SystemExit"}
    for outcome in outcomes:
        assert expected.get(content, "OSError: no such library") in outcome.error
        assert not outcome.fatal
    assert RunStore(tmp_path / "run").failed() == {trial.id for trial in trials}
