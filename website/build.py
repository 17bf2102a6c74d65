"""Puts the pages together and has Sphinx build them: warnings are errors, links are checked."""

from __future__ import annotations

import shutil
from pathlib import Path

from sphinx.cmd.build import build_main

from rayal.run.threads import limit_threads
from website import components, links, metric_pages, sweep_file, which_strategy
from website.navigation import toctrees

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


class SiteError(Exception):
    """The site cannot be built, or has links that lead nowhere."""


def build(folder: Path) -> Path:
    """Build the site into a folder and return its first page.

    Nothing is fetched, and nothing outside the folder is written.

    Raises:
        SiteError: Sphinx warned, or a built page links to what is not there or fetches what lies
            on another server.
    """
    source, html = folder / "source", folder / "html"
    shutil.rmtree(folder, ignore_errors=True)
    with limit_threads(1):  # pictures are the same on every machine
        gather(source)
    where = ["-d", str(folder / "doctrees"), "-c", str(ROOT / "website")]
    if build_main(["-q", "-W", "--keep-going", "-b", "html", *where, str(source), str(html)]):
        raise SiteError("Sphinx warned of what stands above")
    broken = links.broken_links(html)
    if broken:
        raise SiteError("\n".join(broken))
    return html / "index.html"


def gather(source: Path) -> None:
    """Write all pages, those of `docs/` and those made from the code, into a folder."""
    source.mkdir(parents=True)
    for page in sorted(DOCS.glob("*.md")):
        shutil.copy(page, source)
    for name in ("CHANGELOG.md", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, source / name.lower())
    shutil.copytree(DOCS / "pictures", source / "pictures")
    components.write_pages(source / "reference")
    metric_pages.write_pages(source / "reference" / "metrics")
    (source / "sweep-file.md").write_text(sweep_file.page())
    evidence = (DOCS / "evidence.md").read_text()
    (source / "which-strategy.md").write_text(which_strategy.page(evidence))
    with (source / "index.md").open("a") as index:
        index.write(toctrees(source))
