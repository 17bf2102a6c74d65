"""The classifier of a project as a file of its own, and its use on other images.

DIR/classifier/classifier.safetensors   weights (C, D + 1), bias last, and all else as metadata
DIR/classifier/README.md                the card: what it is, what it learned from, how good it is
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.special import expit

from rayal.array_input import feature_matrix
from rayal.contracts import Dataset, Features, Images, Split
from rayal.datasets._files.decode import middle_square
from rayal.kernels.calibration import with_temperature
from rayal.kernels.clustering import unit_rows
from rayal.labeling.encoding_job import check_contents
from rayal.labeling.errors import LabelingError
from rayal.labeling.pictures import read_square
from rayal.multilabel_metrics import HALF
from rayal.registry import ENCODERS
from rayal.seeds import generator
from rayal.storage import plain_files
from rayal.storage.atomic import write_bytes

FORMAT = 2  # up to which is read
ONE_CLASS = 1  # the format of one class an image, which earlier versions read too
FILE = "classifier.safetensors"
Float64: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class EncoderJob:
    """How images become features: an encoder, and the square that an image is read into before.

    name, params, seed: of the encoder. side: pixels. channels: 1 or 3. contents: SHA-256 of the
    files that the encoder reads, by the parameter that names each.
    """

    name: str
    params: Mapping[str, Any]
    seed: int
    side: int
    channels: int
    contents: Mapping[str, str] = field(default_factory=dict)

    def features(self, pixels: Images) -> Features:
        """Return the features (n, D) of images (n, side, side, channels).

        Raises:
            LabelingError: the encoder is another one now, or would be trained anew.
        """
        split = Split(pixels, np.zeros(len(pixels), dtype=np.int64))
        data = Dataset("images", ("unknown",), split, Split(pixels[:1], split.labels[:1]))
        rng = generator("labeling encoder", self.name, self.seed)
        component = ENCODERS.find(self.name)
        if component.is_trained_on_images:
            raise LabelingError(
                f"encoder '{self.name}' was trained on the project's images and its network is not "
                "kept, so it cannot describe others: add them to the project's folder and make the "
                "project anew, or use an encoder with weights (--encoder pretrained, checkpoint)"
            )
        check_contents(self.name, self.params, self.contents)
        embedding = component.function(
            data, rng, lambda report: None, **component.arguments(self.params)
        )
        return np.asarray(embedding.train, dtype=np.float32)


@dataclass(frozen=True)
class Classifier:
    """Logistic regression on features of unit length, with probabilities that hold.

    classes: C names. weights: (C, D + 1), bias last. temperature: that brings probabilities to the
    accuracy that they claim. encoder: what makes features of images, None where features came in a
    file. card: what it learned from. multilabel: whether an image may have several classes: weights
    are then of a logistic regression of each class for itself.
    """

    classes: tuple[str, ...]
    weights: Features
    temperature: float = 1.0
    encoder: EncoderJob | None = None
    card: str = ""
    multilabel: bool = False

    def predict(self, images: Any) -> list[str] | list[tuple[str, ...]]:
        """Return the most probable class of each image; see `predict_proba`.

        Where an image may have several, all whose probability is one half or more, () if none is.
        """
        return self.predicted(self.predict_proba(images))

    def predict_proba(self, images: Any) -> Float64:
        """Return calibrated probabilities (n, C) of images, in the order of `classes`.

        Rows sum to one; where an image may have several classes each is of its class for itself.

        Args:
            images: paths of files, or one; or an array: images (n, H, W) or (n, H, W, channels) of
                uint8; or features (n, D), made as those that it learned from.

        Raises:
            LabelingError: an array of another shape; images where features came in a file; an
                encoder whose files have changed, or that would be trained anew.
            ValueError: a file cannot be read; features that are not finite.
        """
        return self.probabilities(self._features(images))

    def probabilities(self, features: Features) -> Float64:
        """Return calibrated probabilities (n, C) of features (n, D)."""
        D = self.weights.shape[1] - 1
        if features.shape[1] != D:
            raise LabelingError(
                f"the classifier learned from {D} features an image, and these have "
                f"{features.shape[1]}: make them in the same way"
            )
        logits = unit_rows(features).astype(np.float64) @ self.weights[:, :-1].T
        logits += self.weights[:, -1]
        if self.multilabel:
            return np.asarray(expit(logits / self.temperature))
        probs = np.exp(logits - logits.max(axis=1, keepdims=True))
        return with_temperature(probs / probs.sum(axis=1, keepdims=True), self.temperature)

    def predicted(self, probs: Float64) -> list[str] | list[tuple[str, ...]]:
        """Return what calibrated probabilities (n, C) predict of each image; see `predict`."""
        if self.multilabel:
            return [tuple(self.classes[c] for c in np.flatnonzero(own >= HALF)) for own in probs]
        return [self.classes[n] for n in probs.argmax(axis=1)]

    def _features(self, images: Any) -> Features:
        if isinstance(images, str | Path):
            return self._of_files([Path(images)])
        if _are_paths(images):
            return self._of_files([Path(each) for each in images])
        array = np.asarray(images)
        if array.ndim == 2:
            return feature_matrix(array)
        if array.dtype != np.uint8 or array.ndim not in (3, 4):
            raise LabelingError(
                f"an array of shape {array.shape} and type {array.dtype} is neither features "
                "(n, D) nor images (n, H, W) or (n, H, W, 3) of uint8"
            )
        job = self._job()
        return job.features(np.stack([_square(each, job) for each in array]))

    def _of_files(self, paths: Sequence[Path]) -> Features:
        job = self._job()
        return job.features(np.stack([read_square(p, job.side, job.channels) for p in paths]))

    def _job(self) -> EncoderJob:
        if self.encoder is None:
            raise LabelingError(
                "the classifier learned from features that came in a file; make features of these "
                "images in the same way, and give it those"
            )
        return self.encoder


def load_classifier(path: str | Path) -> Classifier:
    """Load a classifier that `rayal predict` wrote.

    Args:
        path: of the file, of the folder `classifier`, or of the project.

    Raises:
        LabelingError: there is none, or it is damaged or of a later version.
    """
    file = _file_of(Path(path).expanduser())
    from safetensors import SafetensorError, safe_open

    try:
        plain_files.read(file, largest=1 << 30)
        with safe_open(file, framework="numpy") as opened:
            about = json.loads((opened.metadata() or {})["rayal"])
            weights = opened.get_tensor("weights")
        if about["format"] > FORMAT:
            raise LabelingError(f"{file} is of a later format; install a later rayal")
        encoder = about["encoder"]
        return Classifier(
            tuple(about["classes"]),
            weights,
            float(about["temperature"]),
            None if encoder is None else EncoderJob(**encoder, contents=about.get("contents", {})),
            about["card"],
            bool(about.get("multilabel")),
        )
    except (SafetensorError, KeyError, TypeError, ValueError, OSError) as error:
        if isinstance(error, LabelingError):
            raise
        raise LabelingError(f"{file} is no classifier of rayal: {error}") from error


def save_classifier(folder: Path, classifier: Classifier) -> None:
    """Write a classifier and its card, each completely or not at all."""
    from safetensors.numpy import save

    job = classifier.encoder
    about = {
        "format": FORMAT if classifier.multilabel else ONE_CLASS,
        "classes": list(classifier.classes),
        "temperature": classifier.temperature,
        "encoder": None if job is None else {n: v for n, v in vars(job).items() if n != "contents"},
        "contents": {} if job is None else job.contents,  # apart: earlier versions do not know it
        "card": classifier.card,
    } | ({"multilabel": True} if classifier.multilabel else {})
    folder.mkdir(exist_ok=True)
    weights = np.ascontiguousarray(classifier.weights, dtype=np.float32)
    content = save({"weights": weights}, metadata={"rayal": json.dumps(about)})
    write_bytes(folder / FILE, content)
    write_bytes(folder / "README.md", classifier.card.encode())


def _file_of(path: Path) -> Path:
    for place in (path, path / FILE, path / "classifier" / FILE):
        if place.is_file():
            return place
    raise LabelingError(f"there is no classifier at {path}; make one: rayal predict DIR")


def _are_paths(images: Any) -> bool:
    return (
        isinstance(images, Sequence)
        and len(images) > 0
        and all(isinstance(each, str | Path) for each in images)
    )


def _square(pixels: npt.NDArray[np.uint8], job: EncoderJob) -> npt.NDArray[np.uint8]:
    image = Image.fromarray(pixels.squeeze()).convert("L" if job.channels == 1 else "RGB")
    return np.asarray(middle_square(image, job.side)).reshape(job.side, job.side, job.channels)
