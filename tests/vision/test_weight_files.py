import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from rayal.vision import backbone_names, networks, weight_files
from rayal.vision.weight_files import OtherNetworkError, WeightFile, sum_over_colors

pytestmark = pytest.mark.slow


def initialize(network: nn.Module, path: Path) -> None:
    weight_files.load(network, path, sum_over_colors(network))


State = dict[str, torch.Tensor]


def resnet(seed: int, name: backbone_names.Backbone = "resnet18") -> nn.Module:
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
    assert WeightFile(path).fits(network)


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
    assert not WeightFile(path).fits(network)


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
            WeightFile(tmp_path / name)
    assert not (tmp_path / "evil").exists()


def test_an_npz_with_objects_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", a=np.array([Evil()], dtype=object))
    with pytest.raises(ValueError, match="cannot be read"):
        WeightFile(tmp_path / "w.npz")


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
        WeightFile(path)


@pytest.mark.parametrize(
    "content", [[1, 2], {"epoch": 3}, {}, {"state_dict": {"lr": 0.1}}, torch.zeros(3)]
)
def test_a_file_without_tensors_is_named(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(ValueError, match="holds no state dict"):
        WeightFile(tmp_path / "w.pth")


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.pth", tmp_path):
        with pytest.raises(ValueError, match="there is no such file"):
            WeightFile(path)


def test_weights_for_rgb_see_grey_images_as_the_same_in_all_colours(
    trained: State, tmp_path: Path
) -> None:
    torch.save({**trained, **fc()}, tmp_path / "w.pt")
    grey, rgb = networks.backbone("resnet18", "imagenet", 1, seed=0), resnet(seed=1)
    initialize(grey, tmp_path / "w.pt")
    initialize(rgb, tmp_path / "w.pt")
    images = torch.rand(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        theirs = rgb.eval()(images.expand(-1, 3, -1, -1))
        torch.testing.assert_close(grey.eval()(images), theirs, rtol=1e-4, atol=1e-5)


# Which weights of a file are taken, and that it is said ---------------------------


def small(seed: int = 0) -> nn.Module:
    return networks.backbone("small_cnn", "imagenet", 1, seed)


def small_state(seed: int) -> State:
    return {name: value.clone() for name, value in small(seed).state_dict().items()}


def selected(tmp_path: Path, content: object) -> weight_files.Selection:
    torch.save(content, tmp_path / "w.pth")
    return WeightFile(tmp_path / "w.pth").select(small())


def averaged_by_torch() -> State:
    average = torch.optim.swa_utils.AveragedModel(small(seed=1))
    return dict(average.state_dict())


PLAIN, AVERAGE = small_state(2), small_state(1)
AVERAGES: dict[str, object] = {
    "timm": {"state_dict": PLAIN, "state_dict_ema": AVERAGE, "epoch": 9},
    "timm, the other order": {"state_dict_ema": AVERAGE, "state_dict": PLAIN},
    "model_ema": {"model": PLAIN, "model_ema": AVERAGE},
    "ema": {"model": PLAIN, "ema": AVERAGE, "optimizer": {"state": {}, "param_groups": []}},
    "ema in another mapping": {"model": PLAIN, "ema": {"module": AVERAGE, "decay": 0.999}},
    "params_ema": {"params": PLAIN, "params_ema": AVERAGE},
    "ema_state_dict": {"net": PLAIN, "ema_state_dict": prefixed(AVERAGE, "module.")},
    "swa_model": {"model": PLAIN, "swa_model": AVERAGE},
    "prefixes of one state dict": {
        "state_dict": {**prefixed(PLAIN, "model."), **prefixed(AVERAGE, "ema_model.")}
    },
    "torch's AveragedModel": {"model": PLAIN, "averaged": averaged_by_torch()},
    "ema alone": {"state_dict_ema": AVERAGE},
    "torch's AveragedModel alone": averaged_by_torch(),
}


@pytest.mark.parametrize("form", list(AVERAGES))
def test_a_moving_average_is_taken_before_what_it_averages_and_said(
    form: str, tmp_path: Path
) -> None:
    found = selected(tmp_path, AVERAGES[form])
    assert all(torch.equal(value, AVERAGE[name]) for name, value in found.state.items())
    assert found.averaged
    assert found.summary().startswith("a moving average of weights (EMA)")
    assert ("left:" in found.summary()) == ("alone" not in form)


@pytest.mark.parametrize("key", ["state_dict", "model", "net", "params", "network", "weights"])
def test_plain_weights_are_said_to_be_no_average(key: str, tmp_path: Path) -> None:
    found = selected(tmp_path, {key: PLAIN, "epoch": 3})
    assert found.summary() == f"plain weights, no EMA at {key}"


@pytest.mark.parametrize(
    "ema", [{"decay": 0.999, "shadow_params": [torch.ones(3)]}, {"0.0.weight": PLAIN["0.0.weight"]}]
)
def test_an_average_that_cannot_be_taken_is_said_to_be_left(ema: object, tmp_path: Path) -> None:
    found = selected(tmp_path, {"state_dict": PLAIN, "ema": ema})
    assert found.summary() == "plain weights, no EMA at state_dict; left: ema"


@pytest.mark.parametrize(
    "key", ["exp_avg", "exp_avg_sq", "square_avg", "momentum_buffer", "grad", "gradients"]
)
def test_what_an_optimizer_keeps_of_each_weight_is_no_average(key: str, tmp_path: Path) -> None:
    found = selected(tmp_path, {"model": PLAIN, key: AVERAGE})
    assert found.summary() == "plain weights, no EMA at model"
    assert all(torch.equal(value, PLAIN[name]) for name, value in found.state.items())


def test_a_teacher_comes_before_its_student_and_a_learner_before_its_follower(
    tmp_path: Path,
) -> None:
    for content, place in (
        ({"student": PLAIN, "teacher": AVERAGE}, "teacher"),
        ({"online_encoder": AVERAGE, "target_encoder": PLAIN}, "online_encoder"),
    ):
        found = selected(tmp_path, content)
        assert found.place == place
        assert all(torch.equal(value, AVERAGE[name]) for name, value in found.state.items())
        assert len(found.left) == 1


def test_several_networks_that_would_fit_are_refused_by_name(tmp_path: Path) -> None:
    content = {"left_eye": PLAIN, "right_eye": AVERAGE}
    with pytest.raises(ValueError, match="several networks that would fit: left_eye, right_eye"):
        selected(tmp_path, content)
    same = {"left_eye": PLAIN, "right_eye": {name: v.clone() for name, v in PLAIN.items()}}
    assert selected(tmp_path, same).left == ("right_eye",)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda value: value.to(torch.int8), "of int8, quantized"),
        (lambda value: value.to(torch.uint8), "of uint8, quantized"),
        (lambda value: value.bool(), "of bool, quantized"),
        (lambda value: value.to(torch.float8_e4m3fn), "of float8_e4m3fn, quantized"),
        (lambda value: value.to(torch.complex64), "complex"),
        (lambda value: value.to_sparse(), "sparse"),
        (lambda value: value.to("meta"), "without numbers"),
    ],
)  # fmt: skip
def test_numbers_that_stand_for_others_are_refused(change, kind: str, tmp_path: Path) -> None:
    state = {n: change(v) if v.is_floating_point() else v for n, v in PLAIN.items()}
    with pytest.raises(ValueError, match=rf"weights=.*: 0\.0\.weight is {kind}.*; save"):
        selected(tmp_path, state)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_floats_of_other_sizes_are_read(dtype: torch.dtype, tmp_path: Path) -> None:
    torch.save({n: v.to(dtype) for n, v in PLAIN.items()}, tmp_path / "w.pth")
    network = small()
    weight_files.load(network, tmp_path / "w.pth")
    torch.testing.assert_close(network[0][0].weight, PLAIN["0.0.weight"], rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])
def test_values_that_are_no_numbers_are_refused(value: float, tmp_path: Path) -> None:
    state = {name: weight.double() for name, weight in PLAIN.items()}
    state["1.1.running_var"][3] = value
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(ValueError, match=r"1\.1\.running_var has values that are infinite or no"):
        weight_files.load(small(), tmp_path / "w.pth")


def test_the_state_of_an_optimizer_is_said_to_be_one(tmp_path: Path) -> None:
    network = small()
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.rand(2, 1, 8, 8)).sum().backward()
    optimizer.step()
    for content in (optimizer.state_dict(), {"optimizer": optimizer.state_dict(), "epoch": 3}):
        with pytest.raises(
            ValueError, match=r"state of an optimizer|holds no state dict.*optimizer"
        ):
            selected(tmp_path, content)


def test_a_checkpoint_that_contains_itself_is_read_in_bounded_time(tmp_path: Path) -> None:
    content: dict[str, object] = {"state_dict": PLAIN}
    content["state_dict_ema"] = content
    assert selected(tmp_path, content).place == "state_dict"
    empty: dict[str, object] = {}
    empty["state_dict"] = empty
    with pytest.raises(ValueError, match="holds no state dict"):
        selected(tmp_path, empty)
