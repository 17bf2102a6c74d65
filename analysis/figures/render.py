"""All figures of a run, each with its file name, caption and words for those who cannot see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from analysis import record_drafts
from analysis.figures import style
from analysis.figures.spec import Draft
from analysis.pool_drafts import pool_drafts
from analysis.study.study import Study


class Picture(NamedTuple):
    """A drawn figure with its words."""

    kind: str
    name: str
    title: str
    caption: str
    alt: str
    source: str
    svg: str
    png: bytes


def pictures(study: Study, tables: Mapping[str, pd.DataFrame]) -> list[Picture]:
    """Draw every figure that the tables allow."""
    drafts = [*record_drafts.drafts(dict(tables), study.baseline), *pool_drafts(study, tables)]
    names = style.file_names([f"{draft.kind}-{draft.place}" for draft in drafts])
    return [_drawn(draft, name) for draft, name in zip(drafts, names, strict=True)]


def _drawn(draft: Draft, name: str) -> Picture:
    svg, png = style.as_files(draft.draw)
    words = (draft.title, draft.caption, draft.alt, draft.source)
    return Picture(draft.kind, name, *words, svg, png)
