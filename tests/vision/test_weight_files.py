import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from rayal.vision import networks, weight_files
from rayal.vision.weight_files import OtherNetworkError

State = dict[str, torch.Tensor]


def resnet(seed: int, name: networks.Backbone = "resnet18") -> nn.Module:
    return networks.backbone(name, "imagenet", 3, seed)


@pytest.fixture(scope="module")
def trained() -> State:
    """Weights that no fresh network has."""
    return {name: value.clone() for name, value in resnet(seed=9).state_dict().items()}


def prefixed(state: State, prefix: str) -> State:
    return {prefix + name: value for name, value in state.items()}


def other(state: State) -> State:
    return {name: value + 1 for name, value in state.items()}


def numbered(state: State) -> State:
    """Names of torch.nn.Sequential(*list(resnet.children())[:-1])."""
    numbers = {"conv1": 0, "bn1": 1, "layer1": 4, "layer2": 5, "layer3": 6, "layer4": 7}
    split = ((*name.partition("."), value) for name, value in state.items())
    return {f"{numbers[first]}.{rest}": value for first, _, rest, value in split}


def fc(prefix: str = "fc.") -> State:
    return {f"{prefix}weight": torch.zeros(1000, 512), f"{prefix}bias": torch.zeros(1000)}


FORMS: dict[str, Callable[[State], object]] = {
    "torchvision": lambda state: {**state, **fc()},
    "timm": lambda state: {"state_dict": {**state, **fc()}, "epoch": 3},
    "moco v2": lambda state: {
        "epoch": 200,
        "arch": "resnet18",
        "state_dict": {
            **prefixed(other(state), "module.encoder_k."),
            **prefixed(state, "module.encoder_q."),
            **fc("module.encoder_q.fc.0."),
            **fc("module.encoder_q.fc.2."),
            "module.queue": torch.zeros(128, 10),
            "module.queue_ptr": torch.zeros(1, dtype=torch.int64),
        },
    },
    "moco v3": lambda state: {
        "state_dict": {
            **prefixed(other(state), "module.momentum_encoder."),
            **prefixed(state, "module.base_encoder."),
            **fc("module.predictor.0."),
        }
    },
    "lightly": lambda state: {
        "state_dict": {
            **prefixed(numbered(state), "backbone."),
            **prefixed(numbered(other(state)), "backbone_momentum."),
            **fc("projection_head.layers.0."),
        }
    },
    "byol": lambda state: {
        "model": {
            **prefixed(other(state), "target_network.backbone."),
            **prefixed(state, "online_network.backbone."),
        }
    },
    "mmselfsup": lambda state: {
        "meta": {"epoch": 1},
        "state_dict": {**prefixed(state, "backbone."), **fc("head.fc.")},
    },
    "parallel": lambda state: prefixed(state, "module."),
    "without batch counters": lambda state: {
        name: value for name, value in state.items() if "num_batches" not in name
    },
}


def assert_loaded(network: nn.Module, state: State) -> None:
    for name, value in network.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(value, state[name]), name


@pytest.mark.parametrize("form", list(FORMS))
def test_every_form_that_people_have_is_read(form: str, tmp_path: Path, trained: State) -> None:
    path = tmp_path / "weights.pth"
    torch.save(FORMS[form](trained), path)
    network = resnet(seed=0)
    weight_files.load(network, path)
    assert_loaded(network, trained)
    assert weight_files.fits(network, path)


def test_safetensors_and_npz_are_read(tmp_path: Path, trained: State) -> None:
    save_file({**trained, **fc()}, tmp_path / "weights.safetensors")
    np.savez(tmp_path / "weights.npz", **{name: value.numpy() for name, value in trained.items()})
    for name in ("weights.safetensors", "weights.npz"):
        network = resnet(seed=0)
        weight_files.load(network, tmp_path / name)
        assert_loaded(network, trained)


