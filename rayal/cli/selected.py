"""What `rayal select` says of the images that it chose."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from rayal.cli.terminal import print_line
from rayal.hints import counted
from rayal.labeling.project import Project
from rayal.labeling.rounds import Round
from rayal.labeling.selecting import Selected

NOTES_SHOWN = 8


def show_selected(console: Console, selected: Selected, prog: str) -> None:
    """Print the numbers of a round, its notes, and what to do next; prog: the command."""
    made, root = selected.round, selected.project.root
    print_line(console, _pool_in_words(selected.project))
    if not selected.is_new:
        print_line(
            console,
            f"Round {made.number} is there already, and nothing was chosen again. The next: "
            f"{prog} {root} --budget B",
        )
        return
    for note in made.notes[:NOTES_SHOWN]:
        print_line(console, f"NOTE: {note}")
    _show_round(console, made, root)
    print_line(console, "Label them in one of these ways:")
    if selected.project.has_images:
        print_line(console, f"  rayal label {root}")
    for line in sorted(selected.lines, key=len):  # commands of other tools are long, and go last
        print_line(console, f"  {line}")
    print_line(console, f"Then: rayal ingest {root} EXPORT, and {prog} {root} --budget B")


def _pool_in_words(project: Project) -> str:
    pool, left_out = project.pool, project.left_out
    duplicates = sum(bool(image.duplicate_of) for image in pool)
    groups = _groups([image.group for image in pool])
    return (
        f"{len(pool):,} images{groups}; {duplicates:,} near-duplicates of others; "
        f"{counted(len(left_out), 'file')} left out{_most_common(left_out)}"
    )


def _show_round(console: Console, made: Round, root: Path) -> None:
    audited = len(made.audit_ids)
    drawn = f", {audited:,} of them drawn at random to measure with" if audited else ""
    print_line(
        console,
        f"Round {made.number}: {len(made.chosen):,} images{drawn}, chosen by "
        f"{made.strategy['name']} with {made.labels:,} labels known. "
        f"Look at them: {root / 'contact-sheet.html'}",
    )


def _groups(groups: Sequence[str]) -> str:
    """Say how many groups there are, and how many images have none, "" where no image has one."""
    if not any(groups):
        return ""
    alone = groups.count("")
    without = f" and {alone:,} without a group" if alone else ""
    return f" of {len(set(groups) - {''}):,} groups{without}"


def _most_common(left_out: Sequence[Any]) -> str:
    """Say the reasons for which most files were left out."""
    counts: dict[str, int] = {}
    for image in left_out:
        reason = "the same bytes as others" if image.rayal_id else image.reason
        counts[reason] = counts.get(reason, 0) + 1
    ordered = sorted(counts.items(), key=lambda pair: -pair[1])[:3]
    more = ", ..." if len(counts) > 3 else ""
    listed = "; ".join(f"{count:,} {reason}" for reason, count in ordered)
    return f" ({listed}{more}; all in left_out.csv)" if listed else ""
