"""`rayal.Pool`: a labeling project in a notebook, by the objects that the commands use."""

from __future__ import annotations

import html
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from rayal.labeling.answers import answer_of
from rayal.labeling.class_names import ClassSet, check_known, class_set
from rayal.labeling.contact_sheet import picture_address
from rayal.labeling.current_files import has_changed
from rayal.labeling.errors import LabelingError
from rayal.labeling.ingest import Ingested, ingest
from rayal.labeling.labeled import check_new_classes
from rayal.labeling.predicting import columns_of, predict
from rayal.labeling.project import Project
from rayal.labeling.report import Findings, write_report
from rayal.labeling.rounds import Round
from rayal.labeling.selecting import (
    Request,
    first_round,
    next_round,
    open_or_create,
    usual_root,
)
from rayal.labeling.spreadsheet import read_csv_rows

SHOWN = 24  # pictures of a round in a notebook
SIDE = 96  # pixels


class Pool:
    """Images without labels, from which rounds are chosen.

    ::

        pool = rayal.Pool.from_folder("cells")
        pool.select(60)                  # a picture of the round; pool.selection is a table
        pool.label({"a.png": "cat"})     # or pool.ingest("export.json")
        pool.select(40)                  # the next round

    Everything is kept in the folder `pool.root`, which the commands use too.
    """

    def __init__(self, project: Project) -> None:
        self.project = project

    @classmethod
    def from_folder(cls, images: str | Path, out: str | Path | None = None, **choices: Any) -> Pool:
        """Take a folder of images, a list of them, or features with ids; nothing is read yet.

        Args:
            images: its path.
            out: folder of the project; NAME-labels where it is not given. One that is there is
                gone on with.
            choices: as `rayal select` has them: group, path_column, label, split (columns of a
                list), group_pattern, per_group, features, ids, encoder and strategy (a name, or a
                mapping with name and parameters), seed, classes, multilabel.

        Raises:
            LabelingError: there is no such place, or a choice is not understood.
        """
        root = usual_root(images) if out is None else Path(out)
        return cls(open_or_create(_request(str(images), choices), root))

    @classmethod
    def open(cls, root: str | Path) -> Pool:
        """Open a project that is there.

        Raises:
            LabelingError: there is none.
        """
        return cls(Project.open(Path(root)))

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self.project.root

    def select(self, budget: int, audit: int = 0) -> RoundView:
        """Choose the next images; the first call reads and describes all of them.

        Raises:
            LabelingError: nothing is left to choose, or labels.csv holds labels not yet read.
        """
        if budget < 0 or audit < 0 or budget + audit < 1:
            raise LabelingError(f"budget={budget}, audit={audit}: at least one image is needed")
        self.project = Project.open(self.root)
        step = next_round if self.project.rounds else first_round
        return RoundView(self.project, step(self.project, budget, audit, print).round)

    def ingest(self, *files: str | Path) -> Ingested:
        """Take labels from exports of tools, as `rayal ingest` does."""
        self.project = Project.open(self.root)
        with self.project.locked():
            return ingest(self.project, [Path(file) for file in files])

    def label(self, labels: Mapping[str, str | Collection[str]], by: str = "") -> None:
        """Take labels by path or id: a class each, or where an image may have several, all of them.

        Raises:
            LabelingError: an image is not in the pool, or its file has changed; a new class looks
                like another, or is not among those of a project whose images may have several.
                Then none is taken.
        """
        pool = self.project.pool
        by_path = dict(zip(pool.paths, pool.ids, strict=True))
        ids = [by_path.get(name, name) for name in labels]
        unknown = [i for i in ids if i not in pool.position]
        if unknown:
            raise LabelingError(f"{unknown[0]!r} is neither a path nor an id of {self.root}")
        answers = [
            answer_of(i, self._label(name, label), by=by)
            for i, (name, label) in zip(ids, labels.items(), strict=True)
        ]
        log = self.project.labels
        self._check_files(ids)
        check_new_classes(self.project, log, {answer.id: answer.label for answer in answers})
        log.append(*answers)

    def _check_files(self, ids: Sequence[str]) -> None:
        """Refuse labels of images in whose place other ones lie now."""
        pool = self.project.pool
        for rayal_id in ids:
            if has_changed(self.project, pool.position[rayal_id]):
                raise LabelingError(
                    f"the file {pool[pool.position[rayal_id]].path} has changed since it was read, "
                    "and its label may be of either image: put the earlier file back, or make "
                    "another project"
                )

    def _label(self, image: str, label: str | Collection[str]) -> str | ClassSet:
        """Return a label as the project holds it."""
        settings = self.project.settings
        if isinstance(label, str) == settings.multilabel:
            wanted = "a list of classes, [] for none" if settings.multilabel else "one class"
            raise LabelingError(f"the label of {image!r} is {wanted}, and this is {label!r}")
        if isinstance(label, str):
            return label
        try:
            named = class_set(label)
        except ValueError as error:
            raise LabelingError(f"{image!r}: {error}") from error
        check_known(named, settings.classes, f"{image!r}: ")
        return named

    def report(self) -> Findings:
        """Write the report; return what it says: how good the classifier is, whether to go on.

        Raises:
            LabelingError: the pool is not read yet.
        """
        return write_report(self.project, self.project.labels)[1]

    def predict(self, *, with_audit: bool = False) -> pd.DataFrame:
        """Write the predictions and the classifier; return a row for each image without a label.

        Args:
            with_audit: have the audit sample train too.

        Raises:
            LabelingError: labels of fewer than two classes.
        """
        predicted = predict(self.project, self.project.labels, with_audit=with_audit)
        rows = read_csv_rows(self.root / "predictions.csv")
        columns = columns_of(predicted.classifier)
        numbers = dict.fromkeys([name for name in columns if name.startswith("probability")], float)
        return pd.DataFrame(rows, columns=columns).astype(numbers)

    @property
    def images(self) -> pd.DataFrame:
        """A row for each image, with what pool.csv holds and its label so far."""
        table = pd.DataFrame([vars(image) for image in self.project.pool])
        labels = {i: str(label) for i, label in self.project.labels.labels().items()}
        return table.assign(label=table["rayal_id"].map(labels))

    @property
    def selection(self) -> pd.DataFrame:
        """A row for each image of the newest round, in rank order."""
        rounds = self.project.rounds
        if not rounds:
            raise LabelingError("no round was chosen yet: pool.select(60)")
        return _table(self.project, rounds[-1])

    def _repr_html_(self) -> str:
        if not self.project.rounds:
            return f"<p>{html.escape(repr(self))}</p>"
        return RoundView(self.project, self.project.rounds[-1])._repr_html_()

    def __repr__(self) -> str:
        if not self.project.is_ready:
            return f"Pool of {self.project.settings.source.given}, not read yet"
        count, rounds = len(self.project.pool), len(self.project.rounds)
        labels = len(self.project.labels.labels())
        return f"Pool of {count:,} images, {rounds} rounds, {labels:,} labels, in {self.root}"


