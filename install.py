"""Make a virtual environment with rayal in it: `python install.py [FOLDER]`.

The packages of PyTorch come in two builds, for CUDA (several GB) and for the CPU. With an NVIDIA
GPU that the CUDA build can use it is taken and faiss-gpu, without one the CPU build and faiss-cpu;
nobody has to know where each build lies. Uses the standard library alone.
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
# What the CUDA of constraints.txt's torch, 13, asks for: the driver, and the GPU's generation
# (compute capability 7.5 is Turing's; PyTorch has no kernels for earlier ones).
LEAST_DRIVER, LEAST_CAPABILITY = 580, 7.5


def main() -> None:
    """Make or complete the environment in the folder given, .venv by default."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".venv")
    if not (folder / "bin" / "python").exists():
        print(f"making {folder} with Python {platform.python_version()}", flush=True)
        venv.create(folder, with_pip=True, clear=True)
    python = str(folder / "bin" / "python")
    gpu, why = usable_gpu(query_gpus())
    print(f"{why}: {'CUDA' if gpu else 'CPU'} builds", flush=True)
    install_torch(python, gpu)
    extras = "gpu,dev" if gpu else "dev"
    pip(python, "-c", str(CONSTRAINTS), "-e", f"{HERE}[{extras}]")
    if gpu:
        replace_faiss(python)
        check_cuda(python)


def query_gpus() -> list[str]:
    """Return a line `driver version, compute capability` for each NVIDIA GPU."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    query = [tool, "--query-gpu=driver_version,compute_cap", "--format=csv,noheader"]
    listed = subprocess.run(query, capture_output=True, text=True, check=False)
    return listed.stdout.split("\n") if listed.returncode == 0 else []


def usable_gpu(lines: list[str]) -> tuple[bool, str]:
    """Return whether PyTorch's CUDA build can use one of these GPUs, and why or why not."""
    found = [re.match(r"(\d+)[\d.]*, *(\d+\.\d+)", line) for line in lines]
    gpus = [(int(match.group(1)), float(match.group(2))) for match in found if match]
    if not gpus:
        return False, "no NVIDIA GPU"
    if any(driver >= LEAST_DRIVER and able >= LEAST_CAPABILITY for driver, able in gpus):
        return True, "an NVIDIA GPU"
    driver, able = max(gpus)
    if able < LEAST_CAPABILITY:
        return False, f"an NVIDIA GPU of compute capability {able}, below {LEAST_CAPABILITY}"
    return False, (
        f"an NVIDIA GPU whose driver {driver} is older than the {LEAST_DRIVER} that PyTorch's CUDA "
        "needs (update it, remove this environment and install again to use the GPU)"
    )


def check_cuda(python: str) -> None:
    """Stop where PyTorch cannot use the GPU after all: everything would run on the CPU, slowly."""
    code = "import sys, torch; torch.zeros(1, device='cuda'); sys.stdout.write('usable')"
    tried = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    if tried.stdout != "usable":
        last = tried.stderr.strip().splitlines()[-1:] or ["no message"]
        sys.exit(f"PyTorch cannot use the GPU: {last[0]}\nnvidia-smi shows the driver's state")


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
        [*pip_command, "show", "faiss-gpu"], capture_output=True, text=True, check=False
    )
    if found.returncode:
        print("no faiss-gpu for this processor: faiss-cpu stays", flush=True)
        return
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
