"""`rayal encode IMAGES --shards PLACE`, as a person types it."""

from pathlib import Path

import pytest

from rayal.cli.encode_shards import _Throughput
from rayal.cli.main import main
from rayal.distributed.encoding import Done
from rayal.storage.shard_set import read_shard_set
from tests.labeling.images import folder_of


@pytest.fixture(autouse=True)
def cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder_of(tmp_path / "cells", 8)
    Path("cells/none.png").write_bytes(b"no picture")


def encode(what: str, *more: str) -> int:
    given = ["--shards", "made", "--encoder", "pixels", "--side", "8", "--files-per-shard", "4"]
    return main(["encode", what, *given, *more])


def test_from_a_folder_to_a_choice(capsys: pytest.CaptureFixture[str]) -> None:
    assert encode("cells") == 0
    shown = capsys.readouterr().out
    assert "9 of 9 images, " in shown
    assert " a second, 0 s left, 1 left out" in shown
    assert "8 images in 2 shards of 192 features, 1 file left out (made/left_out.csv)" in shown
    assert "none.png" in Path("made/left_out.csv").read_text()
    assert read_shard_set("made").dtype == "float16"
    assert main(["select", "made", "--budget", "3"]) == 0
    assert "3 rows, chosen by kmeans" in capsys.readouterr().out


def test_a_list_of_files(capsys: pytest.CaptureFixture[str]) -> None:
    Path("some.csv").write_text("path,slide\ncells/000.png,1\ncells/001.png,1\ncells/gone.png,2\n")
    assert encode("some.csv") == 0
    assert "2 images in 1 shards" in capsys.readouterr().out
    shards = read_shard_set("made")
    assert shards.ids(shards.shards[0]) == ["cells/000.png", "cells/001.png"]
    assert "there is no such file" in Path("made/left_out.csv").read_text()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["nowhere", "--shards", "made"], "neither a folder of images nor a list"),
        (["cells", "--shards", "made", "--encoder", "moco"], "trains on all images at once"),
        (["cells", "--shards", "made", "--set", "size=1"], "write encoder.NAME=VALUE"),
        (["cells", "--shards", "made", "--workers", "0"], "--workers 0 is out of bounds: 1 up"),
        (["cells", "--shards", "made", "--workers", "7"], "--workers 7 is of a Ray cluster"),
        (["cells", "--shards", "made", "--gpus", "0.5"], "--gpus 0.5 is of a Ray cluster: name it"),
        (["cells", "--shards", "made", "--gpus", "nan"], "--gpus nan is out of bounds: 0 up"),
        (["cells", "--shards", "made", "--gpus", "1.5"], "--gpus 1.5: a part of one GPU, or a"),
        (["cells", "--shards", "made", "--out", "x"], "--out is of the stages of a sweep: leave"),
        (["cells", "--shards", "made", "--show"], "--show is of the stages of a sweep: leave it"),
        (["digits", "--side", "8"], "--side is of shards: name their place, --shards"),
    ],
)
def test_what_cannot_be_done_is_refused(
    given: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["encode", *given]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("place", ["cells/pool", "cells/a/pool"])
def test_what_was_written_among_the_images_is_not_left_out_as_if_it_were_one(
    place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["encode", "cells", "--encoder", "pixels", "--side", "8", "--shards", place]
    for _ in range(2):
        assert main(given) == 0
        assert "8 images in 1 shards of 192 features, 1 file left out" in capsys.readouterr().out
    assert main(["encode", "cells", "--encoder", "pixels", "--shards", "cells"]) == 2
    assert "cells holds other files" in capsys.readouterr().err


def test_the_time_left_is_that_of_what_was_made_now() -> None:
    said: list[str] = []
    progress = _Throughput(9000, said.append)
    progress.count(Done(1000, 0, was_there=True))
    assert progress.line(10) == "1,000 of 9,000 images, 0.0 a second, none made"
    progress.count(Done(1000, 3, was_there=False))
    assert progress.line(10) == "2,000 of 9,000 images, 100.0 a second, 70 s left, 3 left out"


def test_a_folder_is_encoded_by_its_own_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["select", "cells", "--shards", "made"]) == 2
    assert "for a folder or list: rayal encode cells --shards made" in capsys.readouterr().err
    assert main(["encode", "s3://bucket/cells"]) == 2
    assert "of images, say where features go: --shards PLACE" in capsys.readouterr().err
