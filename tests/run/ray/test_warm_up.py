"""Workers that are prepared for training."""

import pytest

from rayal.run.ray import warm_up
from rayal.run.ray.encoder_actor import WorkerConfig
from rayal.sweep.schema import Resources, Share
from tests.scripts import run_script


def test_a_worker_has_imported_what_a_training_needs():
    script = (
        "import sys; from rayal.run.ray import warm_up; warm_up._import([], 'digits', 'moco'); "
        "print('rayal.datasets.digits' in sys.modules, 'rayal.encoders.moco' in sys.modules)"
    )
    process = run_script(script)
    assert process.stdout == "True True\n"


@pytest.mark.parametrize("content", ["import nothing_of_the_kind", "raise SystemExit(3)"])
def test_a_plugin_that_cannot_be_imported_is_told_of_by_the_training_alone(tmp_path, content):
    plugin = tmp_path / "broken.py"
    plugin.write_text(content)
    warm_up._import([str(plugin)], "digits", "pixels")


def test_no_worker_looks_for_a_gpu_before_it_has_one(monkeypatch):
    def refuse(_function):
        raise AssertionError("a worker was prepared")

    monkeypatch.setattr("ray.remote", refuse)
    resources = Resources(pretrain=Share(cpus=1, gpus=1))
    warm_up.warm_up_workers([], WorkerConfig("run", (), resources))
