"""Commands and options that the pages tell people to write are those that there are."""

import argparse
import importlib
import re
import shlex
from pathlib import Path

import pytest

from rayal.cli.main import COMMANDS

ROOT = Path(__file__).parent.parent.parent
# Decisions tell of earlier forms.
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.name != "decisions.md"),
]


def parsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command."""
    return {
        name: importlib.import_module(f"rayal.cli.{name}").parser(f"rayal {name}")
        for name in COMMANDS
    }


def test_every_option_of_every_command_is_on_a_page() -> None:
    pages = "\n".join(page.read_text() for page in PAGES)
    missing = [
        f"{name} {option}"
        for name, parser in parsers().items()
        for action in parser._actions
        for option in action.option_strings
        if option[:2] == "--" and option != "--help"
        and not re.search(rf"{option}(?![\w-])", pages)
    ]  # fmt: skip
    assert missing == []


def written_commands() -> list[str]:
    """Each `rayal COMMAND ...` of the pages, in a block or in a sentence, without its comment."""
    found = []
    for page in PAGES:
        text = page.read_text().replace("\\\n", " ")
        lines = re.findall(r"^(?: {4})?(rayal \S+(?: \S+)*)", text, re.MULTILINE)
        found += [line.partition(" #")[0] for line in lines]
        found += re.findall(r"`(rayal [^`>]+)", text)
    return [" ".join(command.split()) for command in found if "..." not in command]


def test_every_written_command_is_one_that_is_understood(
    capsys: pytest.CaptureFixture[str],
) -> None:
    wrong, of_command = [], parsers()
    commands = [shlex.split(command)[1:] for command in written_commands()]
    for name, *words in commands:
        placed = ["1" if word == "B" else word for word in words]
        known = of_command.get(name)
        if known is None and name not in ("COMMAND", "--print-completion"):
            wrong.append(f"there is no rayal {name}")
        elif known is not None and placed:  # the name alone stands for the command in a sentence
            try:
                known.parse_args(placed)
            except SystemExit:
                wrong.append(capsys.readouterr().err)
    assert wrong == []
    assert len(commands) > 80
