"""`rayal predict DIR`: the images without a label, labeled by the classifier; the classifier."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from rayal.cli.interruption import stops_with_a_message
from rayal.cli.labeling_project import add_project, refuse
from rayal.cli.terminal import DONE, output, print_line
from rayal.labeling.errors import LabelingError
from rayal.labeling.predicting import SURE, Predicted, predict
from rayal.labeling.project import Project

PROG = "rayal predict"


def parser(prog: str) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    command = argparse.ArgumentParser(
        prog=prog,
        description="Train the classifier of a labeling project on its labels; write "
        "predictions.csv for all images without a label, and the classifier with its card.",
    )
    add_project(command)
    command.add_argument(
        "--with-audit",
        action="store_true",
        help="have the audit sample train too; its accuracy then is of the classifier without it",
    )
    return command


@stops_with_a_message
def main(arguments: Sequence[str] | None = None, *, prog: str = PROG) -> int:
    """Run the command line; return the exit status."""
    options = parser(prog).parse_args(arguments)
    try:
        project = Project.open(options.project)
        log = project.labels
        predicted = predict(project, log, with_audit=options.with_audit)
    except (LabelingError, OSError) as error:
        return refuse(error, options.project)
    _show(project, predicted)
    return DONE


def _show(project: Project, predicted: Predicted) -> None:
    console = output()
    print_line(
        console, f"{predicted.images:,} images without a label are labeled by the classifier:"
    )
    for name, count in sorted(predicted.counts.items(), key=lambda pair: -pair[1]):
        print_line(console, f"  {count:>9,}  {name}")
    for name in predicted.constant:
        has = predicted.counts.get(name, 0) > 0
        print_line(
            console,
            f"NOTE: the labels that train have no image {'without' if has else 'with'} {name}: it "
            f"is said of {'every image' if has else 'none'}",
        )
    flags = _flags_in_words(several=predicted.classifier.multilabel)
    for kind, count in predicted.flagged.items():
        print_line(console, f"{count:,} {flags[kind]}")
    for note in predicted.added:
        print_line(console, f"NOTE: {note}")
    print_line(console, f"predictions  {project.root / 'predictions.csv'}")
    print_line(console, f"classifier   {project.root / 'classifier'}")
    print_line(console, f"how good it is: rayal report {project.root}")


def _flags_in_words(*, several: bool) -> dict[str, str]:
    """Say what is true of images by their flag; several: whether an image may have some classes."""
    return {
        "unsure": f"have a class whose probability is between {1 - SURE:.1g} and {SURE:g}"
        if several
        else f"have a probability below {SURE:g}",
        "unlike": "are unlike any labeled image",
        "near-duplicate": "are near-duplicates of a labeled image",
        "changed": "have a file that has changed since it was read: the prediction is of the "
        "earlier one",
        "gone": "have a file that has gone or cannot be read any more",
    }
