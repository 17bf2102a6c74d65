import io

import pytest
from rich.console import Console

from rayal.events import bar as progress
from rayal.events.outcome import Outcome
from rayal.sweep.definition import Spec, Trial

NOTHING = Spec("moco", {})
TRIAL = Trial(NOTHING, "digits", "", NOTHING, NOTHING, NOTHING, NOTHING, (10,), 0)
SAID = {"epoch": 3.04, "epochs": 60.0, "loss": 2.5, "images_per_second": 1234.0}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_lines_come_at_events_and_every_few_seconds(clock: list[float]) -> None:
    out = io.StringIO()
    with progress.choose(Console(file=out, width=100), 100, 10) as lines:
        stage = lines.stage(TRIAL)
        for clock[0] in (1.0, 29.0, 31.0):
            stage.update(SAID)
        stage.done()
        for number in range(90):
            clock[0] += 1.5
            lines.trial_ended(Outcome(f"t{number}", "ValueError: [x]" if number == 3 else ""))
    said = out.getvalue().splitlines()
    assert said[:3] == [
        "moco on digits: started",
        "moco on digits: epoch 3/60, loss 2.500, 1,234 images/s",
        "moco on digits: ready after 31 s",
    ]
    assert "failed t3: ValueError: [x]" in said
    assert said[-1] == "trials 100/100, 0.7/s, 0 s left, 1 failed"
    assert len(said) == 3 + 1 + 5


def test_a_terminal_gets_one_live_bar_with_rate_and_failures(clock: list[float]) -> None:
    out = io.StringIO()
    console = Console(file=out, width=100, force_terminal=True)
    with progress.choose(console, 4, 1) as bar:
        stage = bar.stage(TRIAL)
        stage.update(SAID)
        assert "3/60" in rendered(bar, console)
        assert "loss 2.500, 1,234 images/s" in rendered(bar, console)
        stage.done()
        assert "loss" not in rendered(bar, console)
        for outcome in (Outcome("a"), Outcome("b", "KeyError: [red]")):
            clock[0] += 2
            bar.trial_ended(outcome)
        assert "3/4" in rendered(bar, console)
        assert "0.5/s" in rendered(bar, console)
        assert "1 failed" in rendered(bar, console)
    assert "KeyError: [red]" in out.getvalue()


def rendered(bar: progress.Progress, console: Console) -> str:
    assert isinstance(bar, progress.LiveBar)
    with console.capture() as captured:
        console.print(bar._bars.get_renderable())
    return captured.get()


def test_the_same_error_is_shown_three_times_and_counted_always() -> None:
    out = io.StringIO()
    with progress.choose(Console(file=out, width=100), 50, 0) as lines:
        for number in range(50):
            lines.trial_ended(Outcome(f"t{number}", "ValueError: again"))
    said = out.getvalue().splitlines()
    assert [line for line in said if line.startswith("failed")] == [
        f"failed t{number}: ValueError: again" for number in range(3)
    ]
    assert said[-1].endswith("50 failed")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({}, "loss 2.500, 1,234 images/s"),
        ({"loss": float("nan")}, "1,234 images/s"),
        ({"knn_accuracy": 0.8125}, "loss 2.500, k-NN accuracy 0.812, 1,234 images/s"),
        ({"knn_accuracy": float("nan")}, "loss 2.500, 1,234 images/s"),
    ],
)
def test_only_numbers_that_there_are_are_shown(said: dict[str, float], shown: str) -> None:
    assert progress._numbers({**SAID, **said}) == shown
