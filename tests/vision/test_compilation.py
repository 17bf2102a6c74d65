"""What torch.compile needs is looked for before a training starts."""

import importlib.util
import shutil

import pytest
import torch

from rayal.vision.compilation import NoCompilerError, check_can_compile


@pytest.mark.parametrize(
    ("device", "variable", "compiler"), [("cpu", "CXX", r"C\+\+"), ("cuda", "CC", "C")]
)
def test_a_machine_without_a_compiler_is_refused(device, variable, compiler, monkeypatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(NoCompilerError, match=rf"needs a {compiler} compiler .* compile=false"):
        check_can_compile(torch.device(device))


@pytest.mark.parametrize(("device", "variable"), [("cpu", "CXX"), ("cuda", "CC")])
def test_the_compiler_that_is_named_is_the_one_looked_for(device, variable, monkeypatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(shutil, "which", lambda name: name if name == "other" else None)
    monkeypatch.setenv(variable, "missing")
    with pytest.raises(NoCompilerError, match="missing is not there"):
        check_can_compile(torch.device(device))
    monkeypatch.setenv(variable, "other")
    check_can_compile(torch.device(device))


def test_a_gpu_without_triton_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(NoCompilerError, match="needs Triton"):
        check_can_compile(torch.device("cuda"))
