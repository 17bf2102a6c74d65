"""DIR/report/: how good the classifier is, whether to go on, which labels to look at again.

DIR/report/index.html   the page; it holds all that it shows
DIR/report/report.json  its numbers
"""

from __future__ import annotations

import base64
import dataclasses
import html
import json
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from rayal.hints import counted
from rayal.label_arrays import count_by_class
from rayal.labeling import pictures
from rayal.labeling.accuracy import AnyAccuracy, audit_accuracy, optimistic_accuracy
from rayal.labeling.answers import Label
from rayal.labeling.card import in_words
from rayal.labeling.labeled import LabeledPool, labeled_pool
from rayal.labeling.labels import LabelLog
from rayal.labeling.learning_curve import CurvePoint, Gain, curve_over_rounds, expected_gain
from rayal.labeling.pace import Pace, pace_of
from rayal.labeling.project import Project
from rayal.labeling.stopping import NEXT, StoppingAdvice, stopping_advice
from rayal.labeling.suspects import Suspect, suspects
from rayal.seeds import generator
from rayal.storage.atomic import write_bytes

FEW = 5  # labels of a class below which it is named
SHOWN = 24  # suspects on the page
SIDE = 96  # pixels of a thumbnail
ACCURACY = "accuracy on the others"
WIDTH, HEIGHT, LEFT, BOTTOM = 640, 260, 52, 40  # of the curve, and its margins
NUMBER = 50  # width of a number below it, on a phone


@dataclass(frozen=True)
class Findings:
    """All that the answers of a project say.

    audit_unlabeled: images of the audit sample without an answer; audit_rounds: in which the sample
    was drawn. counts: class -> labels, of all; training_counts: of those that train. few: classes
    with few labels that train. gains: of the next labels, for the last round's budget and for a
    hundred; none where an image may have several classes. conflicts: path -> annotator -> what.
    multilabel: whether it may.
    """

    images: int
    labels: int
    training: int
    audited: int
    audit_unlabeled: int
    audit_rounds: list[int]
    not_usable: int
    skipped: int
    counts: dict[str, int]
    training_counts: dict[str, int]
    few: tuple[str, ...]
    audit: AnyAccuracy | None
    optimistic: AnyAccuracy | None
    curve: tuple[CurvePoint, ...]
    stopping: StoppingAdvice
    gains: tuple[Gain, ...]
    pace: Pace | None
    suspects: tuple[Suspect, ...]
    conflicts: dict[str, dict[str, Label]]
    multilabel: bool = False

    @property
    def summary(self) -> list[str]:
        """The findings in a few lines."""
        lines = [f"{self.labels:,} of {self.images:,} images have a label"]
        if self.audit:
            what = "all classes of an image right, on the others" if self.multilabel else ACCURACY
            lines.append(f"{what}: {in_words(self.audit.overall)}")
            if left := self.audit_unlabeled:
                lines.append(
                    f"{counted(left, 'more image')} {'was' if left == 1 else 'were'} drawn to "
                    "measure it and not labeled: the accuracy is lower if these are harder to label"
                )
        else:
            way = "" if self.audit_rounds else "; rayal select DIR --budget 0 --audit 30 draws one"
            lines.append(f"{ACCURACY}: not measured, no audit sample has labels{way}")
        if self.suspects:
            one = len(self.suspects) == 1
            labels = "label looks like a mistake" if one else "labels look like mistakes"
            lines.append(f"{len(self.suspects):,} {labels}")
        if self.conflicts:
            lines.append(f"{len(self.conflicts):,} images are labeled differently by people")
        return [*lines, self.advice]

    def _repr_html_(self) -> str:
        return "".join(f"<p>{html.escape(line)}</p>" for line in self.summary)

    @property
    def advice(self) -> str:
        """Whether to go on, in a sentence; never more than advice."""
        if not self.training:
            return "There are no labels to learn from yet: label the chosen images first."
        if self.stopping.stable or self.stopping.unchanged:
            return (
                "The predictions on the other images hardly change from round to round any more: "
                "further labels will bring little. Stop, unless a class below is still too poor."
            )
        if self.multilabel:
            return (
                "What more labels would bring is not estimated where an image may have several "
                "classes. Go on while the classes below are too poor."
            )
        if not self.gains:
            return "There are too few labels to say what more of them would bring: go on."
        gain = self.gains[-1]
        if gain.high < 1:
            return (
                f"The next {gain.more} labels should bring less than a point. Stop, unless a class "
                "below is still too poor."
            )
        return (
            f"Go on, if {gain.low:.1f} to {gain.high:.1f} points of accuracy are worth "
            f"{gain.more} more labels."
        )


