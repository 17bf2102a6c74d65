"""Values set on the command line."""

from pathlib import Path

import pytest
import yaml

from rayal.sweep.errors import SweepError
from rayal.sweep.file import load_sweep
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


def test_set_at_the_top_is_refused_where_parts_would_hide_it(tmp_path: Path) -> None:
    tree = {**SMALL, "parts": {"one": {"seeds": 4}}}
    with pytest.raises(SweepError, match=r"set parts\.one\.seeds"):
        load_sweep(write(tmp_path, tree), ["seeds=1"])


def test_a_part_is_not_made_from_a_name_that_is_spelled_wrong(tmp_path: Path) -> None:
    tree = {**SMALL, "seeds": None, "parts": {"cold": {"seeds": 4}}}
    tree = {key: value for key, value in tree.items() if value is not None}
    with pytest.raises(SweepError, match="no part 'cld', did you mean 'cold'"):
        load_sweep(write(tmp_path, tree), ["parts.cld.seeds=1"])


def test_a_section_that_is_empty_takes_values(tmp_path: Path) -> None:
    sweep = load_sweep(write(tmp_path, {**SMALL, "track": None}), ["track.wandb=offline"])
    assert sweep.track.wandb == "offline"
