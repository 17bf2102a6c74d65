"""The keys of a run's files, and which formats are read."""

import json
from pathlib import Path

import pytest

import analysis
from rayal.cli import run_status
from rayal.storage import formats
from rayal.storage.files import DamagedError, StoreError
from rayal.storage.run import read_run
from tests.storage.records import definition, plan, record

FORMAT_1 = Path(__file__).parent.parent / "data" / "run-format-1" / "run"
PLACE = Path("run") / "records" / "a.json"


def test_format_1_is_read_by_the_store_and_the_report_when_there_is_a_second_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(formats, "SCHEMA", 2)
    assert len(read_run(FORMAT_1).records) == 8
    assert analysis.load(FORMAT_1)["trial"].nunique() == 8
    assert run_status.read(FORMAT_1).trials.done == 8


@pytest.mark.parametrize("schema", [0, 2, "1", None])
def test_only_known_formats_are_read(schema: object) -> None:
    content = json.dumps({**plan(), "schema": schema}).encode()
    with pytest.raises(StoreError, match=r"is a run in format .* reads formats up to 1"):
        formats.parse_plan(Path("run") / "plan.json", content)
    content = json.dumps({**record("a"), "schema": schema}).encode()
    with pytest.raises(StoreError, match=r"a\.json is of schema .*, and this version"):
        formats.parse_record(PLACE, content, "a")


def test_a_record_comes_back_as_it_was() -> None:
    before = record("a", {"selected": [3, 1], "auc": 0.5})
    after = formats.parse_record(PLACE, json.dumps(before).encode(), "a")
    assert after == before
    assert after["seconds"] == 2.5


def test_a_failure_comes_back_as_it_was() -> None:
    content = formats.write_failure("a", {"seed": 1}, "ValueError: x", "Traceback\n\nmore")
    assert formats.parse_failure(PLACE, content, "a") == {
        "trial": "a", "error": "ValueError: x", "definition": {"seed": 1},
        "trace": "Traceback\n\nmore", "path": str(PLACE),
    }  # fmt: skip


@pytest.mark.parametrize("change", [{"trial": "b"}, {"error": 1}, {"definition": False}])
def test_a_failure_of_another_trial_or_kind_is_damaged(change: dict[str, object]) -> None:
    head = {"trial": "a", "error": "ValueError: x", "definition": {}} | change
    with pytest.raises(DamagedError, match=r"a\.json is damaged"):
        formats.parse_failure(PLACE, json.dumps(head).encode(), "a")


def test_a_record_that_counts_other_classes_than_its_dataset_has_is_damaged() -> None:
    given = record("a", {"class_counts": [1, 2, 0]})
    formats.check_classes(PLACE, given, 3)
    with pytest.raises(DamagedError, match=r"round 0: 3 classes are counted, and .* has 2\)"):
        formats.check_classes(PLACE, given, 2)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"{}", b'{"trial": "a"}', b'{"trial": "a", "rounds": [1]}',
        b'{"trial": "a", "rounds": [{}]}', b"\xff\xfe", b"[" * 100_000, b"1" * 5_000,
    ],
)  # fmt: skip
def test_a_record_that_is_none_is_one_message_with_the_way_out(content: bytes) -> None:
    with pytest.raises(StoreError, match=r"^run/records/a\.json .*; delete it and run the sweep"):
        formats.parse_record(PLACE, content, "a")


def test_a_record_of_another_trial_is_refused() -> None:
    content = json.dumps(record("b")).encode()
    with pytest.raises(
        StoreError, match=r"a\.json holds the record of another trial, b; delete it"
    ):
        formats.parse_record(PLACE, content, "a")


@pytest.mark.parametrize("part", ["trials", "datasets", "artefacts"])
@pytest.mark.parametrize("value", [None, [], "x"])
def test_a_plan_without_one_of_its_parts_is_named(part: str, value: object) -> None:
    content = json.dumps({**plan(), part: value}).encode()
    with pytest.raises(StoreError, match=rf"plan\.json has no {part}; delete it and run"):
        formats.parse_plan(Path("run") / "plan.json", content)