def findings(project: Project, log: LabelLog) -> Findings:
    """Return all that the answers of a project say."""
    pool = labeled_pool(project, log)
    rng = generator("labeling report", project.settings.seed)
    numbers = count_by_class(pool.labels[pool.labeled], pool.num_classes)
    training = count_by_class(pool.training_labels, pool.num_classes)
    path = {image.rayal_id: image.path for image in project.pool}
    return Findings(
        images=len(project.pool),
        labels=len(pool.labeled),
        training=len(pool.training),
        audited=len(pool.audited),
        audit_unlabeled=int((pool.audit[pool.unlabeled]).sum()),
        audit_rounds=np.unique(pool.rounds[pool.audited]).tolist(),
        not_usable=int(pool.not_usable.sum()),
        skipped=len(log.skipped()),
        counts=dict(zip(pool.classes, numbers.tolist(), strict=True)),
        training_counts=dict(zip(pool.classes, training.tolist(), strict=True)),
        few=tuple(n for n, c in zip(pool.classes, training, strict=True) if c < FEW),
        audit=audit_accuracy(pool),
        optimistic=optimistic_accuracy(pool, rng),
        curve=tuple(curve_over_rounds(pool)) if len(pool.training) else (),
        stopping=stopping_advice(pool, rng),
        gains=_gains(project, pool, rng),
        pace=pace_of(log.all()),
        suspects=tuple(suspects(pool, rng)),
        conflicts={path.get(i, i): by for i, by in log.conflicts().items()},
        multilabel=pool.multilabel,
    )


def write_report(project: Project, log: LabelLog) -> tuple[Path, Findings]:
    """Write the page and its numbers; return where the page lies, and what it says.

    Raises:
        LabelingError: the project has no pool yet, or its log is damaged.
        OSError: they cannot be written.
    """
    results = findings(project, log)
    folder = project.root / "report"
    folder.mkdir(exist_ok=True)
    content = dataclasses.asdict(results)
    if not results.multilabel:
        del content["multilabel"]
    numbers = json.dumps(content, indent=1, default=str)
    write_bytes(folder / "report.json", f"{numbers}\n".encode())
    write_bytes(folder / "index.html", _page(project, results).encode())
    return folder / "index.html", results


def _gains(project: Project, pool: LabeledPool, rng: np.random.Generator) -> tuple[Gain, ...]:
    budgets = [made.budget for made in project.rounds if made.budget][-1:]
    left = len(pool.unlabeled)
    sizes = sorted({min(size, left) for size in (*budgets, NEXT)} - {0})
    gains = [expected_gain(pool, size, rng) for size in sizes]
    return tuple(gain for gain in gains if gain is not None)


def _page(project: Project, results: Findings) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True,
        undefined=StrictUndefined, finalize=_visible, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["share"] = in_words
    environment.filters["duration"] = _duration
    shown = [
        (suspect, project.pool[suspect.row], _picture(project, suspect))
        for suspect in results.suspects[:SHOWN]
    ]
    return environment.get_template("report.html").render(
        project=project,
        findings=results,
        suspects=shown,
        points=_points(results.curve) if len(results.curve) > 1 else [],
        width=WIDTH, height=HEIGHT, left=LEFT, bottom=HEIGHT - BOTTOM,
    )  # fmt: skip


def _points(curve: tuple[CurvePoint, ...]) -> list[dict[str, Any]]:
    """Return where the points of the curve lie in its picture, with their intervals."""
    most = max((point.labels for point in curve), default=1)
    top, right = 12, WIDTH - 24

    def y(share: float) -> float:
        return round(HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - top), 1)

    places = [round(LEFT + point.labels / most * (right - LEFT), 1) for point in curve]
    named = _apart(places)
    return [
        {
            "x": x,
            "is_named": x in named,
            "y": y(point.accuracy.value),
            "low": y(point.accuracy.interval[0]),
            "high": y(point.accuracy.interval[1]),
            "labels": point.labels,
        }
        for x, point in zip(places, curve, strict=True)
    ]


def _apart(places: list[float]) -> set[float]:
    """Return those of ascending places, the last one first, at which numbers do not overlap."""
    apart: list[float] = []
    for place in reversed(places):
        if not apart or apart[-1] - place >= NUMBER:
            apart.append(place)
    return set(apart)


def _duration(hours: float) -> str:
    """Write a time in minutes, or from two hours on in hours."""
    return f"{hours:.1f} hours" if hours >= 2 else f"{max(1, round(60 * hours))} min"


def _picture(project: Project, suspect: Suspect) -> str:
    """Return a thumbnail as a data address, "" where it cannot be shown."""
    if not project.has_images:
        return ""
    try:
        content = project.thumbnail(project.pool[suspect.row].rayal_id, SIDE)
    except (ValueError, OSError):
        return ""
    return f"data:{pictures.media_type(content)};base64,{base64.b64encode(content).decode()}"


def _visible(value: object) -> object:
    """Take signs that break lines or turn the direction of writing out of names."""
    if type(value) is not str:
        return value
    hidden = ("Cc", "Cf", "Zl", "Zp", "Cs")
    return "".join("\ufffd" if unicodedata.category(s) in hidden else s for s in value)
