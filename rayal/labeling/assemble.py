"""From the images' place to a project's pool: files read, described, duplicates found.

`pool.csv` is written last: where it is, the pool is whole. Whatever is interrupted before goes on
from the blocks that were described.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rayal.contracts import Features
from rayal.hints import first_of
from rayal.labeling import duplicates, feature_files, tables
from rayal.labeling.answers import answer_of
from rayal.labeling.class_names import ClassSet
from rayal.labeling.encoding import encode, forget_work
from rayal.labeling.encoding_job import EncodingJob, contents_of, network_side, notes_of, side_of
from rayal.labeling.errors import LabelingError
from rayal.labeling.known_labels import (
    labels_by_id,
    labels_by_path,
    notes_of_groups,
    notes_of_labels,
)
from rayal.labeling.pool import LeftOut, PoolImage, id_of_name, write_left_out, write_pool
from rayal.labeling.pool_features import Description, write_features
from rayal.labeling.project import Project
from rayal.labeling.reading import Reading, read_files
from rayal.labeling.scan import Candidate, Scan, listed_once, scan_folder, scan_list, with_groups
from rayal.labeling.settings import Settings
from rayal.registry import ENCODERS
from rayal.seeds import generator

GIVEN_FEATURES = "features"  # encoder of a project whose features came in a file
DEFAULT_ENCODER = "pretrained"
TO_CHOOSE = frozenset({"", "train"})  # splits
SMALL_SIDE = 64  # pixels up to which a network keeps the resolution in its first layers

Tell = Callable[[str], None]  # is given what a person should know, a line each


@dataclass(frozen=True)
class _Assembled:
    images: list[PoolImage]
    features: Features
    left_out: list[LeftOut]
    labels: Mapping[str, str | ClassSet]  # by id, from a table
    how: Description


def assemble(project: Project, tell: Tell) -> None:
    """Make the pool of a project, unless it is whole already.

    Raises:
        LabelingError: there is no image, or the encoder cannot run.
        OSError: the disk is full or cannot be written to.
    """
    if project.is_ready:
        return
    kind = project.settings.source.kind
    assembled = _from_features(project) if kind == "features" else _from_images(project, tell)
    for note in assembled.how.notes:
        if not note.startswith("encoder "):  # told before it ran
            tell(note)
    ids = [image.rayal_id for image in assembled.images]
    write_features(project.root, assembled.features, ids, assembled.how)
    write_left_out(project.root / "left_out.csv", assembled.left_out)
    project.labels.append(
        *(answer_of(rayal_id, label, source="csv") for rayal_id, label in assembled.labels.items())
    )
    write_pool(project.root / "pool.csv", assembled.images)
    forget_work(project.root / ".work")


def check_encoder(settings: Settings) -> dict[str, Any]:
    """Return an encoder's parameters, checked.

    Raises:
        LabelingError: there is no such encoder, or it has no such parameters.
    """
    try:
        params = dict(settings.encoder)
        component = ENCODERS.find(params.pop("name"))
        return component.bind(params)
    except ValueError as error:
        raise LabelingError(f"{error}") from error


def _from_features(project: Project) -> _Assembled:
    source = project.settings.source
    ids = source.columns.get("ids")
    named = feature_files.read_features(Path(source.absolute), Path(ids) if ids else None)
    images = [PoolImage(id_of_name(name), name) for name in named.ids]
    if source.group_pattern:
        groups = with_groups([Candidate(one.path) for one in images], source.group_pattern)
        images = [replace(i, group=g.group) for i, g in zip(images, groups, strict=True)]
    _check_groups(project.settings, images)
    note = f"{len(images):,} rows of features from {source.given}, without images"
    return _Assembled(images, named.features, [], {}, Description([note, *named.notes]))


def _from_images(project: Project, tell: Tell) -> _Assembled:
    scan, labels = scan_source(project)
    if not scan.candidates:
        raise LabelingError(_no_image(project, scan))
    reading = read_files(project.source, scan.candidates)
    if not reading.images:
        raise LabelingError(_no_image(project, Scan([], scan.left_out + reading.left_out)))
    described, how = _describe(project, reading, tell)
    left_out = sorted(
        [*scan.left_out, *reading.left_out, *described.left_out], key=lambda image: image.path
    )
    known = labels_by_id(reading, described.images, labels)
    notes = [*notes_of_groups(described.images), *notes_of_labels(known)]
    how = replace(how, notes=[*how.notes, *_notes_of_reading(reading), *notes])
    return _Assembled(described.images, described.features, left_out, known, how)


def scan_source(project: Project) -> tuple[Scan, dict[str, str | ClassSet]]:
    """Return the files where a project's images lie, and labels by path where a table has some.

    Raises:
        LabelingError: the images were moved away, or their list cannot be read.
    """
    source, root = project.settings.source, project.source
    labels: dict[str, str | ClassSet] = {}
    if source.kind == "folder":
        scan = scan_folder(root)
    else:
        rows = listed_once(root, tables.read_list(Path(source.absolute), source.columns))
        kept = [row for row in rows if row.split in TO_CHOOSE]
        scan = scan_list(root, [(row.path, row.group) for row in kept])
        scan.left_out += [
            LeftOut(row.path, f"of the split {row.split}")
            for row in rows
            if row.split not in TO_CHOOSE
        ]
        labels = labels_by_path(kept, source.absolute, project.settings)
    if source.group_pattern:
        scan.candidates = with_groups(scan.candidates, source.group_pattern)
    _check_groups(project.settings, scan.candidates)
    return scan, labels


def _check_groups(settings: Settings, images: Sequence[Candidate] | Sequence[PoolImage]) -> None:
    """Refuse a bound on the images of a group where no image has one: it would bound nothing."""
    if settings.per_group is not None and images and not any(image.group for image in images):
        raise LabelingError(
            f"at most {settings.per_group} of a group were asked for, and no image has a group: "
            "name the column of groups of a list (--group), or what finds them in the paths "
            "(--group-pattern '^(slide\\d+)_')"
        )


@dataclass(frozen=True)
class _Described:
    images: list[PoolImage]
    features: Features
    left_out: list[LeftOut]


def _describe(project: Project, reading: Reading, tell: Tell) -> tuple[_Described, Description]:
    settings = project.settings
    if settings.encoder["name"] == GIVEN_FEATURES:
        return _with_given(project, reading)
    side = side_of(reading.images)
    name = str(settings.encoder["name"])
    params = {**check_encoder(settings), **_fitted_to_pool(settings.encoder, side, reading)}
    channels = 1 if reading.is_gray else 3
    about = {"name": name, "params": params, "side": side, "channels": channels}
    work = project.root / ".work"
    job = EncodingJob(project.source, work, name, params, side, channels, settings.seed)
    notes = notes_of(job, len(reading.images))
    contents = contents_of(name, params)
    job = replace(job, contents=contents)
    lines = [f"describing {len(reading.images):,} images with {job.name}", *notes]
    tell("\n  ".join(lines))
    encoded = encode(job, reading.images)
    kept = [reading.images[row] for row in encoded.positions]
    rng = generator("labeling duplicates", settings.seed)
    standing = duplicates.stand_for(encoded.tiny, encoded.features, rng).tolist()
    images = _with_duplicates(kept, standing)
    notes = [f"encoder {job.name}: {'; '.join(notes)}", *_note_of_side(job.side, kept)]
    described = _Described(images, encoded.features, list(encoded.left_out))
    return described, Description(notes, about, contents)


def _fitted_to_pool(params: Mapping[str, Any], side: int, reading: Reading) -> dict[str, Any]:
    """Return what fits a pool of this size on one machine, of parameters that were not given.

    The defaults of moco are those of its paper: thousands of images a step, on several GPUs.
    """
    count = len(reading.images)
    fitted: dict[str, Any] = {}
    if params["name"] == DEFAULT_ENCODER:
        fitted = {"size": network_side(side)}
    elif params["name"] == "moco":
        stem = "cifar" if side <= SMALL_SIDE else "imagenet"
        fitted = {"backbone": "resnet18", "stem": stem, "epochs": 100, "batch_size": 256}
        fitted["queue"] = min(4096, max(1, count // 2))  # some may turn out to be damaged
    return {name: value for name, value in fitted.items() if name not in params}


def _with_given(project: Project, reading: Reading) -> tuple[_Described, Description]:
    """Take features from a file whose ids are the images' paths; duplicates go by them alone."""
    file = Path(str(project.settings.encoder["path"]))
    ids = project.settings.encoder.get("ids")
    named = feature_files.read_features(file, Path(str(ids)) if ids else None)
    row_of = {name: row for row, name in enumerate(named.ids)}
    missing = [image.path for image in reading.images if image.path not in row_of]
    if missing:
        raise LabelingError(
            f"{file} has no row for {len(missing):,} of {len(reading.images):,} images, such as "
            f"{missing[0]!r}; its ids must be paths as in the folder, such as {named.ids[0]!r}"
        )
    features = named.features[[row_of[image.path] for image in reading.images]]
    rng = generator("labeling duplicates", project.settings.seed)
    standing = duplicates.stand_for(None, features, rng).tolist()
    images = _with_duplicates(reading.images, standing)
    return _Described(images, features, []), Description(named.notes)


