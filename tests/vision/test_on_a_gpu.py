"""What needs a GPU to be seen: python -m pytest -m gpu."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from rayal.vision import networks
from rayal.vision.augment import augment
from rayal.vision.augmentation_params import augmentation_ranges, sample_params
from rayal.vision.classifier import Classifier
from rayal.vision.one_pass import augment_in_one_pass, pack
from rayal.vision.training import LabeledImages, _Batches, make_optimizer, train_step
from rayal.vision.training_recipe import TrainingRecipe

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


@pytest.fixture
def no_waits() -> Iterator[None]:
    """Whatever waits for the device raises while this lasts."""
    yield
    torch.cuda.set_sync_debug_mode("default")


def test_augmentation_is_that_of_a_cpu() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (64, 3, 28, 28), dtype=torch.uint8, generator=generator)
    ranges = augmentation_ranges("rgb", (0.08, 1.0), True)
    params = sample_params(64, (28, 28), ranges, generator)
    packed = pack(params, 3, (28, 28)).to(torch.device("cuda"))
    found = augment_in_one_pass(images.cuda(), packed, ranges)
    torch.testing.assert_close(found.cpu(), augment(images, params, ranges), atol=1e-4, rtol=0)


@pytest.mark.parametrize("augmentation", ["crop_flip", "rotate", "hacon", "none"])
def test_a_step_of_a_classifier_waits_for_nothing(augmentation, no_waits) -> None:
    images = np.zeros((256, 32, 32, 3), np.uint8)
    recipe = TrainingRecipe(epochs=1, batch_size=64, lr=0.01, augmentation=augmentation)
    classifier = Classifier(networks.backbone("resnet18", "cifar", 3, seed=0), 10, 0).train()
    optimizer = make_optimizer(recipe, classifier)
    generator = torch.Generator().manual_seed(0)
    loader = iter(_Batches(LabeledImages(images, np.arange(256) % 10), recipe, generator))
    train_step(classifier, *next(loader), optimizer, generator)
    torch.cuda.set_sync_debug_mode("error")
    for batch in loader:
        train_step(classifier, *batch, optimizer, generator)
