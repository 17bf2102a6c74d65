import errno
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rayal.labeling.answers import NOT_USABLE, Answer
from rayal.labeling.class_names import class_name
from rayal.labeling.labels import LabelLog, LabelLogError


@pytest.fixture
def log(tmp_path):
    return LabelLog(tmp_path / "answers.jsonl")


def answer(image, label, by=""):
    return Answer(image, label, by=by)


def action(image, action, by=""):
    return Answer(image, action=action, by=by)


def test_what_stands_is_the_last_answer_about_an_image(log):
    log.append(answer("a", "cat"), answer("b", "dog"))
    log.append(answer("a", "dog"), action("c", "not_usable"))
    assert log.current() == {"a": "dog", "b": "dog", "c": NOT_USABLE}
    assert log.labels() == {"a": "dog", "b": "dog"}
    assert [each.label for each in log.history("a")] == ["cat", "dog"]


def test_a_withdrawn_answer_stands_no_more_and_stays_in_the_history(log):
    log.append(answer("a", "cat"), action("a", "withdraw"))
    assert log.current() == {}
    assert [each.action for each in log.history("a")] == ["label", "withdraw"]


def test_skipping_says_nothing_and_those_skipped_last_come_last(log):
    log.append(answer("a", "cat"), *(action(i, "skip") for i in "abcb"))
    assert log.current() == {"a": "cat"}
    assert log.skipped() == ["c", "b"]


def test_where_annotators_differ_nothing_stands(log):
    log.append(answer("a", "cat", "eve"), answer("b", "dog", "eve"), answer("c", "cat", "eve"))
    log.append(
        answer("a", "cat", "max"), answer("b", "cat", "max"), action("c", "not_usable", "max")
    )
    assert log.current() == {"a": "cat"}
    assert log.conflicts() == {
        "b": {"eve": "dog", "max": "cat"},
        "c": {"eve": "cat", "max": NOT_USABLE},
    }
    log.append(action("b", "withdraw", "eve"), answer("c", "cat", "max"))
    assert log.current() == {"a": "cat", "b": "cat", "c": "cat"}
    assert log.conflicts() == {}


def test_another_process_reads_what_was_appended(log):
    log.append(answer("a", "cat"))
    other = LabelLog(log.path)
    assert other.current() == {"a": "cat"}
    log.append(answer("b", "dog"))
    other.append(answer("c", "dog"))
    assert other.current() == log.current() == {"a": "cat", "b": "dog", "c": "dog"}


def test_a_line_is_an_object_with_every_field_and_the_time_in_utc(log):
    log.append(Answer("a", "cat", by="eve", source="page", seconds=1.5, round=2))
    fields = json.loads(log.path.read_text())
    assert fields.pop("at").endswith("+00:00")
    assert fields == {
        "id": "a", "label": "cat", "action": "label", "by": "eve", "source": "page",
        "seconds": 1.5, "round": 2,
    }  # fmt: skip


@pytest.mark.parametrize("label", ["Käse", "a,b\"c'", "=1+1", "<b>", "日本", "x" * 200])
def test_names_come_back_as_they_were_given(log, label):
    log.append(answer("a", label))
    assert LabelLog(log.path).labels() == {"a": label}


def test_names_that_look_the_same_are_the_same():
    assert class_name(" Ka\u0308se ") == class_name("Käse")


@pytest.mark.parametrize(
    "name", ["", "  ", "a\nb", "a\x00", "a\u202eb", "\ud800", "x" * 201, None, 3]
)
def test_names_that_cannot_be_shown_are_refused(name):
    with pytest.raises(ValueError, match="name of a class"):
        class_name(name)


@pytest.mark.parametrize(
    "fields",
    [
        {"id": ""}, {"label": None}, {"action": "skip"}, {"action": "no"}, {"source": "fax"},
        {"seconds": -1}, {"seconds": float("nan")}, {"by": None},
    ],
)  # fmt: skip
def test_what_is_no_answer_is_refused(fields):
    with pytest.raises(ValueError, match=r"\w"):
        Answer(**{"id": "a", "label": "cat"} | fields)


