"""Images in an object store, embedded where they are read."""

import time
from pathlib import Path

import numpy as np
import pytest

from rayal.cli.main import main
from rayal.distributed import encoding
from rayal.distributed.image_source import list_objects
from rayal.storage.files import StoreError, files_of
from rayal.storage.location import Address
from rayal.storage.shard_set import ShardSet, read_shard_set
from tests.labeling.images import folder_of

pytestmark = pytest.mark.slow

SIZE = ["--encoder", "pixels", "--side", "8", "--files-per-shard", "4", "--dtype", "float32"]


@pytest.fixture
def images(place: Address, tmp_path: Path) -> Path:
    """The same nine files, one of them no picture, in a folder and at place/images; and a text."""
    folder_of(tmp_path / "images" / "more", 8)
    (tmp_path / "images" / "none.png").write_bytes(b"no picture")
    (tmp_path / "images" / "readme.md").write_text("no image")
    (tmp_path / "images" / ".hidden.png").write_bytes(b"")
    for file in (tmp_path / "images").rglob("*.*"):
        name = file.relative_to(tmp_path).as_posix()
        files_of(place).write(place / name, file.read_bytes())
    return tmp_path / "images"


def features(shards: ShardSet) -> np.ndarray:
    folders = map(shards.folder, shards.shards)
    return np.concatenate([np.load(folder / "features.npy") for folder in folders])


def test_objects_have_the_features_of_the_same_files(
    place: Address, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["encode", str(images), "--shards", str(images.parent / "made"), *SIZE]) == 0
    expected = read_shard_set(images.parent / "made")
    made = place / "images" / "made"  # below the images, which a second listing does not take
    for _ in range(2):
        assert main(["encode", str(place / "images"), "--shards", str(made), *SIZE]) == 0
        shown = capsys.readouterr().out
        assert "9 of 9 images, " in shown
        assert "8 images in 2 shards of 192 features, 2 files left out" in shown
    found = read_shard_set(made)
    assert [found.ids(s) for s in found.shards] == [expected.ids(s) for s in expected.shards]
    np.testing.assert_array_equal(features(found), features(expected))
    left_out = files_of(made).read(made / "left_out.csv").decode()
    assert left_out.splitlines()[1:] == [
        "readme.md,not read as images",
        "none.png,it cannot be read as an image: none of the formats known",
    ]


def test_an_interruption_costs_no_shard_that_is_there(
    place: Address, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    read_square = encoding.read_square

    def counted(path: Path, side: int, channels: int) -> np.ndarray:
        read.append(path.name)
        if len(read) == 6:
            raise KeyboardInterrupt
        return read_square(path, side, channels)

    monkeypatch.setattr(encoding, "read_square", counted)
    asked = ["encode", str(place / "images"), "--shards", str(images.parent / "made"), *SIZE]
    assert main(asked) == 130
    read[:] = ["interrupted before"] * 10
    assert main(asked) == 0
    assert len(read) - 10 == 5  # of nine files; a piece of four was there


def test_a_choice_of_images_makes_their_features_first(
    place: Address,
    images: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(images.parent)
    asked = ["select", str(place / "images"), "--budget", "3", "--encoder", "pixels"]
    assert main(asked) == 2
    assert "has no shards.json. If it has images: --shards PLACE" in capsys.readouterr().err
    assert main([*asked, "--shards", "made"]) == 0
    assert "3 rows, chosen by kmeans" in capsys.readouterr().out
    assert read_shard_set("made").rows == 8


def test_shards_in_an_object_store_that_are_unfinished_or_of_other_images_are_told_apart(
    place: Address, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = place / "made"
    asked = ["encode", str(place / "images"), "--shards", str(made), *SIZE]
    assert main(asked) == 0
    files_of(place).write(place / "images/new.png", b"another")
    assert main(asked) == 2
    assert "of other files: 1 added since, such as new.png; name" in capsys.readouterr().err
    files_of(place).remove(place / "images/new.png")
    files_of(made).remove(made / "shards.json")
    assert main(["select", str(made), "--budget", "3"]) == 2
    assert "has no shards.json: there are no shards" in capsys.readouterr().err
    files_of(made).remove_dir(made / "shard-00000")
    assert main(asked) == 0
    assert read_shard_set(made).rows == 8


def test_an_object_that_is_put_again_makes_its_shard_again(
    place: Address, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made, put = place / "made", files_of(place)
    asked = ["encode", str(place / "images"), "--shards", str(made), *SIZE]
    assert main(asked) == 0
    before = read_shard_set(made)
    assert main(asked) == 0
    assert "were made again" not in capsys.readouterr().out
    time.sleep(1.01)  # a store gives the time of change in whole seconds
    put.write(place / "images/more/000.png", put.read(place / "images/more/001.png"))
    assert main(asked) == 0
    assert "1 of the shards that were there were made again" in capsys.readouterr().out
    assert read_shard_set(made).content != before.content


def test_a_prefix_of_nothing_is_refused(place: Address) -> None:
    with pytest.raises(StoreError, match="nothing lies at"):
        list_objects(place / "nowhere")
