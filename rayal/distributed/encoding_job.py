"""What is encoded how, written down where the shards go: another encoding is not mixed with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from rayal.registry import ENCODERS
from rayal.storage.file_hash import file_hash, file_hashes
from rayal.storage.files import DamagedError, StoreError, files_of
from rayal.storage.location import Location
from rayal.storage.shard_batches import Dtype
from rayal.storage.shard_contents import ShardIds
from rayal.storage.shard_folders import JOB, read_left_out_of_all
from rayal.storage.shard_set import is_shard_set, read_shard_set

COMPARED = (
    "source", "encoder", "params", "contents", "side", "dtype", "files_per_shard", "files",
)  # fmt: skip
LISTED = 1_000_000  # files up to which those that differ are counted
ELSEWHERE = "name another place by --shards"


@dataclass(frozen=True)
class EncodingJob:
    """What is encoded how.

    source: the folder or address that paths are relative to. root: where shards go. encoder,
    params: the component. side: pixels of the squares that images are read into. files: a hash of
    their names; count: how many. contents: SHA-256 of the files that the component reads, by the
    parameter that names each. The last three are filled in by `completed`.
    """

    source: str
    root: str
    encoder: str
    params: Mapping[str, Any]
    side: int
    dtype: Dtype
    files_per_shard: int
    files: str = ""
    count: int = 0
    contents: Mapping[str, str] = field(default_factory=dict)


def completed(job: EncodingJob, paths: Sequence[str]) -> EncodingJob:
    """Return a job that knows its files, and the content of those that its encoder reads.

    Raises:
        ValueError: one of these cannot be read.
    """
    names = "\0".join(paths).encode("utf-8", "surrogateescape")
    try:
        contents = file_hashes(_files(job))
    except OSError as error:
        raise ValueError(f"encoder '{job.encoder}': {error}") from error
    digest = hashlib.sha256(names).hexdigest()[:16]
    return replace(job, files=digest, count=len(paths), contents=contents)


def check_contents(job: EncodingJob) -> None:
    """Refuse files of the encoder that are not those that the job was begun with.

    Raises:
        StoreError: which; it was exchanged meanwhile, or is another on this machine.
    """
    for name, path in _files(job).items():
        if name in job.contents and file_hash(path) != job.contents[name]:
            raise StoreError(
                f"{path} (encoder.{name}) is not the file that this encoding was begun with: it "
                "has changed, or is another on this machine; put the earlier one back and run the "
                "same command again"
            )


def write_down(root: Location, job: EncodingJob, paths: Sequence[str]) -> None:
    """Write what is encoded how; where that is there already, go on with the same alone.

    Raises:
        StoreError: another encoding was begun there, or other files lie there.
    """
    files = files_of(root)
    described = json.dumps(asdict(job), indent=1, sort_keys=True).encode()
    if files.exists(root / JOB):
        earlier = _read(root)
        _check_same(root, earlier, job, paths)
        if "contents" not in earlier:  # it was begun before they were written down
            files.write(root / JOB, described)
        return
    if is_shard_set(root):
        raise StoreError(f"{root} holds shards that were made elsewhere; name another place")
    if isinstance(root, Path) and (others := files.list_dir(root)):
        raise StoreError(
            f"{root} holds other files, such as {min(others)}, and no {JOB} of an encoding that "
            f"was begun; {ELSEWHERE}: one that is empty, or not there yet"
        )
    files.write(root / JOB, described)


def _files(job: EncodingJob) -> dict[str, Path]:
    """Return the files that the encoder reads, by the parameter that names each."""
    component = ENCODERS.find(job.encoder)
    return component.files(component.bind(job.params))


def _read(root: Location) -> dict[str, Any]:
    try:
        job = json.loads(files_of(root).read(root / JOB))
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"{root / JOB} is damaged ({error}); name another place") from error
    needed = {"source", "encoder", "files"}
    if not isinstance(job, dict) or not needed <= job.keys() or not _is_mapping(job, "contents"):
        raise DamagedError(f"{root / JOB} says nothing of an encoding; name another place")
    return job


def _is_mapping(job: Mapping[str, Any], key: str) -> bool:
    return isinstance(job.get(key, {}), dict)


def _check_same(
    root: Location, earlier: Mapping[str, Any], job: EncodingJob, paths: Sequence[str]
) -> None:
    now = json.loads(json.dumps(asdict(job)))
    known = {"contents": now["contents"], **earlier}
    for name in COMPARED:
        before = known.get(name)
        if before == now[name]:
            continue
        if name == "contents":
            raise StoreError(_other_contents(root, before, job))
        if name == "files":
            count = earlier.get("count", 0)
            difference = _other_files(_names_there(root), count, paths)
            raise StoreError(f"{root} holds features of other files: {difference}; {ELSEWHERE}")
        raise StoreError(
            f"{root} holds features with another '{name}' ({before}, now {now[name]}); {ELSEWHERE}"
        )


def _other_contents(root: Location, before: Any, job: EncodingJob) -> str:
    """Say which file of the encoder has another content."""
    name = min(n for n in before | job.contents if before.get(n) != job.contents.get(n))
    path = _files(job).get(name, "")
    was, is_ = str(before.get(name, "none"))[:12], job.contents.get(name, "none")[:12]
    return (
        f"{root} holds features that encoder.{name} made when {path or 'its file'} had another "
        f"content (sha256 {was}, now {is_}); put the earlier file back, or {ELSEWHERE}"
    )


def _names_there(root: Location) -> Collection[str] | None:
    """Return the files that the shards were made of; None where that is not known, or too long."""
    if not is_shard_set(root):
        return None
    shards = read_shard_set(root)
    if shards.rows > LISTED:
        return None
    return {*ShardIds(shards), *(path for path, _ in read_left_out_of_all(root))}


def _other_files(before: Collection[str] | None, count: int, paths: Sequence[str]) -> str:
    """Say how the files differ, as far as that is known; count: of those before, 0 if unknown."""
    if before is not None:
        added = [path for path in paths if path not in before]
        removed = sorted(set(before) - set(paths))
        parts = [
            f"{len(those):,} {what}, such as {those[0]}"
            for what, those in (("added since", added), ("no longer there", removed))
            if those
        ]
        return " and ".join(parts) or "the same in another order"
    if not count or count == len(paths):
        return "the list of files has changed since"
    return f"there were {count:,}, and now there are {len(paths):,}"
