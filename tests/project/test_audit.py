"""The audit of pinned packages: what it makes of PyPI's answers, and of none."""

from typing import Any

import pytest

import audit

SOUND = {"name": "numpy", "version": "2.4.6", "vulns": []}
ADVISORY = {"id": "PYSEC-2026-7", "aliases": ["CVE-2026-77"], "fix_versions": ["3.2"]}
UNSOUND = {"name": "jinja2", "version": "3.1.6", "vulns": [ADVISORY]}
UNKNOWN = {"name": "torch", "skip_reason": "Dependency not found on PyPI: torch (2.13.0)"}


def answer(monkeypatch: pytest.MonkeyPatch, *answers: list[dict[str, Any]]) -> list[str]:
    asked: list[str] = []

    def ask(requirements: str) -> list[dict[str, Any]]:
        asked.append(requirements)
        return answers[len(asked) - 1]

    monkeypatch.setattr(audit, "ask", ask)
    return asked


def test_a_sound_set_passes() -> None:
    said, status = audit.judge([SOUND], {})
    assert (said, status) == (["1 packages audited, 0 advisories to act on"], 0)


def test_an_advisory_fails_the_check_and_says_what_mends_it() -> None:
    said, status = audit.judge([SOUND, UNSOUND], {})
    assert status == 1
    assert said[0] == "jinja2 3.1.6: PYSEC-2026-7, fixed in 3.2"


@pytest.mark.parametrize("name", ["PYSEC-2026-7", "CVE-2026-77"])
def test_an_accepted_advisory_passes_under_any_of_its_names(name: str) -> None:
    said, status = audit.judge([UNSOUND], {name: "templates are our own"})
    assert status == 0
    assert said[0] == "jinja2 3.1.6: PYSEC-2026-7, accepted: templates are our own"


def test_a_reason_that_serves_no_more_is_named() -> None:
    said, status = audit.judge([SOUND], {"CVE-2020-1": "old"})
    assert status == 0
    assert said[0] == "CVE-2020-1 is not found any more: take it out"


def test_what_pypi_does_not_know_is_named() -> None:
    said, _ = audit.judge([SOUND, UNKNOWN], {})
    assert said[0] == "not audited, as PyPI does not know them: torch"


def test_an_id_needs_a_reason() -> None:
    assert audit.accepted("# a comment\n\nCVE-1 because of this\n") == {"CVE-1": "because of this"}
    with pytest.raises(ValueError, match="CVE-2 has no reason"):
        audit.accepted("CVE-2\n")
    audit.accepted(audit.ACCEPTED.read_text())


@pytest.mark.parametrize("nothing", [[], [UNKNOWN]])
def test_without_an_answer_it_asks_once_says_so_and_passes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], nothing: Any
) -> None:
    asked = answer(monkeypatch, nothing)
    assert audit.main() == 0
    assert asked == [audit.PROBE]
    assert capsys.readouterr().out.startswith("AUDIT NOT DONE: ")


def test_all_pins_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = answer(monkeypatch, [SOUND], [SOUND, UNSOUND])
    assert audit.main() == 1
    assert asked[1] == audit.PINNED.read_text()
    assert "2 packages audited, 1 advisories to act on" in capsys.readouterr().out
