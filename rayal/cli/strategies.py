"""`rayal strategies`: the guide to strategies, written from their docstrings.

A docstring's first line says what is chosen; its paragraphs that begin with "Cost:", "Use:" and
"Source:" say what that takes, when it is worth it, and who proposed it.
"""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Sequence

from rich.table import Table

from rayal.cli.terminal import DONE, REFUSED, output, print_error, print_for_programs, print_line
from rayal.registry import STRATEGIES, Component
from rayal.requirements import FROM_LEARNER, REQUIREMENTS, Requirement
from rayal.traits import StrategyTraits

PROG = "python -m rayal.guide"
SECTIONS = ("Cost", "Use", "Source")

_HEAD = """\
# Strategies

N is the number of images in the pool, L the number with a label, D the dimension of the features, H
that of what the learner's last layer sees, B the budget, C the number of classes, K the number of
clusters, T the number of passes. Every strategy returns exactly B distinct unlabeled images, best
first. On the same pool the result depends only on the seed of the random generator.

**Before the first label** only the strategies marked "first" can be used, such as random, k-means
and hacon. The others read predictions and are used in later queries, under the key `cycles` of a
sweep file. An *oracle* reads true labels: it shows how good a choice could be, and is not compared
with the other strategies.

## All of them

| strategy | chooses | reads | first | cost | use it |
|---|---|---|---|---|---|
"""

_READ = """
## What they read

Learners read some of these too. The last column is the argument of `rayal.query` that passes it.

| name | what it is | what gives it | query |
|---|---|---|---|
| features | (N, D) of the encoder | every encoder | `features` |
"""

_ADDED = """
## What can be added

Every strategy has the parameter `label_balanced: true`. It takes equal numbers of each true class,
in the order of the strategy (HaCon, Table 1; an oracle). Strategies with a score (those that list
the parameters below) accept one of:

* `class_balanced: {lambda: 1.0}`: maximizes the sum of the scores minus a penalty for classes that
  are unbalanced after the query, with a proven bound on the distance from the optimum (CBAL, Eq.
  8-9). `lambda: auto` applies the paper's rule, with the model trained on the first labels.
  `solver: auto` (the default) takes a tenth of a second; `certified` searches for about ten
  seconds more on small pools; `highs` and `gurobi` use branch and bound.
* `pseudo_label_balanced: true`: takes as many images of each predicted class as the class lacks,
  highest scores first (CBAL, supplement H).
* `diverse: {beta: 10}`: of the beta * B images with the highest scores, takes the B / C nearest to
  each prototype (MSAL, Algorithm 1).
* `stochastic: {beta: 1}`: draws images at random, the image at rank r with odds r^-beta, so that
  the images of one query differ more (Kirsch et al. 2023).

Strategies that choose one image after another (`k_center`, `badge`, `maxherding`, `typiclust`) have
their own `class_balanced`, the greedy form of CBAL (Algorithm 2): the gain of an image minus
`lambda` / C times the number of images that the classes lack after it.

## Parameters and sources
"""


def parser(prog: str) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    command = argparse.ArgumentParser(
        prog=prog, description="List the strategies, or say all of one: what it does, reads, costs."
    )
    command.add_argument("name", nargs="?", metavar="NAME", help="a strategy's name")
    command.add_argument(
        "--markdown", action="store_true", help="print the whole guide, which is docs/strategies.md"
    )
    return command


def main(arguments: Sequence[str] | None = None, *, prog: str = PROG) -> int:
    """Run the command line; return the exit status."""
    options = parser(prog).parse_args(arguments)
    try:
        if options.markdown:
            print_for_programs(markdown().removesuffix("\n"))
        elif options.name:
            print_line(output(), _explained(STRATEGIES.find(options.name)))
        else:
            output().print(_table())
    except ValueError as error:
        print_error(error)
        return REFUSED
    return DONE


def _table() -> Table:
    table = Table("strategy", "chooses", "reads", "first query", pad_edge=False)
    for name in STRATEGIES.names():
        component = STRATEGIES.find(name)
        params = component.bind({})
        needs = component.traits.needs(params)
        table.add_row(
            name, _summary(component), _reads(component), "" if needs & FROM_LEARNER else "yes"
        )
    return table


def _explained(component: Component[StrategyTraits]) -> str:
    listed = [f"  {name}: {_yaml(p.default)}" for name, p in component.parameters.items()]
    text = inspect.getdoc(component.function) or ""
    return "\n".join(
        [f"{component.name} (reads {_reads(component)})", "", text, "", "parameters:", *listed]
    )


def _reads(component: Component[StrategyTraits]) -> str:
    params = component.bind({})
    if component.traits.oracle(params):
        return "true labels (oracle)"
    return ", ".join(sorted(component.traits.needs(params))) or "features"


def markdown() -> str:
    """Return the whole page."""
    components = [STRATEGIES.find(name) for name in STRATEGIES.names()]
    rows = "".join(_row(component) for component in components)
    details = "".join(_details(component) for component in components)
    read = "".join(map(_requirement_row, REQUIREMENTS.values()))
    return f"{_HEAD}{rows}{_READ}{read}{_ADDED}{details}"


def section(component: Component[StrategyTraits], name: str) -> str:
    """Return what a docstring says under "Cost:", "Use:" or "Source:", or nothing."""
    text = inspect.getdoc(component.function) or ""
    match = re.search(rf"^{name}: (.*?)(?:\n\n|\n[A-Z]\w*:|\Z)", text, re.MULTILINE | re.DOTALL)
    return " ".join(match.group(1).split()) if match else ""


def _row(component: Component[StrategyTraits]) -> str:
    first = "" if component.traits.needs(component.bind({})) & FROM_LEARNER else "yes"
    cells = [f"`{component.name}`", _summary(component), _reads(component), first]
    cells += [section(component, "Cost"), section(component, "Use")]
    return f"| {' | '.join(cells)} |\n"


def _requirement_row(row: Requirement) -> str:
    array = f"`{row.query_array}`" if row.query_array else ""
    shape = " (T, N, C)" if row.passes else ""
    return f"| {row.name} | {row.what} | {row.source} | {array}{shape} |\n"


def _summary(component: Component[StrategyTraits]) -> str:
    text = inspect.getdoc(component.function) or ""
    return " ".join(text.split("\n\n")[0].split()).rstrip(".").replace("|", "\\|")


def _details(component: Component[StrategyTraits]) -> str:
    own = {name: p for name, p in component.parameters.items() if name != "label_balanced"}
    listed = ", ".join(f"`{name}: {_yaml(p.default)}`" for name, p in own.items()) or "none"
    return f"\n**{component.name}**. {section(component, 'Source')}\nParameters: {listed}.\n"


def _yaml(default: object) -> str:
    words = {None: "null", True: "true", False: "false"}
    if default is None or isinstance(default, bool):
        return words[default]
    return str(default)
