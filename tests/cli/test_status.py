import json
import multiprocessing
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from rayal.cli import run_status, status
from rayal.cli.run_status import Counts
from rayal.events.jsonl import LatestStart, read_latest_start
from rayal.storage.artifacts import ArtifactStore
from rayal.storage.files import StoreError
from rayal.storage.held_run import lock_run
from rayal.storage.run import RunStore
from tests import sweeps
from tests.scripts import run_script
from tests.storage import records
from tests.storage.records import plan, record

START = 1_000_000.0


def definition(strategy: str, schedule: list[int], artefact: str = "moco-key") -> dict[str, object]:
    spec = {"name": strategy, "params": {"k": 3, "tau": 1}, "at_default": ["tau"]}
    first = {"name": "random", "params": {}}
    encoder = {"name": artefact.removesuffix("-key"), "params": {}}
    return records.definition(
        artefact=artefact, encoder=encoder, strategy=spec, initial=first, schedule=schedule
    )


def artefact(encoder: str) -> dict[str, object]:
    return {"dataset": "digits", "encoder": {"name": encoder, "params": {}}}


@pytest.fixture
def held(tmp_path: Path) -> Iterator[RunStore]:
    """Twelve trials: a to d of a single query, e to l of cycles on another encoder."""
    trials = {name: definition("hacon", [10]) for name in "abcd"}
    trials |= {name: definition("margin", [10, 20], "pixels-key") for name in "efghijkl"}
    artefacts = {"moco-key": artefact("moco"), "pixels-key": artefact("pixels")}
    with lock_run(tmp_path / "run", "mine") as found:
        found.save_plan(
            plan(trials=trials, artefacts=artefacts, command="rayal sweep mine.yaml"), ""
        )
        os.utime(found.root / "plan.json", (START, START))
        yield found


def end(held: RunStore, trial: str, seconds: float) -> None:
    held.save_record(trial, record(trial))
    when = START + seconds
    os.utime(held.root / "records" / f"{trial}.json", (when, when))


def test_each_trial_is_counted_once_by_the_last_that_became_of_it(held: RunStore) -> None:
    end(held, "a", 10)
    held.save_in_progress("e", record("e", {}))
    held.save_in_progress("f", record("f", {}))
    held.save_failure("f", {}, "ValueError: x", "trace")
    held.save_failure("b", {}, "ValueError: x", "trace")
    end(held, "b", 11)
    held.save_record("of-an-earlier-plan", record("of-an-earlier-plan"))
    held.save_failure("also-earlier", {}, "x", "trace")
    found = run_status.read(held.root)
    assert found.trials == Counts(done=2, running=1, failed=1, waiting=8)
    assert found.trials.total == 12
    assert found.strategies == {
        "hacon k=3": Counts(done=2, waiting=2),
        "random, then margin k=3": Counts(running=1, failed=1, waiting=6),
    }


def test_a_failure_that_was_tried_again_and_went_well_is_no_failure(held: RunStore) -> None:
    held.save_failure("a", {}, "ValueError: x", "trace")
    (held.root / "records" / "a.json").write_text("{}")  # killed before the failure was removed
    assert run_status.read(held.root).trials == Counts(done=1, waiting=11)


def test_encoder_stages_are_ready_training_or_not_begun(held: RunStore) -> None:
    def states() -> list[tuple[str, str, str]]:
        return [(s.dataset, s.encoder, s.state) for s in run_status.read(held.root).stages]

    assert states() == [("digits", "moco", "not begun"), ("digits", "pixels", "not begun")]
    held.artifacts.checkpoint_folder("moco-key").mkdir()
    held.artifacts.folder("pixels-key").mkdir()
    assert states() == [("digits", "moco", "training"), ("digits", "pixels", "ready")]


def log(held: RunStore, *events: dict[str, object]) -> None:
    assert isinstance(held.root, Path)
    (held.root / "log.jsonl").write_text("".join(f"{json.dumps(event)}\n" for event in events))


BEGUN: tuple[dict[str, object], ...] = (
    {"event": "sweep_started"},
    {"event": "stage_started", "artefact": "moco-key"},
    {"event": "trials_started", "trials": ["a", "b"]},
)


def test_stages_and_trials_run_from_their_start_on(held: RunStore) -> None:
    end(held, "a", 10)
    log(held, *BEGUN)
    found = run_status.read(held.root)
    assert [stage.state for stage in found.stages] == ["training", "not begun"]
    assert found.trials == Counts(done=1, running=1, waiting=10)


