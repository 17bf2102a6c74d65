"""Which builds an environment gets, by what the NVIDIA driver says of its GPUs."""

import runpy
from typing import Any

import pytest

from tests.conftest import ROOT

INSTALL: dict[str, Any] = runpy.run_path(str(ROOT / "install.py"))


@pytest.mark.parametrize(
    ("lines", "usable", "why"),
    [
        ([], False, "no NVIDIA GPU"),
        (["580.105.08, 9.0", ""], True, "an NVIDIA GPU"),
        (["570.86.15, 9.0"], False, "driver 570 is older than the 580"),
        (["595.71.05, 7.0"], False, "compute capability 7.0, below 7.5"),
        (["595.71.05, 7.0", "595.71.05, 12.0"], True, "an NVIDIA GPU"),
        (["NVIDIA-SMI has failed"], False, "no NVIDIA GPU"),
    ],
)
def test_cuda_is_for_gpus_that_its_driver_and_kernels_fit(
    lines: list[str], usable: bool, why: str
) -> None:
    found, reason = INSTALL["usable_gpu"](lines)
    assert found == usable
    assert why in reason


def test_a_gpu_that_torch_cannot_use_ends_the_installation(tmp_path: Any) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'RuntimeError: the driver is too old' >&2; exit 1\n")
    python.chmod(0o755)
    with pytest.raises(SystemExit, match="cannot use the GPU: RuntimeError: the driver is too old"):
        INSTALL["check_cuda"](str(python))
    python.write_text("#!/bin/sh\nprintf usable\n")
    INSTALL["check_cuda"](str(python))
