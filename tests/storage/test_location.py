from pathlib import Path

import pytest

from rayal.storage.files import StoreError, files_of
from rayal.storage.location import Address, parse_location


@pytest.mark.parametrize("text", ["s3://b/runs/mine", "s3://b/runs/mine/", "gs://b/x"])
def test_an_address_keeps_its_slashes_and_counts_like_a_path(text: str) -> None:
    found = parse_location(text)
    assert isinstance(found, Address)
    assert str(found) == text.rstrip("/")
    assert (found / "records").name == "records"
    assert (found / "records").parent == found == found.resolve()


def test_anything_else_is_a_path() -> None:
    assert parse_location("runs/mine") == Path("runs/mine")


@pytest.mark.parametrize("text", ["ftp://b/x", "s3://", "file:///x"])
def test_an_address_of_no_object_store_is_refused(text: str) -> None:
    with pytest.raises(StoreError, match="is no place for results"):
        files_of(Address(text))


def test_an_address_with_one_slash_is_no_folder() -> None:
    with pytest.raises(StoreError, match="is no place for results"):
        files_of(parse_location("s3:/bucket/x"))


@pytest.mark.parametrize(
    "text",
    ["s3://key:hush@b/x", "s3://b/x?secret_key=hush", "s3:/key:hush@b/x", "s3://b/;token=hush"],
)
def test_a_password_in_an_address_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(StoreError, match="no passwords") as refused:
        files_of(parse_location(text))
    assert "hush" not in str(refused.value)
