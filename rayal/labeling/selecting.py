"""`rayal select`, without the command line: make a project, or its next round."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rayal.array_input import whole_number
from rayal.labeling import feature_files, tables
from rayal.labeling.added_files import note_of_added
from rayal.labeling.assemble import DEFAULT_ENCODER, GIVEN_FEATURES, Tell, assemble, check_encoder
from rayal.labeling.class_names import check_class_list, check_distinct, check_usable, class_name
from rayal.labeling.errors import LabelingError
from rayal.labeling.label_notes import notes_of_strangers
from rayal.labeling.project import SETTINGS, Project, ProjectExistsError, is_project
from rayal.labeling.publishing import is_published, publish
from rayal.labeling.rounds import Round, write_round
from rayal.labeling.selection import choose
from rayal.labeling.settings import Settings, Source, describe_source, write_settings
from rayal.labeling.unread import check_nothing_unread
from rayal.multilabel import check_multilabel, check_one_class
from rayal.registry import STRATEGIES


@dataclass(frozen=True)
class Request:
    """What a person asks of a new project.

    images: path of a folder, a list or features. columns: use -> column of a list. ids: file of
    ids for an .npy of features. features: file of features of the images. The rest as in Settings.
    """

    images: str
    columns: dict[str, str | None]
    ids: str | None = None
    features: str | None = None
    group_pattern: str = ""
    encoder: dict[str, Any] | None = None
    strategy: dict[str, Any] | None = None
    seed: int = 0
    per_group: int | None = None
    classes: tuple[str, ...] = ()
    multilabel: bool = False


@dataclass(frozen=True)
class Selected:
    """A round and what to do with it; is_new: whether it was chosen just now."""

    project: Project
    round: Round
    is_new: bool
    lines: tuple[str, ...]


def usual_root(images: str | Path) -> Path:
    """Return the folder of a project of these images where none is named: NAME-labels, here."""
    name = Path(images).expanduser().resolve().name.partition(".")[0]
    return Path(f"{name or 'images'}-labels")


def open_or_create(request: Request, root: Path) -> Project:
    """Return the project of a folder, made where there is none.

    Raises:
        LabelingError: the images cannot be found, the folder is something else's, or holds a
            project of other images or choices.
    """
    settings = _settings(request, root)
    if not (is_project(root) and (root / SETTINGS).is_file()):
        with contextlib.suppress(ProjectExistsError):  # as where two commands begin at once
            return Project.create(root, settings)
    project = Project.open(root)
    earlier = replace(project.settings, project=settings.project)
    if earlier.source.absolute == settings.source.absolute:  # however it was typed
        same = replace(
            earlier.source, given=settings.source.given, relative=settings.source.relative
        )
        earlier = replace(earlier, source=same)
    differing = [
        name
        for name in ("source", "encoder", "strategy", "seed", "per_group", "classes", "multilabel")
        if getattr(earlier, name) != getattr(settings, name)
    ]
    if differing and not project.is_ready:  # a first try, which nothing came of
        return _begun_anew(project, settings)
    if differing:
        raise LabelingError(
            f"{root} is a project with another {differing[0]} ("
            f"{_shown(getattr(earlier, differing[0]))}, now "
            f"{_shown(getattr(settings, differing[0]))}); its next round is: rayal select {root} "
            "--budget B; for another project name another folder by --out"
        )
    return project


def _begun_anew(project: Project, settings: Settings) -> Project:
    """Give a project whose images were not read to their end other settings."""
    with project.locked():
        if project.is_ready:
            raise LabelingError(
                f"another command has read the images of {project.root} meanwhile, with other "
                "options: name another folder by --out"
            )
        named = replace(settings, project=project.settings.project)
        write_settings(project.root / SETTINGS, named)
    return Project.open(project.root)


def first_round(project: Project, budget: int, audit: int, tell: Tell) -> Selected:
    """Make the first round, or return it where it is there: the same command goes on."""
    with project.locked():
        assemble(project, tell)
        if not project.rounds:
            return _new_round(project, budget, audit)
        if len(project.rounds) == 1 and not is_published(project):
            return _published(project)
        return Selected(project, project.rounds[-1], False, ())


def next_round(project: Project, budget: int, audit: int, tell: Tell) -> Selected:
    """Make the next round; one that was interrupted is finished instead.

    Raises:
        LabelingError: as `choose`; labels.csv holds labels that were not read.
    """
    with project.locked():
        assemble(project, tell)
        if not is_published(project):
            return _published(project)
        check_nothing_unread(project)
        for note in [*note_of_added(project), *notes_of_strangers(project)]:
            tell(f"NOTE: {note}")
        return _new_round(project, budget, audit)


def _new_round(project: Project, budget: int, audit: int) -> Selected:
    round_ = choose(project, budget, audit)
    write_round(project.root / "rounds", round_)
    return _published(project)


def _published(project: Project) -> Selected:
    """Make the files of the newest round; labels.csv may be of the one before, and filled in."""
    check_nothing_unread(project)
    return Selected(project, project.rounds[-1], True, tuple(publish(project)))


def _settings(request: Request, root: Path) -> Settings:
    seed, per_group = _whole_number_at_least("seed", request.seed, 0), request.per_group
    if per_group is not None:
        per_group = _whole_number_at_least("per_group", per_group, 1)
    encoder = dict(request.encoder or {"name": DEFAULT_ENCODER})
    source = _source(request, root)
    if source.kind == "features" or request.features:
        encoder = {"name": GIVEN_FEATURES}
        if request.features:
            encoder["path"] = str(Path(request.features).expanduser().resolve())
            if request.ids:
                encoder["ids"] = str(Path(request.ids).expanduser().resolve())
    settings = Settings(
        source,
        encoder,
        dict(request.strategy or {}),
        seed,
        per_group,
        _classes(request),
        multilabel=request.multilabel,
    )
    if encoder["name"] != GIVEN_FEATURES:
        check_encoder(settings)
    if settings.strategy:
        _check_strategy(settings)
    return settings


def _whole_number_at_least(name: str, value: object, least: int) -> int:
    """Return a whole number from the least on; refuse anything else."""
    try:
        number = whole_number(name, value)
    except ValueError as error:
        raise LabelingError(str(error)) from error
    if number < least:
        raise LabelingError(f"{name}={number} is out of bounds: {least} up")
    return number


def _check_strategy(settings: Settings) -> None:
    """Refuse a strategy, or a parameter of it, that does not fit the classes of an image."""
    spec = dict(settings.strategy)
    name = spec.pop("name")
    try:
        component = STRATEGIES.find(name)
        params = component.bind(spec)
        if settings.multilabel:
            check_multilabel(STRATEGIES, name, params, "this project")
        else:
            check_one_class(component, spec, "this project")
    except ValueError as error:
        raise LabelingError(str(error)) from error


def _classes(request: Request) -> tuple[str, ...]:
    """Return the classes named beforehand, as they are kept."""
    try:
        names = tuple(dict.fromkeys(class_name(name) for name in request.classes))
    except ValueError as error:
        raise LabelingError(str(error)) from error
    if request.multilabel:
        check_class_list(names)
    else:
        check_distinct(names)
        check_usable(names)
    return names


def _source(request: Request, root: Path) -> Source:
    images = request.images
    path = Path(images).expanduser()
    if path.is_dir():
        _refuse_columns(request)
        return describe_source("folder", images, root, group_pattern=request.group_pattern)
    if not path.is_file():
        raise LabelingError(f"there is no folder and no file {images}")
    if path.suffix.lower() in feature_files.SUFFIXES and not _lists_files(path, request):
        _refuse_columns(request)
        ids = {"ids": str(Path(request.ids).expanduser().resolve())} if request.ids else {}
        more = {"columns": ids, "group_pattern": request.group_pattern}
        return describe_source("features", images, root, **more)
    if tables.is_table(path):
        if request.group_pattern and request.columns.get("group") is not None:
            raise LabelingError(
                f"groups are named twice, by the column {request.columns['group']!r} and by the "
                f"pattern {request.group_pattern!r}: leave out --group or --group-pattern"
            )
        columns = tables.choose_columns(path, request.columns)
        more = {"columns": columns, "group_pattern": request.group_pattern}
        return describe_source("table", images, root, **more)
    raise LabelingError(
        f"{images} is neither a folder of images, nor a list of them "
        f"({', '.join(tables.SUFFIXES)}), nor features "
        f"({', '.join(sorted(feature_files.SUFFIXES))})"
    )


def _lists_files(path: Path, request: Request) -> bool:
    """Whether a Parquet file is a list of images.

    With a column of features it is those, and with columns of numbers, where none has a use.
    """
    if path.suffix.lower() != ".parquet":
        return False
    import pyarrow as pa

    schema = tables.read_schema(path)
    if set(feature_files.FEATURE_NAMES) & set(schema.names):
        return False
    if _named_columns(request):
        return True
    return bool(sum(pa.types.is_floating(field.type) for field in schema) < 2)


def _refuse_columns(request: Request) -> None:
    if named := _named_columns(request):
        what = (
            "a folder, which has"
            if Path(request.images).expanduser().is_dir()
            else "features, which have"
        )
        raise LabelingError(
            f"{request.images} is {what} no columns: name the {named[0]} in a list of the images "
            "(CSV), or groups by --group-pattern '^(slide\\d+)_'"
        )


def _named_columns(request: Request) -> list[str]:
    return [use for use, name in request.columns.items() if name is not None]


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) < 160 else f"{text[:160]}..."
