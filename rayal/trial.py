"""The experiment's loop: strategy picks -> oracle reveals -> learner trains -> metrics -> record.

A trial is a function of its definition and of the world it runs in: it gives the same indices
alone, in a sweep, in another process or on another machine.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from rayal import metrics
from rayal.contracts import (
    UNLABELED,
    DatasetMap,
    Features,
    Images,
    Indices,
    Labels,
    Learner,
    Pool,
    Predictions,
    Split,
    Task,
)
from rayal.registry import LEARNERS, STRATEGIES
from rayal.seeds import generator
from rayal.sweep.definition import Spec, Trial

Row = dict[str, Any]
Result = TypeVar("Result")

PATIENCE = 1.0  # seconds of selection after which lessons are not gathered any longer


@dataclass(frozen=True)
class World:
    """What all trials of one dataset and encoder share. Arrays are read-only."""

    classes: tuple[str, ...]
    images: Images  # (N, H, W, channels)
    train: Features  # (N, D)
    test: Features  # (M, D)
    train_labels: Labels  # (N,) the truth that the oracle reveals
    test_labels: Labels  # (M,)
    map: DatasetMap | None
    views: Features | None = None  # (A, N, D)
    test_images: Images | None = None  # (M, H, W, channels)
    val: Split | None = None
    weights: Mapping[str, npt.NDArray[np.generic]] | None = None  # of the encoder's network
    reserved: Indices | None = None  # set aside as first labels


@dataclass(frozen=True)
class Lesson:
    """One training that a trial asks for; its generator starts afresh at each asking."""

    task: Task
    key: tuple[Any, ...]

    @property
    def rng(self) -> np.random.Generator:
        return generator(*self.key)


Taught: TypeAlias = tuple[Predictions, float]  # and the seconds it took
Course: TypeAlias = Generator[Lesson, Taught, Result]


def run(
    trial: Trial,
    world: World,
    *,
    rows: list[Row] | None = None,
    keep: Callable[[list[Row]], None] = lambda _: None,
) -> list[Row]:
    """Run the rounds of a trial that are not in `rows` yet; return one row per round.

    keep: called with the rows so far after each round but the last.
    """
    [ended] = together(trial.learner, [rounds(trial, world, rows=rows, keep=keep)])
    return ended


def together(learner: Spec, courses: Iterable[Course[Result]]) -> list[Result]:
    """Take courses with the same learner side by side, the lessons of many at once.

    None waits long for the others' selection: after PATIENCE those that have asked are taught.
    An error of a lesson is raised in the course that asked for it; one of a course, here.
    """
    under_way = list(courses)
    ended: dict[int, Result] = {}
    waiting: deque[tuple[int, Taught | Exception | None]] = deque(
        (number, None) for number in range(len(under_way))
    )
    while waiting:
        lessons: dict[int, Lesson] = {}
        until = time.monotonic() + PATIENCE
        while waiting and not (lessons and time.monotonic() > until):
            number, answer = waiting.popleft()
            try:
                lessons[number] = _resume(under_way[number], answer)
            except StopIteration as end:
                ended[number] = end.value
        answers = _teach(learner, list(lessons.values()))
        waiting.extendleft(reversed(list(zip(lessons, answers, strict=True))))
    return [ended[number] for number in range(len(under_way))]


def rounds(
    trial: Trial,
    world: World,
    *,
    rows: list[Row] | None = None,
    keep: Callable[[list[Row]], None] = lambda _: None,
) -> Course[list[Row]]:
    """Yield the lessons of a trial's rounds, be told how they ended, return as `run` does."""
    rows = list(rows or [])
    labels = _labels_after(rows, world)
    predictions = None
    for lesson in _lessons_so_far(trial, world, rows) if _goes_on(rows, trial) else ():
        predictions, _ = yield replace(lesson, task=replace(lesson.task, earlier=predictions))
    first = cache(lambda: _first_pool(trial, world, rows[0]))
    for number in range(len(rows), len(trial.schedule)):
        budget = trial.schedule[number] - int(np.sum(labels != UNLABELED))
        started = time.perf_counter()
        if number == 0 and trial.scorer:
            chosen = _scored_query(trial, world, budget)
        else:
            pool = _pool(world, labels, predictions, first if number > 1 else None)
            chosen = _query(trial, pool, number, budget)
        selecting = time.perf_counter() - started
        labels[chosen] = world.train_labels[chosen]  # the oracle: labels are revealed here alone
        predictions, training = yield _lesson(trial, world, labels, number, predictions)
        row = _measure(world, labels, predictions)
        row |= {"round": number, "budget": budget, "labelled": trial.schedule[number]}
        row |= {"select_seconds": selecting, "train_seconds": training}
        rows.append({**row, "selected": chosen.tolist()})
        if number + 1 < len(trial.schedule):
            keep(rows)
    return rows


