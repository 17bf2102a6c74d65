"""A dataset map as people take it along: one table, and the figure beside it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from rayal.cli.bundled_analysis import bundled_analysis
from rayal.contracts import DatasetMap
from rayal.storage.atomic import write_bytes


def write_figure(table: Path, dataset_map: DatasetMap) -> None:
    """Draw variability against confidence at each temperature; SVG, PNG, PDF beside a table."""
    if not dataset_map.confidence:
        return
    with bundled_analysis():
        from analysis.figures import dataset_maps, style

        draw = partial(dataset_maps.dataset_map, dataset_map.confidence, dataset_map.variability)
        files = style.as_files(draw)
    write_bytes(table.with_suffix(".svg"), files.svg.encode())
    write_bytes(table.with_suffix(".png"), files.png)
    write_bytes(table.with_suffix(".pdf"), files.pdf)
