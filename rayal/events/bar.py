"""What a person sees of a sweep under way: a live bar, or a line now and then."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Mapping

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from rayal.events.listener import Listener
from rayal.events.outcome import Outcome
from rayal.events.terminal_text import terminal_text
from rayal.storage.stopped import Stopped, in_words
from rayal.sweep.definition import Trial

REPEATS = 3  # times that the same error of another trial is shown
BAR_WIDTH = 70  # columns of a terminal; with fewer the counts would be cut
QUIET_SECONDS = 30.0  # between lines of the same kind when the output is no terminal


def choose_display(console: Console, total: int, done: int) -> Listener:
    """Return a live bar for a terminal, lines for anything else."""
    return LiveBar(console, total, done) if console.is_terminal else Lines(console, total, done)


class LiveBar(Listener):
    """One bar over the trials, and one below it for each encoder that trains."""

    def __init__(self, console: Console, total: int, done: int) -> None:
        self._console = console
        drawn = [BarColumn(bar_width=24)] if console.width >= BAR_WIDTH else []
        times = [TimeElapsedColumn(), TimeRemainingColumn()] if console.width >= BAR_WIDTH else []
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            *drawn,
            MofNCompleteColumn(),
            *times,
            TextColumn("{task.fields[note]}", style="dim"),
            console=console,
        )
        self._trials = self._bars.add_task("trials", total=total, completed=done, note="")
        self._encodings: dict[str, TaskID] = {}
        self._counter = _TrialCounter(total, done)

    def sweep_started(self, remaining: int) -> None:
        self._bars.start()

    def encoding_started(self, trial: Trial) -> None:
        self._encodings[trial.embedding_id] = self._bars.add_task(
            _title(self, trial), total=None, note=""
        )

    def encoding_progress(self, trial: Trial, progress: Mapping[str, float]) -> None:
        self._bars.update(
            self._encodings[trial.embedding_id],
            total=round(progress["epochs"]),
            completed=int(progress["epoch"]),
            note=_numbers(progress),
        )

    def encoding_finished(self, trial: Trial, seconds: float) -> None:
        self._bars.update(self._encodings[trial.embedding_id], visible=False)

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:
        self._counter.add(outcome)
        note = f"{self._counter.per_second():.1f}/s"
        if self._counter.failed:
            note += f"  [red]{self._counter.failed} failed[/red]"
        self._bars.update(self._trials, completed=self._counter.ended, note=note)
        if self._counter.is_news(outcome):
            self._console.print(f"[red]failed[/red] {outcome.trial}: ", end="")
            self._console.print(terminal_text(outcome.error), markup=False, highlight=False)
        for text in self._counter.new_warnings(outcome):
            self.message(f"warning: {text}")

    def strategy_stopped(self, stopped: Stopped) -> None:
        self._counter.total -= len(stopped["spared"])
        self._bars.update(self._trials, total=self._counter.total)
        self.message(in_words(stopped))

    def message(self, text: str) -> None:
        self._console.print(terminal_text(text), markup=False, highlight=False)

    def sweep_ended(self, reason: str) -> None:
        self._bars.stop()


def _so_far(progress: Mapping[str, float]) -> str:
    """How much of a stage is done: in epochs, or as a share of one pass over the images."""
    epoch, epochs = progress["epoch"], progress["epochs"]
    return f"{epoch:.0%}" if epochs == 1 else f"epoch {round(epoch, 1):g}/{epochs:g}"


class Lines(Listener):
    """A line per event, and for what happens often a line every few seconds."""

    def __init__(self, console: Console, total: int, done: int) -> None:
        self._console = console
        self._counter = _TrialCounter(total, done)
        self._last_line = time.monotonic()

    def encoding_started(self, trial: Trial) -> None:
        self.message(f"{_title(self, trial)}: started")

    def encoding_progress(self, trial: Trial, progress: Mapping[str, float]) -> None:
        if self._was_quiet():
            self.message(f"{_title(self, trial)}: {_so_far(progress)}, {_numbers(progress)}")

    def encoding_finished(self, trial: Trial, seconds: float) -> None:
        self.message(f"{_title(self, trial)}: ready after {seconds:.0f} s")

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:
        self._counter.add(outcome)
        if self._counter.is_news(outcome):
            self.message(f"failed {outcome.trial}: {outcome.error}")
        for text in self._counter.new_warnings(outcome):
            self.message(f"warning: {text}")
        if self._counter.ended == self._counter.total or self._was_quiet():
            self.message(self._counter.line())

    def strategy_stopped(self, stopped: Stopped) -> None:
        self._counter.total -= len(stopped["spared"])
        self.message(in_words(stopped))

    def message(self, text: str) -> None:
        self._last_line = time.monotonic()
        line = terminal_text(text)
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _was_quiet(self) -> bool:
        return time.monotonic() - self._last_line >= QUIET_SECONDS


class _TrialCounter:
    """Counts ended trials and how fast they end."""

    def __init__(self, total: int, done: int) -> None:
        self.total, self.ended, self.failed = total, done, 0
        self._first_end: float | None = None
        self._counted = 0
        self._errors: Counter[str] = Counter()
        self._warnings: set[str] = set()

    def add(self, outcome: Outcome) -> None:
        if self._first_end is None:
            self._first_end = time.monotonic()
        self.ended += 1
        self._counted += 1
        self.failed += bool(outcome.error)
        self._errors[outcome.error] += 1

    def is_news(self, outcome: Outcome) -> bool:
        """Whether a failure should be shown: the same error is, three times; all have logs."""
        return bool(outcome.error) and self._errors[outcome.error] <= REPEATS

    def new_warnings(self, outcome: Outcome) -> list[str]:
        """Return what no trial has warned of before."""
        texts = [text for text in outcome.warnings if text not in self._warnings]
        self._warnings.update(texts)
        return texts

    def per_second(self) -> float:
        elapsed = time.monotonic() - (self._first_end or time.monotonic())
        return (self._counted - 1) / elapsed if elapsed > 0 and self._counted > 1 else 0.0

    def line(self) -> str:
        rate = self.per_second()
        left = f", {(self.total - self.ended) / rate:.0f} s left" if rate else ""
        return f"trials {self.ended}/{self.total}, {rate:.1f}/s{left}, {self.failed} failed"


def _title(listener: Listener, trial: Trial) -> str:
    return terminal_text(f"{listener.names(trial)['encoder'].label} on {trial.dataset_name}")


def _numbers(progress: Mapping[str, float]) -> str:
    """Show what there is: one that only describes images has no loss, few have an accuracy."""
    loss, accuracy = (progress.get(name, math.nan) for name in ("loss", "knn_accuracy"))
    parts = [f"loss {loss:.3f}"] if math.isfinite(loss) else []
    parts += [f"k-NN accuracy {accuracy:.3f}"] if math.isfinite(accuracy) else []
    return ", ".join([*parts, f"{progress['images_per_second']:,.0f} images/s"])
