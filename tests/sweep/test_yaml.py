"""What a sweep file may be written in."""

import math
import os
import time
from pathlib import Path

import pytest

from rayal.sweep.errors import SweepError
from rayal.sweep.file import load_sweep
from rayal.sweep.yaml import dump, parse
from tests.sweep.small_sweeps import SMALL, write

TEXTS = [
    ("name: [", "no YAML"),
    ("- a\n- b\n", "no mapping"),
    ("a: &a [x, x]\nb: [*a, *a]\n", "aliases"),
    ("name: !!python/object/apply:os.system ['true']\n", "tag"),
    ("name: !custom x\n", "tag"),
    ("name: !!int 5\n", "tag"),
    ("name: a\nname: b\nx: 1\nx: 2\n", "'name' is given twice.*'x' is given twice"),
    ("name: a\ntrue: 1\nTrue: 2\n", "^[^;]*: the key 'true' is given twice; the key 'True' is"),
    ("%YAML 1.1\n---\nname: a\n", "it says that it is YAML 1.1"),
    ("\x00", "no YAML"),
    ("[" * 5000, "no YAML"),
    ("x: " + "y" * 1_100_000, "larger than"),
]


@pytest.mark.parametrize(("text", "message"), TEXTS, ids=[m for _, m in TEXTS])
def test_yaml_that_is_not_plain_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SweepError, match=message):
        load_sweep(write(tmp_path, text))


def test_a_billion_laughs_is_refused_at_once(tmp_path: Path) -> None:
    lines = ["a0: &a0 lol"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]
    with pytest.raises(SweepError, match="aliases"):
        load_sweep(write(tmp_path, "\n".join(lines)))


def test_a_missing_sweep_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SweepError, match=r"absent\.yaml cannot be read: No such file"):
        load_sweep(tmp_path / "absent.yaml")


# The core schema of YAML 1.2, section 10.3.2, and what YAML 1.1 took for other things.
VALUES: list[tuple[str, object]] = [
    ("true", True), ("False", False), ("null", None), ("~", None), ("", None),
    ("yes", "yes"), ("no", "no"), ("on", "on"), ("Off", "Off"), ("y", "y"),
    ("0", 0), ("010", 10), ("-19", -19), ("+7", 7), ("0o17", 15), ("0x1F", 31),
    ("1:30", "1:30"), ("12:30:45", "12:30:45"), ("1_000", "1_000"), ("0b11", "0b11"),
    ("1e-1", 0.1), ("1e3", 1000.0), (".5", 0.5), ("1.", 1.0), ("-0.25E+2", -25.0),
    (".inf", math.inf), ("-.Inf", -math.inf), ("1e400", math.inf),
    ("2026-11-28", "2026-11-28"), ("=", "="), ("5e", "5e"), ("0.5%", "0.5%"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), VALUES, ids=[text for text, _ in VALUES])
def test_values_are_those_of_yaml_1_2(text: str, value: object) -> None:
    [read] = parse(f"key: {text}").values()
    assert (type(read), read) == (type(value), value)


@pytest.mark.parametrize(
    "text",
    [
        *(text for text, _ in VALUES),
        "9" * 30,
        "<<",
        "# x",
        "- a",
        "a: b",
        " x ",
        "a\nb",
        "\x85\u2028",
    ],
)
def test_text_that_is_written_is_read_as_the_same_text(text: str) -> None:
    assert parse(dump({"key": text, "list": [text]})) == {"key": text, "list": [text]}


def test_a_number_of_thousands_of_digits_is_no_number(tmp_path: Path) -> None:
    with pytest.raises(
        SweepError, match=r"budgets\.0: '9+\.\.\.9+' \(5,002 characters\) is neither"
    ):
        load_sweep(write(tmp_path, {**SMALL, "budgets": ["9" * 5000]}))


def test_many_keys_are_told_apart_in_little_time(tmp_path: Path) -> None:
    keys = "\n".join(f"k{i}: 1" for i in range(10_000))
    started = time.process_time()
    with pytest.raises(SweepError, match="20 mistakes, and there may be more"):
        load_sweep(write(tmp_path, keys))
    assert time.process_time() - started < 20


def test_a_pipe_a_device_and_a_folder_are_no_sweep_files(tmp_path: Path) -> None:
    pipe, link = tmp_path / "pipe.yaml", tmp_path / "link.yaml"
    os.mkfifo(pipe)
    link.symlink_to("/dev/zero")
    for path, kind in ((pipe, "a pipe"), (link, "a device"), (tmp_path, "a folder")):
        with pytest.raises(SweepError, match=f"it is {kind}, no file"):
            load_sweep(path)


def test_a_file_that_tells_no_size_is_read_up_to_the_limit() -> None:
    with pytest.raises(SweepError, match=r"larger than|cannot be read|no YAML"):
        load_sweep(Path("/proc/kallsyms"))


def test_a_path_that_no_disk_takes_cannot_be_read() -> None:
    with pytest.raises(SweepError, match="cannot be read: File name too long"):
        load_sweep(Path("x" * 5000 + ".yaml"))
