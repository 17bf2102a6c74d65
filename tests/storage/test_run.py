"""Records, failures and the plan of a run, on each kind of storage; and who may write to it."""

import multiprocessing
import os
from pathlib import Path

import pytest

from rayal.storage.files import StoreError, files_of
from rayal.storage.location import Location
from rayal.storage.run import RunStore, check_space, lock_run, read_run
from tests.storage.records import plan, record


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


def test_a_run_is_read_back_with_what_is_left_out_counted(root: Location) -> None:
    with lock_run(root, "mine") as held:
        held.save_plan(plan("a", "b", "c"), "name: mine\n")
        held.save_record("a", record("a"))
        held.save_record("old", record("old"))
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
