"""FiftyOne: a CSV that fiftyone.types.CSVDataset reads. Labels come back by labels.csv."""

from __future__ import annotations

from pathlib import Path

from rayal.labeling.exchange.tool import Import, Sheet, tool
from rayal.labeling.spreadsheet import write_csv

COLUMNS = ("filepath", "rank", "rayal_id", "group", "purpose", "reason", "represents", "predicted")


@tool("fiftyone")
class FiftyOne:
    """A dataset to look at."""

    def write(self, sheet: Sheet) -> str:
        if any(entry.file is None for entry in sheet.entries):
            return ""
        rows = [{**vars(entry), "filepath": str(entry.file)} for entry in sheet.entries]
        write_csv(sheet.root / "fiftyone.csv", COLUMNS, rows, encoding="utf-8")
        return (
            "FiftyOne: fo.Dataset.from_dir(dataset_type=fo.types.CSVDataset, "
            f"data_path=None, labels_path='{sheet.root / 'fiftyone.csv'}', "
            "media_field='filepath', fields={'rank': fo.IntField})"
        )

    def recognizes(self, path: Path) -> bool:
        return False

    def read(self, path: Path) -> Import:
        raise NotImplementedError("labels of FiftyOne come back as a filled labels.csv")
