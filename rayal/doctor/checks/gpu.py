"""GPUs: work that asks for one needs the driver, the CUDA build of PyTorch, and to see the card.

Read from files alone: PyTorch takes seconds to import.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import re
from dataclasses import dataclass
from pathlib import Path

from rayal.doctor.check import check
from rayal.doctor.finding import Finding
from rayal.doctor.request import Request
from rayal.run.gpus import BY_NAME, LEAST_DRIVER, VISIBLE, driver_version

DEVICES = Path("/dev")
NONE_ASKED = "--set resources.pretrain.gpus=0 --set resources.trial.gpus=0"


@dataclass(frozen=True)
class Gpus:
    """What there is for work on a GPU.

    cards: of NVIDIA, by their device files; driver: its version; cuda: that PyTorch is built for;
    visible: what CUDA_VISIBLE_DEVICES lets through. None where there is none.
    """

    cards: int
    driver: str | None
    cuda: str | None
    visible: str | None = None


def _measure(request: Request) -> Gpus:
    cards = sum(1 for file in DEVICES.glob("nvidia*") if re.fullmatch(r"nvidia\d+", file.name))
    return Gpus(cards, driver_version(), _cuda_of_torch(), os.environ.get(VISIBLE))


def _cuda_of_torch() -> str | None:
    with contextlib.suppress(OSError, importlib.metadata.PackageNotFoundError):
        torch = importlib.metadata.distribution("torch")
        text = Path(str(torch.locate_file("torch/version.py"))).read_text()
        match = re.search(r"^cuda\b[^=]*= *'([\d.]+)'", text, re.MULTILINE)
        return match.group(1) if match else None
    return None


@check("GPU", _measure, modes=("start", "node"))
def _judge(facts: Gpus, request: Request) -> Finding:
    measured = (
        f"{facts.cards} NVIDIA, driver {facts.driver or 'none'}, "
        f"PyTorch for {f'CUDA {facts.cuda}' if facts.cuda else 'CPUs'}"
    )
    if not request.gpus or os.environ.get(BY_NAME) or request.can_grow:
        return Finding("ok", measured, "no work here asks for one")
    threshold = f"{request.gpus:g} for the largest piece of work"
    mend = _mend(facts)
    if request.mode == "node" and not facts.cards:
        return Finding("ok", measured, "a node without GPUs")
    return (
        Finding("fails", measured, threshold, mend) if mend else Finding("ok", measured, threshold)
    )


def _mend(facts: Gpus) -> str:
    """What lets PyTorch see the card; "" where it does."""
    if not facts.driver or not facts.cards:
        return f"install the NVIDIA driver (docker run --gpus all), or {NONE_ASKED}"
    if facts.cuda is None:
        return f"install PyTorch's CUDA build (python install.py), or {NONE_ASKED}"
    least = LEAST_DRIVER.get(facts.cuda.partition(".")[0], 0)
    if int(facts.driver.partition(".")[0]) < least:
        return f"update the driver to {least} or later, or {NONE_ASKED}"
    if facts.visible is not None and facts.visible.strip() in ("", "-1", "NoDevFiles"):
        return f"unset {VISIBLE} (it is {facts.visible!r} and hides all cards)"
    return ""
