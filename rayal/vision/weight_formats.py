"""Reading a file of weights: what kind of file it is, and the tensors in it.

Read are files of torch.save, .safetensors and .npz. Which one it is is told by the content, for
people rename files. Others are refused with what they are and what to do. Nothing in a file is
ever run.
"""

from __future__ import annotations

import codecs
import json
import pickle
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

_READ = "give a file of torch.save, .safetensors or .npz"
_HEAD_BYTES = 512
_BLOCK = 8 << 20  # bytes
_SAFETENSORS_HEADER = 100_000_000  # bytes, at most, as in the format's own reader
_LARGEST_JSON = 64_000_000

# What files begin with that are no weights, or weights of a kind that is not read.
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras and TensorFlow write them; convert it"),
    (b"GGUF", "a GGUF file of quantized weights; get the original .safetensors"),
    (b"\x93NUMPY", "a single array; save all weights with numpy.savez"),
    (b"version https://git-lfs", "a pointer of Git LFS in place of the file; run git lfs pull"),
    (b"\x1f\x8b", "a compressed archive; unpack it"),
    (b"\xfd7zXZ\x00", "a compressed archive; unpack it"),
    (b"BZh", "a compressed archive; unpack it"),
    (b"7z\xbc\xaf'\x1c", "a compressed archive; unpack it"),
    (b"(\xb5/\xfd", "a compressed archive; unpack it"),
    (b"<?xml", "an XML file, such as a model of OpenVINO or an error of a server"),
    (b"<", "a web page, so that a download failed; fetch the file again"),
    (b"/annex/objects/", "a pointer of git-annex in place of the file; run git annex get"),
    (b"model_checkpoint_path:", "the list of a TensorFlow checkpoint; convert it"),
    (b"%PDF", "a PDF"),
)
_SIGNATURES_AT = (  # the same, from a byte on
    (4, b"TFL3", "a TensorFlow Lite model; convert it"),
    (257, b"ustar", "an archive; unpack it"),
)
_SUFFIXES = {
    ".onnx": "an ONNX graph; export the state dict of the network it was made of",
    ".pb": "a TensorFlow graph; convert it",
    ".index": "the index of a TensorFlow checkpoint; convert it",
    ".h5": "a file of Keras or TensorFlow; convert it",
    ".keras": "a Keras model; convert it",
    ".tflite": "a TensorFlow Lite model; convert it",
    ".msgpack": "weights of Flax; convert it",
    ".mlmodel": "a Core ML model; convert it",
    ".engine": "a TensorRT engine; take the network that it was made of",
    ".data-00000-of-00001": "a part of a TensorFlow checkpoint; convert it",
    ".gguf": "a GGUF file of quantized weights; get the original .safetensors",
}
# A member of a zip file -> what the file is.
_ZIP_MEMBERS = {
    "constants.pkl": "a TorchScript program; save its state_dict() with torch.save",
    "serialized_exported_program.json": "a program of torch.export; save its state_dict()",
    "model.weights.h5": "a Keras model; convert it",
}


def read(path: Path) -> Any:
    """Return what a file holds: tensors by name, or what else torch.save has written.

    Raises:
        ValueError: the file is missing, damaged, of another kind, or needs code to be run.
    """
    _check_is_file(path)
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    kind = _other_kind(path, head)
    if kind:
        raise ValueError(f"weights={path} is {kind}; {_READ}")
    try:
        return _read_kind(path, head)
    except _UnusableError:
        raise
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"weights={path} is no file of tensors alone: reading it would run code from it, or "
            "it is damaged; save network.state_dict() with torch.save, or as .safetensors"
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"weights={path} cannot be read ({type(error).__name__}): it is truncated or no file "
            "of torch.save, .safetensors or .npz; fetch it again"
        ) from error


def _read_kind(path: Path, head: bytes) -> Any:
    """Read a file of one of the three kinds, which its first bytes tell apart."""
    if _is_safetensors(head, path.stat().st_size) or path.suffix == ".safetensors":
        return _read_safetensors(path)
    if _is_npz(path, head):
        return _read_npz(path)
    if part := flipped_part(path):
        raise _UnusableError(
            f"weights={path} is damaged: {part} in it does not have the checksum that it was "
            "written with; fetch the file again"
        )
    return torch.load(path, map_location="cpu", weights_only=True)


