"""Copies of an image that a learner of images makes for consistency-based selection."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import spearmanr

from rayal.datasets.digits import digits
from rayal.kernels import uncertainty
from rayal.learners._networks.task_images import TaskImages
from rayal.learners._networks.trained_classifier import TrainedClassifier, make_classifier
from rayal.registry import LEARNERS
from rayal.vision import networks
from rayal.vision.classifier import Classifier
from rayal.vision.classifier_augment import ViewsAugmentation
from rayal.vision.training import LabeledImages, fit
from rayal.vision.training_recipe import TrainingRecipe

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained() -> SimpleNamespace:
    """A small network trained as HaCon's benchmark trains, and images that it has not seen."""
    split = digits().train
    network = networks.backbone("small_cnn", "cifar", channels=1, seed=0)
    classifier = make_classifier(network, 10, np.random.default_rng(0))
    recipe = TrainingRecipe(20, 32, 0.02, momentum=0.9, augmentation="hacon")
    fit(classifier, LabeledImages(split.images[:200], split.labels[:200]), recipe, 0)
    others = split.images[200:600]
    return SimpleNamespace(classifier=classifier, images=TaskImages(others, others[:2]))


def agreement(
    classifier: Classifier, images: TaskImages, name: ViewsAugmentation, views: int
) -> float:
    """Spearman's correlation of the scores of consistency from two draws of the copies."""
    scores = []
    for seed in (1, 2):
        found = TrainedClassifier(classifier, images, name, views, seed).predictions()
        assert found.predict_views is not None
        passes = [found.pool, *found.predict_views()]
        scores.append(uncertainty.variances(iter(passes)).sum(axis=1))
    return float(spearmanr(*scores).statistic)


def test_two_draws_of_weak_copies_rank_images_alike_and_hacons_of_five_do_not(trained) -> None:
    assert agreement(trained.classifier, trained.images, "weak", 96) >= 0.9
    assert agreement(trained.classifier, trained.images, "hacon", 5) < 0.6


@pytest.mark.parametrize("name", ["scratch", "finetune", "fixmatch"])
def test_the_augmentation_of_views_is_no_part_of_ids_where_it_is_that_of_the_training(name) -> None:
    learner = LEARNERS.find(name)
    assert "views_augmentation" not in learner.bind({})
    assert learner.bind({"views_augmentation": "weak"})["views_augmentation"] == "weak"


@pytest.mark.parametrize("name", ["scratch", "finetune"])
def test_a_learner_without_augmentation_gives_views_where_they_have_their_own(name) -> None:
    learner = LEARNERS.find(name)
    without = learner.bind({"augmentation": "none"})
    weak = learner.bind({"augmentation": "none", "views_augmentation": "weak"})
    assert "views" not in learner.traits.gives(without)
    assert "views" in learner.traits.gives(weak)
