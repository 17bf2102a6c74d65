"""Python scripts that tests run in a process of their own."""

import subprocess
import sys


def run_script(script: str) -> "subprocess.CompletedProcess[str]":
    """Run a script to its end; fail where it does."""
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
