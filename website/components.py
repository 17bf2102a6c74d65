"""A reference page for every dataset, encoder, learner and strategy, from code and docstrings."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from rayal import modifiers, scores
from rayal.cli.strategies import SECTIONS
from rayal.registry import REGISTRIES, STRATEGIES, Component
from rayal.requirements import FROM_LEARNER, REQUIREMENTS
from rayal.sweep.yaml import dump
from website import docstrings, pictures
from website.types_in_words import description, in_words

PLURALS = {
    "dataset": "datasets",
    "encoder": "encoders",
    "learner": "learners",
    "strategy": "strategies",
}
ROOT = Path(__file__).parent.parent
PLACEHOLDERS = {  # of parameters that have no default
    "path": "cells/",
    "table": "labels.csv",
    "weights": "network.pt",
    "backbone": "resnet50",
    "model": "vit_small_patch14_dinov2.lvd142m",
}
EXAMPLES = {
    "features": {"path": "features.npy", "ids": "ids.txt"},  # though all have defaults
    "npz": {"path": "cells.npz"},
    "shards": {"path": "pool"},
}


def write_pages(folder: Path) -> None:
    """Write a folder of pages for each kind, and its index; pictures for the strategies."""
    for registry in REGISTRIES:
        components = [registry.find(name) for name in registry.names()]
        below = folder / PLURALS[registry.kind]
        below.mkdir(parents=True)
        for component in components:
            if registry is STRATEGIES:
                (below / f"{component.name}.svg").write_text(pictures.svg(component))
            (below / f"{component.name}.md").write_text(page(component))
        (below / "index.md").write_text(_index(registry.kind, components))


def page(component: Component[Any]) -> str:
    """Return a component's page as Markdown."""
    text = docstrings.parse(component.function)
    pieces = [
        f"# {component.name}",
        docstrings.escaped(text.summary),
        *_picture(component),
        *map(docstrings.escaped, text.paragraphs),
        "\n".join(_facts(component, text)),
        "## In a sweep file",
        f"```yaml\n{_example(component)}```",
        *_query(component),
        "## Parameters",
        "\n".join(_parameters(component, text)) or "It has none.",
        *_errors(text),
        f"Code: `{Path(inspect.getfile(inspect.unwrap(component.function))).relative_to(ROOT)}`.",
    ]
    return "\n\n".join(pieces) + "\n"


def parameter_text(component: Component[Any], name: str) -> str:
    """Return what a parameter means: by the docstring, its type, or what all of the kind share."""
    own = docstrings.parse(component.function).arguments.get(name)
    return own or description(component._hints[name]) or _shared().get(name, "")


@cache
def _shared() -> dict[str, str]:
    return docstrings.bullets(modifiers) | docstrings.bullets(scores)


def _picture(component: Component[Any]) -> Iterator[str]:
    if component.kind == "strategy":
        yield f"```{{figure}} {component.name}.svg\n{pictures.caption(component)}\n```"


def _facts(component: Component[Any], text: docstrings.Docstring) -> Iterator[str]:
    """Yield rows of what it reads and gives, what it costs, when to use it, whose it is."""
    params = _bound(component)
    traits = component.traits
    if component.kind == "strategy":
        needs = traits.needs(params)
        reads = _names(needs) or "features"
        yield from _row("Reads", "true labels: an oracle" if traits.oracle(params) else reads)
        yield from _row("First query", "no" if needs & FROM_LEARNER else "yes")
    if component.kind == "learner":
        yield from _row("Reads", f"features, labels {_names(traits.needs(params))}".strip())
    if component.kind in ("learner", "encoder"):
        yield from _row("Gives", _names(traits.gives(params)) or "features")
    if component.kind == "dataset" and traits.published is not None:
        yield from _row("Published", _published(traits.published, params))
    for name in SECTIONS:
        if name in text.marked:
            yield from _row(name, docstrings.escaped(text.marked[name]))


def _published(size: Callable[..., tuple[int, int]], params: dict[str, Any]) -> str:
    try:
        N, C = size(**params)
    except ValueError as error:  # one that the code refuses
        return str(error)
    return f"{N:,} images to choose from, {C:,} classes"


def _row(name: str, text: str) -> Iterator[str]:
    yield f"{name}\n: {text}\n"


def _names(names: set[str]) -> str:
    return ", ".join(sorted(f"{name} ({REQUIREMENTS[name].what})" for name in names))


def _bound(component: Component[Any]) -> dict[str, Any]:
    return component.arguments(component.bind(_required(component)))


def _required(component: Component[Any]) -> dict[str, str]:
    empty = inspect.Parameter.empty
    needed = (n for n, p in component.parameters.items() if p.default is empty)
    return {name: PLACEHOLDERS.get(name, f"{name}-of-yours") for name in needed}


