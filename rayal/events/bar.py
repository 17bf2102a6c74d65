"""What a runner reports to, and what a person sees of it: a live bar, or a line now and then."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars

from rayal.events.outcome import Outcome
from rayal.sweep.definition import Trial

REPEATS = 3  # times that the same error of another trial is shown
QUIET_SECONDS = 30.0  # between lines of the same kind when the output is no terminal


@dataclass(frozen=True)
class Stage:
    """An encoder stage under way."""

    update: Callable[[Mapping[str, float]], None]
    done: Callable[[], None]


Instrument = Callable[[float, dict[str, str]], None]  # takes a value and its labels


@dataclass(frozen=True)
class Metric:
    """A time series for Prometheus. A gauge is set, a counter is added to."""

    name: str
    kind: Literal["gauge", "counter"]
    says: str
    labels: tuple[str, ...]


class Progress(Protocol):
    """What a runner reports to."""

    def stage(self, trial: Trial) -> Stage: ...

    def trial_ended(self, outcome: Outcome) -> None: ...

    def note(self, text: str) -> None: ...

    def trials_started(self, trials: Sequence[str]) -> None:
        """Take the ids of trials that a worker has taken up."""
        return

    def running(self, trials: int) -> None:
        """Take how many trials are with workers."""
        return

    def export(self, make: Callable[[Metric], Instrument]) -> None:
        """Take what makes time series, where the runner has a place to show them."""
        return

    def __enter__(self) -> Progress: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def choose(console: Console, total: int, done: int) -> Progress:
    """Return a live bar for a terminal, lines for anything else."""
    return LiveBar(console, total, done) if console.is_terminal else Lines(console, total, done)


class LiveBar(Progress):
    """One bar over the trials, and one above it for each encoder stage that runs."""

    def __init__(self, console: Console, total: int, done: int) -> None:
        self._console = console
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", style="dim"),
            console=console,
        )
        self._trials = self._bars.add_task("trials", total=total, completed=done, note="")
        self._rate = _Rate(total, done)

    def __enter__(self) -> LiveBar:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def stage(self, trial: Trial) -> Stage:
        bar = self._bars.add_task(_stage_name(trial), total=None, note="")

        def update(said: Mapping[str, float]) -> None:
            self._bars.update(
                bar, total=round(said["epochs"]), completed=int(said["epoch"]), note=_numbers(said)
            )

        def done() -> None:
            self._bars.update(bar, visible=False)

        return Stage(update, done)

    def trial_ended(self, outcome: Outcome) -> None:
        self._rate.count(outcome)
        note = f"{self._rate.per_second():.1f}/s"
        if self._rate.failed:
            note += f"  [red]{self._rate.failed} failed[/red]"
        self._bars.update(self._trials, completed=self._rate.ended, note=note)
        if self._rate.is_news(outcome):
            self._console.print(f"[red]failed[/red] {outcome.trial}: ", end="")
            self._console.print(outcome.error, markup=False, highlight=False)

    def note(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False)


class Lines(Progress):
    """A line per event, and for what happens often a line every few seconds."""

    def __init__(self, console: Console, total: int, done: int) -> None:
        self._console = console
        self._rate = _Rate(total, done)
        self._said = time.monotonic()

    def __enter__(self) -> Lines:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def stage(self, trial: Trial) -> Stage:
        name = _stage_name(trial)
        started = time.monotonic()

        def update(said: Mapping[str, float]) -> None:
            if time.monotonic() - self._said >= QUIET_SECONDS:
                epoch = f"epoch {round(said['epoch'], 1):g}/{said['epochs']:g}"
                self._say(f"{name}: {epoch}, {_numbers(said)}")

        def done() -> None:
            self._say(f"{name}: ready after {time.monotonic() - started:.0f} s")

        self._say(f"{name}: started")
        return Stage(update, done)

    def trial_ended(self, outcome: Outcome) -> None:
        self._rate.count(outcome)
        if self._rate.is_news(outcome):
            self._say(f"failed {outcome.trial}: {outcome.error}")
        finished = self._rate.ended == self._rate.total
        if finished or time.monotonic() - self._said >= QUIET_SECONDS:
            self._say(self._rate.line())

    def note(self, text: str) -> None:
        self._say(text)

    def _say(self, text: str) -> None:
        self._said = time.monotonic()
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class _Rate:
    """Counts ended trials and how fast they end."""

    def __init__(self, total: int, done: int) -> None:
        self.total, self.ended, self.failed = total, done, 0
        self._first: float | None = None
        self._counted = 0
        self._errors: Counter[str] = Counter()

    def count(self, outcome: Outcome) -> None:
        if self._first is None:
            self._first = time.monotonic()
        self.ended += 1
        self._counted += 1
        self.failed += bool(outcome.error)
        self._errors[outcome.error] += 1

    def is_news(self, outcome: Outcome) -> bool:
        """Whether a failure should be shown: the same error is, three times; all have logs."""
        return bool(outcome.error) and self._errors[outcome.error] <= REPEATS

    def per_second(self) -> float:
        spent = time.monotonic() - (self._first or time.monotonic())
        return (self._counted - 1) / spent if spent > 0 and self._counted > 1 else 0.0

    def line(self) -> str:
        rate = self.per_second()
        left = f", {(self.total - self.ended) / rate:.0f} s left" if rate else ""
        return f"trials {self.ended}/{self.total}, {rate:.1f}/s{left}, {self.failed} failed"


def _stage_name(trial: Trial) -> str:
    return f"{trial.encoder.name} on {trial.dataset_name}"


def _numbers(said: Mapping[str, float]) -> str:
    """Say what there is: one that only describes images has no loss, few have an accuracy."""
    loss, accuracy = (said.get(name, math.nan) for name in ("loss", "knn_accuracy"))
    told = [f"loss {loss:.3f}"] if math.isfinite(loss) else []
    told += [f"k-NN accuracy {accuracy:.3f}"] if math.isfinite(accuracy) else []
    return ", ".join([*told, f"{said['images_per_second']:,.0f} images/s"])
