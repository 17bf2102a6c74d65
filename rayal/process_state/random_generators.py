"""Global random generators: kept for the run, and seeded for each component."""

from __future__ import annotations

import random
import sys

import numpy as np

from rayal.process_state.undo import Undo
from rayal.seeds import generator


def generator_states() -> Undo:
    """Keep those on the CPU: libraries of the run, and who calls it, draw from them too."""
    before, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - kept, not drawn from
    torch = sys.modules.get("torch")
    of_torch = torch.default_generator.get_state() if torch else None

    def undo() -> None:
        random.setstate(before)
        np.random.set_state(of_numpy)  # noqa: NPY002
        if torch is not None:
            torch.default_generator.set_state(of_torch)

    return undo


def seed_generators(*names: str | int) -> None:
    """Begin the global generators at a seed that is made of names, as in `rayal.seeds`."""
    seed = int(generator("global generators", *names).integers(2**32))
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - what components draw from it is to be the same
    if torch := sys.modules.get("torch"):
        torch.default_generator.manual_seed(seed)
        if torch.cuda.is_initialized():
            torch.cuda.manual_seed_all(seed)
