import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests import sweeps
from tests.scripts import run_script

pytestmark = pytest.mark.slow


def test_a_second_run_computes_nothing_and_says_so(tmp_path: Path) -> None:
    sweep, out = sweeps.write_sweep(tmp_path), tmp_path / "run"
    first = sweeps.run(sweep, out, "--local")
    assert first.returncode == 0, first.stdout
    assert "12 of 12 trials done, 0 failed" in first.stdout
    written = {p: p.stat().st_mtime_ns for p in (out / "records").iterdir()}
    assert not (out / "report").exists()
    assert f"Make the report: python -m rayal report {out}" in first.stdout
    second = sweeps.run(sweep, out, "--local", report=True)
    assert second.returncode == 0
    assert "all 12 trials are done already" in second.stdout
    assert {p: p.stat().st_mtime_ns for p in (out / "records").iterdir()} == written
    assert (out / "report" / "index.html").is_file()
    assert f"Report: {out / 'report' / 'index.html'}" in second.stdout


def test_adding_seeds_runs_the_new_ones_only(tmp_path: Path) -> None:
    sweep, out = sweeps.write_sweep(tmp_path), tmp_path / "run"
    sweeps.run(sweep, out, "--local")
    before = {p: p.stat().st_mtime_ns for p in (out / "records").iterdir()}
    more = sweeps.run(sweep, out, "--local", "--set", "seeds=4")
    assert "16 trials, 12 done already" in more.stdout
    after = {p: p.stat().st_mtime_ns for p in (out / "records").iterdir()}
    assert len(after) == 16
    assert before.items() <= after.items()


def test_trials_of_one_seed_share_the_first_draw_across_strategies(tmp_path: Path) -> None:
    cycles = {"start": 10, "step": 5, "rounds": 2}
    sweep = sweeps.write_sweep(
        tmp_path, budgets=None, initial=["random"], strategies=["entropy", "margin"], cycles=cycles
    )
    out = tmp_path / "run"
    sweeps.run(sweep, out, "--local")
    firsts: dict[int, set[tuple[int, ...]]] = {}
    for record in sweeps.records(out).values():
        seed = record["definition"]["seed"]
        firsts.setdefault(seed, set()).add(tuple(record["rounds"][0]["selected"]))
    assert [len(draws) for draws in firsts.values()] == [1, 1, 1]
    assert len(set.union(*firsts.values())) == 3


def test_a_poisoned_trial_fails_alone_and_is_named_with_its_log(tmp_path: Path) -> None:
    sweep = sweeps.write_sweep(tmp_path, plugins=["plugin.py"], strategies=["random", "poisoned"])
    out = tmp_path / "run"
    ended = sweeps.run(sweep, out, "--local")
    assert ended.returncode == 1, ended.stdout
    assert "6 of 12 trials done, 6 failed" in ended.stdout
    logs = sorted((out / "failures").iterdir())
    assert len(logs) == 6
    assert "6 trials failed: ZeroDivisionError: the poison" in ended.stdout
    assert sum(str(log) in ended.stdout for log in logs) == 1
    assert "ZeroDivisionError: the poison" in logs[0].read_text()
    assert json.loads(logs[0].read_text().partition("\n\n")[0])["definition"]["seed"] in range(3)
    assert len(sweeps.records(out)) == 6


ENDINGS = [
    "sys.exit(0)", "raise SystemExit", "raise KeyboardInterrupt", "raise GeneratorExit",
    "raise BaseException", "raise StopIteration",
    "raise type('Mute', (Exception,), {'__str__': lambda self: sys.exit(0)})",
    "raise ValueError('caf\\udce9')",
]  # fmt: skip


@pytest.mark.parametrize("ending", ENDINGS)
def test_whatever_a_strategy_raises_is_its_trials_failure(tmp_path: Path, ending: str) -> None:
    sweep = sweeps.write_sweep(
        tmp_path, plugins=["ending.py"], strategies=["ending", "random"], budgets=[10], seeds=1
    )
    (tmp_path / "ending.py").write_text(
        "import sys\nfrom rayal.contracts import strategy\n\n\n@strategy()\n"
        f'def ending(pool, budget, rng):\n    """End."""\n    {ending}\n'
    )
    ended = sweeps.run(sweep, tmp_path / "run", "--local")
    assert ended.returncode == 1, ended.stdout
    assert "1 of 2 trials done, 1 failed" in ended.stdout


