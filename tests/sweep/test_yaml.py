"""What a sweep file may be written in."""

from pathlib import Path

import pytest

from rayal.sweep.errors import SweepError
from rayal.sweep.file import load_sweep
from tests.sweep.small_sweeps import write

TEXTS = [
    ("name: [", "no YAML"),
    ("- a\n- b\n", "no mapping"),
    ("a: &a [x, x]\nb: [*a, *a]\n", "aliases"),
    ("name: !!python/object/apply:os.system ['true']\n", "tag"),
    ("name: !custom x\n", "tag"),
    ("name: a\nname: b\n", "'name' is given twice"),
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
