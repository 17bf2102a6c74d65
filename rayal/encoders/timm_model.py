"""Features of any network that timm knows by name, with weights that lie on this machine."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from rayal.contracts import Dataset, DataShape, Embedding, Progress, encoder
from rayal.encoders._features import augmented_views
from rayal.encoders._features.embedding import embed
from rayal.encoders._features.extraction import FeatureExtractor
from rayal.encoders._features.preparation import ImageSize, check_channels
from rayal.encoders._timm import models
from rayal.seeds import integer
from rayal.storage.file_hash import file_hash
from rayal.vision import notes
from rayal.vision.precision import Precision
from rayal.vision.weight_files import WeightFile, weights_line

RANDOM = "random"  # in place of a file: random weights, by name


def _check(params: Mapping[str, Any], N: int) -> None:
    """Refuse unknown models, sizes that they do not take, absent weights and other networks'."""
    _inspect(params)


def _files(params: Mapping[str, Any]) -> dict[str, Path]:
    path = _find_weights(params["model"], params["weights"], params["pretrained"])
    return {} if path is None else {"pretrained" if params["pretrained"] else "weights": path}


def _notes(params: Mapping[str, Any], shape: DataShape) -> list[str]:
    weights, D = _inspect(params)
    return [
        weights,
        *notes.resizing(shape.image, params["size"] and (params["size"],) * 2),
        notes.feature_size(shape.N, shape.M, D, params["views"]),
    ]


def _inspect(params: Mapping[str, Any]) -> tuple[str, int]:
    """Say where weights come from; return that and D, the number of features.

    Raises:
        ValueError, FileNotFoundError: as `timm_model` does.
    """
    model, size = params["model"], params["size"]
    path = _find_weights(model, params["weights"], params["pretrained"])
    if path is None:
        return "weights: random, as asked for", models.shape_of(model, size)[1]
    summary, D = _inspect_file(model, size, path, file_hash(path))
    return weights_line(path, file_hash(path), summary), D


@functools.lru_cache(maxsize=64)
def _inspect_file(model: str, size: int, path: Path, content: str) -> tuple[str, int]:
    """Say what of a file is taken; content: its hash, so that a file that changed is read again."""
    network, D = models.shape_of(model, size)
    selection = WeightFile(path).select(
        network, lambda state: models.renamed(model, network, state)
    )
    return selection.summary(), D


@encoder(
    gives=augmented_views.gives,
    draws=lambda params: params["weights"] == RANDOM or augmented_views.draws(params),
    check=_check,
    notes=_notes,
    files=_files,
)
def timm_model(  # noqa: PLR0913  what a name does not say
    dataset: Dataset,
    rng: np.random.Generator,
    progress: Progress,
    *,
    model: str,
    weights: str | None = None,
    pretrained: bool = False,
    size: ImageSize = 224,
    precision: Precision = "float32",
    batch_size: Annotated[int, Field(ge=1)] = 64,
    views: augmented_views.ViewCount = 0,
    flip: bool = True,
) -> Embedding:
    """Return the pooled features of a timm model, resized and standardized as it was trained.

    Nothing is fetched: weights are a file, or what timm left in its cache on this machine, for
    instance by `timm.create_model(model, pretrained=True)`. Gray images are given to the model in
    all three colors.

    Args:
        dataset: the pool and the test set.
        rng: source of all randomness: that of random weights and of the views.
        progress: told how much is done.
        model: timm's name of it, such as vit_small_patch14_dinov2.lvd142m or resnet50.a1_in1k.
        weights: path of a file; read as the encoder checkpoint reads it. The word random asks for
            random weights (an ablation).
        pretrained: take the weights from timm's cache.
        size: pixels of the square that images are resized to.
        precision: float32, or bf16 for speed.
        batch_size: images that go through the network at once.
        views: weakly augmented copies of each image whose features are kept too.
        flip: mirror views left and right with probability .5.

    Raises:
        ModuleNotFoundError: timm is not installed.
        FileNotFoundError: there is no file of that path.
        ValueError: timm has no such model, it takes no images of that size, no weights are asked
            for, they are absent, damaged or another network's, or images are not gray or RGB.
    """
    check_channels(dataset.train.images.shape[3], 3)
    network = models.build(model, size, seed=integer(rng))
    path = _find_weights(model, weights, pretrained)
    if path is not None:
        WeightFile(path).load(network, lambda state: models.renamed(model, network, state))
    prepare = models.preparation(network, size)
    extractor = FeatureExtractor(network, batch_size, prepare, prepare.from_unit_range, precision)
    return embed(extractor, dataset, rng, progress, views=views, flip=flip)


def _find_weights(model: str, weights: str | None, pretrained: bool) -> Path | None:
    """Return the file that the weights lie in, None where random ones are asked for by that word.

    Raises:
        ValueError: neither a file nor pretrained weights are asked for, or both.
        FileNotFoundError: there is no such file.
    """
    config = models.configuration(model)
    if weights is not None and pretrained:
        raise ValueError(f"weights={weights} and pretrained: true exclude each other; give one")
    if weights is None and not pretrained:
        raise ValueError(
            f"model='{model}' is asked for without weights, and would be random; give weights: "
            "PATH of a file, or pretrained: true for what timm has in its cache on this machine "
            "(weights: random, where random ones are meant)"
        )
    if weights is None:
        return models.cached_weights(model, config)
    path = Path(weights).expanduser()
    if path.is_file():
        return path
    if weights == RANDOM:
        return None
    raise FileNotFoundError(f"weights={weights}: there is no such file; give its path")
