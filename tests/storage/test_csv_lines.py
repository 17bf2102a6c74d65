"""CSV that every reader takes apart into the cells that were written."""

import csv
import io
from pathlib import Path

import pytest

from rayal.labeling.spreadsheet import read_csv_rows, write_csv
from rayal.storage.csv_lines import csv_text
from rayal.storage.dataset_images import FILES, StoredImages, _write_files

ODD = ["a\rb", "a\nb", "a\r\nb", "\r", 'a"b', "a,b", " a ", "", "a\u2028b", "a\x0bb", "a\x85b"]


def test_lines_end_in_a_line_feed_and_cells_come_back() -> None:
    rows = [["name", "other"], *([cell, "x"] for cell in ODD)]
    text = csv_text(rows)
    assert text.startswith("name,other\n")
    assert list(csv.reader(io.StringIO(text, newline=""))) == rows


@pytest.mark.parametrize("name", ODD)
def test_tables_of_a_project_hold_any_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / "t.csv"
    write_csv(path, ["path", "group"], [{"path": name, "group": name}])
    assert read_csv_rows(path) == [{"path": name, "group": name}]


def test_names_of_a_dataset_s_files_come_back(tmp_path: Path) -> None:
    _write_files(tmp_path / FILES, ODD)
    assert StoredImages(tmp_path).files == ODD
