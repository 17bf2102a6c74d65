"""The 2-D sets of MedMNIST v2 (Yang et al. 2023), through the `medmnist` package."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypeAlias

from rayal.contracts import Dataset, dataset
from rayal.datasets._files.medmnist_format import read_medmnist_file
from rayal.storage import reachable

SETS = (
    "pathmnist", "bloodmnist", "organamnist", "organcmnist", "organsmnist", "dermamnist",
    "octmnist", "pneumoniamnist", "breastmnist", "retinamnist", "tissuemnist", "chestmnist",
)  # fmt: skip
SEVERAL = ("chestmnist",)  # of which an image may have several classes

Size: TypeAlias = Literal[28, 64, 128, 224]


def _register(name: str) -> None:
    several = name in SEVERAL

    def published(*, root: str = "", size: Size = 28, download: bool = False) -> tuple[int, int]:
        info = _package().INFO[name]
        return info["n_samples"]["train"], len(info["label"])

    def load(*, root: str = "", size: Size = 28, download: bool = False) -> Dataset:
        info = _package().INFO[name]
        path = _folder(root) / (f"{name}.npz" if size == 28 else f"{name}_{size}.npz")
        if not reachable.is_file(path):
            _obtain(name, path, size, download)
        classes = [info["label"][str(c)] for c in range(len(info["label"]))]
        return read_medmnist_file(path, name, classes, multilabel=several)

    load.__name__ = load.__qualname__ = name
    load.__doc__ = f"""Load {name}{", of which an image may have several classes" * several}.

    Args:
        root: folder of the file; "" is the package's own cache folder.
        size: height and width in pixels.
        download: fetch the file where it is absent.

    Raises:
        FileNotFoundError: the file is absent, and was not asked for or cannot be fetched.
        ValueError: the file is damaged.
    """
    dataset(published=published, multilabel=several)(load)


for _name in SETS:
    _register(_name)


def _package() -> Any:
    from rayal.vision.torchvision_cpu import torchvision

    torchvision()  # medmnist imports it
    import medmnist

    return medmnist


def _folder(root: str) -> Path:
    # The package has no default where it could not make its folder.
    return Path(root or _package().info.DEFAULT_ROOT or "~/.medmnist").expanduser()


def _obtain(name: str, path: Path, size: int, download: bool) -> None:
    """Fetch the file, or say where it was looked for and how to get it."""
    info = _package().INFO[name]
    url = info["url" if size == 28 else f"url_{size}"]
    by_hand = f"curl -L --create-dirs -o {path} {url}"
    if not download:
        raise FileNotFoundError(f"there is no file {path}; set download: true, or run: {by_hand}")
    path.parent.mkdir(parents=True, exist_ok=True)
    fetching = getattr(_package(), info["python_class"])
    try:
        fetching("train", download=True, root=str(path.parent), size=size)
    except RuntimeError as error:
        raise FileNotFoundError(
            f"there is no file {path}, and it cannot be fetched from here; where there is a "
            f"network, run: {by_hand}"
        ) from error
