"""labels.csv: a table to fill in by hand, in a spreadsheet or by a script."""

from __future__ import annotations

from pathlib import Path

from rayal.datasets._files.compound_names import SEPARATORS
from rayal.labeling.class_names import NONE, NOT_USABLE_NAME
from rayal.labeling.exchange.tool import Import, Returned, Sheet, tool
from rayal.labeling.spreadsheet import column_names, plain_cells, returned_rows, write_csv

FILE = "labels.csv"
COLUMNS = ("rank", "path", "label", "annotator", "comment", "group", "rayal_id")


@tool("labels.csv")
class LabelTable:
    """A table out, the same filled in back."""

    def write(self, sheet: Sheet) -> str:
        rows = [{**vars(entry), "label": ""} for entry in sheet.entries]
        write_csv(sheet.root / FILE, COLUMNS, rows)
        if sheet.multilabel:
            return (
                f"in a table: fill in the column 'label' of {sheet.root / FILE}, classes separated "
                f"by '{SEPARATORS[0]}' ('{NONE}' for an image that has none, '{NOT_USABLE_NAME}' "
                "for one that cannot be labeled)"
            )
        return (
            f"in a table: fill in the column 'label' of {sheet.root / FILE} ('{NOT_USABLE_NAME}' "
            "for an image that has no class)"
        )

    def recognizes(self, path: Path) -> bool:
        names = set(column_names(path))
        return "label" in names and bool(names & {"rayal_id", "path"}) and "lead_time" not in names

    def read(self, path: Path) -> Import:
        answers = Import("csv", beside_label=tuple(set(column_names(path)) - {*COLUMNS}))
        for line, row in returned_rows(path):
            _add(answers, f"{path.name}, line {line}", row)
        return answers


def _add(answers: Import, place: str, row: dict[str, str]) -> None:
    cells = plain_cells(row)
    if None in row:
        answers.refused.append(f"{place} has more cells than the first line")
        return
    label = cells.get("label", "")
    answers.returned.append(
        Returned(
            place,
            cells.get("rayal_id", ""),
            cells.get("path", ""),
            "label" if label else "withdraw",
            label or None,
            cells.get("annotator", ""),
        )
    )
