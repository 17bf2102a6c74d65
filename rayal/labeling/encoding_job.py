"""How the images of a project are encoded: the encoder, its files, the size of the images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rayal.contracts import DataShape
from rayal.labeling.errors import LabelingError
from rayal.labeling.pool import PoolImage
from rayal.registry import ENCODERS, Component
from rayal.storage.file_hash import file_hashes
from rayal.traits import EncoderTraits

LARGEST_SIDE, SMALLEST_SIDE = 224, 8  # pixels that images are brought to before the encoder
SMALLEST_NETWORK_SIDE = 96


@dataclass(frozen=True)
class EncodingJob:
    """What is encoded how.

    source: the folder that paths are relative to. work: for what is made on the way. name, params:
    of the encoder. side, channels: of the arrays that images are read into. contents: SHA-256 of
    the files that the encoder reads, by the parameter that names each.
    """

    source: Path
    work: Path
    name: str
    params: Mapping[str, Any]
    side: int
    channels: int
    seed: int = 0
    contents: Mapping[str, str] = field(default_factory=dict)

    @property
    def component(self) -> Component[EncoderTraits]:
        return ENCODERS.find(self.name)

    @property
    def trains(self) -> bool:
        """Whether the encoder is trained on the images; then it has to see all of them."""
        return self.component.is_trained_on_images


def contents_of(name: str, params: Mapping[str, Any]) -> dict[str, str]:
    """Return the SHA-256 of each file that an encoder reads, by the parameter that names it.

    Raises:
        LabelingError: one of them cannot be read.
    """
    component = ENCODERS.find(name)
    try:
        return file_hashes(component.files(component.bind(params)))
    except OSError as error:
        raise LabelingError(f"encoder '{name}': {error}") from error


def check_contents(name: str, params: Mapping[str, Any], expected: Mapping[str, str]) -> None:
    """Refuse an encoder whose files are not those that features were made with.

    Raises:
        LabelingError: one of them has another content, or cannot be read.
    """
    present = contents_of(name, params) if expected else {}
    for parameter, sha256 in expected.items():
        if present.get(parameter) != sha256:
            raise LabelingError(
                f"encoder '{name}': {parameter}={params.get(parameter)} is not the file that the "
                f"features were made with (sha256 {sha256[:12]}, now "
                f"{present.get(parameter, 'none')[:12]}): put that one back"
            )


def notes_of(job: EncodingJob, count: int) -> list[str]:
    """Return what a person should know before the encoder runs, such as where weights come from.

    Raises:
        LabelingError: the encoder cannot run: no weights, wrong parameters.
    """
    try:
        job.component.traits.check(job.params, count)
        shape = DataShape(count, 0, (job.side, job.side, job.channels))
        return job.component.traits.notes(job.params, shape)
    except (ValueError, OSError, ModuleNotFoundError) as error:
        raise LabelingError(
            f"encoder '{job.name}': {error}; or name another way: --features FILE, or --encoder "
            "pixels for raw pixels, by which choices are poor"
        ) from error


def side_of(images: Sequence[PoolImage]) -> int:
    """Return the side of the squares that images are read into: their median, 224 at most."""
    short = np.median([min(image.width, image.height) for image in images])
    return int(min(max(short, SMALLEST_SIDE), LARGEST_SIDE))


def network_side(side: int) -> int:
    """Return the pixels that a network for 224 is given of images of so many: twice theirs.

    Enlarging small images further costs time and gained nothing (blood cells of 28 pixels, 100
    labels: accuracy .700 at 96, .701 at 128, for half the time).
    """
    return min(LARGEST_SIDE, max(SMALLEST_NETWORK_SIDE, 32 * -(-2 * side // 32)))