def test_a_failed_trial_is_tried_again(tmp_path: Path) -> None:
    sweep = sweeps.write_sweep(tmp_path, plugins=["plugin.py"], strategies=["poisoned"])
    out, antidote = tmp_path / "run", tmp_path / "antidote"
    poison = 'raise ZeroDivisionError("the poison")'
    cured = (
        f"if Path({str(antidote)!r}).exists():\n        return first(pool, budget)\n    {poison}"
    )
    plugin = tmp_path / "plugin.py"
    plugin.write_text(plugin.read_text().replace(poison, cured))
    assert sweeps.run(sweep, out, "--local").returncode == 1
    antidote.touch()  # what the trial needs is there; its definition is what it was
    ended = sweeps.run(sweep, out, "--local")
    assert ended.returncode == 0, ended.stdout
    assert list((out / "failures").iterdir()) == []


def test_a_broken_contract_is_that_trials_failure(tmp_path: Path) -> None:
    sweep = sweeps.write_sweep(tmp_path, plugins=["plugin.py"], strategies=["greedy_for_one"])
    ended = sweeps.run(sweep, tmp_path / "run", "--local")
    assert ended.returncode == 1
    assert "strategy 'greedy_for_one' returned 11 images, not the 10 asked for" in ended.stdout


def test_features_that_are_not_finite_stop_their_trials_before_they_start(tmp_path: Path) -> None:
    sweep = sweeps.write_sweep(tmp_path, plugins=["plugin.py"], encoders=["broken", "pixels"])
    out = tmp_path / "run"
    ended = sweeps.run(sweep, out, "--local")
    assert ended.returncode == 1
    assert "encoder 'broken' gave NaN or infinite features for 1 of" in ended.stdout
    assert "the first at index 7" in ended.stdout
    assert len(sweeps.records(out)) == 12


@pytest.mark.usefixtures("heard_hangup")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_keeps_what_is_finished_and_goes_on(
    tmp_path: Path, number: signal.Signals
) -> None:
    strategies = [{"name": "slow", "seconds": 0.3}]
    sweep = sweeps.write_sweep(tmp_path, plugins=["plugin.py"], strategies=strategies)
    out = tmp_path / "run"
    process = subprocess.Popen(
        sweeps.command(sweep, out, "--local"),
        stdout=subprocess.PIPE, text=True, env=sweeps.environment(), cwd=tmp_path,
    )  # fmt: skip
    wait_for_records(out, 2)
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "of 6 trials are kept; go on with: python -m rayal.sweep" in said
    assert list((out / "failures").iterdir()) == []
    kept = {p: p.stat().st_mtime_ns for p in (out / "records").iterdir()}
    assert 2 <= len(kept) < 6
    ended = sweeps.run(sweep, out, "--local")
    assert ended.returncode == 0, ended.stdout
    after = {p: p.stat().st_mtime_ns for p in (out / "records").iterdir()}
    assert kept.items() <= after.items()
    assert len(after) == 6


def wait_for_records(out: Path, count: int) -> None:
    deadline = time.monotonic() + 120
    while len(list((out / "records").glob("[!.]*.json"))) < count:
        assert time.monotonic() < deadline, "no records came"
        time.sleep(0.02)


def test_a_directory_in_use_is_refused(tmp_path: Path) -> None:
    strategies = [{"name": "slow", "seconds": 1.0}]
    sweep = sweeps.write_sweep(tmp_path, plugins=["plugin.py"], strategies=strategies)
    out = tmp_path / "run"
    process = subprocess.Popen(
        sweeps.command(sweep, out, "--local"),
        stdout=subprocess.DEVNULL, env=sweeps.environment(), cwd=tmp_path,
    )  # fmt: skip
    try:
        wait_for_records(out, 1)
        sweeps.suspend(process)
        refused = sweeps.run(sweep, out, "--local")
    finally:
        process.kill()
        process.wait()
    assert refused.returncode == 2
    assert f"is in use by process {process.pid} on" in refused.stdout


