"""The number format that networks compute in; weights and sums stay float32."""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch

Precision: TypeAlias = Literal["float32", "bf16"]


def autocast(where: torch.device, precision: Precision | None = None) -> torch.autocast:
    """Return the context that computes in that precision; None: bf16 on a GPU, else float32.

    bf16 keeps two to three digits. It is faster on CPUs that have instructions for it (AVX-512
    BF16, AMX) and slower on others, and two kinds of CPU may round differently.
    """
    half = precision == "bf16" if precision else where.type == "cuda"
    return torch.autocast(where.type, torch.bfloat16, enabled=half, cache_enabled=False)
