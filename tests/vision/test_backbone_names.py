import sys
from typing import get_args

import pytest
import torch

from rayal.vision import networks
from rayal.vision.backbone_names import Backbone, ResNet, width_of


@pytest.mark.parametrize("name", ["small_cnn", *get_args(ResNet)])
def test_the_width_of_a_name_is_that_of_the_backbone_built(name: Backbone) -> None:
    with torch.device("meta"):  # shapes without numbers
        built = networks.backbone(name, "imagenet", 3, seed=0)
    assert width_of(name) == networks.num_features(built)


def test_a_backbone_of_a_package_that_is_not_there_has_no_width(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert width_of("inception_resnet_v2") == 1536
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ModuleNotFoundError, match="pip install timm"):
        width_of("inception_resnet_v2")
