"""The number format that networks compute in; weights and sums stay float32.

On a GPU `float32` in training means what cuDNN makes of it: convolutions multiply in TF32 (10 bits
of the 23), matrix products do not. Features are extracted in float32 throughout, so that they
differ from a CPU's by rounding alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:  # at run time where it is needed: a plan does without
    import torch

Precision: TypeAlias = Literal["float32", "bf16"]


def autocast(where: torch.device, precision: Precision | None = None) -> torch.autocast:
    """Return the context that computes in that precision; None: bf16 on a GPU that has it.

    Otherwise None is float32: earlier GPUs than NVIDIA's Ampere emulate bf16, slower than float32.

    bf16 keeps two to three digits. It is faster on CPUs that have instructions for it (AVX-512
    BF16, AMX) and slower on others, and two kinds of CPU may round differently.
    """
    import torch

    half = precision == "bf16" if precision else _has_bf16(where)
    return torch.autocast(where.type, torch.bfloat16, enabled=half, cache_enabled=False)


def _has_bf16(where: torch.device) -> bool:
    import torch

    return where.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


@contextlib.contextmanager
def without_tf32(where: torch.device) -> Iterator[None]:
    """Convolve in full float32 on a GPU, whatever cuDNN would take."""
    if where.type != "cuda":
        yield
        return
    import torch

    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before