def test_another_sweeps_directory_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "run"
    sweeps.run(sweeps.write_sweep(tmp_path, seeds=1), out, "--local")
    before = {p: p.stat().st_mtime_ns for p in out.rglob("*")}
    refused = sweeps.run(sweeps.write_sweep(tmp_path, name="other"), out, "--local")
    assert refused.returncode == 2
    assert "belongs to the sweep 'small', not to 'other'" in refused.stdout
    assert {p: p.stat().st_mtime_ns for p in out.rglob("*")} == before


def test_a_refused_sweep_starts_nothing_and_says_one_line(tmp_path: Path) -> None:
    sweep = sweeps.write_sweep(tmp_path, budgets=[0])
    refused = sweeps.run(sweep, tmp_path / "run")
    assert refused.returncode == 2
    assert refused.stdout.count("\n") == 1
    assert refused.stdout.startswith("rayal: sweep 'small': budgets: 0 images is out of bounds")
    assert not (tmp_path / "run").exists()


def test_a_truncated_data_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04 not whole")
    sweep = sweeps.write_sweep(tmp_path, datasets=[{"name": "npz", "path": "cut.npz"}])
    refused = sweeps.run(sweep, tmp_path / "run", "--local")
    assert refused.returncode == 2
    assert refused.stdout.count("\n") == 1
    assert "cut.npz" in refused.stdout


def test_a_dry_run_shows_the_plan_and_writes_nothing(tmp_path: Path) -> None:
    sweep = sweeps.write_sweep(tmp_path)
    shown = sweeps.run(sweep, tmp_path / "run", "--dry-run")
    assert shown.returncode == 0
    assert "12 trials on 1 encoder stage, 0 done already" in shown.stdout
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("option", ["--help", "--dry-run"])
def test_help_and_dry_run_do_not_import_ray(tmp_path: Path, option: str) -> None:
    code = (
        "import sys; from rayal.cli import sweep\n"
        "try: sweep.main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print('ray' in sys.modules)"
    )
    arguments = [str(sweeps.write_sweep(tmp_path)), "--out", str(tmp_path / "run"), option]
    ran = run_script(code, *arguments, env=sweeps.environment())
    assert ran.stdout.splitlines()[-1] == "False"


def test_a_disk_that_is_too_small_is_refused_before_anything_starts(
    tmp_path: Path, small_disk: Path
) -> None:
    (small_disk / "ballast").write_bytes(os.urandom(8_000_000))
    refused = sweeps.run(sweeps.write_sweep(tmp_path), small_disk / "run", "--local")
    assert refused.returncode == 2
    assert "no space for the run in" in refused.stdout
    assert "MB are free; free some or give another --out" in refused.stdout


def test_a_disk_that_fills_up_stops_the_sweep_with_one_message(
    tmp_path: Path, small_disk: Path
) -> None:
    strategies = [{"name": "slow", "seconds": 0.3}]
    sweep = sweeps.write_sweep(tmp_path, plugins=["plugin.py"], strategies=strategies)
    out = small_disk / "run"
    process = subprocess.Popen(
        sweeps.command(sweep, out, "--local"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, env=sweeps.environment(), cwd=tmp_path,
    )  # fmt: skip
    wait_for_records(out, 1)
    sweeps.fill(small_disk / "ballast")
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 1, said
    assert said.count("no space left on the disk; free some and run the same command again") == 1
    (small_disk / "ballast").unlink()
    assert sweeps.run(sweep, out, "--local").returncode == 0


def test_a_terminal_that_knows_ascii_alone_loses_no_result(tmp_path: Path) -> None:
    sweep, out = sweeps.write_sweep(tmp_path, seeds=1), tmp_path / "caf\xe9"
    ended = subprocess.run(
        sweeps.command(sweep, out, "--local"), capture_output=True, timeout=300, cwd=tmp_path,
        env={**sweeps.environment(), "PYTHONIOENCODING": "ascii:strict"}, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert b"4 of 4 trials done, 0 failed" in ended.stdout
