"""What NumPy, PyTorch and faiss take where nothing is said."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from rayal.process_state.undo import Undo


def numpy_errors() -> Undo:
    """Keep what NumPy does about divisions by zero and overflow."""
    before, call = np.geterr(), np.geterrcall()

    def undo() -> None:
        np.seterr(**before)
        np.seterrcall(call)

    return undo


def torch_defaults() -> Undo:
    """Keep what torch takes where nothing is said; one that the body imports has its own."""
    before = _defaults_of(sys.modules.get("torch"))

    def undo() -> None:
        torch = sys.modules.get("torch")
        if torch is None or (now := _defaults_of(torch)) == before:
            return
        wanted = before or {**_torch_at_import(torch), "threads": now["threads"]}
        torch.set_default_dtype(wanted["dtype"])
        torch.set_default_device(None if wanted["device"] == "cpu" else wanted["device"])
        torch.set_grad_enabled(wanted["gradients"])
        torch.set_num_threads(wanted["threads"])
        torch.set_float32_matmul_precision(wanted["precision"])
        torch.use_deterministic_algorithms(wanted["deterministic"], warn_only=wanted["warn_only"])

    return undo


def _defaults_of(torch: Any) -> dict[str, Any]:
    if torch is None:
        return {}
    return {
        "dtype": torch.get_default_dtype(),
        "device": _default_device(torch),
        "gradients": torch.is_grad_enabled(),
        "threads": torch.get_num_threads(),
        "precision": torch.get_float32_matmul_precision(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warn_only": torch.is_deterministic_algorithms_warn_only_enabled(),
    }


def _default_device(torch: Any) -> str:
    try:
        return str(torch.get_default_device())
    except AttributeError:  # of torch 2.8 and earlier, where one was taken back
        return "cpu"


def _torch_at_import(torch: Any) -> dict[str, Any]:
    return {
        "dtype": torch.float32,
        "device": "cpu",
        "gradients": True,
        "precision": "highest",
        "deterministic": False,
        "warn_only": False,
    }


def faiss_threads() -> Undo:
    """Keep how many threads faiss takes."""
    faiss: Any = sys.modules.get("faiss")
    before = faiss.omp_get_max_threads() if hasattr(faiss, "omp_get_max_threads") else 0

    def undo() -> None:
        if before and faiss.omp_get_max_threads() != before:
            faiss.omp_set_num_threads(before)

    return undo
