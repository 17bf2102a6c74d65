import pytest

from rayal.datasets._files import progress as meter


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "0")


def test_without_a_terminal_there_is_a_line_every_tenth(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(meter, "QUIET_SECONDS", -1.0)
    assert list(meter.with_progress(range(1234), 1234, "decoding cells")) == list(range(1234))
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"decoding cells: {p} % of 1,234 images" for p in range(10, 101, 10)]


def test_what_is_soon_done_is_worth_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(meter.with_progress(range(50), 50, "decoding cells")) == list(range(50))
    assert capsys.readouterr().err == ""


def test_on_a_terminal_there_is_a_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("TERM", "xterm")
    assert list(meter.with_progress(iter("abc"), 3, "decoding cells")) == ["a", "b", "c"]
    assert "decoding cells" in capsys.readouterr().err
