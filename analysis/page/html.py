"""The page as HTML that needs nothing but itself.

Styles, script and figures are inside, and its content security policy forbids every request.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from analysis.figures.render import RenderedFigure
from analysis.figures.style import THEMED
from analysis.figures.text import one_line
from analysis.page.blocks import Block
from analysis.study.study import Study

KINDS = ("dataset", "encoder", "learner")
PIXELS_PER_POINT = 1.45  # of a figure on a wide screen: type a little larger than in print


class PageSection(NamedTuple):
    """A section with what it shows."""

    anchor: str
    title: str
    heading: str
    blocks: Sequence[Block]


def render(study: Study, sections: Sequence[PageSection], base: str) -> str:
    """Put the sections of a study's report on one page; base: from it to tables/ and figures/."""
    environment = _environment()
    script = _source(environment, "report.js")
    page = environment.get_template("report.html.j2").render(
        plan=study.run.plan,
        progress=study.progress,
        settings=_settings(study),
        runs=len(study.roots),
        sections=sections,
        base=base,
        style=Markup(_source(environment, "report.css")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
    return _without_dead_links(page, {section.anchor for section in sections})


def _without_dead_links(page: str, anchors: Collection[str]) -> str:
    """Leave the words alone of links to sections that the page does not have."""
    return re.sub(
        r'<a href="#([\w-]+)">(.*?)</a>',
        lambda link: link[0] if link[1] in anchors else link[2],
        page,
        flags=re.DOTALL,
    )


def inline(figure: RenderedFigure) -> Markup:
    """Make an SVG part of a page: no prologue, ids of its own, the page's colors for ink."""
    svg = figure.svg
    prefix = f"f{figure.number}"
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="', f'id="{prefix}-', body)
    body = re.sub(r'(href="#|url\(#)', rf"\g<1>{prefix}-", body)
    for color, variable in THEMED.items():
        body = body.replace(color, f"var({variable})")
    # The element around it says what it shows; its parts are not read out one by one.
    head = f'<svg aria-hidden="true" focusable="false" style="max-width: {_width(body):.0f}px"'
    return Markup(body.replace("<svg", head, 1))


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("analysis.page"), autoescape=True, undefined=StrictUndefined,
        finalize=_on_one_line, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["inline"] = inline
    return environment


def _width(svg: str) -> float:
    """Width on a wide screen, in pixels."""
    box = re.search(r'viewBox="0 0 ([0-9.]+)', svg)
    return PIXELS_PER_POINT * float(box[1]) if box else 900


def _source(environment: Environment, name: str) -> str:
    if environment.loader is None:
        raise RuntimeError("the templates have no loader")
    return environment.loader.get_source(environment, name)[0]


def _settings(study: Study) -> Mapping[str, list[Any]]:
    return {kind: list(study.trials[f"{kind}_label"].unique()) for kind in KINDS}


def _on_one_line(value: object) -> object:
    """Take characters that do not show out of names from data; what is markup is ours."""
    return one_line(value) if type(value) is str else value
