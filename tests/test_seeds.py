from rayal.seeds import generator, integer
from tests.scripts import run_script


def test_the_same_names_draw_the_same_in_another_process() -> None:
    code = "from rayal.seeds import *; print(integer(generator('query', 'digits', 3)))"
    other = run_script(code, env={"PYTHONHASHSEED": "7", "PYTHONPATH": "."})
    assert int(other.stdout) == integer(generator("query", "digits", 3))


def test_names_do_not_run_together() -> None:
    draws = {
        integer(generator(*names))
        for names in [("a", "b"), ("ab",), ("a", "b", ""), ("a", 1), ("a", "1"), ("a1",)]
    }
    assert len(draws) == 6
