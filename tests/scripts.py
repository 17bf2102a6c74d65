"""Python scripts that tests run in a process of their own."""

import subprocess
import sys
from collections.abc import Sequence
from typing import Any


def run_script(
    script: str, *arguments: object, options: Sequence[str] = (), status: int = 0, **more: Any
) -> "subprocess.CompletedProcess[str]":
    """Run a script to its end; fail, with what it printed, where it ends with another status.

    options: of Python. more: as `subprocess.run` has it, such as `env` and `timeout`.
    """
    command = [sys.executable, *options, "-c", script, *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    assert ended.returncode == status, f"{ended.returncode}: {ended.stdout}{ended.stderr}"
    return ended
