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
# "(N, D)", "(n,)", "(B, C, H, W)", "(..., D)", "(K, 2)": letters, words, numbers and products.
SHAPE = re.compile(r"\((?:[\w.]+(?: [-+*] \w+)?)(?:, ?(?:[\w.]+(?: [-+*] \w+)?))*,?\)")
# Functions that state no shape yet; only to be made shorter.
EXCEPTIONS: set[str] = {
    "analysis.figures.dataset_maps.dataset_map",
    "analysis.sections.projections.round_projection",
    "analysis.statistics.bootstrap.bootstrap_interval",
    "analysis.statistics.bootstrap.mean_interval",
    "analysis.statistics.bootstrap.quantiles",
    "analysis.statistics.bootstrap.stratified_interval",
    "analysis.statistics.learning_curves.images_to_reach",
    "analysis.statistics.paired_tests.effect_size",
    "analysis.statistics.paired_tests.sign_flip_p",
    "analysis.statistics.paired_tests.student_p",
    "analysis.statistics.paired_tests.wilcoxon_p",
    "analysis.statistics.ranking.ranking",
    "analysis.study.embeddings.EmbeddedImages.classes",
    "analysis.study.embeddings.EmbeddedImages.pictures",
    "rayal.encoders._moco.model.Projector.forward",
    "rayal.encoders._moco.process_group.ProcessGroup.all_reduce",
    "rayal.encoders._moco.process_group.ProcessGroup.broadcast",
    "rayal.encoders._training.dataset_map.DatasetMapRecorder.finish",
    "rayal.encoders._training.progress_reporter.ProgressReporter.on_step",
    "rayal.kernels.discriminator.AdversarialPair.autoencoder_loss",
    "rayal.storage.arrays.write_array",
    "rayal.storage.dataset_map.from_columns",
    "rayal.vision.training.optimizer_step",
    "rayal.vision.weight_names.difference",
    "rayal.vision.weight_names.without_heads",
}


def is_shape(text: str) -> bool:
    """Tell "(N, D)" and "(n,)" from words in parentheses."""
    parts = [part.strip() for part in text.strip("()").split(",") if part.strip()]
    sized = all(
        re.fullmatch(r"[A-Z]\w?|[a-z]|\d+|\.\.\.|(?:[A-Z]|\d+) [-+*] (?:[A-Z]|\d+)", part)
        or part in {"height", "width", "channels"}
        for part in parts
    )
    return sized and ("," in text)


def states_a_shape(text: str) -> bool:
    return any(is_shape(found.group()) for found in SHAPE.finditer(text))


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
    assert without_shape() - EXCEPTIONS == set()


def test_no_exception_is_left_that_states_its_shape_by_now() -> None:
    assert EXCEPTIONS - without_shape() == set()


@pytest.mark.parametrize(
    "text", ["(N, D)", "(n,)", "(A, N, D)", "(N, C - 1)", "(N, 2)", "(M + N,)"]
)
def test_a_shape_is_known(text: str) -> None:
    assert states_a_shape(f"Return what is in features {text} of images.")


@pytest.mark.parametrize("text", ["(a word)", "(HaCon)", "(see below)", "(CBAL, Eq. 3)", "(N)", ""])
def test_words_in_parentheses_are_no_shape(text: str) -> None:
    assert not states_a_shape(f"Return the loss {text} of images.")