def test_nothing_runs_in_a_sweep_that_was_interrupted(held: RunStore) -> None:
    held.save_in_progress("e", record("e", {}))
    held.artifacts.checkpoint_folder("moco-key").mkdir()
    log(held, *BEGUN, {"event": "sweep_ended", "how": "interrupted"})
    found = run_status.read(held.root)
    assert found.trials == Counts(waiting=12)
    assert [stage.state for stage in found.stages] == ["interrupted", "not begun"]
    said, command = status.sentences(found)
    assert "the sweep has stopped: interrupted" in said
    assert command == "go on with: rayal sweep mine.yaml"


def test_a_trial_that_ends_while_the_status_is_read_is_done(
    held: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would wait in a sweep that has finished."""
    log(held, *BEGUN)

    def end_first(root: Path) -> LatestStart:
        end(held, "a", 10)
        log(held, {"event": "sweep_ended", "how": "finished"})
        return read_latest_start(root)

    monkeypatch.setattr(run_status, "read_latest_start", end_first)
    assert run_status.read(held.root).trials == Counts(done=1, waiting=11)


def _hold_and_die(root: Path) -> None:
    with lock_run(root, "mine"):
        os.kill(os.getpid(), signal.SIGKILL)


def killed(root: Path) -> None:
    """Let the process that holds a run be killed."""
    process = multiprocessing.get_context("fork").Process(target=_hold_and_die, args=(root,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


@pytest.fixture
def left(held: RunStore, tmp_path: Path) -> RunStore:
    """The same run after its driver was killed in the middle."""
    log(held, *BEGUN)
    held.save_in_progress("e", record("e", {}))
    root = shutil.copytree(held.root, tmp_path / "left")
    killed(root)
    return RunStore(root)


def test_nothing_runs_in_a_sweep_whose_process_was_killed(left: RunStore) -> None:
    found = run_status.read(left.root)
    assert found.trials == Counts(waiting=12)
    said, command = status.sentences(found)
    assert "the sweep has stopped: its process is no more" in said
    assert command == "go on with: rayal sweep mine.yaml"


def test_a_sweep_that_is_run_on_another_machine_runs(left: RunStore) -> None:
    lock = left.root / ".lock"
    holder, about = lock.read_text().splitlines()
    lock.write_text(f"{holder}\n{json.dumps({**json.loads(about), 'machine': 'another'})}\n")
    assert run_status.read(left.root).trials == Counts(running=3, waiting=9)
    lock.write_text(f"{holder}\n")  # of an earlier version
    assert run_status.read(left.root).trials == Counts(running=3, waiting=9)


def test_a_sweep_that_was_gone_on_with_runs(left: RunStore) -> None:
    with lock_run(left.root, "mine"):
        assert run_status.read(left.root).ended == ""


def test_a_run_without_a_sweep_was_not_stopped(held: RunStore, tmp_path: Path) -> None:
    root = shutil.copytree(held.root, tmp_path / "encoded")
    killed(root)
    assert run_status.read(root).ended == ""


def test_a_plan_of_no_trials_has_stages_of_none(held: RunStore) -> None:
    held.save_plan(plan(artefacts={"moco-key": artefact("moco")}), "")
    assert [stage.trials.total for stage in run_status.read(held.root).stages] == [0]


def test_json_beside_a_page_is_refused(held: RunStore, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        status.main([str(held.root), "--serve", "--json"])
    assert "/status.json" in capsys.readouterr().err


def test_rate_and_time_left_are_those_since_the_latest_start(held: RunStore) -> None:
    end(held, "a", -500)  # of an earlier start
    for number, trial in enumerate("bcde"):
        end(held, trial, 60 + 2 * number)  # the minute before the first is the encoder's
    found = run_status.read(held.root, now=START + 76)
    assert found.rate == pytest.approx(0.5)
    assert found.seconds_left == pytest.approx(7 / 0.5)
    assert found.idle_seconds == pytest.approx(10)


@pytest.mark.parametrize("jump", [-86_400, -20, 86_400])
def test_a_clock_that_jumped_makes_nothing_negative(held: RunStore, jump: float) -> None:
    for number, trial in enumerate("abcdefgh"):
        end(held, trial, 10 * number + (jump if number >= 4 else 0))
    found = run_status.read(held.root, now=START + 80 + jump)
    assert found.trials == Counts(done=8, waiting=4)
    assert found.rate > 0
    assert found.seconds_left is not None
    assert found.seconds_left > 0
    assert found.idle_seconds is not None
    assert found.idle_seconds >= 0


@pytest.mark.parametrize("records", [0, 1])
def test_no_rate_is_said_where_there_is_none(held: RunStore, records: int) -> None:
    for trial in "a" * records:
        end(held, trial, 5)
    found = run_status.read(held.root)
    assert found.rate == 0
    assert found.seconds_left is None


def test_a_whole_run_has_nothing_left(held: RunStore) -> None:
    for number, trial in enumerate("abcdefghijkl"):
        end(held, trial, number)
    assert run_status.read(held.root).seconds_left == 0


Captured = pytest.CaptureFixture[str]


def test_what_is_no_run_is_refused_with_one_line(tmp_path: Path, capsys: Captured) -> None:
    with pytest.raises(StoreError, match=r"is not a run: it has no plan\.json"):
        run_status.read(tmp_path)
    assert status.main([str(tmp_path)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1


def test_a_damaged_plan_is_named(held: RunStore, capsys: Captured) -> None:
    (held.root / "plan.json").write_text("{")
    assert status.main([str(held.root)]) == 2
    assert "plan.json is damaged" in capsys.readouterr().err


def test_the_command_says_one_line_and_two_tables_and_changes_nothing(
    held: RunStore, capsys: Captured
) -> None:
    for number, trial in enumerate("abc"):
        end(held, trial, 2 * number)
    before = {path: path.stat().st_mtime_ns for path in held.root.rglob("*")}
    assert status.main([str(held.root)]) == 0
    said = capsys.readouterr().out
    line = said.splitlines()[0]
    assert line.startswith("mine: 3 of 12 trials done, 0 running, 0 failed, 9 waiting, 0.5/s, ")
    left = "about 18 s left for trials, without 2 encoder stages that they need"
    assert f"{left}, last record" in line
    assert "hacon k=3" in said
    assert "not begun" in said
    assert {path: path.stat().st_mtime_ns for path in held.root.rglob("*")} == before


def test_the_time_left_is_of_everything_where_no_trial_waits_for_an_encoder(
    held: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, trial in enumerate("abc"):
        end(held, trial, 2 * number)
    monkeypatch.setattr(ArtifactStore, "is_complete", lambda _self, _key: True)
    [line] = status.sentences(run_status.read(held.root))
    assert "about 18 s left, last record" in line


def test_json_holds_the_same_for_programs(held: RunStore, capsys: Captured) -> None:
    end(held, "a", 1)
    assert status.main([str(held.root), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["trials"] == {
        "done": 1, "running": 0, "failed": 0, "waiting": 11, "spared": 0,
    }  # fmt: skip
    assert found["strategies"]["hacon k=3"]["done"] == 1
    assert found["stages"][0]["trials"]["waiting"] == 3


def test_a_run_is_watched_until_its_last_trial_has_ended(
    held: RunStore, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = iter("abcdefghijkl")
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        for _ in range(4):
            end(held, next(left), len(waited))

    monkeypatch.setattr(status.time, "sleep", wait)
    assert status.main([str(held.root), "--json", "--watch", "2"]) == 0
    done = [json.loads(line)["trials"]["done"] for line in capsys.readouterr().out.splitlines()]
    assert done == [0, 4, 8, 12]
    assert waited == [2.0, 2.0, 2.0]


def test_ctrl_c_ends_watching_and_is_no_failure(
    held: RunStore, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(status.time, "sleep", interrupted)
    assert status.main([str(held.root), "--watch"]) == 0
    assert "0 of 12 trials done" in capsys.readouterr().out


@pytest.mark.parametrize("given", ["0", "nan", "-3", "x", "100000"])
def test_an_interval_that_is_none_is_refused(given: str, capsys: Captured) -> None:
    with pytest.raises(SystemExit):
        status.main(["run", f"--watch={given}"])
    assert f"'{given}' is no number of seconds from 1 to 86,400" in capsys.readouterr().err


@pytest.mark.slow
def test_a_real_sweep_is_read_without_ray_or_torch(tmp_path: Path) -> None:
    sweep = sweeps.write_sweep(tmp_path, plugins=["plugin.py"], strategies=["random", "poisoned"])
    assert sweeps.run(sweep, tmp_path / "run", "--local").returncode == 1
    found = run_status.read(tmp_path / "run")
    assert found.trials == Counts(done=6, failed=6)
    assert [stage.state for stage in found.stages] == ["ready"]
    code = "import sys, rayal.status; print({'ray', 'torch'} & set(sys.modules))"
    loaded = run_script(code, env=sweeps.environment())
    assert loaded.stdout.strip() == "set()"
