"""What the features were made with: weights, changes of size, and how large they are."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from analysis.page.blocks import Block
from analysis.page.table import page_table, text
from analysis.sections.base import Report, Tables, section
from analysis.study.grouping import as_labels, to_frame
from analysis.study.study import Study
from rayal.storage.formats import ArtifactEntry


def tables(study: Study, _earlier: Tables) -> Tables:
    """One row for each note that the plan has on an encoder."""
    return {"encoders": encoder_notes(study)}


def encoder_notes(study: Study) -> pd.DataFrame:
    """Notes of the plan on each encoder and dataset; runs of earlier versions have none.

    One that strategies alone read goes by its plain name.
    """
    trials = as_labels(study.trials).drop_duplicates("artefact").set_index("artefact")
    named = trials[["dataset", "encoder"]].to_dict("index")
    rows = [
        {**named.get(key, _plainly(entry)), "artefact": key, "note": note}
        for key, entry in study.run.plan["artefacts"].items()
        for note in entry.get("notes", ())
    ]
    return to_frame(rows, ["dataset", "encoder", "artefact", "note"])


def _plainly(entry: ArtifactEntry) -> dict[str, str]:
    return {"dataset": entry["dataset"], "encoder": str(entry["encoder"]["name"])}


@section("encoders", title="Encoders", heading="What the features come from", order=117,
         tables=tables)  # fmt: skip
def content(report: Report) -> Iterator[Block]:
    """The notes on encoders."""
    notes = report.tables["encoders"]
    if len(notes):
        names = ["dataset", "encoder"]
        yield page_table("Weights and sizes", "encoders.csv", notes, names, [text("note", "note")])
