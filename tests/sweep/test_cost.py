"""The bill of a sweep, and that the project's files state the hours that it is worked out from."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from rayal.cli.printing import show_plan
from rayal.storage.location import parse_location
from rayal.sweep import cost
from rayal.sweep.errors import SweepError
from rayal.sweep.file import load_sweep
from rayal.sweep.plan import make_plan
from rayal.sweep.schema import Autoscale, Hours, Price, Resources
from tests import sweeps
from tests.sweep.small_sweeps import FILES, plan_of_file


def test_a_bill_is_hours_times_prices_and_the_head_is_paid_for_as_long_as_it_takes() -> None:
    resources = Resources(
        autoscale=Autoscale(nodes=3, cpus=4, gpus=1),
        price=Price(gpu=0.5, cpu=0.1, head=0.2, lost=0.2),
    )
    made = cost.estimate(Hours(gpus=30, cpus=10), resources)
    assert made.gpu_hours == pytest.approx(36)
    assert made.hours == pytest.approx(12)
    assert made.workers == pytest.approx(36 * 0.5 + 12 * 0.1)
    assert made.head == pytest.approx(2.4)
    assert made.total == pytest.approx(21.6)


def test_what_takes_longest_sets_the_hours_by_the_clock() -> None:
    resources = Resources(autoscale=Autoscale(nodes=2, cpus=5, gpus=2))
    assert cost.estimate(Hours(gpus=8, cpus=45), resources).hours == pytest.approx(4.5)


def test_one_gpu_at_a_time_is_counted_with_where_nothing_says_how_many() -> None:
    assert cost.estimate(Hours(gpus=30), Resources()).hours == 30
    only_cpus = Resources(autoscale=Autoscale(nodes=1, cpus=4))
    assert cost.estimate(Hours(gpus=30), only_cpus).hours == 30


def test_without_prices_the_line_says_how_to_give_them() -> None:
    assert cost.summary(Hours(gpus=30), Resources()) == (
        "30 GPU-hours; --set resources.price.gpu=2.5 (an hour) gives the bill"
    )
    assert "resources.price.cpu=2.5" in cost.summary(Hours(cpus=0.07), Resources())
    assert cost.summary(Hours(), Resources(price=Price(gpu=1))) == ""


@pytest.mark.parametrize("change", ["hours.gpu=3", "hours.gpus=-1", "resources.price.gpu=cheap"])
def test_hours_and_prices_that_make_no_sense_are_refused(tmp_path: Path, change: str) -> None:
    with pytest.raises(SweepError, match=re.escape(change.partition("=")[0])):
        load_sweep(sweeps.write_sweep(tmp_path), [change])


def test_the_bill_stands_in_the_dry_run(tmp_path: Path) -> None:
    prices = ["hours.gpus=10", "resources.price.gpu=2.5"]
    plan = make_plan(load_sweep(sweeps.write_sweep(tmp_path), prices))
    console = Console(file=io.StringIO(), width=100)
    show_plan(console, plan, parse_location(str(tmp_path / "run")))
    assert isinstance(console.file, io.StringIO)
    assert "Bill: 10 GPU-hours, 10.0 h at the least; workers 25.00, head 0.00, in all 25.00" in (
        console.file.getvalue()
    )


def test_hours_and_prices_do_not_change_what_a_trial_is(tmp_path: Path) -> None:
    path = sweeps.write_sweep(tmp_path)
    plans = [make_plan(load_sweep(path, given)) for given in ([], ["hours.gpus=1"])]
    assert [t.id for t in plans[0].trials] == [t.id for t in plans[1].trials]


@pytest.mark.parametrize("name", [path.stem for path in FILES])
def test_every_file_states_the_hours_that_its_cost_speaks_of(name: str) -> None:
    sweep = plan_of_file(name).sweep
    assert sweep.hours.gpus or sweep.hours.cpus
    for said in re.findall(r"about ([\d,]+) GPU-hour", " ".join(sweep.cost.split())):
        assert sweep.hours.gpus == float(said.replace(",", ""))
