"""Ask PyPI whether any pinned package has a known vulnerability: `python audit.py`.

Exit status: 0 none but those that audit-accepted.txt gives a reason for, 1 some. Where PyPI does
not answer (an offline machine, a mirror without advisories) nothing was audited; it says so loudly
and the status is 0, so that a network does not decide whether the project passes.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PINNED, ACCEPTED = HERE / "constraints.txt", HERE / "audit-accepted.txt"
PROBE = "pip==24.0\n"  # one package first: where it is unknown, 200 more need not be asked for

Dependencies = list[dict[str, Any]]


def main() -> int:
    """Audit the pins; return the exit status."""
    if importlib.util.find_spec("pip_audit") is None:
        print("pip-audit is not installed here: it is among the packages of `make check`")
        return 1
    for requirements in (PROBE, PINNED.read_text()):
        dependencies = ask(requirements)
        if not any("vulns" in one for one in dependencies):
            print("AUDIT NOT DONE: PyPI's advisories cannot be reached from here; nothing is known")
            return 0
    said, status = judge(dependencies, accepted(ACCEPTED.read_text()))
    print("\n".join(said))
    return status


def ask(requirements: str) -> Dependencies:
    """Have pip-audit ask PyPI; nothing where it got no answer."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(requirements)
        file.flush()
        options = ["-r", file.name, "--no-deps", "--disable-pip", "-f", "json"]
        quiet = ["--progress-spinner", "off"]
        ended = subprocess.run(
            [sys.executable, "-m", "pip_audit", *options, *quiet],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    try:
        found: Dependencies = json.loads(ended.stdout)["dependencies"]
    except (ValueError, KeyError):
        print((ended.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1])
        return []
    return found


def accepted(text: str) -> dict[str, str]:
    """Read lines of an advisory's id and the reason why it is lived with.

    Raises:
        ValueError: an id without a reason.
    """
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line and line[0] != "#"]
    for line in lines:
        if len(line) < 2:
            raise ValueError(f"{ACCEPTED.name}: {line[0]} has no reason; write it after the id")
    return {line[0]: line[1] for line in lines}


def judge(dependencies: Dependencies, reasons: dict[str, str]) -> tuple[list[str], int]:
    """Say what was found; the status is 1 where there is no reason to live with it."""
    said, used, bad = [], set(), 0
    for one in dependencies:
        for advisory in one.get("vulns", []):
            names = {advisory["id"], *advisory["aliases"]}
            known = names & reasons.keys()
            used |= known
            bad += not known
            said.append(_line(one, advisory, reasons[min(known)] if known else ""))
    said += [f"{name} is not found any more: take it out" for name in reasons.keys() - used]
    skipped = [one["name"] for one in dependencies if "vulns" not in one]
    if skipped:
        said.append(f"not audited, as PyPI does not know them: {', '.join(skipped)}")
    said.append(f"{len(dependencies) - len(skipped)} packages audited, {bad} advisories to act on")
    return said, int(bad > 0)


def _line(one: dict[str, Any], advisory: dict[str, Any], reason: str) -> str:
    fixed = ", ".join(advisory["fix_versions"]) or "no version"
    end = f"accepted: {reason}" if reason else f"fixed in {fixed}"
    return f"{one['name']} {one['version']}: {advisory['id']}, {end}"


if __name__ == "__main__":
    sys.exit(main())
