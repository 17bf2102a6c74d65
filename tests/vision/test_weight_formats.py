"""What a file of weights is, by its content and not by its name."""

import io
import json
import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save, save_file
from torch import nn

from rayal.vision import weight_formats

STATE = {"a": torch.ones(3)}


def torch_bytes(content: object) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def npz_bytes() -> bytes:
    file = io.BytesIO()
    np.savez(file, a=np.ones(3, np.float32))
    return file.getvalue()


def zip_bytes(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return file.getvalue()


def tar_bytes() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("weights.pth"))
    return file.getvalue()


def script_bytes() -> bytes:
    file = io.BytesIO()
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), file)  # type: ignore[no-untyped-call]
    return file.getvalue()


@pytest.mark.parametrize("suffix", [".pth", ".bin", ".safetensors.part", ".npz", ".ckpt", ""])
@pytest.mark.parametrize("content", [torch_bytes(STATE), save(STATE), npz_bytes()])
def test_a_file_is_read_whatever_its_name_is(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(content)
    assert torch.equal(weight_formats.read(path)["a"], STATE["a"])


def test_the_first_byte_of_a_safetensors_file_may_be_a_brace(tmp_path: Path) -> None:
    header = json.dumps({"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]}})
    content = header.ljust(ord("{")).encode() + STATE["a"].numpy().tobytes()
    (tmp_path / "w").write_bytes(ord("{").to_bytes(8, "little") + content)
    assert weight_formats.read(tmp_path / "w").keys() == {"a"}


INDEX = {"metadata": {}, "weight_map": {"a": "model-1-of-2.bin", "b": "model-2-of-2.bin"}}


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("m.onnx", b"\x08\x07\x12\x07pytorch", r"an ONNX graph; export the state dict"),
        ("model.safetensors.index.json", json.dumps(INDEX).encode(), r"index .* in 2 files"),
        ("config.json", b'{"hidden_size": 3}', "JSON text and holds no weights"),
        ("deep.json", b"[" * 100_000, "text"),
        ("tf_model.h5", b"\x89HDF\r\n\x1a\n", "HDF5"),
        ("renamed.pth", b"\x89HDF\r\n\x1a\n", "HDF5"),
        ("saved_model.pb", b"\x08\x01\x12\x02", "TensorFlow graph"),
        ("model.ckpt.index", b"\x00\x00", "index of a TensorFlow checkpoint"),
        ("model.ckpt.data-00000-of-00001", b"\x00\x00", "part of a TensorFlow checkpoint"),
        ("checkpoint", b'model_checkpoint_path: "m.ckpt"', "list of a TensorFlow checkpoint"),
        ("flax_model.msgpack", b"\x81\xa6params", "weights of Flax"),
        ("m.tflite", b"\x1c\x00\x00\x00TFL3", "TensorFlow Lite"),
        ("m.gguf", b"GGUF\x03\x00", "GGUF file of quantized weights"),
        ("m.keras", zip_bytes("config.json", "model.weights.h5"), "Keras model"),
        ("m.pt", script_bytes(), r"TorchScript program; save its state_dict\(\)"),
        ("w.zip", zip_bytes("weights.pth"), "an archive; unpack it"),
        ("w.tar", tar_bytes(), "an archive; unpack it"),
        ("w.pth.gz", b"\x1f\x8b\x08\x00", "compressed archive; unpack it"),
        ("w.npy", b"\x93NUMPY\x01\x00", "a single array"),
        ("w.pth", b"version https://git-lfs.github.com/spec/v1\n", "pointer of Git LFS"),
        ("w.pth", b"\n<!DOCTYPE html><html>404", "a web page, so that a download failed"),
        ("w.pth", b"<HTML><head>", "a web page, so that a download failed"),
        ("w.pth", b"\xef\xbb\xbf<!-- x --><html>", "a web page, so that a download failed"),
        ("w.pth", b"/annex/objects/SHA256E-s12--ab.pth\n", "a pointer of git-annex"),
        ("w.pth", b"<?xml version='1.0'?><Error/>", "an XML file"),
    ],
)  # fmt: skip
def test_another_kind_of_file_is_named_with_what_to_do(
    tmp_path: Path, name: str, content: bytes, kind: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"weights=.*{name} is .*{kind}.*; give a file of torch"):
        weight_formats.read(tmp_path / name)


@pytest.mark.parametrize("layout", ["tf", "flax", "mlx"])
def test_weights_laid_out_for_another_library_are_refused(tmp_path: Path, layout: str) -> None:
    save_file(STATE, tmp_path / "w.safetensors", {"format": layout})
    with pytest.raises(ValueError, match=f"laid out for '{layout}'"):
        weight_formats.read(tmp_path / "w.safetensors")


def test_of_a_folder_a_file_in_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    save_file(STATE, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=r"is a folder; give .* such as .*model\.safetensors"):
        weight_formats.read(tmp_path)


def test_what_is_no_plain_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "w.pth")
    for path in (tmp_path / "w.pth", Path("/dev/zero")):
        with pytest.raises(ValueError, match="is no plain file"):
            weight_formats.read(path)


def test_a_flipped_bit_in_a_file_of_torch_is_told(tmp_path: Path) -> None:
    weight = torch.arange(200, dtype=torch.float32)
    content = bytearray(torch_bytes({"a": weight, "b": torch.zeros(3)}))
    content[content.find(weight.numpy().tobytes()) + 40] ^= 0x40
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(ValueError, match=r"is damaged: .*data/0 in it does not have the checksum"):
        weight_formats.read(tmp_path / "w.pth")


def test_a_file_that_torch_wrote_without_checksums_is_read(tmp_path: Path) -> None:
    torch.serialization.set_crc32_options(False)
    try:
        (tmp_path / "w.pth").write_bytes(torch_bytes(STATE))
    finally:
        torch.serialization.set_crc32_options(True)
    assert weight_formats.read(tmp_path / "w.pth").keys() == STATE.keys()


def test_an_npz_of_another_byte_order_is_read_and_one_of_no_numbers_is_not(tmp_path: Path) -> None:
    np.savez(tmp_path / "big.npz", a=np.arange(3, dtype=">f4"))
    assert weight_formats.read(tmp_path / "big.npz")["a"].tolist() == [0, 1, 2]
    np.savez(tmp_path / "raw.npz", a=np.zeros(3, dtype="V2"))
    with pytest.raises(ValueError, match=r"a is of NumPy's type \|V2, which is none of numbers"):
        weight_formats.read(tmp_path / "raw.npz")
