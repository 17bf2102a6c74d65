"""Names in code font become links: `docs/NAME.md` to its page, a strategy in a table to its own."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

from rayal.registry import STRATEGIES

PAGES_OF_STRATEGIES = {"evidence", "strategies"}
DATA = "evidence.csv"


class NamesToLinks(SphinxTransform):
    """Replaces names in code font by links."""

    default_priority = 700

    def apply(self, **_: Any) -> None:
        for literal in list(self.document.findall(nodes.literal)):
            if isinstance(literal.parent, (nodes.reference, addnodes.pending_xref)):
                continue
            target = self._target(literal)
            if target:
                literal.replace_self(self._link(literal, target))

    def _target(self, literal: nodes.literal) -> str:
        text = literal.astext()
        page = re.fullmatch(r"docs/([\w-]+)\.md", text)
        if page and page[1] in self.env.found_docs and page[1] != self.env.docname:
            return page[1]
        if self.env.docname in PAGES_OF_STRATEGIES and _in_table(literal):
            name = text.partition(" ")[0]
            return f"reference/strategies/{name}" if STRATEGIES.has(name) else ""
        return DATA if text == DATA else ""

    def _link(self, literal: nodes.literal, target: str) -> nodes.Node:
        if target == DATA:
            return nodes.reference("", "", literal.deepcopy(), refuri=DATA)
        return addnodes.pending_xref(
            "", literal.deepcopy(), refdomain="std", reftype="doc", reftarget=f"/{target}",
            refexplicit=True, refdoc=self.env.docname, refwarn=True,
        )  # fmt: skip


def _in_table(node: nodes.Node) -> bool:
    while node is not None:
        if isinstance(node, nodes.entry):
            return True
        node = node.parent
    return False


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_transform(NamesToLinks)
    return {"parallel_read_safe": True}
