"""What a run that was struck left, compared with what an undisturbed one did."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Comparison:
    """Ids of trials of which something must not be so, and how many were started again."""

    trials: int
    again: int
    lost: set[str]
    failed: set[str]
    doubled: set[str]
    differing: set[str]

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.failed or self.doubled or self.differing)


def compare(out: Path, undisturbed: Path, rewritten: set[str]) -> Comparison:
    """Compare records, failures and log of two runs of one sweep.

    rewritten: trials whose record a RecordWatcher saw change. Doubled are these, and the trials of
    which the log says twice that they ended.
    """
    struck, expected = results(out), results(undisturbed)
    events = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    starts = Counter(t for e in events if e["event"] == "trials_started" for t in e["trials"])
    ends = Counter(e["trial"] for e in events if e["event"] in ("trial_done", "trial_failed"))
    return Comparison(
        trials=len(expected),
        again=sum(count - 1 for count in starts.values()),
        lost=expected.keys() - struck.keys(),
        failed={path.stem for path in (out / "failures").glob("[!.]*.log")},
        doubled=rewritten | {trial for trial, count in ends.items() if count > 1},
        differing={trial for trial, rows in struck.items() if rows != expected.get(trial)},
    )


def results(out: Path) -> dict[str, str]:
    """By trial, its rounds as text, without seconds: equal where every index and number is."""
    by_trial = {}
    for path in (out / "records").glob("[!.]*.json"):
        record: dict[str, Any] = json.loads(path.read_text())
        rows = [
            {key: value for key, value in row.items() if not key.endswith("_seconds")}
            for row in record["rounds"]
        ]
        by_trial[path.stem] = json.dumps(rows)
    return by_trial


class RecordWatcher:
    """Looks at a run's records while it goes on."""

    def __init__(self, out: Path) -> None:
        self._out = out
        (out / "records").mkdir(parents=True)
        self._written: dict[str, tuple[int, int]] = {}
        self.rewritten: set[str] = set()

    def look(self) -> int:
        """Note what was written since; return how many records there are."""
        entries = [entry for entry in os.scandir(self._out / "records") if entry.name[0] != "."]
        for entry in entries:
            written = (entry.inode(), entry.stat().st_mtime_ns)
            if self._written.setdefault(entry.name, written) != written:
                self.rewritten.add(entry.name.removesuffix(".json"))
        return len(entries)

    def starts(self) -> int:
        """How often the log says that a worker took trials up."""
        return sum('"trials_started"' in line for line in self._log())

    def has_ended(self) -> bool:
        """Whether the log says that the sweep is at its end; what is left then is the report."""
        return '"how": "finished"' in "".join(self._log()[-1:])

    def _log(self) -> list[str]:
        log = self._out / "log.jsonl"
        return log.read_text().splitlines() if log.exists() else []
