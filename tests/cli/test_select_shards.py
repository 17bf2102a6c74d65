"""`rayal select` on shards of features, as a person types it."""

import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from rayal.cli import select_shards
from rayal.cli.main import main
from rayal.cli.select import parser
from rayal.cli.select_shards import select_objects
from rayal.cli.shard_request import parse_bytes, read_labels
from rayal.cli.terminal import output
from rayal.distributed.selecting import select_from_shards
from rayal.labeling.errors import LabelingError
from rayal.storage.atomic import write_bytes
from tests.distributed.pools import write_pool


@pytest.fixture(autouse=True)
def pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pool(tmp_path / "pool", 3)
    monkeypatch.chdir(tmp_path)


def _rows(path: str) -> list[dict[str, str]]:
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


def test_what_was_chosen_is_written_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["select", "pool", "--budget", "5", "--memory", "4GiB"]) == 0
    shown = capsys.readouterr().out
    assert "5 rows, chosen by kmeans with 0 labels known: pool-chosen/chosen.csv" in shown
    assert "bounded: expected inertia within O(log K)" in shown
    rows = _rows("pool-chosen/chosen.csv")
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert all(row["id"] == f"row {row['row']}" for row in rows)
    about = json.loads(Path("pool-chosen/selection.json").read_text())
    assert (about["strategy"], about["exact"], about["seed"]) == ("kmeans", False, 0)


def test_the_next_choice_takes_the_labels_into_account(capsys: pytest.CaptureFixture[str]) -> None:
    Path("labels.csv").write_text("id,label\nrow 5,1\nrow 9,\n")
    given = ["--strategy", "margin", "--set", "strategy.class_balanced=1.0", "--out", "next"]
    assert main(["select", "pool", "--budget", "9", "--labeled", "labels.csv", *given]) == 0
    shown = capsys.readouterr().out
    assert "9 rows, chosen by margin with 2 labels known" in shown
    assert "gap: " in shown
    assert not {"row 5", "row 9"} & {row["id"] for row in _rows("next/chosen.csv")}


def test_another_choice_is_not_written_over_and_the_same_may_be_made_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    request = ["select", "pool", "--budget", "5", "--strategy", "random"]
    assert main(request) == 0
    chosen = Path("pool-chosen/chosen.csv").read_bytes()
    assert main(request) == 0
    for other in (["--seed", "1"], ["--budget", "6"], ["--strategy", "k_center"]):
        assert main([*request, *other]) == 2
        assert "pool-chosen has a chosen.csv of another request" in capsys.readouterr().err
    Path("pool-chosen/selection.json").write_text("[]")
    assert main(request) == 2
    Path("pool-chosen/selection.json").unlink()
    assert main(request) == 2
    assert Path("pool-chosen/chosen.csv").read_bytes() == chosen


def test_a_choice_that_was_interrupted_while_it_was_written_is_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request = ["select", "pool", "--budget", "5", "--strategy", "random"]

    def interrupted(path: Path, content: bytes) -> None:
        if path.exists() or list(path.parent.iterdir()):
            raise KeyboardInterrupt
        write_bytes(path, content)

    with monkeypatch.context() as killed:
        killed.setattr("rayal.cli.select_shards.write_bytes", interrupted)
        assert main(request) == 130
    assert main(request) == 0
    assert len(_rows("pool-chosen/chosen.csv")) == 5


