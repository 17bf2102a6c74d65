"""What a training leaves on disk after its epochs, so that a stopped one can be resumed."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

from rayal.encoders._training.time_budget import TimeBudget
from rayal.storage.atomic import temporary_beside
from rayal.vision.weight_formats import flipped_part

UNFINISHED = ".unfinished"  # ends the name of the folder of a training
_SHARE = 0.02  # of the training's time, for writing
_DAMAGE = (
    OSError, EOFError, LookupError, RuntimeError, ValueError, TypeError, AttributeError,
    pickle.UnpicklingError,
)  # fmt: skip


class Stateful(Protocol):
    """What can return all that determines how it goes on, and take it back."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any], /) -> object: ...


class GeneratorState:
    """The state of a generator."""

    def __init__(self, generator: torch.Generator) -> None:
        self._generator = generator

    def state_dict(self) -> dict[str, Any]:
        return {"state": self._generator.get_state()}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        self._generator.set_state(state["state"])


class Checkpoint:
    """One file with the state of all parts of a training after its latest epoch that was saved.

    The first and the last epoch are saved, and between them every one for which writing takes at
    most 2 % of the training's time. The file is written under another name and renamed: whatever
    is killed in between, it holds one epoch whole.
    """

    def __init__(self, folder: Path | None, name: str, parts: Mapping[str, Stateful]) -> None:
        """Name the file.

        Args:
            folder: where it lies; made when needed. None saves nothing. A file is of the training
                that the folder is named after, KEY.unfinished.
            name: of the training, one of several in a folder.
            parts: all that determines how the training goes on, by the names that they have in
                the file.
        """
        self.path = None if folder is None else folder / f"{name}.pt"
        self._training = "" if folder is None else folder.name.partition(UNFINISHED)[0]
        self._parts = dict(parts)
        self._budget = TimeBudget(_SHARE)

    def restore(self) -> int:
        """Bring all parts to the state that was saved; return its epochs, 0 where there is none.

        Raises:
            ValueError: the file is damaged, another version's or another training's.
        """
        if self.path is None or not self.path.exists():
            return 0
        try:
            if flipped := flipped_part(self.path):
                raise ValueError(f"{flipped} does not have its checksum")
            saved = torch.load(self.path, map_location="cpu", weights_only=True)
            if saved.get("training", self._training) != self._training:
                raise ValueError("it is of another training")
            for name, part in self._parts.items():
                part.load_state_dict(saved["parts"][name])
            return int(saved["epochs"])
        except _DAMAGE as e:
            raise ValueError(
                f"training cannot go on from {self.path} ({type(e).__name__}): it is damaged or "
                "of another version or training; delete it to start again"
            ) from e

    def hint(self) -> str:
        """Say where the latest epoch that was saved lies, as the end of a message."""
        exists = self.path is not None and self.path.exists()
        return f"; the last good epoch that was kept is in {self.path}" if exists else ""

    def save(self, epochs: int, *, last: bool) -> None:
        """Write the state after so many epochs; `last` is saved whatever it costs."""
        if self.path is None or not (last or self._budget.allows_more()):
            return
        with self._budget.timed():
            parts = {name: part.state_dict() for name, part in self._parts.items()}
            _write(self.path, {"training": self._training, "epochs": epochs, "parts": parts})


def _write(path: Path, state: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with temporary_beside(path) as temporary, temporary.open("wb") as file:
        torch.save(state, file)
