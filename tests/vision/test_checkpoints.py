from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from rayal.torchvision_cpu import torchvision
from rayal.vision import networks
from rayal.vision.checkpoints import initialise


def of_torchvision() -> dict[str, torch.Tensor]:
    """A whole ResNet-18 as torchvision saves it, with a classifier for 1,000 classes."""
    return torchvision().models.resnet18(weights=None).state_dict()


def backbone(channels: int = 3, stem: str = "imagenet") -> torch.nn.Module:
    return networks.backbone("resnet18", stem, channels, seed=0)


@pytest.mark.parametrize("form", ["safetensors", "torch", "in a container", "of several GPUs"])
def test_a_file_gives_all_weights_but_the_classifiers(form, tmp_path) -> None:
    given = of_torchvision()
    path = tmp_path / ("w.safetensors" if form == "safetensors" else "w.pth")
    if form == "safetensors":
        save_file(given, path)
    elif form == "in a container":
        torch.save({"epoch": 3, "state_dict": given}, path)
    elif form == "of several GPUs":
        torch.save({f"module.{name}": value for name, value in given.items()}, path)
    else:
        torch.save(given, path)
    network = backbone()
    initialise(network, path)
    found = network.state_dict()
    assert set(given) - set(found) == {"fc.weight", "fc.bias"}
    assert all(torch.equal(value, given[name]) for name, value in found.items())


def test_weights_for_rgb_see_grey_images_as_the_same_in_all_colours(tmp_path) -> None:
    torch.save(of_torchvision(), tmp_path / "w.pt")
    grey, rgb = backbone(1), backbone(3)
    initialise(grey, tmp_path / "w.pt")
    initialise(rgb, tmp_path / "w.pt")
    images = torch.rand(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        theirs = rgb.eval()(images.expand(-1, 3, -1, -1))
        torch.testing.assert_close(grey.eval()(images), theirs, rtol=1e-4, atol=1e-5)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ValueError, match=r"weights=nowhere\.pt: there is no such file"):
        initialise(backbone(), Path("nowhere.pt"))


@pytest.mark.parametrize("name", ["w.pt", "w.safetensors"])
def test_a_damaged_file_is_refused(name, tmp_path) -> None:
    (tmp_path / name).write_bytes(b"no weights at all")
    with pytest.raises(ValueError, match="cannot be read as"):
        initialise(backbone(), tmp_path / name)


def test_a_file_that_would_run_code_is_refused(tmp_path) -> None:
    torch.save(backbone(), tmp_path / "w.pt")  # a pickled module
    with pytest.raises(ValueError, match=r"save network\.state_dict\(\)"):
        initialise(backbone(), tmp_path / "w.pt")


@pytest.mark.parametrize("content", [[1, 2], {"a": 3}])
def test_a_file_without_a_state_dict_is_refused(content, tmp_path) -> None:
    torch.save(content, tmp_path / "w.pt")
    with pytest.raises(ValueError, match="holds no state dict"):
        initialise(backbone(), tmp_path / "w.pt")


def test_another_networks_weights_are_refused(tmp_path) -> None:
    path = tmp_path / "w.pt"
    given = of_torchvision()
    for changed, message in (
        ({k: v for k, v in given.items() if k != "bn1.weight"}, "it lacks bn1.weight"),
        ({**given, "extra": torch.zeros(1)}, "has beyond it extra"),
    ):
        torch.save(changed, path)
        with pytest.raises(ValueError, match=message):
            initialise(backbone(), path)
    torch.save(given, path)
    with pytest.raises(ValueError, match=r"differs in conv1\.weight .* set backbone and stem"):
        initialise(backbone(stem="cifar"), path)
