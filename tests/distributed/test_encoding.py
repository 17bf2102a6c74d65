"""Features of many files, shard by shard."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rayal.distributed import encoding
from rayal.distributed.encoding import Done, encode_files
from rayal.distributed.encoding_job import EncodingJob
from rayal.distributed.local import LocalExecutor
from rayal.labeling.pictures import read_square
from rayal.storage.files import StoreError
from rayal.storage.shard_set import ShardSet

BAD = {"b/empty.png": b"", "c.jpg": b"\xff\xd8\xff no picture"}


@pytest.fixture
def job(tmp_path: Path) -> EncodingJob:
    """Ten pictures and two files that are none."""
    source = tmp_path / "images"
    (source / "b").mkdir(parents=True)
    for i in range(10):
        pixels = np.random.default_rng(i).integers(0, 255, (9, 12, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(source / f"a{i}.png")
    for name, content in BAD.items():
        (source / name).write_bytes(content)
    return EncodingJob(str(source), str(tmp_path / "shards"), "pixels", {}, 8, "float32", 5)


def paths_of(job: EncodingJob) -> list[str]:
    source = Path(job.source)
    return sorted(str(p.relative_to(source)) for p in source.rglob("*.*") if p.is_file())


def features_of(shards: ShardSet) -> dict[str, np.ndarray]:
    return {
        name: row
        for shard in shards.shards
        for name, row in zip(
            shards.ids(shard), np.load(shards.folder(shard) / "features.npy"), strict=True
        )
    }


def test_every_picture_has_its_features_and_every_other_file_a_reason(job: EncodingJob) -> None:
    pieces: list[Done] = []
    shards, left_out = encode_files(LocalExecutor(), job, paths_of(job), pieces.append)
    found = features_of(shards)
    assert list(found) == [f"a{i}.png" for i in range(10)]
    for name, row in found.items():
        square = encoding.read_square(Path(job.source) / name, 8, 3)
        np.testing.assert_allclose(row, square.reshape(-1) / np.float32(255))
    assert [path for path, _ in left_out] == sorted(BAD)
    assert all(reason for _, reason in left_out)
    assert [piece.files for piece in pieces] == [5, 5, 2]
    assert len(shards.shards) == 2  # of the third no file is a picture
    assert shards.about == {"encoder": {"name": "pixels"}, "side": 8, "left_out": 2}


def test_what_was_made_before_an_interruption_is_not_made_again(
    job: EncodingJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(done: Done) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode_files(LocalExecutor(), job, paths_of(job), interrupt)
    made: list[int] = []
    features = encoding._features

    def counted(job: EncodingJob, pixels: Any) -> Any:
        made.append(len(pixels))
        return features(job, pixels)

    monkeypatch.setattr(encoding, "_features", counted)
    pieces: list[Done] = []
    shards, left_out = encode_files(LocalExecutor(), job, paths_of(job), pieces.append)
    assert made == [5]
    assert [piece.was_there for piece in pieces] == [True, False, False]
    assert (shards.rows, len(left_out)) == (10, 2)
    again, left_out = encode_files(LocalExecutor(), job, paths_of(job))
    assert (again, len(left_out), made) == (shards, 2, [5])


def test_a_shard_is_made_again_where_a_file_of_it_has_changed(job: EncodingJob) -> None:
    before, _ = encode_files(LocalExecutor(), job, paths_of(job))
    changed = Path(job.source) / "a7.png"
    Image.new("RGB", (12, 9), "white").save(changed)
    pieces: list[Done] = []
    after, _ = encode_files(LocalExecutor(), job, paths_of(job), pieces.append)
    assert [piece.changed for piece in pieces] == [False, True, False]
    assert [piece.was_there for piece in pieces] == [True, False, True]
    assert (features_of(after)["a7.png"] == 1).all()
    assert after.content != before.content
    assert encode_files(LocalExecutor(), job, paths_of(job))[0].content == after.content


def test_a_shard_is_made_again_where_a_file_of_one_size_and_time_has_replaced_another(
    job: EncodingJob,
) -> None:
    encode_files(LocalExecutor(), job, paths_of(job))
    place = Path(job.source) / "a7.png"
    facts = place.stat()
    content = bytearray(place.read_bytes())
    content[-1] ^= 1
    place.write_bytes(content)
    os.utime(place, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    pieces: list[Done] = []
    encode_files(LocalExecutor(), job, paths_of(job), pieces.append)
    assert [piece.changed for piece in pieces] == [False, True, False]


def test_shards_made_before_their_files_were_noted_stay(job: EncodingJob) -> None:
    before, _ = encode_files(LocalExecutor(), job, paths_of(job))
    for note in Path(job.root).glob("*.files"):
        note.unlink()
    (Path(job.source) / "a7.png").touch()
    assert encode_files(LocalExecutor(), job, paths_of(job))[0].content == before.content
    Image.new("RGB", (12, 9), "white").save(Path(job.source) / "a7.png")
    assert encode_files(LocalExecutor(), job, paths_of(job))[0].content != before.content


def test_a_file_that_the_disk_did_not_give_is_read_by_the_next_run(
    job: EncodingJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stale(path: Path, *more: Any) -> Any:
        if path.name == "a7.png":
            raise OSError(5, "Input/output error")
        return read_square(path, *more)

    with monkeypatch.context() as broken:
        broken.setattr(encoding, "read_square", stale)
        shards, left_out = encode_files(LocalExecutor(), job, paths_of(job))
    assert ("a7.png", "it cannot be read: input/output error") in left_out
    pieces: list[Done] = []
    shards, left_out = encode_files(LocalExecutor(), job, paths_of(job), pieces.append)
    assert [path for path, _ in left_out] == sorted(BAD)
    assert "a7.png" in features_of(shards)
    assert [piece.changed for piece in pieces] == [False, True, False]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda job: replace(job, side=9), "another 'side' (8, now 9)"),
        (lambda job: replace(job, dtype="float16"), "another 'dtype'"),
        (lambda job: replace(job, files_per_shard=6), "another 'files_per_shard'"),
    ],
)
def test_features_made_otherwise_are_not_mixed(
    job: EncodingJob, change: Callable[[EncodingJob], EncodingJob], named: str
) -> None:
    encode_files(LocalExecutor(), job, paths_of(job))
    with pytest.raises(StoreError) as refused:
        encode_files(LocalExecutor(), change(job), paths_of(job))
    assert named in str(refused.value)
    with pytest.raises(StoreError, match=r"other files: 1 no longer there, such as a0\.png"):
        encode_files(LocalExecutor(), job, paths_of(job)[1:])


def test_what_cannot_be_encoded_is_refused(job: EncodingJob) -> None:
    with pytest.raises(ValueError, match="there are no images in"):
        encode_files(LocalExecutor(), job, [])
    with pytest.raises(ValueError, match=r"can be read: b/empty\.png: "):
        encode_files(LocalExecutor(), job, sorted(BAD))
    with pytest.raises(ValueError, match="'moco' trains on all images at once"):
        encode_files(LocalExecutor(), replace(job, encoder="moco"), paths_of(job))
    with pytest.raises(ValueError, match="did you mean 'pixels'"):
        encode_files(LocalExecutor(), replace(job, encoder="pixel"), paths_of(job))
    with pytest.raises(ValueError, match="at least 1 each"):
        encode_files(LocalExecutor(), replace(job, side=0), paths_of(job))


def test_what_is_encoded_how_is_written_down(job: EncodingJob) -> None:
    encode_files(LocalExecutor(), job, paths_of(job))
    said = json.loads((Path(job.root) / "encoding.json").read_text())
    assert (said["encoder"], said["side"], said["dtype"]) == ("pixels", 8, "float32")


def test_a_folder_with_other_files_is_not_written_to(job: EncodingJob) -> None:
    own = Path(job.root) / "shard-00000" / "data.txt"
    own.parent.mkdir(parents=True)
    own.write_text("precious")
    for other in (job, replace(job, root=job.source)):
        with pytest.raises(StoreError, match=r"holds other files, such as .*name another place"):
            encode_files(LocalExecutor(), other, paths_of(job))
        assert not (Path(other.root) / "encoding.json").exists()
    assert own.read_text() == "precious"


@pytest.mark.parametrize("content", ["{", "[]", "{}"])
def test_what_is_no_description_of_an_encoding_is_named(job: EncodingJob, content: str) -> None:
    Path(job.root).mkdir()
    (Path(job.root) / "encoding.json").write_text(content)
    with pytest.raises(StoreError, match=r"encoding\.json (is damaged|says nothing)"):
        encode_files(LocalExecutor(), job, paths_of(job))
