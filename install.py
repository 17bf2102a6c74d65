"""Make a virtual environment with rayal in it: `python install.py [FOLDER]`.

The packages of PyTorch come in two builds, for CUDA (several GB) and for the CPU. With an NVIDIA
GPU the CUDA build is taken and faiss-gpu, without one the CPU build and faiss-cpu; nobody has to
know where each build lies. Uses the standard library alone.
"""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
CONSTRAINTS = HERE / "constraints.txt"


def main() -> None:
    """Make or complete the environment in the folder given, .venv by default."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".venv")
    if not (folder / "bin" / "python").exists():
        print(f"making {folder} with Python {platform.python_version()}", flush=True)
        venv.create(folder, with_pip=True, clear=True)
    python = str(folder / "bin" / "python")
    gpu = has_gpu()
    print(f"{'an NVIDIA GPU: CUDA' if gpu else 'no NVIDIA GPU: CPU'} builds", flush=True)
    install_torch(python, gpu)
    extras = "gpu,dev" if gpu else "dev"
    pip(python, "-c", str(CONSTRAINTS), "-e", f"{HERE}[{extras}]")
    if gpu:
        replace_faiss(python)


def has_gpu() -> bool:
    """Whether the NVIDIA driver lists a device."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return False
    listed = subprocess.run([tool, "-L"], capture_output=True, text=True, check=False)
    return listed.returncode == 0 and "GPU" in listed.stdout


def install_torch(python: str, gpu: bool) -> None:
    """Install torch first, so that nothing else brings the wrong build along."""
    torch, vision = pinned("torch"), pinned("torchvision")
    if gpu or pip_takes_cpu_build(python, torch):
        pip(python, torch)
        return
    # pip's default here would be the CUDA build; uv knows where the CPU builds are kept.
    pip(python, "uv")
    uv = [python, "-m", "uv", "pip", "install", "--python", python]
    subprocess.run([*uv, "--torch-backend", "cpu", torch, vision], check=True)


def pip_takes_cpu_build(python: str, torch: str) -> bool:
    """Whether plain pip would bring a build without CUDA (macOS, Windows, a local CPU wheel)."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return True
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        pip(python, "--dry-run", "--no-deps", "--ignore-installed", "--report", str(report), torch)
        planned = json.loads(report.read_text())["install"]
    return any(item["metadata"]["version"].endswith("+cpu") for item in planned)


def replace_faiss(python: str) -> None:
    """Leave the GPU build alone in place: both builds install the same files."""
    pip_command = [python, "-m", "pip"]
    found = subprocess.run(
        [*pip_command, "show", "faiss-gpu"], capture_output=True, text=True, check=True
    )
    version = re.search(r"^Version: (\S+)$", found.stdout, re.MULTILINE)
    subprocess.run([*pip_command, "uninstall", "-q", "-y", "faiss-cpu", "faiss-gpu"], check=True)
    pip(python, "--no-deps", f"faiss-gpu=={version.group(1)}" if version else "faiss-gpu")


def pinned(package: str) -> str:
    """Return the requirement that constraints.txt pins."""
    lines = CONSTRAINTS.read_text().splitlines()
    return next(line for line in lines if re.match(rf"{re.escape(package)}==", line))


def pip(python: str, *arguments: str) -> None:
    """Run pip install quietly; its errors are shown."""
    subprocess.run([python, "-m", "pip", "install", "-q", *arguments], check=True)


if __name__ == "__main__":
    main()
