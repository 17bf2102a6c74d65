"""`rayal export DIR FILE`: the labels of a project as a table, or for Label Studio."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rayal.cli.interruption import stops_with_a_message
from rayal.cli.labeling_project import add_project, refuse
from rayal.cli.terminal import DONE, output, print_line
from rayal.hints import counted
from rayal.labeling.errors import LabelingError
from rayal.labeling.exporting import Exported, export, written_to
from rayal.labeling.project import Project

PROG = "rayal export"
EPILOG = """\
examples:
  rayal export cells-labels labels-so-far.csv     path, label, annotator, ...: rayal ingest reads it
  rayal export cells-labels labels-so-far.json    tasks with annotations, to import in Label Studio
"""


def parser(prog: str) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    command = argparse.ArgumentParser(
        prog=prog,
        description="Write all labels of a labeling project into one file. `rayal predict` writes "
        "the predictions of the other images.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_project(command)
    command.add_argument(
        "file", metavar="FILE", type=Path, help="a new file, .csv for a table, .json for tasks"
    )
    return command


@stops_with_a_message
def main(arguments: Sequence[str] | None = None, *, prog: str = PROG) -> int:
    """Run the command line; return the exit status."""
    options = parser(prog).parse_args(arguments)
    try:
        project = Project.open(options.project)
        log = project.labels
        exported = export(project, log, options.file)
    except (LabelingError, OSError) as error:
        return refuse(error, options.file)
    _show(options.file, exported, len(log.conflicts()))
    return DONE


def _show(path: Path, exported: Exported, conflicts: int) -> None:
    console = output()
    places = " and ".join(map(str, written_to(path)))
    print_line(
        console,
        f"{counted(exported.answers, 'label')} of {counted(exported.images, 'image')}: {places}",
    )
    if exported.left_out:
        print_line(
            console,
            f"NOTE: {counted(exported.left_out, 'image')} left out, not usable: Label Studio has "
            "no word for that",
        )
    if conflicts:
        print_line(
            console,
            f"NOTE: annotators differ on {counted(conflicts, 'image')}; the file has what each of "
            "them says",
        )
