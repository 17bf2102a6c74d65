"""What an encoder actor gives to trials, asked without a cluster."""

from pathlib import Path

import numpy as np
import pytest

from rayal.run.encoding import make_embedding
from rayal.run.ray import encoder_actor
from rayal.run.ray.encoder_actor import EncoderActor, WorkerConfig, is_beyond, shared_trial_data
from rayal.storage.run import RunStore
from rayal.sweep.definition import Trial
from rayal.sweep.schema import Resources
from tests import small_trials
from tests.sweep.small_sweeps import plan_of


@pytest.fixture
def made(tmp_path: Path) -> tuple[Trial, Path]:
    """A trial whose embedding is there, and the run it lies in."""
    [trial] = plan_of(tmp_path, encoders=["pixels"]).embeddings.values()
    make_embedding(trial, RunStore(tmp_path / "run"), lambda report: None, threads=1)
    return trial, tmp_path / "run"


def config(root: Path, gibibytes: float | None) -> WorkerConfig:
    return WorkerConfig(str(root), (), Resources(object_store=gibibytes))


@pytest.mark.parametrize("gibibytes", [None, 1.0])
def test_what_fits_the_object_store_is_given(
    made: tuple[Trial, Path], gibibytes: float | None
) -> None:
    trial, root = made
    actor = EncoderActor("name", trial, config(root, gibibytes))
    given = actor.trial_data()
    assert given is not None
    assert actor.trial_data() is given


def test_what_the_driver_holds_the_actor_reads_again_where_it_is_asked(
    made: tuple[Trial, Path],
) -> None:
    trial, root = made
    actor = EncoderActor("name", trial, config(root, None))
    given = actor.trial_data()
    assert given is not None
    actor.set_ref([])
    again = actor.trial_data()
    assert again is not given
    assert again is not None
    np.testing.assert_array_equal(again.embedding.train, given.embedding.train)


def test_what_does_not_fit_is_read_from_the_run(
    made: tuple[Trial, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    trial, root = made
    small = config(root, 1e-6)
    actor = EncoderActor("name", trial, small)
    assert actor.trial_data() is None
    monkeypatch.setattr(encoder_actor, "_held_by", lambda name: actor.trial_data())
    monkeypatch.setattr(encoder_actor, "_SHARED", {})
    read = shared_trial_data(trial, small)
    assert shared_trial_data(trial, small) is read
    expected = EncoderActor("name", trial, config(root, None)).trial_data()
    assert expected is not None
    np.testing.assert_array_equal(read.embedding.train, expected.embedding.train)
    np.testing.assert_array_equal(read.dataset.train.images, expected.dataset.train.images)
    assert isinstance(read.embedding.train.base, np.memmap)


@pytest.mark.parametrize("error", ["ActorDiedError", "ValueError"])
def test_what_an_actor_held_that_has_died_is_read_from_the_run(
    made: tuple[Trial, Path], monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    def find(name: str) -> None:
        raise errors[error]()

    exceptions = pytest.importorskip("ray.exceptions")
    errors = {"ActorDiedError": exceptions.ActorDiedError, "ValueError": ValueError}
    trial, root = made
    monkeypatch.setattr(encoder_actor, "encoder_handle", find)
    monkeypatch.setattr(encoder_actor, "_SHARED", {})
    read = shared_trial_data(trial, config(root, None))
    assert isinstance(read.embedding.train.base, np.memmap)


def test_the_size_is_that_of_features_and_images() -> None:
    data = small_trials.data()
    size = 90 * 4 * 4 + 90 * 4  # features of float32, and pixels
    assert not is_beyond(data, size / 2**30)
    assert is_beyond(data, (size - 1) / 2**30)
    assert is_beyond(data, 0)
    assert not is_beyond(data, None)
