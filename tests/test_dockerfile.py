"""No container engine is needed to see that the Dockerfile fits the project."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LINES = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text()).splitlines()
STEPS = [line.split(maxsplit=1) for line in LINES if line and not line.startswith("#")]


def test_every_copied_path_exists() -> None:
    copied = [
        source
        for name, rest in STEPS
        if name == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]
    assert len(copied) >= 6
    assert [source for source in copied if not (ROOT / source).exists()] == []


def test_every_package_of_the_wheel_and_its_metadata_is_copied() -> None:
    pyproject = (ROOT / "pyproject.toml").read_text()
    packages = re.search(r"^packages = \[(.*)\]$", pyproject, re.MULTILINE)
    assert packages
    wanted = {*re.findall(r'"(\w+)"', packages[1]), "README.md", "pyproject.toml"}
    text = " ".join(rest for name, rest in STEPS if name == "COPY")
    assert {name for name in wanted if name not in text} == set()


def test_the_image_runs_as_an_ordinary_user_with_token_authentication() -> None:
    users = [rest for name, rest in STEPS if name == "USER"]
    assert users
    assert users[-1] not in ("root", "0")
    assert any("RAY_AUTH_MODE=token" in rest for name, rest in STEPS if name == "ENV")


@pytest.mark.parametrize("argument", ["PYTHON", "TORCH_BACKEND", "EXTRAS"])
def test_every_build_argument_is_declared_and_used(argument: str) -> None:
    assert any(name == "ARG" and rest.startswith(argument) for name, rest in STEPS)
    used = [rest for name, rest in STEPS if name != "ARG" and "${" + argument in rest]
    assert used
