"""Values set on the command line."""

import io
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from rayal.cli.printing import show_plan
from rayal.sweep.entries import Entry
from rayal.sweep.errors import SweepError
from rayal.sweep.file import load_sweep
from rayal.sweep.plan import make_plan
from tests.sweep.small_sweeps import SMALL, write


def test_set_changes_values_by_key_name_and_position(tmp_path: Path) -> None:
    path = write(tmp_path, SMALL)
    sweep = load_sweep(
        path,
        [
            "seeds.random=7",
            "strategies.kmeans.normalize=false",
            "budgets.0=5",
            "resources.trial.cpus=0.5",
        ],
    )
    part = sweep.parts["all"]
    assert part.seeds == {"random": 7, "default": 2}
    assert part.strategies[1].given == {"normalize": False}
    assert part.budgets == [5, 20]
    assert sweep.resources.trial.cpus == 0.5
    assert yaml.safe_load(sweep.as_yaml())["seeds"]["random"] == 7


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("seeds", "write it as key=value"),
        ("budgets.7=1", "no single entry '7'"),
        ("strategies.hacon.k=2", "no single entry 'hacon' in the list"),
        ("name.first=x", "'name' is a value"),
        ("seeds=[", "no plain YAML"),
        ("sedes=1", "unknown key 'sedes', did you mean 'seeds'"),
        ("seeds=1e400", "seeds: inf is refused"),
        ("parts.x.seeds=1", "there is no part 'x'; this sweep has no parts"),
        ("budgets.²=1", "no single entry '²'"),
        ("budgets.0.x=1", "'0' is a value"),
        ("x=" + "[" * 5000, "nested more than"),
    ],
)
def test_a_wrong_set_is_refused(tmp_path: Path, override: str, message: str) -> None:
    with pytest.raises(SweepError, match=message):
        load_sweep(write(tmp_path, SMALL), [override])


def two_parts(folder: Path) -> Path:
    """Write a sweep whose parts give what SMALL gives at the top, but for their strategies."""
    common = {key: value for key, value in SMALL.items() if key not in ("seeds", "strategies")}
    parts = {
        "one": {"strategies": ["random", "kmeans"], "seeds": {"random": 9, "default": 2}},
        "two": {"strategies": ["random"], "seeds": 4},
        "three": {"strategies": ["random"]},
    }
    return write(folder, {**common, "parts": parts})


def test_a_key_that_parts_give_is_set_in_all_of_them_and_the_plan_says_so(tmp_path: Path) -> None:
    sweep = load_sweep(two_parts(tmp_path), ["seeds=1", "strategies=[kmeans]"])
    assert [part.seeds for part in sweep.parts.values()] == [1, 1, 1]
    assert [part.strategies[0].name for part in sweep.parts.values()] == ["kmeans"] * 3
    assert sweep.notes == (
        "--set seeds=1 applies to the parts one, two, those that take it from the top",
        "--set strategies=[kmeans] applies to the parts one, two, three",
    )
    console = Console(file=io.StringIO(), width=200)
    show_plan(console, make_plan(sweep), tmp_path / "run")
    assert isinstance(console.file, io.StringIO)
    assert sweep.notes[0] in console.file.getvalue()


def test_a_place_that_not_all_parts_have_is_set_where_it_is(tmp_path: Path) -> None:
    sweep = load_sweep(two_parts(tmp_path), ["strategies.kmeans.normalize=false", "budgets.0=5"])
    assert sweep.parts["one"].strategies[1].given == {"normalize": False}
    assert sweep.parts["two"].strategies == [Entry(name="random")]
    assert sweep.notes == ("--set strategies.kmeans.normalize=false applies to the part one",)
    with pytest.raises(SweepError, match="no single entry 'hacon'"):
        load_sweep(two_parts(tmp_path), ["strategies.hacon.k=2"])


def test_seeds_of_one_strategy_are_set_beside_a_number_for_all(tmp_path: Path) -> None:
    sweep = load_sweep(two_parts(tmp_path), ["seeds.random=7"])
    assert sweep.parts["one"].seeds == {"random": 7, "default": 2}
    assert sweep.parts["two"].seeds == {"random": 7, "default": 4}


def test_null_leaves_a_part_out(tmp_path: Path) -> None:
    sweep = load_sweep(two_parts(tmp_path), ["parts.one=null"])
    assert list(sweep.parts) == ["two", "three"]
    with pytest.raises(SweepError, match="no part 'on', did you mean 'one'"):
        load_sweep(two_parts(tmp_path), ["parts.on=null"])
    with pytest.raises(SweepError, match="give at least one part"):
        load_sweep(two_parts(tmp_path), [f"parts.{n}=null" for n in ("one", "two", "three")])


def test_a_part_is_not_made_from_a_name_that_is_spelled_wrong(tmp_path: Path) -> None:
    tree = {**SMALL, "seeds": None, "parts": {"cold": {"seeds": 4}}}
    tree = {key: value for key, value in tree.items() if value is not None}
    with pytest.raises(SweepError, match="no part 'cld', did you mean 'cold'"):
        load_sweep(write(tmp_path, tree), ["parts.cld.seeds=1"])


def test_a_section_that_is_empty_takes_values(tmp_path: Path) -> None:
    sweep = load_sweep(write(tmp_path, {**SMALL, "track": None}), ["track.wandb=offline"])
    assert sweep.track.wandb == "offline"
