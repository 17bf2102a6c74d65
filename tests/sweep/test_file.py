"""What may stand in a sweep file."""

import contextlib
import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from rayal.sweep.errors import SweepError
from rayal.sweep.file import load_sweep
from rayal.sweep.plan import make_plan
from rayal.sweep.yaml import dump
from tests.sweep.small_sweeps import SMALL, plan_of, write

REFUSED = [
    ({"nmae": "x"}, "unknown key 'nmae', did you mean 'name'"),
    ({"budgets": [10.5]}, "budgets"),
    ({"budgets": []}, "budgets"),
    ({"seeds": "many"}, "seeds"),
    ({"resources": {"trial": {"cpu": 1}}}, "unknown key 'resources.trial.cpu', did you mean"),
    ({"resources": {"trial": {"cpus": 0}}}, "resources.trial.cpus: 0 is refused"),
    ({"name": "../evil"}, "name: '../evil' is refused"),
    ({"name": 5}, "name: 5 is refused.*put it in quotes"),
    ({"strategy": ["random"], "strategies": None}, "unknown key 'strategy', did you mean 'strat"),
    ({"budget": [5]}, "unknown key 'budget', did you mean 'budgets'"),
    (
        {"resources": {"learners": ["linear"]}, "learners": None},
        r"'resources\.learners', which belongs at the top of the file\n  'learners' is missing",
    ),
    ({"cpus": 2}, "'cpus', which belongs under hours or resources.pretrain or resources.trial"),
    ({"restarts": 2}, "'restarts', a parameter of .*strategy 'kmeans'.*give it in an entry"),
    ({"strategies": "random"}, r"input should be a valid list; write \[random\]"),
    ({"datasets": {"name": "digits"}}, "valid list; put it in a list"),
    ({"strategies": [{"kmeans": {"restarts": 2}}]}, r"write \{name: kmeans, restarts: 2\}"),
    ({"strategies": [{"strategy": "kmeans", "restarts": 2}]}, r"write \{name: kmeans, restarts: 2"),
    ({"strategies": [5]}, "strategies.0: 5 is refused: an entry is a name, or a mapping"),
    ({"budgets": ["1:30"]}, "'1:30' is neither a number of images nor a share"),
    ({"budgets": ["1_000"]}, "'1_000' is neither .* write a plain number"),
    ({"budgets": [1000.0]}, "1000.0 is neither .*; write 1000"),
    ({"budgets": [True]}, "True is neither a number of images"),
    ({"seeds": {"random": 2.5}}, "seeds: .* give a whole number, or one for each strategy"),
    ({"resources": {"trial": {"cpus": 1e9}}}, "input should be less than or equal to"),
    ({"resources": 5}, "resources: 5 is refused: input should be a mapping"),
    ({"cycles": {"start": 1, "step": 1, "rounds": 10**9}}, "less than or equal to 100000"),
    ({"parts": {}}, "parts: give at least one part"),
    ({"parts": {"a": None}}, "parts: give a mapping of names to parts"),
    ({"parts": {"a": {"seed": 4}}}, r"unknown key 'parts\.a\.seed', did you mean 'seeds'"),
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


@pytest.mark.parametrize("value", [".inf", "-.inf", ".nan", "1e400"])
@pytest.mark.parametrize(
    "place",
    ["resources.trial.cpus", "hours.gpus", "resources.price.gpu", "resources.autoscale.cpus"],
)
def test_no_number_of_a_sweep_is_infinite(tmp_path: Path, place: str, value: str) -> None:
    with pytest.raises(
        SweepError, match=f"{place}: .* is refused: input should be a finite number"
    ):
        load_sweep(write(tmp_path, SMALL), [f"{place}={value}"])


def test_all_mistakes_are_told_at_once_those_of_names_and_parameters_too(tmp_path: Path) -> None:
    wrong = {
        **SMALL,
        "nmae": "x",
        "strategies": ["randm", {"name": "kmeans", "restart": 3, "normalise": False}],
        "budgets": ["ten", 10, 10.5],
        "resources": {"trial": {"cpu": 1}},
    }
    with pytest.raises(SweepError) as refused:
        load_sweep(write(tmp_path, wrong), ["seeds=["])
    head, *told = str(refused.value).splitlines()
    assert head.endswith("sweep.yaml: 8 mistakes:")
    beginnings = [
        "--set seeds=[",
        "unknown key 'nmae', did you mean 'name'",
        "budgets.0: 'ten' is neither",
        "budgets.2: 10.5 is neither",
        "unknown key 'resources.trial.cpu', did you mean 'cpus'",
        "there is no strategy named 'randm', did you mean 'random'",
        "strategy 'kmeans' has no parameter 'restart', did you mean 'restarts'",
        "strategy 'kmeans' has no parameter 'normalise', did you mean 'normalize'",
    ]
    for beginning in beginnings:
        assert sum(line.strip().startswith(beginning) for line in told) == 1, (beginning, told)


@pytest.mark.parametrize(
    ("parts", "hidden"),
    [
        ({"a": {"strategies": ["random"]}, "b": {"strategies": ["kmeans"]}}, "strategies"),
        ({"a": {"seeds": 1}}, "seeds"),
        ({"a": {"initial": ["random"], "cycles": {"start": 5, "step": 5, "rounds": 2}}}, "budgets"),
    ],
    ids=["strategies", "seeds", "budgets"],
)
def test_a_key_at_the_top_that_every_part_hides_is_refused(
    tmp_path: Path, parts: dict[str, object], hidden: str
) -> None:
    with pytest.raises(SweepError, match=f"'{hidden}' at the top is used by no part"):
        plan_of(tmp_path, parts=parts)
    assert plan_of(tmp_path, parts={**parts, "takes": {}}).trials


def test_a_run_that_is_given_as_a_sweep_is_told_how_to_go_on(tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / "records").mkdir(parents=True)
    (run / "plan.json").write_text("{}")
    for path, what in ((run, "the folder of a run"), (run / "plan.json", "the plan of a run")):
        with pytest.raises(SweepError, match=f"{what}, .*sweep.yaml .*rayal status .*rayal report"):
            load_sweep(path)


KEYS = [*SMALL, "cycles", "initial", "parts", "resources", "track", "plugins"]
INNER_KEYS = ["name", "random", "default", "start", "seeds", "a"]


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    key=strategies.sampled_from(KEYS),
    value=strategies.recursive(
        strategies.none() | strategies.booleans() | strategies.integers() | strategies.floats()
        | strategies.sampled_from(["random", "digits", "no", "1:30", "5%", ""]) | strategies.text(),
        lambda inner: strategies.lists(inner, max_size=3)
        | strategies.dictionaries(strategies.sampled_from(INNER_KEYS), inner, max_size=3),
        max_leaves=6,
    ),
)  # fmt: skip
def test_whatever_stands_in_a_file_is_planned_or_refused(
    tmp_path: Path, key: str, value: object
) -> None:
    with contextlib.suppress(SweepError):
        make_plan(load_sweep(write(tmp_path, dump({**SMALL, key: value}))))


