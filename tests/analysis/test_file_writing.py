import pytest

from analysis.file_writing import file_writing


def test_files_are_there_at_the_end_with_their_folders(tmp_path):
    with file_writing() as write:
        paths = [write(tmp_path / f"{i % 3}" / f"{i}.txt", b"%d" % i) for i in range(40)]
    assert [int(path.read_bytes()) for path in paths] == list(range(40))


def test_a_file_that_cannot_be_written_is_an_error_and_the_others_are_written(tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"), file_writing() as write:
        write(tmp_path / "taken", b"a folder is there")
        write(tmp_path / "other", b"1")
    assert (tmp_path / "other").read_bytes() == b"1"


def test_what_was_begun_is_written_where_the_work_fails(tmp_path):
    with pytest.raises(ZeroDivisionError), file_writing() as write:
        write(tmp_path / "one", b"1")
        raise ZeroDivisionError
    assert (tmp_path / "one").read_bytes() == b"1"