def _resume(course: Course[Result], answer: Taught | Exception | None) -> Lesson:
    if isinstance(answer, Exception):
        return course.throw(answer)
    return next(course) if answer is None else course.send(answer)


def _teach(learner: Spec, lessons: list[Lesson]) -> list[Taught | Exception]:
    """Train for each lesson: all at once where the learner can, each alone where that fails."""
    component = LEARNERS.find(learner.name)
    many = component.facts.many
    if many is None or len(lessons) < 2:
        return [_alone(component.function, learner, lesson) for lesson in lessons]
    started = time.perf_counter()
    tasks, rngs = [lesson.task for lesson in lessons], [lesson.rng for lesson in lessons]
    try:
        answers = many(tasks, rngs, **learner.to_kwargs())
    except Exception:  # noqa: BLE001 - alone, the one to blame is found
        return [_alone(component.function, learner, lesson) for lesson in lessons]
    seconds = (time.perf_counter() - started) / len(lessons)
    return [(predictions, seconds) for predictions in answers]


def _alone(train: Learner[...], learner: Spec, lesson: Lesson) -> Taught | Exception:
    started = time.perf_counter()
    try:
        predictions = train(lesson.task, lesson.rng, **learner.to_kwargs())
    except Exception as error:  # noqa: BLE001 - raised in the course that asked
        return error
    return predictions, time.perf_counter() - started


def check_choice(name: str, chosen: Any, labels: Labels, budget: int) -> Indices:
    """Hold a strategy to its contract.

    Raises:
        ValueError: not exactly B distinct unlabelled int64 positions.
    """
    array = np.asarray(chosen)
    wrong = ""
    if array.dtype != np.int64 or array.ndim != 1:
        wrong = f"an array of {array.dtype} with shape {array.shape}, not int64 ({budget},)"
    elif len(array) != budget:
        wrong = f"{len(array)} images, not the {budget} asked for"
    elif len(array) and (array.min() < 0 or array.max() >= len(labels)):
        wrong = f"positions from {array.min()} to {array.max()}, outside 0 to {len(labels) - 1}"
    elif len(np.unique(array)) != budget:
        wrong = "the same image more than once"
    elif np.any(labels[array] != UNLABELED):
        wrong = f"{int(np.sum(labels[array] != UNLABELED))} images that have a label already"
    if wrong:
        raise ValueError(f"strategy '{name}' returned {wrong}")
    return array


def _query(trial: Trial, pool: Pool, number: int, budget: int) -> Indices:
    spec = trial.initial if number == 0 else trial.strategy
    component = STRATEGIES.find(spec.name)
    if not component.facts.oracle(spec.params):
        pool = replace(pool, truth=None)
    # Named without the strategy: trials of one seed draw alike, so comparisons are paired.
    rng = generator("query", trial.dataset_name, trial.seed, number)
    chosen = component.function(pool, budget, rng, **spec.to_kwargs())
    return check_choice(spec.name, chosen, pool.labels, budget)


