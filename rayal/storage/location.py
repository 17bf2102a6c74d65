"""Where something lies: a path on a disk, or an address in an object store."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias


@dataclass(frozen=True)
class Address:
    """Where something lies in an object store. `/`, name and parent are those of a Path."""

    url: str

    def __truediv__(self, name: str) -> Address:
        return Address(f"{self.url.rstrip('/')}/{name}")

    def __str__(self) -> str:
        return self.url

    @property
    def scheme(self) -> str:
        return self.url.partition("://")[0]

    @property
    def key(self) -> str:
        """Bucket and what follows it."""
        return self.url.partition("://")[2]

    @property
    def bucket(self) -> str:
        return self.key.partition("/")[0]

    @property
    def name(self) -> str:
        return self.url.rpartition("/")[2]

    @property
    def parent(self) -> Address:
        return Address(self.url.rpartition("/")[0])

    def resolve(self) -> Address:
        """Return itself: an address is the same from everywhere."""
        return self


Location: TypeAlias = Path | Address
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)  # one slash alone is a slip


def parse_location(text: str | Path | Address) -> Location:
    """Read what a user gave with --out: a path, or s3://bucket/prefix, gs://bucket/prefix."""
    if isinstance(text, Address):
        return text
    written = str(text)
    return (
        Address(written.rstrip("/")) if "://" in written or _ADDRESS.match(written) else Path(text)
    )
