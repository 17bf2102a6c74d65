"""A reference page for every metric: functions of `rayal.metrics`, by their docstrings."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rayal import metrics, multilabel_metrics
from website.docstrings import escaped, parse

# Of records, where a metric's is not named after its function.
COLUMNS = {"macro_auc": "auc", "macro_f1": "f1"}
OF_SEVERAL = multilabel_metrics.mean_average_precision, multilabel_metrics.macro_f1

_HEAD = """\
# Metrics

What is measured after each round; each is a column of `analysis.load(RUN)`. `measure` in the
[sweep file](../../sweep-file.md) says with which of them the report begins. If an image may have
several classes, columns are means over them, see
[Experiments](../../experiments.md#several-classes-an-image).

A measure of your own that only needs the chosen images and their classes can be computed from the
records, for example the number of labels of the rarest class:

```python
import analysis

rounds = analysis.load("runs/quickstart")
rarest = rounds["class_counts"].map(min)  # selected has the positions of the chosen images
print(rarest.groupby([rounds["strategy"], rounds["labelled"]]).mean())
```

A measure of predictions cannot be added by a plugin, because records do not contain predictions.
"""


def functions() -> dict[str, Callable[..., Any]]:
    """Return the metrics by name; last those of several classes an image alone."""
    of_one_class = {
        name: function
        for name, function in inspect.getmembers(metrics, inspect.isfunction)
        if function.__module__ == metrics.__name__ and name[0] != "_" and name != "evaluate"
    }
    return of_one_class | {function.__name__: function for function in OF_SEVERAL}


def write_pages(folder: Path) -> None:
    """Write a page for each metric, and their index."""
    folder.mkdir(parents=True)
    for name, function in functions().items():
        (folder / f"{name}.md").write_text(page(name, function))
    rows = "\n".join(
        f"[{COLUMNS.get(name, name)}]({name}.md)\n: {escaped(parse(function).summary)}\n"
        for name, function in functions().items()
    )
    tree = "```{{toctree}}\n:hidden:\n\n{}\n```".format("\n".join(functions()))
    (folder / "index.md").write_text(f"{_HEAD}\n{rows}\n{tree}\n")


def page(name: str, function: Callable[..., Any]) -> str:
    """Return a metric's page as Markdown."""
    text = parse(function)
    arguments = "\n".join(f"`{n}`\n: {escaped(what)}\n" for n, what in text.arguments.items())
    pieces = [
        f"# {COLUMNS.get(name, name)}",
        escaped(text.summary),
        *map(escaped, text.paragraphs),
        *([f"## Arguments\n\n{arguments}"] if arguments else []),
        f"## In Python\n\n```python\nfrom {function.__module__} import {name}\n```",
        f"`{name}{inspect.signature(function)}`".replace("'", ""),
        f"Code: `{function.__module__.replace('.', '/')}.py`.",
    ]
    return "\n\n".join(pieces) + "\n"
