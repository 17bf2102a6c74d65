"""Import torchvision next to a CPU-only torch.

The package registry's torchvision is built for CUDA. Beside a CPU-only torch its compiled
operators cannot be loaded, and `import torchvision` then stops at "operator torchvision::nms does
not exist", although models, transforms and datasets need no compiled operator at all. Declaring
the two operators that it names at import is enough for these three.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
from pathlib import Path
from types import ModuleType

import torch

_NAMED_AT_IMPORT = ("nms", "qnms")
_SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


@functools.cache
def torchvision() -> ModuleType:
    """Import torchvision, with or without its compiled operators, and return it.

    Call it before importing anything that imports torchvision itself, such as medmnist. It
    changes nothing where the compiled operators can be loaded; later calls are free.

    Raises:
        ModuleNotFoundError: torchvision is not installed.
    """
    spec = importlib.util.find_spec("torchvision")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("torchvision is not installed: pip install torchvision")
    if not _load_operators(Path(spec.submodule_search_locations[0])):
        _declare_operators()
    return importlib.import_module("torchvision")


def _load_operators(folder: Path) -> bool:
    """Load the compiled operators as torchvision would; loading them twice does no harm."""
    for library in (*folder.glob("_C*.so"), *folder.glob("_C*.pyd"), *folder.glob("_C*.dylib")):
        try:
            torch.ops.load_library(str(library))  # type: ignore[no-untyped-call]
        except (ImportError, OSError):
            continue
    return hasattr(torch.ops.torchvision, "nms")


def _declare_operators() -> None:
    for name in _NAMED_AT_IMPORT:
        if not hasattr(torch.ops.torchvision, name):
            torch.library.define(f"torchvision::{name}", _SIGNATURE)
