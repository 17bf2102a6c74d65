import numpy as np
import pytest
import torch

from rayal.kernels.prototypes import simplex
from rayal.vision import networks
from rayal.vision.classifier import Classifier, dropout, predict_hidden, predict_images
from rayal.vision.device import bytes_to_network_range, to_device


def small(channels: int = 1) -> torch.nn.Module:
    return networks.backbone("small_cnn", "imagenet", channels, seed=0)


def images(n: int = 20) -> np.ndarray:
    return np.random.default_rng(n).integers(256, size=(n, 8, 8, 1), dtype=np.uint8)


def state(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def test_the_last_layer_depends_on_the_seed_alone_and_leaves_torchs_generator() -> None:
    before = torch.random.get_rng_state()
    first, again, other = (Classifier(small(), 4, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(first.head.weight, again.head.weight)
    assert not torch.equal(first.head.weight, other.head.weight)


def test_logits_of_prototypes_are_products_with_the_outputs() -> None:
    prototypes = (2.5 * simplex(4)).astype(np.float32)
    classifier = Classifier(small(), 4, 0, prototypes=prototypes)
    hidden = predict_images(classifier, images(), lambda seen: seen)
    weight, bias = (p.detach().numpy() for p in (classifier.head.weight, classifier.head.bias))
    outputs = hidden @ weight.T + bias
    assert outputs.shape == (20, 3)
    logits = 2.5 * outputs @ simplex(4).T
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = predict_images(classifier, images(), classifier.probabilities)
    np.testing.assert_allclose(predict_hidden(hidden, classifier.outputs), outputs, atol=1e-5)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_prototypes_and_spread_never_learn() -> None:
    stats = np.zeros(128, np.float32), np.ones(128, np.float32)
    classifier = Classifier(
        small(), 3, 0, prototypes=np.eye(3, 2, dtype=np.float32), feature_stats=stats
    )
    learned = {name for name, _ in classifier.named_parameters()}
    assert learned == {f"backbone.{name}" for name, _ in small().named_parameters()} | {
        "head.weight",
        "head.bias",
    }


def test_features_are_standardised_by_what_was_given_and_then_by_what_is_seen() -> None:
    mean, variance = np.full(128, 0.25, np.float32), np.linspace(1, 2, 128, dtype=np.float32)
    plain = predict_images(Classifier(small(), 3, 0), images(), lambda seen: seen)
    classifier = Classifier(small(), 3, 0, feature_stats=(mean, variance))
    found = predict_images(classifier, images(), lambda seen: seen)
    np.testing.assert_allclose(found, (plain - mean) / np.sqrt(variance + 1e-5), atol=1e-5)
    seen = classifier.train().hidden(bytes_to_network_range(to_device(images()))).detach().numpy()
    np.testing.assert_allclose(seen.mean(axis=0), 0, atol=1e-5)


def test_dropping_keeps_the_mean_and_drops_the_part_asked_for() -> None:
    found = dropout(torch.ones(400, 500), 0.3, torch.Generator().manual_seed(0))
    assert found.unique().tolist() == pytest.approx([0, 1 / 0.7])
    assert (found == 0).float().mean() == pytest.approx(0.3, abs=0.01)


def test_dropout_acts_with_a_generator_alone() -> None:
    classifier = Classifier(small(), 3, 0, dropout=0.5)
    hidden = torch.ones(4, 128)
    plain = classifier.logits(hidden)
    drawn = [classifier.logits(hidden, torch.Generator().manual_seed(s)) for s in (1, 1, 2)]
    assert torch.equal(plain, Classifier(small(), 3, 0).logits(hidden))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0], plain)


def test_describing_images_changes_no_weight_and_no_statistic() -> None:
    classifier = Classifier(small(), 3, 0)
    classifier.train()(bytes_to_network_range(to_device(images())))  # statistics move
    before = state(classifier)
    predict_images(classifier, images(), classifier.probabilities)
    after = classifier.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert not classifier.training


def test_an_image_is_described_alike_whatever_stands_beside_it() -> None:
    classifier = Classifier(small(), 3, 0)
    many = images(1100)  # more than are described at once
    whole = predict_images(classifier, many, classifier.probabilities)
    assert whole.dtype == np.float32
    np.testing.assert_allclose(whole.sum(axis=1), 1, atol=1e-5)
    rows = [0, 511, 512, 1099]
    few = predict_images(classifier, many[rows], classifier.probabilities)
    np.testing.assert_allclose(whole[rows], few, atol=1e-5)
    hidden = predict_images(classifier, many, lambda seen: seen)
    np.testing.assert_allclose(predict_hidden(hidden, classifier.probabilities), whole, atol=1e-6)
