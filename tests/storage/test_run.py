"""Records, failures and the plan of a run, on each kind of storage; and who may write to it."""

import json
import multiprocessing
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from rayal.storage.damaged_records import set_aside_damaged_records
from rayal.storage.files import StoreError, files_of
from rayal.storage.held_run import check_space, lock_run
from rayal.storage.location import Address, Location
from rayal.storage.run import FOLDERS, RunStore, read_run
from tests.storage.records import plan, record

FORMAT_1 = Path(__file__).parent.parent / "data" / "run-format-1" / "run"


def test_a_record_means_finished_and_ends_partial_and_failure(root: Location) -> None:
    with lock_run(root, "mine") as held:
        held.save_in_progress("a", record("a", {}))
        held.save_failure("a", {"seed": 1}, "ValueError: x", "Traceback")
        assert (held.finished(), held.failed(), held.in_progress()) == (set(), {"a"}, {"a"})
        assert held.record_in_progress("a") == record("a", {})
        held.save_record("a", record("a", {}, {}))
        assert (held.finished(), held.failed(), held.in_progress()) == ({"a"}, set(), set())
        assert held.record_in_progress("a") is None


def test_the_first_record_of_a_trial_stays(root: Location) -> None:
    with lock_run(root, "mine") as held:
        held.save_record("a", record("a", {"selected": [1]}))
        held.save_record("a", record("a", {"selected": [2]}))
        assert held.record("a") == record("a", {"selected": [1]})


def test_versions_that_records_share_lie_in_memory_once(root: Location) -> None:
    with lock_run(root, "mine") as held:
        for trial, torch in (("a", "2.13"), ("b", "2.13"), ("c", "2.12")):
            held.save_record(trial, {**record(trial), "versions": {"torch": torch}})
        a, b, c = held.records(["a", "b", "c"])
    assert a["versions"] is b["versions"]
    assert c["versions"] == {"torch": "2.12"}


def test_a_run_is_read_back_with_what_is_left_out_counted(root: Location) -> None:
    with lock_run(root, "mine") as held:
        held.save_plan(plan("a", "b", "c"), "name: mine\n")
        held.save_record("a", record("a", {}))
        held.save_record("old", record("old", {}))
        held.save_failure("b", {"seed": 1}, "ValueError: x", "Traceback\n\nmore")
    run = read_run(root)
    assert [record["trial"] for record in run.records] == ["a"]
    assert run.left_out == 1
    assert [(f["trial"], f["error"], f["trace"]) for f in run.failures] == [
        ("b", "ValueError: x", "Traceback\n\nmore")
    ]


def test_what_is_no_run_is_named(root: Location) -> None:
    with pytest.raises(StoreError, match=rf"{root} is not a run: it has no plan\.json"):
        read_run(root)


def test_a_damaged_record_is_named(held: RunStore) -> None:
    held.save_plan(plan("a"), "")
    (held.root / "records" / "a.json").write_text('{"trial": ')
    with pytest.raises(StoreError, match=r"a\.json is damaged .* delete it"):
        read_run(held.root)


def test_a_run_in_use_is_refused_and_names_the_holder(root: Location) -> None:
    with (
        lock_run(root, "mine"),
        pytest.raises(StoreError, match=rf"in use by process {os.getpid()} on"),
        lock_run(root, "mine"),
    ):
        pass
    with lock_run(root, "mine"):
        pass


def _claim_and_die(root: Path) -> None:
    holder = lock_run(root, "mine")
    holder.__enter__()
    (root / "records" / ".x.json.0badcafe.tmp").write_text("half")
    os._exit(9)


def test_a_killed_holder_leaves_the_directory_free_and_its_half_files_go(tmp_path: Path) -> None:
    process = multiprocessing.get_context("fork").Process(target=_claim_and_die, args=(tmp_path,))
    process.start()
    process.join()
    with lock_run(tmp_path, "mine") as held:
        assert list((held.root / "records").iterdir()) == []


def test_another_sweeps_run_and_other_objects_are_refused(root: Location) -> None:
    with lock_run(root, "mine") as held:
        held.save_plan(plan(), "")
    with pytest.raises(StoreError, match="belongs to the sweep 'mine', not to 'yours'"):
        lock_run(root, "yours").__enter__()
    with files_of(root).upload_dir(root / "photos") as folder:
        (folder / "thesis.tex").write_bytes(b"x")
    with pytest.raises(StoreError, match="holds other files and is no run"):
        lock_run(root / "photos", "mine").__enter__()