def _check_is_file(path: Path) -> None:
    if path.is_dir():
        inside = sorted(p.name for p in path.iterdir() if p.suffix in (".safetensors", ".bin"))
        hint = f", such as {path / inside[0]}" if inside else ""
        raise ValueError(
            f"weights={path}: there is no such file, it is a folder; give the path of a file in "
            f"it{hint}"
        )
    if not path.exists():
        raise ValueError(f"weights={path}: there is no such file; give the path of one")
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError(f"weights={path} is no plain file; give the path of one")


def _other_kind(path: Path, head: bytes) -> str:
    """Return what a file is that is not read, "" where it may be one that is."""
    if _is_safetensors(head, path.stat().st_size):
        return ""
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if start.startswith((b"{", b"[")):
        return _kind_of_json(path)
    if head.startswith(b"PK\x03\x04"):
        return _kind_of_zip(path)
    signatures = (k for signature, k in _SIGNATURES if start.startswith(signature))
    offsets = (k for at, signature, k in _SIGNATURES_AT if head[at:].startswith(signature))
    by_name = _SUFFIXES.get(path.suffix.lower(), "")
    return next(iter((*signatures, *offsets)), by_name)


def _kind_of_json(path: Path) -> str:
    if path.stat().st_size > _LARGEST_JSON:
        return "JSON text"
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return "text"
    parts = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(parts, dict):
        return "JSON text and holds no weights"
    files = sorted({str(file) for file in parts.values()})
    return (
        f"an index of weights that lie in {len(files)} files ({', '.join(files[:2])}, ...); "
        "join them into one and give that"
    )


def _kind_of_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            members = {name.rpartition("/")[2] for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError, ValueError):
        return ""  # truncated: the reader says so
    for member, kind in _ZIP_MEMBERS.items():
        if member in members:
            return kind
    if "data.pkl" in members or any(name.endswith(".npy") for name in members):
        return ""
    return "an archive; unpack it"


def _is_npz(path: Path, head: bytes) -> bool:
    if not head.startswith(b"PK\x03\x04"):
        return False
    with zipfile.ZipFile(path) as archive:
        return all(name.endswith(".npy") for name in archive.namelist())


def _read_npz(path: Path) -> Mapping[str, torch.Tensor]:
    with np.load(path, allow_pickle=False) as arrays:
        read = {name: arrays[name] for name in arrays.files}
    for name, value in read.items():
        if value.dtype.kind not in "fciub":
            raise _UnusableError(
                f"weights={path}: {name} is of NumPy's type {value.dtype}, which is none of numbers"
                "; save the weights as float32"
            )
    native = {name: value.astype(value.dtype.newbyteorder("=")) for name, value in read.items()}
    return {name: torch.from_numpy(value) for name, value in native.items()}


def flipped_part(path: Path) -> str:
    """Name a part of a file of torch.save whose checksum does not fit, "" where there is none.

    torch does not look at them. A file that was written without checksums has none that fits.
    """
    if not zipfile.is_zipfile(path):
        return ""
    with zipfile.ZipFile(path) as archive:
        fits = {name: _fits(archive, name) for name in archive.namelist()}
    damaged = [name for name, fit in fits.items() if not fit]
    return damaged[0] if damaged and len(damaged) < len(fits) else ""


def _fits(archive: zipfile.ZipFile, name: str) -> bool:
    try:
        with archive.open(name) as part:
            while part.read(_BLOCK):
                pass
    except zipfile.BadZipFile:
        return False
    return True


def _is_safetensors(head: bytes, size: int) -> bool:
    header = int.from_bytes(head[:8], "little")
    return head[8:9] == b"{" and 2 <= header <= min(size, _SAFETENSORS_HEADER)


def _read_safetensors(path: Path) -> Mapping[str, torch.Tensor]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            framework = (file.metadata() or {}).get("format", "pt")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    if framework not in ("pt", "np", "numpy", "torch", "pytorch"):
        raise _UnusableError(
            f"weights={path} says that its weights are laid out for '{framework}', another order "
            "of dimensions than PyTorch's; convert it"
        )
    return tensors


class _UnusableError(ValueError):
    """A file is whole, or told to be damaged, and the message says why it is not taken."""
