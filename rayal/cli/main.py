"""`rayal COMMAND ...`: one command for all that rayal does; `python -m rayal` is the same.

A command is a module of this package with `parser(prog)` and `main(arguments, prog=...)`. It is
imported when it is asked for, so that `rayal --help` waits for no library.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import sys
from collections.abc import Sequence
from types import ModuleType

from rayal import __version__
from rayal.cli.terminal import REFUSED, print_for_programs

COMMANDS = {
    "sweep": "run every trial of a sweep file that is not done yet, and make its report",
    "encode": "make the features and dataset maps of a sweep, or of one dataset, alone",
    "status": "say how far a run is, from its directory alone",
    "report": "write tables, figures and the report of a run, or of several compared",
    "select": "choose which images of a folder to label first, or next",
    "ingest": "take labels back from Label Studio, CVAT, a table or folders",
    "label": "label the chosen images in the browser, one by one",
    "export": "write the labels of a labeling project as a table, or for Label Studio",
    "predict": "label all other images with the classifier of a labeling project",
    "evidence": "write the page that says which strategy to use, from the runs of evidence sweeps",
    "doctor": "say what of this machine would stop or slow a sweep, and what mends it",
    "strategies": "list the strategies, or explain one",
}

EXAMPLES = """\
examples:
  rayal sweep quickstart                 a small sweep that comes with rayal; no download
  rayal sweep mine.yaml --dry-run        what a sweep would run, and what it costs
  rayal report runs/a runs/b             two runs side by side

`rayal COMMAND --help` explains one command. Completion of commands and options in the shell:
  eval "$(rayal --print-completion bash)"         (or zsh, tcsh)
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the first argument names; return its exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and words[0] in COMMANDS:
        status: int = _module(words[0]).main(words[1:], prog=f"rayal {words[0]}")
        return status
    if words and not words[0].startswith("-"):
        print(_unknown(words[0]), file=sys.stderr)
        return REFUSED
    options = _parser().parse_args(words)
    if options.print_completion:
        print_for_programs(_completion(options.print_completion))
    else:
        _parser().print_help()
    return 0


def _parser() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {name:12} {summary}" for name, summary in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="rayal",
        usage="rayal COMMAND ...",
        description=f"Which images should be labeled first, answered with evidence.\n\n"
        f"commands:\n{listed}",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"rayal {__version__}")
    parser.add_argument(
        "--print-completion",
        choices=["bash", "zsh", "tcsh"],
        metavar="SHELL",
        help="print a script that completes commands and options in bash, zsh or tcsh",
    )
    return parser


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name, COMMANDS, n=1)
    meant = f", did you mean '{close[0]}'?" if close else ""
    return f"rayal: there is no command '{name}'{meant}; commands: {', '.join(COMMANDS)}"


def _completion(shell: str) -> str:
    import shtab

    parser = argparse.ArgumentParser(prog="rayal")
    subparsers = parser.add_subparsers()
    for name, summary in COMMANDS.items():
        parents = [_module(name).parser(f"rayal {name}")]
        subparsers.add_parser(name, parents=parents, help=summary, add_help=False)
    script: str = shtab.complete(parser, shell=shell)
    return script


def _module(command: str) -> ModuleType:
    return importlib.import_module(f"rayal.cli.{command}")
