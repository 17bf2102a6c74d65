"""What a CSV file says is read, or refused by its line; nothing of it is lost or invented."""

import csv
import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayal.datasets._files.csv_table import CsvTable, read_csv


def read(tmp_path: Path, content: str | bytes, *wanted: str) -> CsvTable:
    path = tmp_path / "t.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_csv(path, wanted or ("image", "label"))


def rows(table: CsvTable) -> list[list[str]]:
    return [record.cells for record in table.records]


def test_cells_are_text_whatever_they_look_like(tmp_path: Path) -> None:
    table = read(tmp_path, "image,label\n001,1.0\n1e5,TRUE\nNA,2020-01-02\n, 3 \n")
    assert rows(table) == [["001", "1.0"], ["1e5", "TRUE"], ["NA", "2020-01-02"], ["", " 3 "]]
    assert [record.line for record in table.records] == [2, 3, 4, 5]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(*[st.text(alphabet="ab1 ,;\t\"'\n\ré\u2028", max_size=6)] * 3),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_a_writer_wrote_is_read_as_by_pandas(
    tmp_path_factory: pytest.TempPathFactory,
    cells: list[tuple[str, str, str]],
    delimiter: str,
    end: str,
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([("image", "label", "note"), *cells])
    table = read(tmp_path_factory.mktemp("csv"), text.getvalue())
    assert rows(table) == [list(row) for row in cells]
    frame = pd.read_csv(
        table.path, sep=delimiter, dtype=str, keep_default_na=False, lineterminator=None
    )
    # pandas brings line breaks within cells to \n, and nothing else.
    plain = [[c.replace("\r\n", "\n").replace("\r", "\n") for c in row] for row in rows(table)]
    theirs = [
        [c.replace("\r\n", "\n").replace("\r", "\n") for c in row] for row in frame.to_numpy()
    ]
    assert plain == theirs


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_may_end_in_any_way_and_blank_ones_say_nothing(tmp_path: Path, end: str) -> None:
    table = read(tmp_path, end.join(["image,label", "a,x", "", "b,y", "", ""]))
    assert rows(table) == [["a", "x"], ["b", "y"]]
    assert [record.line for record in table.records] == [2, 4]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_with_a_mark_and_three_delimiters_are_read(
    tmp_path: Path, encoding: str, delimiter: str
) -> None:
    text = f"image{delimiter}label\nä{delimiter}日本\n"
    assert rows(read(tmp_path, text.encode(encoding))) == [["ä", "日本"]]


def test_a_semicolon_table_may_have_commas_in_its_cells(tmp_path: Path) -> None:
    assert rows(read(tmp_path, "image;label\na;x, y\n")) == [["a", "x, y"]]


def test_names_of_columns_count_as_they_look(tmp_path: Path) -> None:
    table = read(tmp_path, "\ufeffimage , label\u200b,my\u00a0note\na,x,1\n", "image", "my note")
    assert table.position == {"image": 0, "my note": 2}


def test_columns_that_nobody_asked_for_may_have_one_name(tmp_path: Path) -> None:
    assert rows(read(tmp_path, "image,x,label,x\na,1,b,2\n")) == [["a", "1", "b", "2"]]


def test_inch_marks_within_a_cell_are_text(tmp_path: Path) -> None:
    table = read(tmp_path, 'image,label,note\na,x,12" screen\nb,y,3" by 4"\nc,x,"5"" pipe"\n')
    assert [cells[2] for cells in rows(table)] == ['12" screen', '3" by 4"', '5" pipe']


def test_empty_cells_beyond_the_first_lines_are_nothing(tmp_path: Path) -> None:
    assert len(read(tmp_path, "image,label\na,x,,\nb,y\n").records) == 2


REFUSED: dict[str, tuple[str | bytes, str]] = {
    "a quote never closed": (
        'image,label\na,x\nb,"y\nc,x\n', r"line 3: a quote is opened here and never closed"),
    "a quote closed by inch marks": (
        'image,note,label\na,"5 in,x\nb,6" x,y\n', r"line 2: "),
    "text after a quote": ('image,label,note\na,x,"5" screw"\n', r"line 2: .*',' expected"),
    "an escape that is none": ('image,label\na,"x\\" y"\n', r"line 2: .*',' expected"),
    "a cell without an end": (
        'image,label\na,"' + "x" * 200_000 + "\n", r"line 2: a cell is longer than 131,072"),
    "a comma in a label": (
        "image,label\na,x\nb,y, z\n", r"line 3: it has 3 cells, and the first line names 2"),
    "a delimiter lost": ("image,note,label\na,n,x\nb y,z\n", "line 3: the column 'label' is empty"),
    "a last cell lost": ("image,label,note\na,x\n", "line 2: it has 2 cells"),
    "two columns of one name": ("image,label,label\na,x,y\n", r"2 columns 'label', the 2 and 3"),
    "two that look alike": ("image,label,label \na,x,y\n", r"2 columns 'label', the 2 and 3"),
    "two that differ in case": ("image,label,Label\na,x,y\n", r"'label' and 'Label', which look"),
    "a join's two": ("image,label,label.1\na,x,y\n", r"'label' and 'label.1', which look alike"),
    "two of another spelling": ("image,Image ,label\na,b,x\n", r"'image' and 'Image', which look"),
    "no such column": ("image,class\na,x\n", "no column 'label'; its first line"),
    "another case": ("image,Label\na,x\n", "no column 'label'; its first line"),
    "two delimiters": ("image,label,x;image;label\na,x,1;a;x\n", "cut at commas and at semicolons"),
    "Latin-1": ("image,label\na,x\nb,é\n".encode("latin-1"), r"UTF-8: line 3 has the byte 0xe9"),
    "UTF-16 without a mark": ("image,label\na,x\n".encode("utf-16-le"), "line 1 has a zero byte"),
    "a spreadsheet": (b"PK\x03\x04rest", "is a spreadsheet or an archive, no CSV"),
    "an old spreadsheet": (b"\xd0\xcf\x11\xe0rest", "is a spreadsheet, no CSV"),
    "a compressed table": (b"\x1f\x8brest", "is compressed, no CSV"),
    "nothing": ("", "has nothing"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_certain_is_refused_by_its_line(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        read(tmp_path, content)
