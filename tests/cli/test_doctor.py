"""`rayal doctor` as it is typed; what a sweep does with what it finds."""

import json
from pathlib import Path

import pytest

from rayal.cli import doctor
from rayal.cli import sweep as sweep_command
from rayal.doctor.checks import gpu, loopback
from rayal.doctor.finding import Finding
from tests import sweeps
from tests.scripts import run_script

FAILING = Finding("fails", "it does not", "takes connections", "ip link set lo up", "loopback")


def test_one_line_a_check_and_exit_status_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor.main(["--local", "--out", str(tmp_path)]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines} <= {"ok", "mended", "warning"}
    assert " 0 fails" in last


def test_what_is_certain_to_fail_is_exit_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "examine", lambda request: [FAILING])
    assert doctor.main([]) == 1
    assert "loopback  it does not (takes connections); ip link set lo up" in (
        capsys.readouterr().out
    )


def test_measured_values_stand_below_one_another(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    long = Finding("ok", "it does not", "takes", check="temporary files", node="10.0.0.1")
    monkeypatch.setattr(doctor, "examine", lambda request: [FAILING, long])
    doctor.main([])
    first, second, _ = capsys.readouterr().out.splitlines()
    assert first.index("it does not") == second.index("it does not")
    assert "temporary files  it does not" in second


def test_a_dry_run_says_what_the_machine_lacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu, "DEVICES", tmp_path)
    sweep = str(sweeps.write_sweep(tmp_path))
    out = ["--out", str(tmp_path / "run"), "--dry-run"]
    assert sweep_command.main([sweep, *out, "--set", "resources.trial.gpus=1"]) == 0
    assert "NOTE: this machine cannot run it: GPU: 0 NVIDIA" in capsys.readouterr().out
    assert sweep_command.main([sweep, *out]) == 0
    assert "cannot run it" not in capsys.readouterr().out


def test_json_has_every_field(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    doctor.main(["--json", "--local", "--out", str(tmp_path)])
    found = json.loads(capsys.readouterr().out)
    fields = {"state", "measured", "threshold", "mend", "check", "node"}
    assert all(set(finding) == fields for finding in found)
    assert "CPUs" in {finding["check"] for finding in found}


def test_the_resources_of_a_sweep_file_are_held_against_the_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = sweeps.write_sweep(tmp_path)
    assert doctor.main([str(sweep), "--set", "resources.trial.cpus=4096"]) == 1
    assert "4096 for the largest piece of work" in capsys.readouterr().out


def test_a_sweep_file_that_is_refused_is_exit_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sweep.yaml").write_text("resources: {trial: {cpus: -1}}")
    assert doctor.main([str(tmp_path / "sweep.yaml")]) == 2
    assert capsys.readouterr().err.startswith("rayal: ")


def test_it_waits_for_neither_torch_nor_ray() -> None:
    code = (
        "import sys; from rayal.cli import doctor; doctor.main([]);"
        "print({'torch', 'ray', 'scipy', 'pandas'} & set(sys.modules))"
    )
    ended = run_script(code, env=sweeps.environment())
    assert ended.stdout.splitlines()[-1] == "set()", ended.stderr


def test_a_sweep_is_refused_where_something_is_certain_to_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(loopback, "ADDRESS", "203.0.113.1")  # of no machine
    sweep = sweeps.write_sweep(tmp_path)
    assert sweep_command.main([str(sweep), "--out", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert "this machine cannot run the sweep: loopback: it does not" in said
    assert "use --local" in said
    assert not list((tmp_path / "run" / "records").glob("*.json"))