def _scored_query(trial: Trial, world: World, budget: int) -> Indices:
    """Make a first query with a learner that was trained on the test set (HaCon, A.3).

    The strategy sees the test set, labelled, before the pool: predictions, and whatever else needs
    a label, come of it.
    """
    M, N = len(world.test_labels), len(world.train_labels)
    joined = replace(
        world,
        images=_stacked(world.test_images, world.images),
        train=np.concatenate([world.test, world.train]),
        train_labels=np.concatenate([world.test_labels, world.train_labels]),
        views=None if world.views is None else _with_repeated(world.test, world.views),
        map=None,
        reserved=None,
    )
    labels = np.concatenate([world.test_labels, np.full(N, UNLABELED)])
    predictions = _learn(trial, _lesson(trial, joined, labels, 0, None, stage="scorer"))
    return _query(trial, _pool(joined, labels, predictions, None), 0, budget) - M


def _stacked(first: Images | None, second: Images) -> Images:
    return second if first is None else np.concatenate([first, second])


def _with_repeated(plain: Features, views: Features) -> Features:
    """Put unaugmented features before each view: (A, M + N, D)."""
    return np.stack([np.concatenate([plain, view]) for view in views])


def _first_pool(trial: Trial, world: World, row: Row) -> Pool:
    """The pool as it was after the first round, its learner trained again."""
    labels = _labels_after([row], world)
    return _pool(world, labels, _learn(trial, _lesson(trial, world, labels, 0, None)), None)


def _pool(
    world: World,
    labels: Labels,
    predictions: Predictions | None,
    first: Callable[[], Pool] | None,
) -> Pool:
    """All that a strategy may see, the truth included."""
    return Pool(
        features=world.train,
        labels=_frozen(labels),
        num_classes=len(world.classes),
        images=world.images,
        map=world.map,
        truth=world.train_labels,
        predictions=predictions,
        first=first,
        reserved=world.reserved,
    )


def _lesson(
    trial: Trial,
    world: World,
    labels: Labels,
    number: int,
    earlier: Predictions | None,
    stage: str = "learn",
) -> Lesson:
    """What the learner is asked in a round, with all that it may see."""
    recalls = LEARNERS.find(trial.learner.name).facts.recalls(trial.learner.params)
    task = Task(
        world.train,
        world.test,
        _frozen(labels),
        len(world.classes),
        views=world.views,
        round=number,
        earlier=earlier if recalls else None,
        images=world.images,
        test_images=world.test_images,
        val=world.val,
        weights=world.weights,
    )
    return Lesson(task, (stage, trial.dataset_name, trial.seed, number))


def _learn(trial: Trial, lesson: Lesson) -> Predictions:
    function = LEARNERS.find(trial.learner.name).function
    predictions: Predictions = function(lesson.task, lesson.rng, **trial.learner.to_kwargs())
    return predictions


def _lessons_so_far(trial: Trial, world: World, rows: list[Row]) -> Iterator[Lesson]:
    """What brings the learner of the last finished round back, after an interruption.

    One that recalls its earlier predictions is trained through all of its rounds.
    """
    recalls = LEARNERS.find(trial.learner.name).facts.recalls(trial.learner.params)
    for number in range(0 if recalls else len(rows) - 1, len(rows)):
        yield _lesson(trial, world, _labels_after(rows[: number + 1], world), number, None)


def _measure(world: World, labels: Labels, predictions: Predictions) -> Row:
    return metrics.evaluate(
        test_probs=predictions.test,
        test_labels=world.test_labels,
        pool_probs=predictions.pool,
        pool_truth=world.train_labels,
        labels=labels,
        num_classes=len(world.classes),
    )


def _labels_after(rows: list[Row], world: World) -> Labels:
    labels = np.full(len(world.train_labels), UNLABELED, dtype=np.int64)
    for row in rows:
        labels[row["selected"]] = world.train_labels[row["selected"]]
    return labels


def _goes_on(rows: list[Row], trial: Trial) -> bool:
    """Whether the learner of the last finished round is needed for the next query."""
    return 0 < len(rows) < len(trial.schedule)


def _frozen(labels: Labels) -> Labels:
    """A copy that a strategy can neither change nor watch change."""
    copy = labels.copy()
    copy.flags.writeable = False
    return copy
