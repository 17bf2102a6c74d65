"""One command: `rayal COMMAND ...`, and `python -m rayal` the same."""

import subprocess
import sys
from pathlib import Path

import pytest

from rayal.cli import main as command
from rayal.cli import terminal
from rayal.cli.main import COMMANDS, main
from tests import sweeps
from tests.scripts import run_script

SHIMS = {"sweep": "rayal.sweep", "encode": "rayal.encode", "status": "rayal.status"}


def test_help_lists_every_command_and_three_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in COMMANDS)
    assert shown.partition("examples:")[2].count("\n  rayal ") >= 3


@pytest.mark.parametrize(
    "asked",
    [
        "from rayal.cli.main import main; main([])",
        "from rayal.cli.main import main; main(['sweep', '--help'])",
        "from analysis.__main__ import main; main(['--help'])",
    ],
)
def test_help_waits_for_no_library(asked: str) -> None:
    code = f"import atexit, sys; atexit.register(lambda: print(*sys.modules)); {asked}"
    loaded = run_script(code, env=sweeps.environment()).stdout.split()
    assert "argparse" in loaded
    assert not {"numpy", "torch", "pydantic", "ray", "rich", "pandas"} & set(loaded)


@pytest.mark.slow
def test_a_dry_run_of_the_quickstart_waits_for_no_large_library() -> None:
    run = "main(['sweep', 'quickstart', '--dry-run'])"
    code = f"import sys; from rayal.cli.main import main; {run}; print(*sys.modules)"
    loaded = run_script(code, env=sweeps.environment()).stdout.splitlines()[-1].split()
    assert "rayal.datasets.digits" in loaded
    assert "rayal.encoders.moco" in loaded
    assert not {"torch", "sklearn", "pandas", "scipy.stats", "ray"} & set(loaded)


@pytest.mark.parametrize(
    "words",
    [
        ["sweep", "quickstart", "--local", "--address", "auto"],
        ["doctor", "--local", "--address", "auto"],
        ["status", "runs/quickstart", "--watch", "--serve"],
    ],
)
def test_options_that_exclude_one_another_are_refused_together(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == terminal.REFUSED
    assert "not allowed with argument" in capsys.readouterr().err


def test_a_command_that_does_not_exist_is_refused_with_the_nearest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["sweeep", "quickstart"]) == command.REFUSED == terminal.REFUSED
    assert "there is no command 'sweeep', did you mean 'sweep'?" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert f"usage: rayal {name}" in capsys.readouterr().out


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_knows_commands_and_options(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--print-completion", shell]) == 0
    script = capsys.readouterr().out
    assert all(name in script for name in [*COMMANDS, "dry-run"])


def test_bash_completes_a_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--print-completion", "bash"])
    script = tmp_path / "completion.bash"
    script.write_text(capsys.readouterr().out)
    typed = "COMP_WORDS=(rayal st); COMP_CWORD=1"
    ask = f"source {script}; {typed}; _shtab_rayal; echo ${{COMPREPLY[@]}}"
    answer = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=False)
    assert set(answer.stdout.split()) == {"status", "strategies"}, answer.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIMS)
def test_the_module_commands_go_on_working(name: str) -> None:
    for words in ([SHIMS[name]], ["rayal", name]):
        shown = subprocess.run(
            [sys.executable, "-m", *words, "--help"], capture_output=True, text=True, check=True,
            env=sweeps.environment(),
        )  # fmt: skip
        assert shown.stdout.startswith("usage: ")


def test_a_packaged_sweep_is_found_by_name_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["sweep", "quickstart", "--dry-run"]) == 0
    assert "Nothing was started." in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_a_file_in_the_way_wins_over_a_packaged_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    sweeps.write_sweep(tmp_path).rename(tmp_path / "quickstart")
    assert main(["sweep", "quickstart", "--dry-run"]) == 0
    assert "runs/small" in capsys.readouterr().out


def test_a_name_that_is_no_sweep_lists_the_packaged_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["sweep", "quickstat"]) == terminal.REFUSED
    message = capsys.readouterr().err
    assert "did you mean 'quickstart'?" in message
    assert "medmnist" in message


def test_the_strategies_are_listed_and_one_is_explained(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["strategies"]) == 0
    assert "typiclust" in capsys.readouterr().out
    assert main(["strategies", "hacon"]) == 0
    assert "k: 30" in capsys.readouterr().out
    assert main(["strategies", "hakon"]) == terminal.REFUSED
    assert "did you mean 'hacon'?" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["sweep", "encode", "status", "select", "label", "strategies"])
def test_the_help_of_a_command_imports_no_large_library(command: str) -> None:
    large = {"matplotlib", "pandas", "pyarrow", "ray", "scipy", "sklearn", "torch"}
    if command not in ("select", "label"):  # whose modules choose by it
        large.add("faiss")
    code = (
        "import sys\nfrom rayal.cli.main import main\n"
        f"try: main(['{command}', '--help'])\n"
        "except SystemExit: pass\n"
        f"print({large} & set(sys.modules), file=sys.stderr)"
    )
    found = run_script(code)
    assert found.stderr == "set()\n"
