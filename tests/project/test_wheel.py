"""The wheel: installed alone, it has all that a user is promised."""

import ast
import email
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests import sweeps

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
OPTIONAL = {
    "gurobipy",
    "huggingface_hub",
    "mlflow",
    "tensorboardX",
    "pydicom",
    "timm",
    "umap",
    "wandb",
}  # extras
DISTRIBUTIONS = {
    "PIL": "pillow",
    "faiss": "faiss-cpu",
    "pydantic_core": "pydantic",  # which pins one version of it, and documents its errors
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    asked = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*asked, "-w", str(folder), str(ROOT)], check=True)
    [path] = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel; its dependencies are borrowed, this checkout is not."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    [packages] = folder.glob("lib/python*/site-packages")
    borrowed = [path for path in sys.path if Path(path).name == "site-packages"]
    (packages / "borrowed.pth").write_text("\n".join(borrowed))
    python = folder / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "-q", "--no-deps", "--ignore-installed", str(wheel)],
        check=True,
    )
    return python


def test_the_wheel_holds_packages_types_and_sweeps(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"rayal/py.typed", "analysis/py.typed", "rayal/sweeps/quickstart.yaml"} <= names
    wanted = {f"rayal/sweeps/{path.name}" for path in (ROOT / "sweeps").glob("*.yaml")}
    assert wanted <= names
    tops = {name.split("/")[0] for name in names}
    assert tops == {"rayal", "analysis", f"rayal-{_version()}.dist-info"}


def test_the_metadata_say_what_a_package_index_shows(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    [name] = [name for name in archive.namelist() if name.endswith("/METADATA")]
    metadata = email.message_from_bytes(archive.read(name))
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["License-File"] == "LICENSE"
    assert metadata["Author"]
    assert metadata["Keywords"]
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])


def test_the_packaged_quickstart_runs_from_the_wheel(python: Path, tmp_path: Path) -> None:
    kept = {k: v for k, v in sweeps.environment().items() if k != "PYTHONPATH"}
    smaller = ("encoders.moco.epochs=6", "parts.cold_start.seeds=1", "parts.cycles.seeds=1")
    changes = [word for change in smaller for word in ("--set", change)]
    ended = subprocess.run(
        [python.with_name("rayal"), "sweep", "quickstart", "--local", *changes],
        cwd=tmp_path, env=kept, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert (tmp_path / "runs" / "quickstart" / "report" / "index.html").is_file()
    assert "0 failed" in ended.stdout


def test_every_library_that_is_imported_is_a_declared_dependency() -> None:
    declared = {
        re.match(r"[\w.-]+", line).group().lower()  # type: ignore[union-attr]
        for line in re.findall(r'^    "([^"]+)"', _pyproject("dependencies = ["), re.MULTILINE)
    }
    used = {name for path in _sources() for name in _imported(path)}
    foreign = used - set(sys.stdlib_module_names) - {"rayal", "analysis"} - OPTIONAL
    missing = {name for name in foreign if DISTRIBUTIONS.get(name, name).lower() not in declared}
    assert missing == set()


def _sources() -> list[Path]:
    return [*(ROOT / "rayal").rglob("*.py"), *(ROOT / "analysis").rglob("*.py")]


def _imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def _pyproject(heading: str) -> str:
    text = (ROOT / "pyproject.toml").read_text()
    return text.partition(heading)[2].partition("\n]")[0]


def _version() -> str:
    return re.findall(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[0]
