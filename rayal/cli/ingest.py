"""`rayal ingest DIR FILE...`: labels that come back from people and their tools.

Exit status: 0 taken, 1 taken but for what is named, 2 refused: nothing was taken.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from rayal.cli.interruption import stops_with_a_message
from rayal.cli.labeling_project import refuse
from rayal.cli.terminal import (
    DONE,
    FAILED,
    output,
    print_line,
    warnings_as_lines,
)
from rayal.datasets._files.lookalikes import means_missing
from rayal.hints import counted
from rayal.labeling.class_names import NOT_USABLE_NAME, names_of, similar_class
from rayal.labeling.errors import LabelingError
from rayal.labeling.ingest import Ingested, ingest
from rayal.labeling.label_notes import notes_of_duplicates, notes_of_strangers
from rayal.labeling.project import Project

PROG = "rayal ingest"
SHOWN = 5  # of what was not taken
EPILOG = """\
Read are exports of Label Studio (JSON, JSON_MIN, CSV), CVAT (for images 1.1, .xml or .zip) and
COCO (JSON), labels.csv filled in, folders FOLDER/CLASS/IMAGE, and where an image may have several
classes tables with a column of 0 and 1 for each class. Each label is matched by its image's id, or
else by its path. Reading a file twice changes nothing.
"""


@stops_with_a_message
@warnings_as_lines()
def main(arguments: Sequence[str] | None = None, *, prog: str = PROG) -> int:
    """Run the command line; return the exit status."""
    options = parser(prog).parse_args(list(sys.argv[1:] if arguments is None else arguments))
    console = output()
    try:
        project = Project.open(options.project)
        with project.locked():
            done = ingest(project, options.files)
    except (LabelingError, OSError) as error:
        return refuse(error, options.project)
    _show(console, project, done)
    return FAILED if done.refused else DONE


def parser(prog: str) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    command = argparse.ArgumentParser(
        prog=prog,
        description="Take labels back into a labeling project.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("project", type=Path, metavar="DIR", help="the project's folder")
    command.add_argument("files", type=Path, nargs="+", metavar="FILE", help="exports")
    return command


def _show(console: Console, project: Project, done: Ingested) -> None:
    _show_counts(console, done)
    labels = project.labels.labels()
    counts = Counter(name for label in labels.values() for name in names_of(label))
    _show_new_classes(console, done.new_classes, counts)
    _show_conflicts(console, project)
    for note in [*notes_of_duplicates(project), *notes_of_strangers(project)]:
        print_line(console, f"NOTE: {note}")
    if unanswered := project.unanswered:
        print_line(
            console,
            f"{counted(unanswered, 'chosen image')} {'has' if unanswered == 1 else 'have'} no "
            "answer yet",
        )
    print_line(
        console,
        f"{len(labels):,} images have a label, of {len(counts):,} classes. The next "
        f"round: rayal select {project.root} --budget B",
    )


def _show_counts(console: Console, done: Ingested) -> None:
    """Say what became of the answers, and why some were not taken."""
    parts = [
        (done.labeled, f"label{'s' * (done.labeled != 1)} taken"),
        (done.not_usable, f"image{'s' * (done.not_usable != 1)} not usable"),
        (done.replaced, "of these in place of an earlier answer"),
        (done.known, "known already"),
        (done.overruled, "imported before and corrected elsewhere since, so not taken again"),
        (done.skipped, "skipped"),
        (done.withdrawn, "withdrawn"),
        (done.not_chosen, "of these are of images that no round chose"),
        (len(done.refused), "not taken"),
    ]
    listed = "; ".join(f"{count:,} {what}" for count, what in parts if count)
    print_line(console, listed or "there is no label in it")
    for reason in done.refused[:SHOWN]:
        print_line(console, f"  not taken: {reason}")
    if len(done.refused) > SHOWN:
        print_line(console, f"  and {len(done.refused) - SHOWN:,} more")


def _show_new_classes(
    console: Console, new_classes: Sequence[str], counts: Mapping[str, int]
) -> None:
    """Name the classes that the import brought, and what may be mistakes among them.

    counts: images with a label by class.
    """
    if new_classes:
        new = (name + similar_class(name, counts) for name in new_classes)
        print_line(console, f"New classes: {', '.join(new)}")
    for name in filter(means_missing, new_classes):
        print_line(
            console,
            f"NOTE: '{name}' is taken as a class like any other; if it says that there is none, "
            f"write '{NOT_USABLE_NAME}' instead and import the file again",
        )


def _show_conflicts(console: Console, project: Project) -> None:
    conflicts = project.labels.conflicts()
    for rayal_id, by in list(conflicts.items())[:SHOWN]:
        answers = ", ".join(f"{who or 'someone'}: {label}" for who, label in by.items())
        row = project.pool.position.get(rayal_id)
        path = rayal_id if row is None else project.pool[row].path
        print_line(console, f"  annotators differ on {path} ({answers}): it counts for nothing")
    if len(conflicts) > SHOWN:
        print_line(console, f"  and on {len(conflicts) - SHOWN:,} more")
