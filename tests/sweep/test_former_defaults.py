"""A run goes on with the default that it was planned with."""

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import yaml
from rich.console import Console

from rayal.cli.printing import print_earlier
from rayal.sweep.definition import marked_definition
from rayal.sweep.earlier import go_on
from rayal.sweep.file import load_sweep
from rayal.sweep.names import Names
from rayal.sweep.plan import Plan, make_plan


def planned(tmp_path: Path, seeds: int = 1, overrides: Sequence[str] = (), **moco: object) -> Plan:
    sweep = {
        "name": "s",
        "datasets": ["digits"],
        "encoders": [{"name": "moco", "backbone": "small_cnn", "queue": 64, **moco}],
        "strategies": ["random"],
        "learners": ["knn"],
        "budgets": [20],
        "seeds": seeds,
    }
    path = tmp_path / "s.yaml"
    path.write_text(yaml.safe_dump(sweep))
    return make_plan(load_sweep(path, overrides))


def plan_file(plan: Plan) -> dict[str, object]:
    return json.loads(json.dumps(plan.as_json("", {})))


def as_before_the_parameter(plan: Plan) -> Plan:
    """The plan that was made of the same file before there was `map`."""
    trials = tuple(replace(t, encoder=t.encoder.as_former()) for t in plan.trials)
    return replace(plan, trials=trials)


def test_a_run_of_before_keeps_its_ids_its_map_and_says_so(tmp_path: Path) -> None:
    before = as_before_the_parameter(planned(tmp_path))
    assert "map" not in before.trials[0].encoder.params
    again = go_on(planned(tmp_path, seeds=2), plan_file(before), {before.trials[0].id})
    assert again.plan.trials[0].id == before.trials[0].id
    assert {trial.embedding_id for trial in again.plan.trials} == {before.trials[0].embedding_id}
    assert again.former == {"moco": "map=query_key"}


def test_a_stated_map_is_taken_at_its_word(tmp_path: Path) -> None:
    before = as_before_the_parameter(planned(tmp_path))
    stated = planned(tmp_path, map="two_views")
    again = go_on(stated, plan_file(before), set())
    assert again.plan.trials[0].id == stated.trials[0].id != before.trials[0].id
    assert again.former == {}
    former = go_on(planned(tmp_path, map="query_key"), plan_file(before), set())
    assert former.plan.trials[0].id == before.trials[0].id


def test_a_new_run_and_its_like_have_the_present_default(tmp_path: Path) -> None:
    new = planned(tmp_path)
    assert new.trials[0].encoder.params["map"] == "two_views"
    for earlier in (None, plan_file(new)):
        again = go_on(planned(tmp_path), earlier, set())
        assert [trial.id for trial in again.plan.trials] == [trial.id for trial in new.trials]
        assert again.former == {}


def test_an_encoder_at_a_former_default_is_named_with_it(tmp_path: Path) -> None:
    plans = [planned(tmp_path, map=kind) for kind in ("two_views", "query_key")]
    definitions = [marked_definition(plan.trials[0]) for plan in plans]
    names = Names(definitions)
    labels = {names.of(definition)["encoder"].label for definition in definitions}
    assert labels == {"moco", "moco map=query_key"}


def test_finished_trials_that_a_narrower_plan_leaves_out_are_counted(tmp_path: Path) -> None:
    wide = planned(tmp_path, seeds=3)
    finished = {trial.id for trial in wide.trials}
    narrow = planned(tmp_path, seeds=1)
    for earlier in (plan_file(wide), None):
        again = go_on(narrow, earlier, finished)
        assert again.outside == finished - {narrow.trials[0].id}
        console = Console(file=io.StringIO(), width=200)
        print_earlier(console, again)
        assert isinstance(console.file, io.StringIO)
        assert "not in this plan: 2 finished trials of this run" in console.file.getvalue()
    assert go_on(wide, plan_file(narrow), finished).outside == set()
