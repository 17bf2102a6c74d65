import io
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from rich.table import Table

from rayal.cli import doctor
from rayal.cli import main as main_command
from rayal.cli.sweep import main
from rayal.cli.terminal import cell, print_table, warnings_as_lines

SWEEP = """\
name: s
datasets: [{name: image_folder, path: POOL, size: 16, test_share: .25}]
encoders: [pixels]
learners: [linear]
strategies: [random]
budgets: [4]
seeds: 1
"""


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RAYAL_CACHE", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    for c in "ab":
        (tmp_path / "pool" / c).mkdir(parents=True)
        for i in range(8):
            image = rng.integers(256, size=(8, 8, 3), dtype=np.uint8)
            Image.fromarray(image).save(tmp_path / f"pool/{c}/{i}.png")
    (tmp_path / "pool/a/scan.dcm").write_bytes(b"\0" * 128 + b"DICM")
    (tmp_path / "s.yaml").write_text(SWEEP.replace("POOL", str(tmp_path / "pool")))
    return tmp_path / "s.yaml"


def test_what_a_dataset_warns_of_is_printed_once_as_a_line(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        out = str(sweep.parent / "run")
        assert main([str(sweep), "--local", "--no-report", "--out", out]) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "warning" in line.lower()]
    assert len(lines) == 2
    assert lines[0].startswith(f"warning: {sweep.parent / 'pool'}: 1 file is passed over: 1 .dcm")
    assert lines[1].startswith(f"warning: {sweep.parent / 'pool'}: 16 of 16 images are enlarged")


def test_other_warnings_are_shown_as_ever(capsys: pytest.CaptureFixture[str]) -> None:
    def as_ever(*_: object) -> None:
        shown.append(str(_[0]))

    shown: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = as_ever
        with warnings_as_lines():
            warnings.warn("from elsewhere", stacklevel=1)
            warnings.warn("old", DeprecationWarning, stacklevel=1)
        assert warnings.showwarning is as_ever
    assert shown == ["from elsewhere", "old"]
    assert capsys.readouterr().err == ""


NAME = "mine [red]x[/red] \x1b[31m\u202eabc"
SHOWN = r"mine [red]x[/red] \x1b[31m\u202eabc"


def printed(width: int) -> str:
    table = Table(title=cell(NAME))
    table.add_column("strategy", overflow="fold")
    for budget in ("10", "500"):
        table.add_column(budget, justify="right", min_width=11)
    table.add_row(cell(NAME), "0.500±0.118\n[dim]0.75[/dim]", "0.708±0.177\n[dim]1.00[/dim]")
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    print_table(console, table)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("width", [1, 20, 39])
def test_in_a_narrow_terminal_a_table_is_a_line_for_each_cell(width: int) -> None:
    assert printed(width).splitlines() == [
        SHOWN, f"strategy: {SHOWN}", "  10: 0.500±0.118 0.75", "  500: 0.708±0.177 1.00",
    ]  # fmt: skip


def test_in_a_wide_one_names_are_neither_markup_nor_steer_the_terminal() -> None:
    table = printed(100)
    assert SHOWN in table
    assert "\x1b" not in table
    assert "500: " not in table


def test_a_reader_that_stops_ends_a_command_without_a_traceback() -> None:
    code = (
        "from rayal.cli.terminal import print_for_programs as p\nfor _ in range(9): p('x' * 65536)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


@pytest.mark.parametrize("words", [["doctor", "--json"], ["--print-completion", "bash"]])
def test_what_programs_read_is_printed_for_programs(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    printed: list[str] = []
    for module in (main_command, doctor):
        monkeypatch.setattr(module, "print_for_programs", printed.append)
    main_command.main(words)
    assert len(printed) == 1


@pytest.mark.parametrize("address", ["ray://me:s3cret@head:10001", "me:s3cret@head:6379"])
@pytest.mark.parametrize("command", ["sweep", "doctor", "encode", "select"])
def test_a_password_in_a_clusters_address_is_refused_and_not_repeated(
    command: str, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main_command.main([command, "x", "--address", address])
    said = capsys.readouterr().err
    assert "an address has no user and no password" in said
    assert "s3cret" not in said
