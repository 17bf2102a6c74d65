"""One encoding a place: what would mix two networks, or two sets of files, is refused in words."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rayal.cli.main import main
from rayal.contracts import Embedding
from rayal.distributed import encoding
from rayal.registry import ENCODERS, Component
from rayal.storage.shard_set import read_shard_set
from rayal.traits import EncoderTraits
from tests.labeling.images import folder_of


def scaled(dataset: Any, rng: Any, progress: Any, *, weights: str) -> Embedding:
    """The first pixels of an image times a number in a file."""
    factor = float(Path(weights).read_text())
    flat = dataset.train.images.reshape(len(dataset.train.images), -1)[:, :4]
    features = flat.astype(np.float32) * np.float32(factor)
    return Embedding(features, features[:1])


@pytest.fixture(autouse=True)
def cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight images, and an encoder that reads net.txt."""
    monkeypatch.chdir(tmp_path)
    folder_of(tmp_path / "cells", 8)
    Path("net.txt").write_text("1")
    component = Component("encoder", scaled, EncoderTraits())
    monkeypatch.setitem(ENCODERS._components, "scaled", component)


def encode(*more: str, per_shard: int = 4) -> int:
    given = ["--shards", "made", "--side", "8", "--files-per-shard", str(per_shard)]
    network = ["--encoder", "scaled", "--set", "encoder.weights=net.txt"]
    return main(["encode", "cells", *given, *network, *more])


def interrupt_after_the_first_shard(monkeypatch: pytest.MonkeyPatch) -> None:
    made = encoding.encode_piece

    def interrupted(piece: Any, job: Any) -> Any:
        if piece.number:
            raise KeyboardInterrupt
        return made(piece, job)

    with monkeypatch.context() as patched:
        patched.setattr(encoding, "encode_piece", interrupted)
        assert encode() == 130


def test_a_network_that_was_exchanged_between_two_runs_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupt_after_the_first_shard(monkeypatch)
    Path("net.txt").write_text("2")
    assert encode() == 2
    assert "encoder.weights made when net.txt had another content" in capsys.readouterr().err
    Path("net.txt").write_text("1")
    assert encode() == 0
    assert encode() == 0  # nor is it when all shards are there
    Path("net.txt").write_text("2")
    assert encode() == 2


def test_a_network_that_is_exchanged_meanwhile_makes_no_shard(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write = encoding.write_shard

    def exchanged(*given: Any) -> str:
        Path("net.txt").write_text("2")
        return write(*given)

    monkeypatch.setattr(encoding, "write_shard", exchanged)
    assert encode() == 2
    message = "net.txt (encoder.weights) is not the file that this encoding was begun with"
    assert message in capsys.readouterr().err
    assert [path.name for path in sorted(Path("made").glob("shard-*[0-9]"))] == ["shard-00000"]


def test_an_encoding_that_was_begun_before_contents_were_noted_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupt_after_the_first_shard(monkeypatch)
    noted = Path("made/encoding.json")
    job = json.loads(noted.read_text())
    noted.write_text(json.dumps({k: v for k, v in job.items() if k not in ("contents", "count")}))
    assert encode() == 0
    Path("net.txt").write_text("2")  # from now on it is known
    assert encode() == 2
    assert "net.txt had another content" in capsys.readouterr().err


def test_what_differs_is_said_in_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupt_after_the_first_shard(monkeypatch)
    new = shutil.copy("cells/000.png", "cells/new.png")
    assert encode() == 2
    said = capsys.readouterr().err
    assert "made holds features of other files: there were 8, and now there are 9" in said
    Path(new).unlink()
    assert encode() == 0
    Path("cells/003.png").rename("cells/new.png")
    assert encode() == 2
    said = capsys.readouterr().err
    assert "1 added since, such as new.png and 1 no longer there, such as 003.png;" in said


def test_a_shard_that_was_removed_and_its_files_changed_is_made_again_for_a_choice(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert encode() == 0
    before = read_shard_set("made").content
    shutil.rmtree("made/shard-00001")
    shutil.copy("cells/000.png", "cells/005.png")
    assert encode() == 0
    assert read_shard_set("made").content != before
    assert main(["select", "made", "--budget", "3"]) == 0


def test_a_pool_whose_manifest_names_another_shard_is_mended_by_encoding_again() -> None:
    assert encode() == 0
    manifest = Path("made/shards.json")
    before = manifest.read_text()
    shutil.copy("cells/000.png", "cells/005.png")
    assert encode() == 0
    manifest.write_text(before)
    assert main(["select", "made", "--budget", "3"]) == 2
    assert encode() == 0
    assert main(["select", "made", "--budget", "3"]) == 0


def test_a_file_that_is_named_twice_is_refused() -> None:
    from rayal.distributed.encoding import encode_files
    from rayal.distributed.encoding_job import EncodingJob
    from rayal.distributed.local import LocalExecutor

    job = EncodingJob("cells", "made", "pixels", {}, 8, "float32", 4)
    with pytest.raises(ValueError, match=r"000\.png is named twice"):
        encode_files(LocalExecutor(), job, ["000.png", "001.png", "000.png"])


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (shutil.rmtree, "made/shard-00001 is missing, and shards.json names it"),
        (
            lambda shard: (shard / "features.npy").write_bytes(b"\x93NUMPY"),
            "made/shard-00001 is damaged (features.npy is not what was written)",
        ),
    ],
)
def test_a_choice_from_damaged_shards_says_which_command_mends_them(
    damage: Any, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert encode() == 0
    damage(Path("made/shard-00001"))
    assert main(["select", "made", "--budget", "3"]) == 2
    said = capsys.readouterr().err
    assert named in said
    assert "run the `rayal encode ... --shards made` that made it again" in said
    assert "same command" not in said
    shutil.rmtree("made/shard-00001", ignore_errors=True)
    assert encode() == 0
    assert main(["select", "made", "--budget", "3"]) == 0


@pytest.mark.parametrize("has_shard", [True, False])
def test_a_choice_from_unfinished_shards_says_so(
    has_shard: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupt_after_the_first_shard(monkeypatch)
    if has_shard:
        Path("made/encoding.json").unlink()  # as write_shards leaves it
    else:
        shutil.rmtree("made/shard-00000")
    assert main(["select", "made", "--budget", "3"]) == 2
    assert "made has no shards.json: there are no shards of features, or they are not all" in (
        capsys.readouterr().err
    )


def test_a_folder_of_images_may_be_named_as_a_shard_is() -> None:
    Path("cells/shard-00000").mkdir()
    shutil.copy("cells/000.png", "cells/shard-00000/a.png")
    from rayal.storage.shard_folders import are_begun

    assert not are_begun(Path("cells"))
    assert not are_begun(Path("nowhere"))
    assert not are_begun(Path("net.txt"))


def test_an_edited_note_of_the_contents_is_damaged(capsys: pytest.CaptureFixture[str]) -> None:
    assert encode() == 0
    note = Path("made/encoding.json")
    note.write_text(json.dumps({**json.loads(note.read_text()), "contents": 5}))
    assert encode() == 2
    assert "says nothing of an encoding; name another place" in capsys.readouterr().err