def _with_duplicates(images: Sequence[PoolImage], standing: Sequence[int]) -> list[PoolImage]:
    return [
        image if row == stands else replace(image, duplicate_of=images[stands].rayal_id)
        for row, (image, stands) in enumerate(zip(images, standing, strict=True))
    ]


def _note_of_side(side: int, images: Sequence[PoolImage]) -> list[str]:
    sizes = {(image.width, image.height) for image in images}
    if sizes == {(side, side)}:
        return []
    shown = first_of([f"{w} x {h}" for w, h in sorted(sizes)], 3)
    return [
        f"images of {shown} pixels are described by their middle square at {side} x {side} pixels"
    ]


def _notes_of_reading(reading: Reading) -> list[str]:
    notes = [f"{count:,} images: {note}" for note, count in sorted(reading.notes.items())]
    if reading.groups_of_copies:
        notes.append(
            f"{reading.groups_of_copies:,} files have the same bytes as an image of another group: "
            "the image counts for the group of its first file"
        )
    return notes


def _no_image(project: Project, scan: Scan) -> str:
    reasons: dict[str, int] = {}
    for image in scan.left_out:
        reasons[image.reason] = reasons.get(image.reason, 0) + 1
    most = sorted(reasons.items(), key=lambda pair: -pair[1])[:3]
    why = "; ".join(f"{count:,} x {reason}" for reason, count in most) or "it is empty"
    return f"{project.settings.source.given} has no image that can be used: {why}"
