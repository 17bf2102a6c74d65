import subprocess
import sys

from rayal.seeds import generator, integer


def test_the_same_names_draw_the_same_in_another_process() -> None:
    code = "from rayal.seeds import *; print(integer(generator('query', 'digits', 3)))"
    other = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={"PYTHONHASHSEED": "7", "PYTHONPATH": "."},
    )  # fmt: skip
    assert int(other.stdout) == integer(generator("query", "digits", 3))


def test_names_do_not_run_together() -> None:
    draws = {
        integer(generator(*names))
        for names in [("a", "b"), ("ab",), ("a", "b", ""), ("a", 1), ("a", "1"), ("a1",)]
    }
    assert len(draws) == 6
