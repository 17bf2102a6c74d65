"""Pages that are written from the code say something of everything, and nothing that is wrong."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import rayal
from rayal import metrics, multilabel_metrics
from rayal.registry import REGISTRIES, STRATEGIES, Component
from rayal.sweep.file import load_sweep
from rayal.sweep.yaml import dump, parse
from website import components, docstrings, metric_pages, sweep_file, types_in_words, which_strategy

ROOT = Path(__file__).parent.parent.parent
COMPONENTS = [registry.find(name) for registry in REGISTRIES for name in registry.names()]
BASE = {
    "name": "base",
    "datasets": ["digits"],
    "encoders": ["pixels"],
    "strategies": ["random"],
    "learners": ["logistic"],
}


def of_kind(component: Component[Any]) -> str:
    return f"{component.kind} {component.name}"


@pytest.mark.parametrize("component", COMPONENTS, ids=of_kind)
def test_every_parameter_is_described(component: Component[Any]) -> None:
    silent = [n for n in component.parameters if not components.parameter_text(component, n)]
    assert silent == []


@pytest.mark.parametrize("component", COMPONENTS, ids=of_kind)
def test_a_page_has_the_parameters_with_their_defaults_and_an_entry_that_binds(
    component: Component[Any],
) -> None:
    page = (
        components.page(component) if component.kind != "strategy" else without_picture(component)
    )
    for name, parameter in component.parameters.items():
        listed = re.search(rf"^`{name}`\n: (.+); (needed|default `(.*)`)$", page, re.MULTILINE)
        assert listed, name
        if parameter.default is not parameter.empty:
            [value] = parse(f"- {listed[3]}")
            assert value == (
                list(parameter.default)
                if isinstance(parameter.default, tuple)
                else parameter.default
            )
    [entry] = parse(re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[0])[
        components.PLURALS[component.kind]
    ]
    given = {k: v for k, v in entry.items() if k != "name"} if isinstance(entry, dict) else {}
    component.bind(given)


def without_picture(component: Component[Any]) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(components.pictures, "caption", lambda _: "")
        return components.page(component)


@pytest.mark.parametrize("component", COMPONENTS, ids=of_kind)
def test_a_page_names_the_file_that_defines_the_component(component: Component[Any]) -> None:
    page = (
        components.page(component) if component.kind != "strategy" else without_picture(component)
    )
    [file] = re.findall(r"^Code: `(.+)`\.$", page, re.MULTILINE)
    assert file.startswith(f"rayal/{components.PLURALS[component.kind]}/")
    assert re.search(rf"\b{component.name}\b", (ROOT / file).read_text())


CALLS = {name: components.query_call(STRATEGIES.find(name)) for name in STRATEGIES.names()}


@pytest.mark.parametrize("name", [name for name, call in CALLS.items() if call])
def test_the_call_of_query_on_a_strategy_s_page_works(name: str) -> None:
    rng = np.random.default_rng(0)
    needs = STRATEGIES.find(name).traits.needs(STRATEGIES.find(name).bind({}))
    labels = np.full(60, -1)
    labels[:9] = np.arange(9) % 3
    probs = rng.dirichlet((1, 1, 1), size=(5, 60) if needs & {"dropout", "views"} else 60)
    arrays = {
        "features": rng.normal(size=(60, 2)),
        "labels": labels,
        "probs": probs,
        "confidence": rng.uniform(size=60),
    }
    chosen = eval(CALLS[name], {"rayal": rayal, **arrays})
    assert len(set(chosen)) == 20


KEYS = [
    (place, model, *row)
    for place, model in sweep_file.PLACES.items()
    for row in sweep_file.keys_of(model)
]


@pytest.mark.parametrize("row", KEYS, ids=[f"{place or 'top'}-{key}" for place, _, key, *_ in KEYS])
def test_every_key_of_a_sweep_file_has_a_text_and_an_example_that_is_accepted(
    tmp_path: Path, row: tuple[Any, ...]
) -> None:
    place, _, key, _, text, example = row
    assert text, "write what it means under it, in rayal/sweep/schema.py"
    assert example, "end its text with Example: `...`, in rayal/sweep/schema.py"
    (tmp_path / "my_strategy.py").touch()
    in_cycles = place == "cycles" or key in ("cycles", "initial")
    shape = {"cycles": {"start": 10, "step": 10, "rounds": 2}} if in_cycles else {"budgets": [10]}
    if key == "parts":
        shape = {}
    (tmp_path / "base.yaml").write_text(dump({**BASE, **shape}))
    first = place.split(", ")[0] if place != "parts.NAME" else ""
    path = f"{first}.{key}" if first else key
    load_sweep(tmp_path / "base.yaml", [f"{path}={example}"])


def test_metrics_have_a_page_for_each_number_of_a_record() -> None:
    columns = {metric_pages.COLUMNS.get(name, name) for name in metric_pages.functions()}
    measured = metrics.evaluate(
        test_probs=np.eye(2), test_labels=np.arange(2), pool_probs=np.eye(2),
        pool_truth=np.arange(2), labels=np.array([0, -1]), num_classes=2,
    )  # fmt: skip
    several = multilabel_metrics.evaluate(
        test_probs=np.eye(2), test_labels=np.eye(2, dtype=np.int64), pool_probs=np.eye(2),
        pool_truth=np.eye(2, dtype=np.int64), labels=np.array([[0, 1], [-1, -1]]), num_classes=2,
        thresholds=np.full(2, 0.5),
    )  # fmt: skip
    numbers = {**several, **measured}.items()
    assert columns == {name for name, value in numbers if isinstance(value, float)}


def test_the_first_page_of_the_strategies_has_the_rows_of_the_evidence() -> None:
    evidence = (ROOT / "docs" / "evidence.md").read_text()
    page = which_strategy.page(evidence)
    reasons = re.findall(r"^\| [^|]+ \| `[^|]+` \| (\+[^|]+) \|$", evidence, re.MULTILINE)
    assert reasons
    assert all(reason in page for reason in reasons)
    linked = set(re.findall(r"\(reference/strategies/(\w+)\.md\)", page))
    assert linked <= {*STRATEGIES.names(), "index"}


def test_what_is_recommended_for_slices_of_a_scan_lost_no_cell_of_scans() -> None:
    page = which_strategy.page((ROOT / "docs" / "evidence.md").read_text())
    [use] = re.findall(r"slices of one scan \| \[`([^`]+)`\]", page)
    cells = pd.read_csv(ROOT / "docs" / "evidence.csv", keep_default_na=False)
    named = cells["strategy"] == use.replace(", ", " ").replace(": ", "=")
    scans = cells[named & (cells["dataset"] == "scans")]
    assert len(scans)
    assert "lost" not in set(scans["verdict"])


def test_what_the_default_says_of_itself_is_what_the_evidence_says() -> None:
    """A new version of the evidence may be another answer, which its docstring then has to give."""
    said = " ".join((STRATEGIES.find("auto").function.__doc__ or "").split())
    assert "no cell of the evidence was lost" in said
    assert "no other strategy gained more on average over first or later queries" in said
    evidence = (ROOT / "docs" / "evidence.md").read_text()
    [table] = re.findall(
        r"^## The default, `auto`, against its bar\n.*?(?=^\*)", evidence, re.M | re.S
    )
    rows = re.findall(r"^\| \w+ queries \| .* \| (\d+) \| [^|]+ \| [^|]+ \| (\w+) \|$", table, re.M)
    assert rows == [("0", "yes")] * 4


def test_an_unknown_type_is_not_passed_over() -> None:
    with pytest.raises(TypeError, match="no words for the type"):
        types_in_words.in_words(complex)


def sample(a: int, b: int) -> None:
    """Do this
    and that.

    More * of_it <b>.

    Cost: O(N).

    Args:
        a, b: two
            words: of both.

    Raises:
        ValueError: no.

    At the end.
    """


def test_a_docstring_is_cut_into_its_parts() -> None:
    text = docstrings.parse(sample)
    assert text.summary == "Do this and that."
    assert text.paragraphs == ("More * of_it <b>.", "At the end.")
    assert text.marked == {"Cost": "O(N)."}
    assert text.arguments == {"a": "two words: of both.", "b": "two words: of both."}
    assert text.raises == {"ValueError": "no."}
    assert docstrings.escaped("`a_b` <b>") == "`a_b` \\<b>"