@pytest.mark.parametrize("part", sorted(definition()))
def test_a_definition_without_one_of_its_parts_is_damaged(part: str) -> None:
    trial = {key: value for key, value in definition().items() if key != part}
    content = json.dumps(plan(trials={"a": trial})).encode()
    with pytest.raises(DamagedError, match=r"plan\.json: trials: 'a' is damaged; delete it"):
        formats.parse_plan(Path("run") / "plan.json", content)


@pytest.mark.parametrize("name", [None, 1, []])
def test_a_plan_without_a_name_is_damaged(name: object) -> None:
    content = json.dumps({**plan(), "name": name}).encode()
    with pytest.raises(DamagedError, match=r"plan\.json has no name; delete it and run"):
        formats.parse_plan(Path("run") / "plan.json", content)


@pytest.mark.parametrize(
    "rounds", [[{"round": 0, "auc": "good"}], [{"auc": 0.5}], [None], [{"round": 0, "auc": [1]}]]
)
def test_a_record_with_a_measure_that_is_no_number_is_damaged(
    rounds: list[object],
) -> None:
    record = {"schema": 1, "trial": "a", "definition": {}, "rounds": rounds}
    with pytest.raises(DamagedError, match="is damaged"):
        formats.parse_record(Path("a.json"), json.dumps(record).encode(), "a")


@pytest.mark.parametrize(
    "change",
    [{"trials": {"a": None}}, {"artefacts": {"a": 3}}, {"contents": "x"}, {"superseded": [1]}],
)
def test_a_plan_whose_parts_are_of_another_kind_is_damaged(change: dict[str, object]) -> None:
    content = json.dumps({**plan(), **change}).encode()
    with pytest.raises(DamagedError, match="delete it and run the sweep again"):
        formats.parse_plan(Path("plan.json"), content)


KNN = {"name": "knn", "params": {}}
DAMAGED_PARTS: dict[str, tuple[str, dict[str, object]]] = {
    "no component": ("trials", {"a": definition(learner=None)}),
    "a name alone": ("trials", {"a": definition(strategy="random")}),
    "no parameters": ("trials", {"a": definition(learner={"name": "knn"})}),
    "parameters without names": ("trials", {"a": definition(learner={**KNN, "params": [1]})}),
    "defaults that are a number": ("trials", {"a": definition(learner={**KNN, "at_default": 1})}),
    "a lender without a name": ("trials", {"a": definition(strategy={**KNN, "scored_by": {}})}),
    "a schedule of texts": ("trials", {"a": definition(schedule=["10"])}),
    "a schedule of no round": ("trials", {"a": definition(schedule=[])}),
    "a seed that is true": ("trials", {"a": definition(seed=True)}),
    "nothing of an embedding": ("artefacts", {"a": {}}),
    "no encoder": ("artefacts", {"a": {"dataset": "digits", "encoder": None}}),
    "contents of numbers": ("contents", {"a": 5}),
    "classes as text": ("datasets", {"a": {"classes": "ab"}}),
    "more counts than classes": ("datasets", {"a": {"classes": ["a"], "class_counts": [1, 2]}}),
    "a count that is text": ("datasets", {"a": {"classes": ["a"], "class_counts": ["1"]}}),
}


@pytest.mark.parametrize("what", DAMAGED_PARTS)
def test_a_plan_whose_parts_are_of_other_kinds_is_damaged(what: str) -> None:
    part, entries = DAMAGED_PARTS[what]
    content = json.dumps({**plan(), part: entries}).encode()
    with pytest.raises(DamagedError, match=rf"plan\.json: {part}.* is damaged; delete it and run"):
        formats.parse_plan(Path("run") / "plan.json", content)
