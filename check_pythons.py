"""Ask PyPI whether what rayal depends on is there for every Python that it supports.

`python check_pythons.py`; the exit status is 1 where pip finds no version of a dependency, of the
package or of its tests, for one of them. Where PyPI does not answer nothing was checked; it says so
loudly and the status is 0, so that a network does not decide whether the project passes.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parent / "pyproject.toml"
UNANSWERED = "(from versions: none)"  # pip knows no version at all, of another Python either


def main() -> int:
    """Check every Python; return the exit status."""
    text = PYPROJECT.read_text()
    broken = 0
    for python in supported(text):
        errors = errors_of_pip(dependencies(text), python)
        if any(UNANSWERED in error for error in errors):
            print(f"PYTHONS NOT CHECKED: PyPI cannot be reached from here: {errors[-1]}")
            return 0
        broken += bool(errors)
        print(f"Python {python}: {errors[-1] if errors else 'every dependency has a version'}")
    return int(broken > 0)


def supported(pyproject: str) -> list[str]:
    """Return the Pythons that pyproject.toml names, as "3.10"."""
    return re.findall(r'"Programming Language :: Python :: (3\.\d+)"', pyproject)


def dependencies(pyproject: str) -> list[str]:
    """Return the requirements of the package, and those of its development."""
    lists = (pyproject.partition(f"\n{name} = [\n")[2] for name in ("dependencies", "dev"))
    text = "\n".join(listed.partition("\n]")[0] for listed in lists)
    return re.findall(r'^ +"(.+)",$', text, re.MULTILINE)


def errors_of_pip(requirements: list[str], python: str) -> list[str]:
    """Return what pip says where it finds no version of one of them for a Python."""
    with tempfile.TemporaryDirectory() as folder:
        ended = subprocess.run(
            [
                sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--no-deps",
                "--ignore-installed", "--target", folder, "--python-version", python,
                "--only-binary", ":all:", *requirements,
            ],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    if ended.returncode == 0:
        return []
    return re.findall("^ERROR: (.*)", ended.stderr, re.MULTILINE) or ["pip failed without a word"]


if __name__ == "__main__":
    sys.exit(main())
