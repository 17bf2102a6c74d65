"""`rayal label DIR`: a page in the browser on which the chosen images are labeled."""

from __future__ import annotations

import argparse
import webbrowser
from collections.abc import Sequence

from rayal.cli.interruption import stops_with_a_message
from rayal.cli.labeling_project import add_project
from rayal.cli.terminal import (
    DONE,
    REFUSED,
    output,
    print_error,
    print_line,
    print_page_address,
)
from rayal.labeling.errors import LabelingError
from rayal.labeling.labels import LabelLog
from rayal.labeling.page.desk import Desk
from rayal.labeling.page.server import LabelServer
from rayal.labeling.project import Project
from rayal.run.signals import StopRequestedError, interruptible
from rayal.seeds import generator

PROG = "rayal label"


def parser(prog: str) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    command = argparse.ArgumentParser(
        prog=prog,
        description="Show the chosen images one by one in the browser, and write down what they "
        "are. The page is served on this machine alone. Every answer is on the disk before the "
        "next image is shown; the same command goes on where it was ended.",
    )
    add_project(command)
    command.add_argument(
        "--by", default="", metavar="NAME", help="who labels (default: nobody named)"
    )
    command.add_argument(
        "--suspects",
        action="store_true",
        help="first show the labels that the report suspects to be mistakes",
    )
    command.add_argument(
        "--port", type=int, default=0, metavar="N", help="of 127.0.0.1 (default: any that is free)"
    )
    command.add_argument(
        "--no-browser", action="store_true", help="print the address, and open no browser"
    )
    return command


@stops_with_a_message
def main(arguments: Sequence[str] | None = None, *, prog: str = PROG) -> int:
    """Serve the page until it is interrupted; return the exit status."""
    options = parser(prog).parse_args(arguments)
    try:
        project = Project.open(options.project)
        log = project.labels
        desk = Desk(project, log, options.by, _suspects(project, log) if options.suspects else [])
        desk.next("the first window")  # what is damaged is said here, not on the page
        desk.close("the first window")
        server = LabelServer(project, desk, options.port)
    except (LabelingError, OSError, OverflowError) as error:
        print_error(error)
        return REFUSED
    _serve(server, with_browser=not options.no_browser)
    _say_what_comes_next(project, log)
    return DONE


def _suspects(project: Project, log: LabelLog) -> list[str]:
    from rayal.labeling.labeled import labeled_pool
    from rayal.labeling.suspects import suspects

    rng = generator("labeling report", project.settings.seed)
    suspected = suspects(labeled_pool(project, log), rng)
    return list(dict.fromkeys(project.pool[suspect.row].rayal_id for suspect in suspected))


def _serve(server: LabelServer, *, with_browser: bool) -> None:
    console = output()
    print_page_address(console, "label at  ", server.address)
    print_line(console, "Ctrl-C ends it; every answer is on the disk at once")
    if with_browser:
        webbrowser.open(server.address)
    try:
        with interruptible():
            server.serve_forever()
    except StopRequestedError:
        pass
    finally:
        server.server_close()


def _say_what_comes_next(project: Project, log: LabelLog) -> None:
    console = output()
    print_line(console, f"\n{len(log.labels()):,} images have a label")
    print_line(console, f"how good it is      rayal report {project.root}")
    print_line(console, f"the next round      rayal select {project.root} --budget 40")
    print_line(console, f"label all others    rayal predict {project.root}")
    print_line(console, f"take the labels out rayal export {project.root} my-labels.csv")
