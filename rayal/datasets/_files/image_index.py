"""Finding an image of a folder by what a table calls it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from rayal.datasets._files.lookalikes import skeleton
from rayal.datasets._files.passed_over import PassedOver
from rayal.datasets._files.scan import nfc

SHOWN = 200  # characters of a name in a message


class ImageIndex:
    """The images of a folder by path, else by their files' names, or either without the suffix."""

    def __init__(self, root: Path, files: Sequence[str]) -> None:
        """Index files, relative to root."""
        self._root = root
        self._paths: dict[str, list[str]] = {}
        self._names: dict[str, list[str]] = {}
        for file in files:
            path = PurePosixPath(nfc(file))
            self._paths.setdefault(str(path), []).append(file)
            for name in {str(path.with_suffix("")), path.name, path.stem}:
                self._names.setdefault(name, []).append(file)

    def __contains__(self, name: str) -> bool:
        return bool(self._candidates(name))

    def find(self, place: str, name: str) -> str:
        """Return the file that a name stands for.

        Raises:
            ValueError: none or several; the message begins with `place`.
        """
        candidates = self._candidates(name)
        if len(candidates) > 1:
            first, second = candidates[:2]
            same = "; their names differ in how accents are written: rename one"
            way = same if nfc(first) == nfc(second) else ": give its path"
            raise ValueError(f"{place}: '{name}' may be {first} or {second}{way}")
        if not candidates:
            hint = self._hint(_plain(name))
            shown = name if len(name) <= SHOWN else f"{name[:SHOWN]}..."
            raise ValueError(f"{place}: there is no image '{shown}' in {self._root}{hint}")
        return candidates[0]

    def has_path(self, name: str) -> bool:
        """Whether a name is the path of a file, and not the name alone of one in some folder."""
        return bool(self._of_path(name))

    def _candidates(self, name: str) -> list[str]:
        return self._of_path(name) or self._names.get(self._wanted(name), [])

    def _of_path(self, name: str) -> list[str]:
        exact = self._paths.get(nfc(name))  # a name may have backslashes and blanks of its own
        return exact or self._paths.get(self._wanted(name), [])

    def _wanted(self, name: str) -> str:
        return _plain(name.strip()).removeprefix(f"{nfc(self._root.as_posix())}/")

    def _hint(self, wanted: str) -> str:
        """Say what is there under that name or a like one."""
        path = self._root / wanted
        if os.path.isfile(path) and path.resolve().is_relative_to(self._root):  # noqa: PTH113  Path's raises where the name is too long
            counts = PassedOver()
            counts.add(str(path))
            return f"; there is a file of that name: {counts}"
        stem = skeleton(PurePosixPath(wanted).stem)
        like = [known for known in self._names if skeleton(PurePosixPath(known).stem) == stem]
        return f"; did you mean '{self._names[like[0]][0]}'?" if like else ""


def _plain(name: str) -> str:
    return nfc(name).replace("\\", "/").removeprefix("./")