def _example(component: Component[Any]) -> str:
    entry = {"name": component.name, **_required(component), **EXAMPLES.get(component.name, {})}
    listed = [entry if len(entry) > 1 else component.name]
    return dump({PLURALS[component.kind]: listed})


def _query(component: Component[Any]) -> Iterator[str]:
    call = query_call(component)
    if call:
        yield f"## In Python\n\n```python\nimport rayal\n\nchosen = {call}\n```"


# What a call has besides: without labels nobody says how many classes there are.
_IN_QUERY = {"probcover": ("delta=0.5",)}


def query_call(component: Component[Any]) -> str:
    """Return a call of `rayal.query`; "" where no arrays stand for what the component reads."""
    if component.kind != "strategy":
        return ""
    params = component.bind({})
    needs = component.traits.needs(params)
    arrays = {REQUIREMENTS[name].query_array for name in needs}
    if "" in arrays or component.traits.oracle(params):
        return ""
    arrays |= {"labels"} if arrays & {"probs"} else set()
    names = sorted(arrays | ({"features"} if not arrays - {"labels", "confidence"} else set()))
    arguments = ", ".join(
        [*(f"{name}={name}" for name in names), *_IN_QUERY.get(component.name, ())]
    )
    return f'rayal.query("{component.name}", 20, {arguments})'


def _parameters(component: Component[Any], text: docstrings.Docstring) -> Iterator[str]:
    for name, parameter in component.parameters.items():
        empty = parameter.default is parameter.empty
        default = "needed" if empty else f"default `{in_yaml(parameter.default)}`"
        yield f"`{name}`\n: {in_words(component._hints[name])}; {default}\n"
        yield f"  {docstrings.escaped(_sentence(parameter_text(component, name)))}\n"
    if component.kind == "encoder":
        yield "`seed`\n: whole number, or a list of them; default `0`\n"
        yield "  Seed of the training. With a list, the encoder is trained once for each seed.\n"


def in_yaml(value: object) -> str:
    """Return a default as one writes it in YAML."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(in_yaml, value))}]"
    return dump({"key": value}).partition(":")[2].strip()


def _sentence(text: str) -> str:
    word = text.split(maxsplit=1)[0] if text else ""
    is_name = "_" in word or any(c.isdigit() for c in word)
    return text if is_name else text[:1].upper() + text[1:]


def _errors(text: docstrings.Docstring) -> Iterator[str]:
    if text.raises:
        yield "## Refuses"
        yield "\n".join(f"`{k}`\n: {docstrings.escaped(v)}\n" for k, v in text.raises.items())


def _index(kind: str, components: list[Component[Any]]) -> str:
    """Return the list of a kind: cards with pictures of strategies, rows of the others."""
    names = "\n".join(component.name for component in components)
    shown = _cards(components) if kind == "strategy" else _rows(kind, components)
    tree = f"```{{toctree}}\n:hidden:\n\n{names}\n```"
    return f"# {PLURALS[kind].capitalize()}\n\n{_HEADS[kind]}\n\n{shown}\n\n{tree}\n"


def _cards(components: list[Component[Any]]) -> str:
    cards = "\n\n".join(
        f":::{{grid-item-card}} {component.name}\n:img-bottom: {component.name}.svg\n"
        f":link: {component.name}\n:link-type: doc\n\n"
        f"{docstrings.escaped(docstrings.parse(component.function).summary)}\n:::"
        for component in components
    )
    return f"::::{{grid}} 1 2 2 3\n:gutter: 2\n\n{cards}\n\n::::"


def _rows(kind: str, components: list[Component[Any]]) -> str:
    return "\n".join(
        f"[{component.name}]({component.name}.md)\n"
        f": {docstrings.escaped(docstrings.parse(component.function).summary)}{_size(component)}\n"
        for component in components
    )


def _size(component: Component[Any]) -> str:
    """Return the published size of a dataset; "" of what has none."""
    size = component.traits.published if component.kind == "dataset" else None
    return f" Published: {_published(size, _bound(component))}." if size else ""


_HEADS = {
    "dataset": ("What there is to choose from: images in a pool, and a test set."),
    "encoder": "What makes features of images, once for each dataset.",
    "learner": "What is trained on the labeled images and measured.",
    "strategy": (
        "Each with its first 20 choices of the same points, of four classes. Those that read "
        "predictions choose after 12 labels drawn at random (gray squares). Features of two "
        "dimensions show how a strategy works, not how good it is: that is measured in "
        "[Evidence](../../evidence.md)."
    ),
}