def test_a_choice_written_meanwhile_is_not_written_over(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    request = ["select", "pool", "--budget", "5", "--strategy", "random"]

    def other_first(*given: Any, **more: Any) -> Any:
        with monkeypatch.context() as alone:
            alone.setattr(select_shards, "select_from_shards", select_from_shards)
            assert main([*request, "--seed", "1"]) == 0
        return select_from_shards(*given, **more)

    monkeypatch.setattr(select_shards, "select_from_shards", other_first)
    assert main(request) == 2
    assert "has a chosen.csv of another request" in capsys.readouterr().err
    assert json.loads(Path("pool-chosen/selection.json").read_text())["seed"] == 1


def test_a_file_in_place_of_the_folder_is_refused_before_anything_is_computed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(select_shards, "select_from_shards", None)
    Path("words.csv").write_text("id")
    assert main(["select", "pool", "--budget", "5", "--out", "words.csv"]) == 2
    assert "words.csv is a file: give --out a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--workers", "3"], "--workers 3 is of a Ray cluster: name it, --address"),
        (["--memory", "4GiB", "--address", "auto"], "--memory 4GiB bounds this process, and"),
        (["--set", "strategy.delta=abc", "--strategy", "probcover"], "delta='abc' is no finite"),
        (["--set", "strategy.delta=null", "--strategy", "probcover"], "left out it is 0.5"),
        (["--group", "patient"], "--group is not of shards of features"),
        (["--strategy", "nearly"], "'nearly' does not choose from shards"),
        (["--workers", "0"], "--workers 0 is out of bounds: 1 up"),
        (["--memory", "much"], "--memory much is no amount of memory"),
        (["--memory", "1MB"], "and 0.9 MiB are allowed"),
        (["--set", "encoder.x=1"], "write strategy.NAME=VALUE"),
        (["--labeled", "none.csv"], "none.csv"),
        (["--labeled", "words.csv"], "words.csv, line 2: the label 'cat' is no class"),
        (["--labeled", "nameless.csv"], "has no column 'id'"),
    ],
)
def test_what_is_not_of_shards_is_refused(
    given: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("words.csv").write_text("id,label\nrow 5,cat\n")
    Path("nameless.csv").write_text("name\nrow 5\n")
    assert main(["select", "pool", *given]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("id,label\nrow 5,0\nrow 6,1\nrow 5,1\n", "line 4: 'row 5' has the label 1, and above 0"),
        ("id,label\nrow 5,\nrow 5,1\n", "'row 5' has the label 1, and above none"),
        ("id,label\nrow 5,\u00b2\n", "line 2: the label '\u00b2' is no class"),
        ("id,label\nrow 5,99999999999999999999\n", "is no class"),
        ("id,label\n,1\n", "line 2: the id is empty"),
        ("id,label,label\nrow 5,0,1\n", "has 2 columns 'label'"),
        ("id,label\nrow 5,0,1\n", "it has 3 cells"),
        ('id,label\n"row 5,0\nrow 6,1\n', "a quote is opened here and never closed"),
    ],
)
def test_a_table_of_labels_that_is_read_in_two_ways_is_refused_by_its_line(
    table: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("labels.csv").write_text(table, encoding="utf-8")
    assert main(["select", "pool", "--budget", "2", "--labeled", "labels.csv"]) == 2
    assert message in capsys.readouterr().err
    assert not Path("pool-chosen").exists()


def test_ids_alone_are_a_column_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    Path("labels.csv").write_text("id\nrow 5\nrow 9\n")
    assert read_labels(Path("labels.csv")) == {"row 5": -1, "row 9": -1}
    assert main(["select", "pool", "--budget", "2", "--labeled", "labels.csv"]) == 0
    assert "with 2 labels known" in capsys.readouterr().out


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_tables_of_labels_are_read_as_spreadsheets_save_them(encoding: str, delimiter: str) -> None:
    lines = [("id", "label"), ("row 5", "1"), ("row 5", "1"), ("row 9", "")]
    text = "".join(f"{delimiter.join(line)}\r\n" for line in lines)
    Path("labels.csv").write_text(text, encoding=encoding, newline="")
    assert read_labels(Path("labels.csv")) == {"row 5": 1, "row 9": -1}


def test_a_choice_from_shards_that_were_made_anew_does_not_replace_the_earlier(
    capsys: pytest.CaptureFixture[str],
) -> None:
    request = ["select", "pool", "--budget", "5", "--strategy", "random"]
    assert main(request) == 0
    chosen = Path("pool-chosen/chosen.csv").read_bytes()
    shutil.rmtree("pool")
    write_pool(Path("pool"), 3)  # the same rows
    assert main(request) == 0
    shutil.rmtree("pool")
    write_pool(Path("pool"), 2)
    assert main(request) == 2
    assert "of the shards that were at pool then: they have been made anew" in (
        capsys.readouterr().err
    )
    about = json.loads(Path("pool-chosen/selection.json").read_text())
    del about["content"]  # as earlier versions wrote it
    Path("pool-chosen/selection.json").write_text(json.dumps(about))
    assert main(request) == 2
    assert "before the content of the shards was noted" in capsys.readouterr().err
    assert Path("pool-chosen/chosen.csv").read_bytes() == chosen


NAMES = [f"{i}.png" for i in range(10)]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--strategy", "nearly"], "'nearly' does not choose from shards"),
        (["--strategy", "margin"], "'margin' reads probabilities, and what is encoded from images"),
        (["--set", "strategy.delta=1"], "'kmeans' over shards has no parameter 'delta'"),
        (["--strategy", "probcover", "--set", "strategy.delta=9"], "delta=9 is out of bounds"),
        (["--set", "stratgy.delta=1"], "is not understood"),
        (["--memory", "junk"], "--memory junk is no amount of memory"),
        (["--memory", "1MB"], "MiB are allowed"),
        (["--labeled", "missing.csv"], "missing.csv"),
        (["--labeled", "others.csv"], "1 of the labels' ids are no images, such as 'gone.png'"),
        (["--group", "patient"], "--group is not of shards"),
        (["--budget", "11"], "budget=11 is out of bounds: 1 to 10"),
        (["--workers", "2"], "--workers 2 is of a Ray cluster"),
        (["--out", "taken"], "taken has a chosen.csv of another request"),
    ],
)
def test_what_images_cannot_answer_is_refused_before_they_are_encoded(
    given: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_work(*_: object) -> None:
        raise AssertionError("it was encoded")

    Path("others.csv").write_text("id,label\ngone.png,1\n")
    Path("taken").mkdir()
    Path("taken/chosen.csv").write_text("")
    monkeypatch.setattr(
        "rayal.cli.encode_shards.list_objects", lambda place: dict.fromkeys(NAMES, "")
    )
    monkeypatch.setattr("rayal.cli.encode_shards.encode_files", no_work)
    place = "s3://bucket/images"
    words = [place, "--shards", "made", "--encoder", "pixels", "--budget", "5", *given]
    options, usual = (parser("rayal select").parse_args(each) for each in (words, [place]))
    with pytest.raises((ValueError, OSError), match=re.escape(message)):
        select_objects(options, usual, output())


def test_what_is_of_shards_is_refused_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    Path("images").mkdir()
    assert main(["select", "images", "--memory", "4GiB"]) == 2
    assert "--memory is of shards of features, and images has no shards.json" in (
        capsys.readouterr().err
    )


def test_amounts_of_memory() -> None:
    assert [parse_bytes(text) for text in ("4GiB", "500MB", "2e9", "1.5 gi", "7")] == [
        2**32, 500_000_000, 2_000_000_000, 3 * 2**29, 7,
    ]  # fmt: skip
    for text in ("", "GiB", "-1", "1.2.3", "4 apples"):
        with pytest.raises(LabelingError, match="no amount of memory"):
            parse_bytes(text)