def test_half_a_line_of_a_killed_process_is_dropped(log):
    log.append(answer("a", "cat"))
    with log.path.open("ab") as file:
        file.write(b'{"id": "b", "label": "do')
    assert LabelLog(log.path).current() == {"a": "cat"}
    log.append(answer("c", "dog"))
    assert LabelLog(log.path).current() == log.current() == {"a": "cat", "c": "dog"}


def test_a_last_answer_whose_line_break_an_editor_removed_is_kept(log):
    log.append(answer("a", "cat"), answer("b", "dog"))
    reader = LabelLog(log.path)
    assert reader.current() == {"a": "cat", "b": "dog"}
    log.path.write_bytes(log.path.read_bytes().rstrip(b"\n"))
    assert reader.current() == LabelLog(log.path).current() == {"a": "cat", "b": "dog"}
    log.append(answer("c", "cat"))
    log.append(answer("d", "dog"))
    for each in (reader, log, LabelLog(log.path)):
        assert each.current() == {"a": "cat", "b": "dog", "c": "cat", "d": "dog"}


def test_the_end_of_lines_is_seen_behind_a_long_rest(log):
    log.append(answer("a", "cat"))
    with log.path.open("ab") as file:
        file.write(b"x" * 200_000)
    log.append(answer("b", "dog"))
    assert LabelLog(log.path).current() == {"a": "cat", "b": "dog"}


def test_a_damaged_line_is_named(log):
    log.append(answer("a", "cat"))
    log.append(answer("b", "cat"))
    log.current()
    with log.path.open("ab") as file:
        file.write(b"nonsense\n")
    with pytest.raises(LabelLogError, match=r"line 3 of .*answers\.jsonl"):
        log.current()


def test_a_log_that_was_put_back_from_a_copy_is_read_again(log):
    log.append(answer("a", "cat"))
    copy = log.path.read_bytes()
    log.append(answer("b", "dog"))
    assert len(log.current()) == 2
    log.path.write_bytes(copy + copy.replace(b'"a"', b'"x"') * 4)
    assert log.current() == {"a": "cat", "x": "cat"}
    log.path.unlink()
    assert log.current() == {}


def test_of_answers_that_do_not_fit_on_the_disk_none_is_kept(log, monkeypatch):
    log.append(answer("a", "cat"))
    before, write = log.path.read_bytes(), os.write

    def full(descriptor, content):
        if len(content) < 250:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, content[:250])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        log.append(*(answer(i, "dog") for i in "bcd"))
    assert log.path.read_bytes() == before
    monkeypatch.undo()
    log.append(answer("b", "dog"))
    assert LabelLog(log.path).current() == {"a": "cat", "b": "dog"}


@pytest.mark.parametrize("make", [lambda p: p.mkdir(), lambda p: os.mkfifo(p)])
def test_what_is_no_plain_file_is_no_log(log, make):
    make(log.path)
    with pytest.raises(OSError, match="it is a"):
        log.append(answer("a", "cat"))
    with pytest.raises(OSError, match="it is a"):
        log.current()


def add_many(path: Path, name: str) -> None:
    log = LabelLog(path)
    for n in range(40):
        log.append(answer(f"{name}{n}", "cat"))


def test_two_processes_lose_no_answer(log):
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=add_many, args=(log.path, name)) for name in "ab"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert set(log.current()) == {f"{name}{n}" for name in "ab" for n in range(40)}


ENDLESS = """
import sys
from pathlib import Path
from rayal.labeling.labels import LabelLog
from rayal.labeling.answers import Answer
log = LabelLog(Path(sys.argv[1]))
for n in range(10**6):
    log.append(Answer(str(n), "cat"))
    print(n, flush=True)
"""


def test_every_acknowledged_answer_outlives_a_kill(log):
    command = [sys.executable, "-c", ENDLESS, str(log.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for _ in range(20):
            process.stdout.readline()
        time.sleep(0.003)
        process.send_signal(signal.SIGKILL)
        last = 19 + len([line for line in process.stdout.read().split("\n") if line])
    kept = LabelLog(log.path)
    assert len(kept.current()) > last
    kept.append(answer("after", "dog"))
    assert len(LabelLog(log.path).current()) == len(kept.current())
