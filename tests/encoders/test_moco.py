import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

from rayal.contracts import ENCODERS, Dataset, Embedding, Split
from rayal.seeds import generator
from rayal.vision import networks

pytestmark = pytest.mark.slow

QUICK = {
    "backbone": "small_cnn",
    "epochs": 2,
    "batch_size": 64,
    "queue": 128,
    "warmup_epochs": 1,
    "momentum_encoder": 0.9,
    "augmentation": "grey",
    "crop_scale": [0.5, 1.0],
    "flip": False,
    "projection": 16,
    "map": "query_key",
}


def digits(n: int, m: int) -> Dataset:
    pictures, labels = load_digits(return_X_y=True)
    images = np.round(pictures.reshape(-1, 8, 8, 1) * (255 / 16)).astype(np.uint8)
    order = np.random.default_rng(0).permutation(len(images))
    train, test = (Split(images[i], labels[i]) for i in (order[:n], order[n : n + m]))
    return Dataset("digits", tuple("0123456789"), train, test)


def coloured(n: int) -> Dataset:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (n, 12, 12, 3)).astype(np.uint8)
    split = Split(images, np.zeros(n, np.int64))
    return Dataset("noise", ("one", "two"), split, split)


def encode(dataset: Dataset, name: str = "moco", progress=lambda _: None, **params) -> Embedding:
    component = ENCODERS.find(name)
    bound = component.arguments(component.bind(params))
    return component.function(dataset, generator("test"), progress, **bound)


def test_the_same_generator_gives_the_same_embedding_and_another_a_different_one() -> None:
    data = digits(150, 20)
    torch.manual_seed(1)
    first = encode(data, **QUICK)
    torch.manual_seed(2)  # the global generator has no say
    again = encode(data, **QUICK)
    assert np.array_equal(first.train, again.train)
    assert np.array_equal(first.map.confidence[0.05], again.map.confidence[0.05])
    other = ENCODERS.find("moco").function(data, generator("b"), lambda _: None, **QUICK)
    assert not np.array_equal(first.train, other.train)


def test_features_and_map_have_a_row_for_each_image() -> None:
    found = encode(digits(150, 20), **QUICK, repeats=3, taus=[0.2, 0.1])
    assert found.train.shape == (150, 128)
    assert found.test.shape == (20, 128)
    assert found.train.dtype == np.float32
    assert list(found.map.confidence) == [0.2, 0.1]
    for tau in (0.2, 0.1):
        assert ((found.map.confidence[tau] > 0) & (found.map.confidence[tau] < 1)).all()
        assert found.map.variability[tau].shape == (150,)
    assert (found.map.count == 2 * 3).all()


def test_the_weights_rebuild_a_backbone_with_the_same_features() -> None:
    data = digits(100, 20)
    found = encode(data, **{**QUICK, "queue": 64})
    network = networks.rebuild(found.weights).eval()
    images = torch.tensor(data.test.images).permute(0, 3, 1, 2).float() / 127.5 - 1
    np.testing.assert_allclose(network(images).detach(), found.test, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("changed", [{"batch_size": 4096}, {"queue": 8}, {"batch_size": 2}])
def test_batches_larger_than_the_pool_and_than_the_queue_work(changed) -> None:
    found = encode(digits(41, 9), **{**QUICK, "queue": 41, **changed})
    assert np.isfinite(found.train).all()
    assert (found.map.count == 2).all()


@pytest.mark.parametrize("augmentation", ["rgb", "ct"])
def test_colour_images_train_a_resnet(augmentation) -> None:
    params = {"epochs": 1, "warmup_epochs": 0, "batch_size": 8, "queue": 16, "projection": 8}
    found = encode(coloured(16), backbone="resnet18", augmentation=augmentation, **params)
    assert found.train.shape == (16, 512)
    assert found.weights["conv1.weight"].shape == (64, 3, 7, 7)


def test_progress_is_told_of_each_epoch() -> None:
    told = []
    encode(digits(150, 20), progress=told.append, **{**QUICK, "epochs": 3})
    ends = [t for t in told if t["epoch"] == round(t["epoch"])]
    assert [t["epoch"] for t in ends] == [1, 2, 3]
    for report in told:
        assert list(report) == ["epoch", "epochs", "loss", "images_per_second"]
        assert report["epochs"] == 3
        assert np.isfinite(report["loss"])
        assert report["images_per_second"] > 0


def test_progress_within_a_long_epoch_is_told_in_fractions(monkeypatch) -> None:
    monkeypatch.setattr("rayal.encoders._training.progress_reporter._SECONDS_PER_REPORT", 0.0)
    told = []
    encode(digits(128, 20), progress=told.append, **QUICK)
    assert [t["epoch"] for t in told] == [0.5, 1.0, 1.5, 2.0]


def test_a_diverging_loss_names_epoch_rate_and_way_out() -> None:
    params = {**QUICK, "epochs": 4, "warmup_epochs": 0, "base_lr": 1e30}
    with pytest.raises(FloatingPointError, match=r"epoch \d is nan at .* lower base_lr"):
        encode(digits(150, 20), **params)


def test_a_queue_larger_than_an_epoch_is_refused_with_the_bound() -> None:
    with pytest.raises(ValueError, match=r"queue=500 is more than the 300 images .* queue=300"):
        encode(digits(150, 20), **{**QUICK, "queue": 500, "repeats": 2})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0),
        ("batch_size", 1),
        ("temperature", 0.0),
        ("temperature", float("nan")),
        ("momentum_encoder", 1.0),
        ("taus", []),
        ("taus", [0.0]),
        ("backbone", "vgg"),
        ("queue", "many"),
        ("crop_scale", [0.5]),
    ],
)
def test_bad_parameters_are_refused_by_name(name, value) -> None:
    with pytest.raises(ValueError, match=f"'moco': {name}=.* is refused"):
        ENCODERS.find("moco").bind({name: value})


def test_pixels_are_flat_and_scaled() -> None:
    data = digits(30, 10)
    found = encode(data, "pixels")
    assert found.train.shape == (30, 64)
    assert found.train.max() == 1.0
    np.testing.assert_allclose(found.test[3], data.test.images[3].reshape(-1) / 255, rtol=1e-6)
    assert found.map is None


def test_random_weights_give_features_without_a_map() -> None:
    found = encode(digits(30, 10), "random", backbone="small_cnn")
    assert found.train.shape == (30, 128)
    assert found.train.std(0).max() > 0
    assert found.map is None


def test_read_only_images_are_no_trouble() -> None:
    data = digits(30, 10)
    data.train.images.setflags(write=False)
    with np.errstate(all="raise"):
        assert encode(data, "random", backbone="small_cnn").train.shape == (30, 128)


@pytest.mark.slow
def test_a_few_epochs_tell_digits_apart_better_than_random_weights() -> None:
    data = digits(1000, 300)

    def few_label_accuracy(found: Embedding) -> float:
        scores = []
        for draw in range(10):
            some = np.random.default_rng(draw).choice(1000, 50, replace=False)
            near = KNeighborsClassifier(1, metric="cosine")
            near.fit(found.train[some], data.train.labels[some])
            scores.append(near.score(found.test, data.test.labels))
        return float(np.mean(scores))

    trained = encode(data, **{**QUICK, "epochs": 10, "momentum_encoder": 0.99, "queue": 512})
    random = encode(data, "random", backbone="small_cnn")
    assert few_label_accuracy(trained) > few_label_accuracy(random) + 0.03