class RoundView:
    """A round, shown in a notebook as its pictures."""

    def __init__(self, project: Project, round_: Round) -> None:
        self.project = project
        self.round = round_

    @property
    def table(self) -> pd.DataFrame:
        """A row for each image, in rank order."""
        return _table(self.project, self.round)

    @property
    def paths(self) -> Sequence[str]:
        """Paths of the images, in rank order."""
        return list(self.table["path"])

    def __len__(self) -> int:
        return len(self.round.chosen)

    def __repr__(self) -> str:
        return f"Round {self.round.number}: {len(self)} images, in {self.project.root}"

    def _repr_html_(self) -> str:
        rows = self.table.head(SHOWN)
        cards = "".join(_card(self.project, row) for row in rows.to_dict("records"))
        more = len(self) - len(rows)
        rest = f"<p>and {more} more: contact-sheet.html has all</p>" if more > 0 else ""
        return f"<p>{html.escape(repr(self))}</p><div>{cards}</div>{rest}"


def _table(project: Project, round_: Round) -> pd.DataFrame:
    pool = project.pool
    rows = [
        {"rank": image.rank, "path": pool[pool.position[image.rayal_id]].path, **vars(image)}
        for image in round_.chosen
    ]
    return pd.DataFrame(rows)


def _card(project: Project, row: Mapping[Any, Any]) -> str:
    address = picture_address(project, str(row["rayal_id"]), SIDE)
    shown = f'<img src="{address}" width="{SIDE}" alt="">' if address else ""
    words = html.escape(f"{row['rank']}: {row['path']}")
    why = html.escape(str(row["reason"]))
    return (
        f'<figure style="display:inline-block;width:9em;vertical-align:top" title="{why}">{shown}'
        f'<figcaption style="font-size:.75em;overflow-wrap:anywhere">{words}</figcaption></figure>'
    )


def _request(images: str, choices: Mapping[str, Any]) -> Request:
    options = dict(choices)
    columns = {
        "path": options.pop("path_column", None),
        "group": options.pop("group", None),
        "label": options.pop("label", None),
        "split": options.pop("split", None),
    }
    for kind in ("encoder", "strategy"):
        if isinstance(options.get(kind), str):
            options[kind] = {"name": options[kind]}
    if "classes" in options:
        options["classes"] = tuple(options["classes"])
    try:
        return Request(images, columns, **options)
    except TypeError as error:
        raise LabelingError(f"a choice is not known: {error}") from error
