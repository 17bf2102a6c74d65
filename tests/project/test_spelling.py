"""Prose is in American spelling: pages, sweep files, docstrings and comments."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
BRITISH = re.compile(
    r"(un)?labell(ed|ing)|colours?|cent(re|red|res)\b|greys?\b|programmes?\b"
    r"|neighbours?|(standard|normal|optim|initial|regular|visual|summar|recogn|minim|maxim|random"
    r"|general|special|character|memor|util|priorit)is(e|ed|es|er|ers|ing|ation|ations)\b"
    r"|favours?|behaviours?|cancell(ed|ing)|travell(ed|ing)|modell(ed|ing)|catalogue|licence"
    r"|judgement|tumours?|analys(ed|ing)\b|whilst|learnt",
    re.IGNORECASE,
)
# Names that files and parameters have, which stay what they were: they stand in records and sweeps.
NAMES = re.compile(r"`[^`]*`|^ *(optimiser|colours|labelled|unlabelled\w*):|\b(labelled|grey)[:,.]")
FOLDERS = ("rayal", "analysis", "website", "benchmarks")


def prose() -> Iterator[tuple[Path, str]]:
    """Yield lines of prose, with the file that each is from."""
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "pyproject.toml"]:
        text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
        yield from ((page, line) for line in text.splitlines())
    for sweep in (ROOT / "sweeps").glob("*.yaml"):
        said = re.match(r".*?\n\n", sweep.read_text(), re.DOTALL)  # comments, question and cost
        yield from ((sweep, line) for line in (said[0] if said else "").splitlines())
    for folder in FOLDERS:
        for file in (ROOT / folder).rglob("*.py"):
            if BRITISH.search(source := file.read_text()):  # parsing all would take seconds
                yield from ((file, line) for line in words_of(source))


def words_of(source: str) -> Iterator[str]:
    """Yield the lines of a module's docstrings and comments."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            yield from (ast.get_docstring(node) or "").splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def test_prose_is_spelled_as_in_america() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path, line in prose()
        if BRITISH.search(NAMES.sub("", line))
    ]
    assert found == []
