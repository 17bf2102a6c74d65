"""Public functions that take arrays say of which shape."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FILES = sorted([*(ROOT / "rayal").rglob("*.py"), *(ROOT / "analysis").rglob("*.py")])
# Annotations that are arrays, and aliases of them by which modules call them.
ARRAYS = re.compile(
    r"\b(NDArray|ArrayLike|Tensor|Features|Images|Labels|Probs|Indices|Scores|Float32|Float64|Int64"
    r"|Numbers|Counts|Matrix|Array|Values)\b"
)
# "(N, D)", "(n,)", "(n, H, W[, 3])", "(N, C - 1)", "(datasets, S)": one size at least is a letter.
SIZE = r"(?:[A-Za-z]\w*|\d+|\.\.\.)(?: [-+*] \w+)?"
SHAPE = re.compile(rf"\({SIZE},(?: {SIZE}(?:,|\[, {SIZE}\])?)*\)")
LETTER = re.compile(r"\b[A-Za-z]\b|\.\.\.|\([A-Z_]+,\)")
IN_WORDS = re.compile(r"\bof any\s+shape\b|\ba\s+scalar\b")


def states_a_shape(text: str) -> bool:
    shapes = (found.group() for found in SHAPE.finditer(text))
    return any(LETTER.search(shape) for shape in shapes) or IN_WORDS.search(text) is not None


def public_functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef, str]]:
    """Yield (name, function, docstring of its class), of modules and of public classes."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node.name, node, ""
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            of_class = ast.get_docstring(node) or ""
            for part in node.body:
                if isinstance(part, ast.FunctionDef) and not part.name.startswith("_"):
                    yield f"{node.name}.{part.name}", part, of_class


def takes_arrays(function: ast.FunctionDef) -> bool:
    arguments = [*function.args.args, *function.args.kwonlyargs, *function.args.posonlyargs]
    annotations = [ast.unparse(a.annotation) for a in arguments if a.annotation is not None]
    return any(ARRAYS.search(a) for a in annotations if not a.startswith("Callable["))


def without_shape() -> set[str]:
    names = set()
    for path in FILES:
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for name, function, of_class in public_functions(ast.parse(path.read_text())):
            text = f"{of_class}\n{ast.get_docstring(function) or ''}"
            if takes_arrays(function) and not states_a_shape(text):
                names.add(f"{module}.{name}")
    return names


def test_public_functions_that_take_arrays_state_a_shape() -> None:
    assert without_shape() == set()


@pytest.mark.parametrize(
    "text",
    [
        "(N, D)", "(n,)", "(A, N, D)", "(N, C - 1)", "(N, 2)", "(M + N,)", "(n, H, W[, 3])",
        "(datasets, S)", "(RESAMPLES,)", "(..., 3)", "of any shape", "a scalar",
    ],
)  # fmt: skip
def test_a_shape_is_known(text: str) -> None:
    assert states_a_shape(f"Return what is in features {text} of images.")


@pytest.mark.parametrize(
    "text",
    ["(a word)", "(HaCon)", "(see below)", "(CBAL, Eq. 3)", "(CBAL, 2022)", "(N)", ""],
)
def test_words_in_parentheses_are_no_shape(text: str) -> None:
    assert not states_a_shape(f"Return the loss {text} of images.")


def properties(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any(
            "property" in ast.unparse(decorator) for decorator in node.decorator_list
        ):
            yield node


def test_no_property_says_its_type_by_chance() -> None:
    """What stands before a colon in its first line is shown as a type on the pages."""
    lines = [
        (ast.get_docstring(node) or "").partition("\n")[0]
        for path in FILES
        for node in properties(ast.parse(path.read_text()))
    ]
    assert len(lines) > 100
    assert [line for line in lines if ": " in line] == []
