"""What may stand in a sweep file."""

from pathlib import Path

import pytest

from rayal.sweep.errors import SweepError
from rayal.sweep.file import load_sweep
from rayal.sweep.plan import make_plan
from tests.sweep.small_sweeps import SMALL, plan_of, write

REFUSED = [
    ({"nmae": "x"}, "unknown key 'nmae', did you mean 'name'"),
    ({"budgets": [10.5]}, "budgets"),
    ({"budgets": []}, "budgets"),
    ({"seeds": "many"}, "seeds"),
    ({"resources": {"trial": {"cpu": 1}}}, "unknown key 'resources.trial.cpu', did you mean"),
    ({"resources": {"trial": {"cpus": 0}}}, "resources.trial.cpus: 0 is refused"),
    ({"name": "../evil"}, "name: '../evil' is refused"),
    ({"name": 5}, "name: 5 is refused"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED, ids=[str(c)[:60] for c, _ in REFUSED])
def test_a_wrong_sweep_is_refused_with_the_reason(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(SweepError, match=message):
        plan_of(tmp_path, **changes)


def test_a_part_inherits_the_top_level_and_replaces_its_shape(tmp_path: Path) -> None:
    cycles = {
        "initial": ["random"],
        "cycles": {"start": 10, "step": 5, "rounds": 2},
        "seeds": 1,
    }
    plan = plan_of(tmp_path, parts={"single": {}, "cycles": cycles})
    assert {len(t.schedule) for t in plan.trials} == {1, 2}


def test_the_resolved_sweep_plans_the_same_trials(tmp_path: Path) -> None:
    path = write(tmp_path, SMALL)
    sweep = load_sweep(path, ["seeds.random=1"])
    again = load_sweep(write(tmp_path, sweep.as_yaml()))
    assert [t.id for t in make_plan(sweep).trials] == [t.id for t in make_plan(again).trials]
