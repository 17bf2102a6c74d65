"""The report of a run: tables as CSV, figures as SVG and PNG, and one page that holds it all.

The page needs nothing but itself: styles, script and figures are inside, and its content security
policy forbids every request.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from analysis.catalogue import all_tables
from analysis.export import write_tables
from analysis.figures.render import Picture, pictures
from analysis.figures.style import THEMED
from analysis.figures.text import one_line
from analysis.findings import Finding, findings
from analysis.picture_tables import picture_tables
from analysis.sections.papers.compare import titles
from analysis.study.study import Study, read_study
from analysis.views import views
from rayal.storage.atomic import write_bytes
from rayal.storage.files import files_of
from rayal.storage.location import Location

TITLES = {
    "findings": "Findings", "auc": "Test set", "coverage": "Classes", "against": "Against random",
    "trainings": "Trainings", "overall": "Overall", "papers": "Papers",
    "ablation": "Parameters", "start": "Start and end",
    "chosen": "Images", "maps": "Maps", "failures": "Failures", "again": "Make it again",
}  # fmt: skip


class Written(NamedTuple):
    """Where the files of a report lie."""

    page: Location
    tables: list[Location]
    figures: list[Location]


def write(root: Location) -> Location:
    """Write report/index.html, tables/*.csv and figures/*.svg|png under a run; return the page.

    A run that is under way or has no finished trial gives a page that says so.

    Raises:
        rayal.storage.files.StoreError: root is no run, or a record in it cannot be read.
    """
    return write_all(root).page


def write_all(*roots: Location | str, out: Location | None = None) -> Written:
    """Like write, for one run or for several compared; returns every path.

    Args:
        roots: a run's directory each.
        out: where all is written: by default into the run, or into a folder beside the first.
    """
    study = read_study(*roots, out=out)
    made = all_tables(study)
    made |= picture_tables(study, made)
    drawn = pictures(study, made)
    page = render(study, made, drawn).encode()
    root = study.run.root
    with files_of(root).upload_dir(root) as folder:
        tables = write_tables(folder / "tables", made, titles())
        figures = [
            _write(folder / "figures" / f"{picture.name}.{kind}", content)
            for picture in drawn
            for kind, content in (("svg", picture.svg.encode()), ("png", picture.png))
        ]
        _write(folder / "report" / "index.html", page)
    return Written(
        root / "report" / "index.html",
        [root / "tables" / path.name for path in tables],
        [root / "figures" / path.name for path in figures],
    )


def render(study: Study, made: Mapping[str, pd.DataFrame], drawn: list[Picture]) -> str:
    """Put a run's tables and figures on one page."""
    environment = Environment(
        loader=PackageLoader("analysis.page"), autoescape=True, undefined=StrictUndefined,
        finalize=_on_one_line,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    script = _source(environment, "report.js")
    shown, figures = views(made), _by_kind(drawn)
    has = _sections(study, shown, figures)
    versions = made["versions"]
    return environment.get_template("report.html.j2").render(
        plan=study.run.plan,
        progress=study.progress,
        settings=_settings(study),
        findings=_by_place(findings(dict(made), study.baseline, study.oracles)),
        oracles=sorted(study.oracles),
        runs=len(study.roots),
        views=shown,
        figures=figures,
        has=has,
        sections=[(anchor, title) for anchor, title in TITLES.items() if has[anchor]],
        mixed=[*versions.loc[versions["mixed"].astype(bool), "package"].unique()],
        tables={name: len(table) for name, table in made.items()},
        style=Markup(_source(environment, "report.css")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def inline(svg: str, prefix: str) -> Markup:
    """Make an SVG part of a page: no prologue, ids of its own, the page's colours for ink."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="', f'id="{prefix}-', body)
    body = re.sub(r'(href="#|url\(#)', rf"\g<1>{prefix}-", body)
    for color, variable in THEMED.items():
        body = body.replace(color, f"var({variable})")
    # The element around it says what it shows; its parts are not read out one by one.
    head = f'<svg aria-hidden="true" focusable="false" style="max-width: {_width(body):.0f}px"'
    return Markup(body.replace("<svg", head, 1))


def _width(svg: str) -> float:
    """Width on a wide screen, in pixels: type a little larger than in print."""
    found = re.search(r'viewBox="0 0 ([0-9.]+)', svg)
    return 1.45 * float(found[1]) if found else 900


def _source(environment: Environment, name: str) -> str:
    if environment.loader is None:
        raise RuntimeError("the templates have no loader")
    return environment.loader.get_source(environment, name)[0]


def _settings(study: Study) -> dict[str, list[str]]:
    kinds = ("dataset", "encoder", "learner", "initial", "strategy")
    return {kind: list(study.trials[f"{kind}_label"].unique()) for kind in kinds}


def _on_one_line(value: object) -> object:
    """Take marks that do not show out of names from data; what is markup is ours."""
    return one_line(value) if type(value) is str else value


def _sections(
    study: Study, shown: Mapping[str, Any], figures: Mapping[str, Any]
) -> dict[str, bool]:
    """Which sections the page has."""
    done = study.progress.done > 0
    return {
        "findings": True,
        "auc": done,
        "coverage": done,
        "against": bool(shown["against"] or shown["saved"] or shown["aubc"]),
        "trainings": bool(shown["trainings"]),
        "overall": any(len(view.rows) > 1 for view in shown["overall"]),
        "papers": bool(shown["papers"]),
        "ablation": "ablation" in figures,
        "start": bool(shown["correlation"]),
        "chosen": any(kind in figures for kind in ("chosen", "clusters", "rounds")),
        "maps": "map" in figures,
        "failures": bool(shown["failures"]),
        "again": True,
    }


def _by_place(found: list[Finding]) -> dict[str, list[Finding]]:
    places: dict[str, list[Finding]] = {}
    for finding in found:
        places.setdefault(finding.where, []).append(finding)
    return places


def _by_kind(drawn: list[Picture]) -> dict[str, list[dict[str, Any]]]:
    shown: dict[str, list[dict[str, Any]]] = {}
    for number, picture in enumerate(drawn):
        entry = {**picture._asdict(), "svg": inline(picture.svg, f"f{number}"), "number": number}
        shown.setdefault(picture.kind, []).append(entry)
    return shown


def _write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(exist_ok=True)
    write_bytes(path, content)
    return path
