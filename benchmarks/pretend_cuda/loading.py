"""Compile the pretend device once for a machine and a PyTorch, and load it into this process."""

from __future__ import annotations

import ctypes
import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).parent / "device.cpp"


class NoPretendCudaError(RuntimeError):
    """The pretend device cannot be had here."""


def load() -> None:
    """Give this process a CUDA device; whatever asks for one is told of it from now on.

    Raises:
        NoPretendCudaError: there is no C++ compiler, PyTorch is a CUDA build, which has its own
            device, or is imported already, when it has looked for devices.
    """
    if "torch" in sys.modules:
        raise NoPretendCudaError("load the pretend CUDA device before torch is imported")
    ctypes.CDLL(str(_compiled()), mode=ctypes.RTLD_GLOBAL)
    import torch

    answers = {
        "is_available": True,
        "is_initialized": True,
        "is_bf16_supported": True,
        "device_count": 1,
        "current_device": 0,
        "get_device_name": "pretend",
        "get_device_capability": (9, 0),
        "init": None,
        "_lazy_init": None,
        "synchronize": None,
        "empty_cache": None,
    }
    for name, answer in answers.items():
        setattr(torch.cuda, name, lambda *_, _answer=answer, **__: _answer)


def _compiled() -> Path:
    """Return the library, compiled unless an earlier process has done so."""
    version = importlib.metadata.version("torch")
    spec = importlib.util.find_spec("torch")
    folder = Path(spec.origin).parent if spec and spec.origin else Path()
    if (
        not (folder / "lib" / "libtorch_cpu.so").exists()
        or (folder / "lib" / "libtorch_cuda.so").exists()
    ):
        raise NoPretendCudaError("the pretend CUDA device needs a CPU build of PyTorch on Linux")
    key = hashlib.sha256(SOURCE.read_bytes() + f"{version} {folder}".encode()).hexdigest()[:16]
    library = Path(tempfile.gettempdir()) / f"rayal-pretend-cuda-{os.getuid()}-{key}.so"
    if not library.exists() or library.stat().st_uid != os.getuid():  # another's may be anything
        _compile(folder, library)
    return library


def _compile(torch_folder: Path, library: Path) -> None:
    compiler = shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        raise NoPretendCudaError("the pretend CUDA device needs a C++ compiler")
    libraries = torch_folder / "lib"
    with tempfile.TemporaryDirectory(dir=library.parent) as scratch:
        built = Path(scratch) / library.name
        command = [
            compiler, "-O0", "-shared", "-fPIC", "-std=c++20", "-w",
            f"-I{torch_folder / 'include'}", str(SOURCE), "-o", str(built),
            f"-L{libraries}", f"-Wl,-rpath,{libraries}", "-lc10", "-ltorch_cpu",
        ]  # fmt: skip
        compiled = subprocess.run(command, capture_output=True, text=True, check=False)
        if compiled.returncode:
            raise NoPretendCudaError(f"{compiler} failed: {compiled.stderr[-500:]}")
        built.replace(library)