def test_a_directory_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with (
        pytest.raises(StoreError, match="holds other files and is no run"),
        lock_run(tmp_path, "mine"),
    ):
        pass


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(StoreError, match="is a file"), lock_run(tmp_path / "run", "mine"):
        pass


def test_too_little_space_is_refused_with_both_numbers(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"needs about 1,000,000,000 MB and [\d,]+ MB are free"):
        check_space(tmp_path, 10**15)


# What is a run, and what is a person's ------------------------------------------------


def test_a_folder_of_a_person_is_left_alone_whatever_its_folders_are_called(
    tmp_path: Path,
) -> None:
    for name in ("records", "datasets", "artefacts/x", "photos/.work.0badcafe.tmp"):
        (tmp_path / name).mkdir(parents=True)
    for name in (".notes.0badcafe.tmp", "records/mine.txt", "photos/.work.0badcafe.tmp/f"):
        (tmp_path / name).write_text("mine")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    with pytest.raises(StoreError, match="holds other files and is no run; give another --out"):
        lock_run(tmp_path, "mine").__enter__()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


@pytest.mark.parametrize("folder", FOLDERS)
def test_one_folder_of_a_runs_names_with_something_in_it_is_a_persons(
    tmp_path: Path, folder: str
) -> None:
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "thesis.tex").write_text("")
    with pytest.raises(StoreError, match="holds other files and is no run"):
        lock_run(tmp_path, "mine").__enter__()


@pytest.mark.parametrize(
    "content", ['{"name": "other"}', '{"name": "mine"}', '{"trials": {}}', "{}", "{", "[]"]
)
def test_a_plan_of_another_program_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "plan.json").write_text(content)
    (tmp_path / ".work.0badcafe.tmp").write_text("mine")
    with pytest.raises(StoreError, match=r"plan\.json|belongs to the sweep"):
        lock_run(tmp_path, "mine").__enter__()
    assert {path.name for path in tmp_path.iterdir()} == {"plan.json", ".work.0badcafe.tmp"}


def test_a_home_with_hidden_files_alone_is_no_place_for_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".bashrc").touch()
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(StoreError, match="is your home folder; give a folder in it as --out"):
        lock_run(tmp_path, "mine").__enter__()
    assert [path.name for path in tmp_path.iterdir()] == [".bashrc"]
    with lock_run(tmp_path / "run", "mine"):
        pass


def test_a_run_whose_plan_was_deleted_is_still_one(root: Location) -> None:
    with lock_run(root, "mine") as held:
        held.save_record("a", record("a"))
        held.save_plan(plan("a"), "")
        held.files.remove(root / "plan.json")
    with lock_run(root, "mine") as held:
        assert held.finished() == {"a"}


def test_a_run_of_an_earlier_version_is_one_by_its_plan_or_what_encoders_left(
    tmp_path: Path,
) -> None:
    run = tmp_path / "run"
    shutil.copytree(FORMAT_1, run)
    with pytest.raises(StoreError, match="belongs to the sweep 'format-1', not to 'mine'"):
        lock_run(run, "mine").__enter__()
    with lock_run(run, "format-1"):
        pass
    for name in ("plan.json", ".rayal"):
        (run / name).unlink()
    with lock_run(run, "format-1"):
        pass
    shutil.rmtree(run / "artefacts")
    (run / ".rayal").unlink()
    with pytest.raises(StoreError, match=r"put an empty file \.rayal into it"):
        lock_run(run, "format-1").__enter__()


def test_a_run_that_an_earlier_version_was_killed_in_before_its_plan_is_begun_again(
    tmp_path: Path,
) -> None:
    for folder in FOLDERS:
        (tmp_path / folder).mkdir()
    with lock_run(tmp_path, "mine"):
        pass


@pytest.mark.parametrize("name", ["records", ".lock"])
def test_a_file_or_link_in_the_place_of_a_runs_own_is_refused_by_name(
    tmp_path: Path, name: str
) -> None:
    with lock_run(tmp_path, "mine"):
        pass
    (tmp_path / "records").rmdir()
    (tmp_path / ".lock").unlink()
    (tmp_path / "precious").write_text("precious")
    (tmp_path / name).symlink_to(tmp_path / "precious")
    with pytest.raises(StoreError, match=rf"{name} is a"):
        lock_run(tmp_path, "mine").__enter__()
    assert (tmp_path / "precious").read_text() == "precious"


# What was written, and is not any more ------------------------------------------------