UNWRITABLE: dict[str, dict[str, object]] = {
    "a name": {"name": "na\udce9me"},
    "a path": {"datasets": [{"name": "image_folder", "path": "p\udce9"}]},
    "a parameter": {"strategies": [{"name": "kmeans", "restarts": "\udce9"}]},
    "a key": {"question": "why?", "\udce9": 1},
    "the question": {"question": "why \udce9?"},
    "a plugin": {"plugins": ["p\udce9.py"]},
}


SECRET = "s3://KEY:hush@bucket/x"
WITH_SECRETS: dict[str, dict[str, object]] = {
    "question": {"question": f"as in {SECRET}?"},
    "datasets.path": {"datasets": [{"name": "image_folder", "path": SECRET}]},
    "track.tensorboard": {"track": {"tensorboard": "https://host/?token=hush"}},
    "plugins": {"plugins": [SECRET]},
    "parts.a.encoders.weights": {
        "encoders": None,
        "parts": {"a": {"encoders": [{"name": "checkpoint", "weights": "https://hush@host/w"}]}},
    },
}


@pytest.mark.parametrize("where", WITH_SECRETS)
def test_an_address_with_a_secret_is_refused_wherever_it_stands(tmp_path: Path, where: str) -> None:
    tree = {k: v for k, v in {**SMALL, **WITH_SECRETS[where]}.items() if v is not None}
    path = tmp_path / "sweep.yaml"
    path.write_text(json.dumps(tree))
    with pytest.raises(SweepError, match=rf"{re.escape(where)}: a user, a password or a token"):
        load_sweep(path)


@pytest.mark.parametrize("where", UNWRITABLE)
def test_text_that_utf_8_cannot_write_is_refused_wherever_it_stands(
    tmp_path: Path, where: str
) -> None:
    """As of a file that is not named in UTF-8; records could not be put into tables."""
    path = tmp_path / "sweep.yaml"
    path.write_text(json.dumps({**SMALL, **UNWRITABLE[where]}))
    with pytest.raises(SweepError, match=r"udce9"):
        load_sweep(path)


def test_text_of_any_script_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    question = "pourquoi? \U0001f600 \u200f\u05d0"
    for as_ascii in (True, False):
        path.write_text(json.dumps({**SMALL, "question": question}, ensure_ascii=as_ascii))
        assert load_sweep(path).question == question
