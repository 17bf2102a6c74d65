"""Whether torch.compile can work here: it writes code, and needs what turns that into programs."""

from __future__ import annotations

import importlib.util
import os
import shutil

import torch


class NoCompilerError(RuntimeError):
    """torch.compile was asked for where it cannot work."""


def check_can_compile(where: torch.device) -> None:
    """Refuse before the first step what torch.compile would fail at in it.

    On a CPU it needs a C++ compiler, and takes minutes for a network; on a GPU it needs Triton and
    a C compiler for Triton's launchers.

    Raises:
        NoCompilerError: one of them is missing on this machine.
    """
    if where.type == "cuda" and importlib.util.find_spec("triton") is None:
        raise NoCompilerError(
            "compile=true needs Triton, which came with no package of this PyTorch: pip install "
            "triton, or give compile=false"
        )
    variable, names = ("CC", ("gcc", "clang", "cc")) if where.type == "cuda" else _CPP
    setting = os.environ.get(variable)
    if not any(map(shutil.which, [setting] if setting else names)):
        language = "C" if where.type == "cuda" else "C++"
        raise NoCompilerError(
            f"compile=true needs a {language} compiler on the machine that trains, and "
            f"{setting or ', '.join(names)} is not there: install one (on Debian g++) or "
            f"name it by {variable}; or give compile=false"
        )


_CPP = ("CXX", ("g++", "clang++", "c++"))