DAMAGE: dict[str, Callable[[Path], object]] = {
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
    "endless": lambda path: (path.unlink(), path.symlink_to("/dev/zero")),
    "a terabyte": lambda path: os.truncate(path, 10**12),
    "cut short": lambda path: os.truncate(path, 30),
    "empty": lambda path: os.truncate(path, 0),
    "deeply nested": lambda path: path.write_text("[" * 100_000),
    "a number of 5,000 digits": lambda path: path.write_text("1" * 5_000),
    "another trial's": lambda path: path.write_text(json.dumps(record("other"))),
    "another definition's": lambda path: path.write_text(
        json.dumps({**record("a"), "definition": {"seed": 7}})
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_record_that_is_not_what_was_written_is_set_aside_and_its_trial_runs_again(
    held: RunStore, damage: str
) -> None:
    definitions = {"a": {"seed": 0}, "b": {"seed": 0}, "c": {"seed": 0}}
    for trial in ("a", "b"):
        held.save_record(trial, record(trial))
    path = Path(str(held.root / "records" / "a.json"))
    DAMAGE[damage](path)
    [note] = set_aside_damaged_records(held, definitions)
    assert note.startswith(str(path))
    assert note.endswith("a.json.set-aside now, and its trial runs again")
    assert "\n" not in note
    assert held.finished() == {"b"}
    assert set_aside_damaged_records(held, definitions) == []
    held.save_record("a", record("a"))
    assert held.record("a") == record("a")


@pytest.mark.parametrize("damage", ["cut short", "another trial's"])
def test_a_damaged_record_in_an_object_store_is_set_aside(place: Address, damage: str) -> None:
    content = json.dumps(record("other"))
    with lock_run(place, "mine") as held:
        held.save_record("a", record("a"))
        text = content if damage == "another trial's" else content[:20]
        held.files.write(place / "records" / "a.json", text.encode())
        [note] = set_aside_damaged_records(held, {"a": {"seed": 0}})
        assert "a.json.set-aside now" in note
        assert held.finished() == set()


def test_a_record_of_a_later_version_is_not_set_aside_but_refused(held: RunStore) -> None:
    held.save_record("a", {**record("a"), "schema": 7})
    with pytest.raises(StoreError, match="is of schema 7"):
        set_aside_damaged_records(held, {"a": {}})
    assert held.finished() == {"a"}


def test_a_record_that_may_not_be_read_is_refused_and_kept(
    held: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    held.save_record("a", record("a"))

    def deny(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", deny)
        with pytest.raises(StoreError, match=r"a\.json cannot be read: Permission denied"):
            set_aside_damaged_records(held, {"a": {}})
    assert held.finished() == {"a"}


@pytest.mark.parametrize("damage", DAMAGE)
def test_rounds_in_progress_that_are_not_this_trials_are_made_again(
    held: RunStore, damage: str
) -> None:
    held.save_in_progress("a", record("a", {}))
    DAMAGE[damage](Path(str(held.root / "partial" / "a.json")))
    assert held.record_in_progress("a", {"seed": 0}) is None
    held.save_in_progress("a", record("a", {}, {}))
    assert held.record_in_progress("a", {"seed": 0}) == record("a", {}, {})
    held.save_record("a", record("a"))
    assert held.in_progress() == set()


@pytest.mark.parametrize("damage", ["a folder", "a pipe", "endless", "cut short", "empty"])
def test_a_damaged_failure_costs_neither_the_others_nor_the_run(
    held: RunStore, damage: str
) -> None:
    held.save_plan(plan("a", "b"), "")
    for trial in ("a", "b", "of-no-plan"):
        held.save_failure(trial, {}, "ValueError: x", "Traceback")
    for trial in ("a", "of-no-plan"):
        DAMAGE[damage](Path(str(held.failure_path(trial))))
    found = {failure["trial"]: failure["error"] for failure in read_run(held.root).failures}
    assert found.pop("b") == "ValueError: x"
    assert all(error.startswith("its log cannot be read: ") for error in found.values())
    held.save_failure("a", {}, "ValueError: y", "Traceback")
    found = {failure["trial"]: failure["error"] for failure in read_run(held.root).failures}
    assert found == {"a": "ValueError: y", "b": "ValueError: x"}
    held.save_record("a", record("a"))
    assert held.failed() == {"b", "of-no-plan"} - ({"of-no-plan"} if damage in NO_FILE else set())


NO_FILE = ("a folder", "a pipe", "endless")
