"""Whether every supported Python finds the dependencies: what is made of pip's answers."""

import subprocess

import pytest

import check_pythons

TOO_NEW = [
    "Ignored the following versions that require a different python version: 4.2.0",
    "Could not find a version that satisfies the requirement a>=4.2 (from versions: 4.1)",
    "No matching distribution found for a>=4.2",
]
OFFLINE = [
    "Could not find a version that satisfies the requirement a>=4.2 (from versions: none)",
    "No matching distribution found for a>=4.2",
]


def test_the_pythons_are_those_that_the_package_names() -> None:
    text = check_pythons.PYPROJECT.read_text()
    assert check_pythons.supported(text) == ["3.10", "3.11", "3.12", "3.13"]
    assert 'requires-python = ">=3.10,<3.14"' in text


def test_dependencies_are_those_of_the_package_and_of_its_tests() -> None:
    found = check_pythons.dependencies(check_pythons.PYPROJECT.read_text())
    assert {"numpy>=2.0", "pytest>=9.0"} <= set(found)
    assert not any(one.startswith("faiss-gpu") for one in found)


def answer(monkeypatch: pytest.MonkeyPatch, of_oldest: list[str]) -> None:
    def errors_of_pip(_requirements: list[str], python: str) -> list[str]:
        return of_oldest if python == "3.10" else []

    monkeypatch.setattr(check_pythons, "errors_of_pip", errors_of_pip)


def test_a_dependency_that_one_python_lacks_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(monkeypatch, TOO_NEW)
    assert check_pythons.main() == 1
    said = capsys.readouterr().out
    assert said.startswith("Python 3.10: No matching distribution found for a>=4.2\n")
    assert "Python 3.13: every dependency has a version" in said


def test_without_an_answer_it_says_so_and_passes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(monkeypatch, OFFLINE)
    assert check_pythons.main() == 0
    assert capsys.readouterr().out.startswith("PYTHONS NOT CHECKED: ")


@pytest.mark.parametrize(
    ("status", "said", "errors"),
    [
        (0, "", []),
        (1, "WARNING: w\nERROR: one\nERROR: two\n", ["one", "two"]),
        (1, "", ["pip failed without a word"]),
    ],
)
def test_what_pip_says_is_read(
    monkeypatch: pytest.MonkeyPatch, status: int, said: str, errors: list[str]
) -> None:
    ended = subprocess.CompletedProcess([], status, "", said)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: ended)
    assert check_pythons.errors_of_pip(["a>=1"], "3.10") == errors
