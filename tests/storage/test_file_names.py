import os
from pathlib import Path

import pytest

from rayal.storage.dataset_images import DatasetImages
from rayal.storage.file_names import MOST_BYTES, shortened
from tests import sweeps
from tests.datasets.made_up_images import folder_of_classes


def test_a_short_name_stays_as_it_is() -> None:
    assert shortened("blood cells, 28 px") == "blood cells, 28 px"


@pytest.mark.parametrize("letter", ["n", "é", "細", "🦠"])
def test_a_long_name_is_cut_between_letters(letter: str) -> None:
    cut = shortened(letter * 255)
    assert set(cut) == {letter}
    assert MOST_BYTES - 3 <= len(cut.encode()) <= MOST_BYTES


def test_a_name_that_is_no_utf8_is_cut_too() -> None:
    name = os.fsdecode(b"\xff" * 250)
    assert len(shortened(name)) <= MOST_BYTES


def test_folders_of_datasets_with_long_names_fit_a_disk(tmp_path: Path) -> None:
    folder = DatasetImages(tmp_path).folder("細" * 85, "0" * 32)
    assert len(folder.name.encode()) < 200


@pytest.mark.slow
def test_a_sweep_runs_on_a_folder_with_the_longest_name_that_a_disk_takes(tmp_path: Path) -> None:
    images = folder_of_classes(tmp_path / ("n" * 250), {"a": 12, "b": 12})
    data = {"name": "image_folder", "path": str(images), "size": 8, "test_share": 0.25}
    sweep = sweeps.write_sweep(tmp_path, datasets=[data], budgets=[4], seeds=1)
    ended = sweeps.run(sweep, tmp_path / "run", "--local")
    assert ended.returncode == 0, ended.stdout
