"""`rayal report RUN [RUN ...]`: tables, figures, report; `python -m analysis` is the same.

`rayal report DIR` of a labeling project: how good its classifier is, and whether to go on.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rayal.cli.bundled_analysis import bundled_analysis
from rayal.cli.interruption import stops_with_a_message
from rayal.cli.terminal import DONE, REFUSED, output, print_error, print_line

PROG = "python -m analysis"
EPILOG = """\
Of a labeling project, the folder that `rayal select` made, it says how good the classifier is, what
more labels would bring, and which labels to look at again: DIR/report/index.html.
"""


def parser(prog: str) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    with bundled_analysis():
        from analysis import __main__ as command

        built = command.parser(prog)
        built.epilog = EPILOG
        return built


@stops_with_a_message
def main(arguments: Sequence[str] | None = None, *, prog: str = PROG) -> int:
    """Run the command line; return the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if any(_is_project(word) for word in words):
        return _report_of_project(words, prog)
    with bundled_analysis():
        from analysis import __main__ as command

        return command.main(words, prog=prog)


def _is_project(word: str) -> bool:
    from rayal.labeling.project import is_project

    return not word.startswith("-") and is_project(Path(word).expanduser())


def _report_of_project(words: Sequence[str], prog: str) -> int:
    """Write the report of one labeling project."""
    from rayal.cli.labeling_project import refuse
    from rayal.labeling.errors import LabelingError
    from rayal.labeling.project import Project
    from rayal.labeling.report import write_report

    if len(words) != 1:
        print_error(f"{prog}: of a labeling project name that alone, its report lies inside it")
        return REFUSED
    root = Path(words[0]).expanduser()
    try:
        project = Project.open(root)
        page, report = write_report(project, project.labels)
    except (LabelingError, OSError) as error:
        return refuse(error, root)
    console = output()
    for line in report.summary:
        print_line(console, line)
    print_line(console, f"report   {page}")
    return DONE
