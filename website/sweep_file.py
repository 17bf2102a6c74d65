"""The reference of the sweep file, from the schema: each key's type, default, text and example."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from rayal.sweep import schema
from website.components import in_yaml
from website.docstrings import escaped
from website.types_in_words import in_words

# Where each model's keys stand in a file.
PLACES: dict[str, type[BaseModel]] = {
    "": schema.SweepFile,
    "parts.NAME": schema.Part,
    "cycles": schema.Cycles,
    "resources": schema.Resources,
    "resources.pretrain, resources.trial, resources.trials_of.LEARNER": schema.Share,
    "resources.autoscale": schema.Autoscale,
    "resources.price": schema.Price,
    "hours": schema.Hours,
    "prune": schema.Prune,
    "track": schema.Track,
}
TITLES = {"": "The whole sweep", "parts.NAME": "What is combined"}

_HEAD = """\
# The sweep file

A sweep is one YAML file with lists of `datasets`, `encoders`, `strategies`, `learners` and
`budgets`. Each combination of their entries is run once for each seed; one such run is a *trial*.
`rayal sweep FILE --dry-run` prints what a file would run and everything that is wrong in it.

```yaml
name: first-try
datasets: [digits]
encoders: [pixels]
strategies: [random, kmeans, {name: typiclust, collapse: 0.98}]
learners: [logistic]
budgets: [10, 20]
seeds: {random: 20, default: 3}
```

An entry of a list is a name, or a name with parameters: `{name: hacon, k: 20}`. The reference has
all names and parameters:
[datasets](reference/datasets/index.md), [encoders](reference/encoders/index.md),
[strategies](reference/strategies/index.md), [learners](reference/learners/index.md).

A strategy can choose by the features of another encoder (`select_on`) or by the predictions of
another learner (`scored_by`) than those of the trial:
`{name: kmeans, select_on: {name: random}}`.

## Change a sweep later

Change the file and run the same command again. Trials that the new file also contains are not run
again; only the new ones are:

| you change | then |
|---|---|
| nothing, after an interruption | the remaining trials run |
| more seeds (15 after 5), more budgets, another strategy or learner | the new trials run |
| fewer seeds, a strategy removed or changed | the report leaves the old results out |
| a plugin, or a file of the data | the trials that use it run again |

Old results stay in `records/` and count again when the file contains their trials again.

`--set KEY=VALUE` changes a key for one run: `rayal sweep FILE --set seeds=1 --set measure=f1`.
If a file has `parts`, the key is changed in every part that has it; `--set parts.NAME.seeds=1`
changes one part, and `--set parts.NAME=null` leaves it out.
YAML is read as version 1.2: `no` and `on` are text. An unknown key is refused.
"""


def page() -> str:
    """Return the page as Markdown."""
    sections = [
        f"## {TITLES.get(place, f'Under `{place}`')}\n\n{_lead(model)}\n\n{keys}"
        for place, model in PLACES.items()
        for keys in ["\n".join(_key(*row) for row in keys_of(model))]
    ]
    return "\n".join([_HEAD, *sections])


def keys_of(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo, str, str]]:
    """Yield key, field, text and example of a model's own keys; inherited ones first."""
    texts = {name: text for m in reversed(model.__mro__) for name, text in _texts(m).items()}
    for name, field in model.model_fields.items():
        text, _, example = texts.get(name, "").partition("Example:")
        yield name, field, " ".join(text.split()), example.strip().strip("`")


def _texts(model: type[Any]) -> dict[str, str]:
    """Return the text that stands under each key of a class in the schema."""
    if model.__module__ != schema.__name__:
        return {}
    [tree] = ast.parse(inspect.getsource(model)).body
    assert isinstance(tree, ast.ClassDef)
    return {
        key.target.id: inspect.cleandoc(str(text.value.value))
        for key, text in zip(tree.body, tree.body[1:], strict=False)
        if isinstance(key, ast.AnnAssign)
        and isinstance(key.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }


def _key(name: str, field: FieldInfo, text: str, example: str) -> str:
    default = "needed" if field.is_required() else f"default {_default(field.default)}"
    if name == "parts":  # the reader of files makes the top level the only part
        default = "optional"
    kind = in_words(_hint(field))
    shown = f"  ```yaml\n  {name}: {example}\n  ```\n"
    return f"`{name}`\n: {kind}; {default}\n\n  {escaped(text)}\n\n{shown}"


def _hint(field: FieldInfo) -> Any:
    """Return the type with its bounds, which pydantic keeps apart."""
    if not field.metadata:
        return field.annotation
    return Annotated[(field.annotation, *field.metadata)]


def _default(value: object) -> str:
    if isinstance(value, BaseModel):
        settings = value.model_dump(exclude_unset=True)
        words = ", ".join(f"{key}: {in_yaml(one)}" for key, one in settings.items())
        return f"`{{{words}}}`" if words else "that of each of its keys"
    return f"`{in_yaml(value)}`" if value != {} else "`{}`"


def _lead(model: type[BaseModel]) -> str:
    text = inspect.getdoc(model) or ""
    return escaped(re.sub(r"\s+", " ", text.partition("\n\n")[0]))
