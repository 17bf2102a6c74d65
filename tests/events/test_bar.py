import dataclasses
import io

import pytest
from rich.console import Console

from rayal.events import bar
from rayal.events.bar import LiveBar, choose_display
from rayal.events.listener import Listener
from rayal.events.outcome import Outcome
from rayal.sweep.definition import Spec, Trial

NOTHING = Spec("moco", {})
TRIAL = Trial(NOTHING, "digits", "", NOTHING, NOTHING, NOTHING, NOTHING, (10,), 0)
PROGRESS = {"epoch": 3.04, "epochs": 60.0, "loss": 2.5, "images_per_second": 1234.0}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(bar.time, "monotonic", lambda: now[0])
    return now


def test_lines_come_at_events_and_every_few_seconds(clock: list[float]) -> None:
    out = io.StringIO()
    lines = choose_display(Console(file=out, width=100), 100, 10)
    lines.encoding_started(TRIAL)
    for clock[0] in (1.0, 29.0, 31.0):
        lines.encoding_progress(TRIAL, PROGRESS)
    lines.encoding_finished(TRIAL, 31.0)
    for number in range(90):
        clock[0] += 1.5
        lines.trial_ended(TRIAL, Outcome(f"t{number}", "ValueError: [x]" if number == 3 else ""))
    printed = out.getvalue().splitlines()
    assert printed[:3] == [
        "moco on digits: started",
        "moco on digits: epoch 3/60, loss 2.500, 1,234 images/s",
        "moco on digits: ready after 31 s",
    ]
    assert "failed t3: ValueError: [x]" in printed
    assert printed[-1] == "trials 100/100, 0.7/s, 0 s left, 1 failed"
    assert len(printed) == 3 + 1 + 5


def test_a_terminal_gets_one_live_bar_with_rate_and_failures(clock: list[float]) -> None:
    out = io.StringIO()
    console = Console(file=out, width=100, force_terminal=True)
    display = choose_display(console, 4, 1)
    display.sweep_started(3)
    display.encoding_started(TRIAL)
    display.encoding_progress(TRIAL, PROGRESS)
    assert "3/60" in rendered(display, console)
    assert "loss 2.500, 1,234 images/s" in rendered(display, console)
    display.encoding_finished(TRIAL, 1.0)
    assert "loss" not in rendered(display, console)
    for outcome in (Outcome("a"), Outcome("b", "KeyError: [red]")):
        clock[0] += 2
        display.trial_ended(TRIAL, outcome)
    assert "3/4" in rendered(display, console)
    assert "0.5/s" in rendered(display, console)
    assert "1 failed" in rendered(display, console)
    display.sweep_ended("finished")
    assert "KeyError: [red]" in out.getvalue()


def rendered(display: Listener, console: Console) -> str:
    assert isinstance(display, LiveBar)
    with console.capture() as captured:
        console.print(display._bars.get_renderable())
    return captured.get()


def test_the_same_error_is_shown_three_times_and_counted_always() -> None:
    out = io.StringIO()
    lines = choose_display(Console(file=out, width=100), 50, 0)
    for number in range(50):
        lines.trial_ended(TRIAL, Outcome(f"t{number}", "ValueError: again"))
    printed = out.getvalue().splitlines()
    assert [line for line in printed if line.startswith("failed")] == [
        f"failed t{number}: ValueError: again" for number in range(3)
    ]
    assert printed[-1].endswith("50 failed")


@pytest.mark.parametrize(
    ("reported", "shown"),
    [
        ({}, "loss 2.500, 1,234 images/s"),
        ({"loss": float("nan")}, "1,234 images/s"),
        ({"knn_accuracy": 0.8125}, "loss 2.500, k-NN accuracy 0.812, 1,234 images/s"),
        ({"knn_accuracy": float("nan")}, "loss 2.500, 1,234 images/s"),
    ],
)
def test_only_numbers_that_there_are_are_shown(reported: dict[str, float], shown: str) -> None:
    assert bar._numbers({**PROGRESS, **reported}) == shown


@pytest.mark.parametrize("terminal", [True, False])
def test_names_with_brackets_escapes_and_turned_text_are_shown_as_they_are_spelt(
    terminal: bool,
) -> None:
    out = io.StringIO()
    console = Console(file=out, width=200, force_terminal=terminal, color_system=None)
    display = choose_display(console, 2, 0)
    trial = dataclasses.replace(TRIAL, dataset_name="[bold]y")
    error = "ValueError: [red]\x1b]0;title\x07 \u202egnp.exe caf\udce9"
    display.encoding_started(trial)
    display.trial_ended(trial, Outcome("t", error))
    if terminal:
        assert isinstance(display, LiveBar)
        console.print(display._bars.get_renderable())
    printed = out.getvalue()
    assert "on [bold]y" in printed
    assert r"ValueError: [red]\x1b]0;title\x07 \u202egnp.exe caf\udce9" in printed


@pytest.mark.parametrize(("width", "is_drawn"), [(20, False), (40, False), (80, True)])
def test_a_narrow_terminal_shows_counts_in_place_of_a_bar(
    clock: list[float], width: int, is_drawn: bool
) -> None:
    console = Console(file=io.StringIO(), width=width, force_terminal=True)
    display = choose_display(console, 4321, 1234)
    text = rendered(display, console)
    assert "1234/4321" in text
    assert ("━" in text) == is_drawn


@pytest.mark.parametrize("terminal", [False, True])
def test_what_strategies_warn_of_is_shown_once(terminal: bool) -> None:
    out = io.StringIO()
    display = choose_display(Console(file=out, width=200, force_terminal=terminal), 3, 0)
    display.sweep_started(3)
    for number, texts in enumerate([("too [small]",), ("too [small]", "too large"), ()]):
        display.trial_ended(TRIAL, Outcome(f"t{number}", warnings=texts))
    display.sweep_ended("finished")
    assert out.getvalue().count("warning: too [small]") == 1
    assert out.getvalue().count("warning: too large") == 1