def test_a_file_in_the_old_format_of_torch_is_read(tmp_path: Path, trained: State) -> None:
    path = tmp_path / "old.pth"
    torch.save(trained, path, _use_new_zipfile_serialization=False)
    network = resnet(seed=0)
    weight_files.load(network, path)
    assert_loaded(network, trained)


def test_a_small_cnn_whose_children_have_numbers_is_read_as_it_is(tmp_path: Path) -> None:
    path, trained = tmp_path / "w.pth", resnet(3, "small_cnn")
    torch.save(prefixed(trained.state_dict(), "module.encoder_q.backbone."), path)
    network = resnet(0, "small_cnn")
    weight_files.load(network, path)
    assert_loaded(network, dict(trained.state_dict()))


def test_missing_superfluous_and_unlike_weights_are_named(tmp_path: Path, trained: State) -> None:
    path = tmp_path / "w.pth"
    changed = {**trained, "layer5.weight": torch.zeros(1), "bn1.weight": torch.zeros(3)}
    del changed["layer4.1.conv2.weight"]
    torch.save(changed, path)
    network = resnet(seed=0)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.raises(OtherNetworkError) as caught:
        weight_files.load(network, path)
    message = str(caught.value)
    assert "it lacks layer4.1.conv2.weight;" in message
    assert "it has beyond it layer5.weight;" in message
    assert "other shapes: bn1.weight (3,) for (64,)" in message
    assert_loaded(network, before)
    assert not weight_files.fits(network, path)


def test_of_many_names_a_few_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    torch.save({"something": torch.zeros(1)}, path)
    with pytest.raises(
        OtherNetworkError, match=r"lacks conv1.weight, .* and \d+ more; .*something"
    ):
        weight_files.load(resnet(seed=0), path)


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("evil"),))


def test_a_pickle_that_needs_code_is_refused_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.pth").write_bytes(pickle.dumps({"state_dict": Evil()}, protocol=2))
    torch.save({"state_dict": Evil()}, tmp_path / "new.pth")
    for name in ("w.pth", "new.pth"):
        with pytest.raises(ValueError, match=r"would run code from it.* save network\.state_dict"):
            weight_files.read(tmp_path / name)
    assert not (tmp_path / "evil").exists()


def test_an_npz_with_objects_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", a=np.array([Evil()], dtype=object))
    with pytest.raises(ValueError, match="cannot be read"):
        weight_files.read(tmp_path / "w.npz")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".npz"])
@pytest.mark.parametrize("length", [0, 5, 700])
def test_a_truncated_file_is_named(tmp_path: Path, suffix: str, length: int) -> None:
    path, state = tmp_path / f"w{suffix}", {"a": torch.ones(500)}
    if suffix == ".pth":
        torch.save(state, path)
    elif suffix == ".npz":
        np.savez(path, a=np.ones(500))
    else:
        save_file(state, path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match=rf"weights=.*w{suffix} (cannot be read|is no file of)"):
        weight_files.read(path)


@pytest.mark.parametrize("content", [[1, 2], {"epoch": 3}, {}, {"state_dict": {"lr": 0.1}}])
def test_a_file_without_tensors_is_named(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(ValueError, match="holds no state dict"):
        weight_files.read(tmp_path / "w.pth")


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.pth", tmp_path):
        with pytest.raises(ValueError, match="there is no such file"):
            weight_files.read(path)


def test_weights_for_rgb_see_grey_images_as_the_same_in_all_colours(
    trained: State, tmp_path: Path
) -> None:
    torch.save({**trained, **fc()}, tmp_path / "w.pt")
    grey, rgb = networks.backbone("resnet18", "imagenet", 1, seed=0), resnet(seed=1)
    weight_files.initialise(grey, tmp_path / "w.pt")
    weight_files.initialise(rgb, tmp_path / "w.pt")
    images = torch.rand(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        theirs = rgb.eval()(images.expand(-1, 3, -1, -1))
        torch.testing.assert_close(grey.eval()(images), theirs, rtol=1e-4, atol=1e-5)
