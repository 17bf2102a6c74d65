"""Files of a project that something else changed are refused by name, in one message."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import rayal
from rayal.cli.main import main
from rayal.labeling.answers import Answer
from rayal.labeling.classifier import Classifier, EncoderJob
from rayal.labeling.encoding_job import contents_of
from rayal.labeling.errors import LabelingError
from rayal.labeling.project import Project
from rayal.labeling.publishing import is_published, publish


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of 40 images with one round of 24, all labeled."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "cells").mkdir()
    rng = np.random.default_rng(0)
    for n in range(40):
        pixels = rng.integers(0, 60, (16, 16), np.uint8) + np.uint8(120 * (n % 2))
        Image.fromarray(pixels).save(folder / "cells" / f"{n:02}.png")
    root = folder / "labels"
    asked = ["--budget", "24", "--encoder", "pixels", "--out", str(root)]
    assert main(["select", str(folder / "cells"), *asked]) == 0
    project = Project.open(root)
    chosen = [project.pool[project.pool.position[one]] for one in project.rounds[0].ids]
    project.labels.append(*(Answer(i.rayal_id, "ab"[int(i.path[:2]) % 2]) for i in chosen))
    return root


@pytest.fixture
def project(whole: Path, tmp_path: Path) -> Project:
    shutil.copytree(whole.parent, tmp_path / "copy")
    return Project.open(tmp_path / "copy" / "labels")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) * 2 // 3] ^= 0x41
    path.write_bytes(content)


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def endless(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": cut,
    "bytes": lambda path: path.write_bytes(bytes(range(256))),
    "null": lambda path: path.write_text("null"),
    "deep": lambda path: path.write_text("[" * 100_000),
    "pipe": pipe,
    "endless": endless,
    "missing": lambda path: path.unlink(),
}


@pytest.mark.parametrize(
    "file", ["project.json", "features.json", "features.npy", "rounds/001.json"]
)
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_file_is_named_and_no_command_hangs_or_ends_with_a_traceback(
    project: Project,
    file: str,
    damage: Callable[[Path], object],
    capsys: pytest.CaptureFixture[str],
) -> None:
    damage(project.root / file)
    commands = (["report"], ["predict"], ["select", "--budget", "3"])
    for command, *more in commands:
        status = main([command, str(project.root), *more])
        said = capsys.readouterr().err
        assert (status, said.count("\n")) == (2, 1)
        assert Path(file).name in said


@pytest.mark.parametrize("name", ["cut", "bytes", "flip"])
def test_a_damaged_table_of_images_is_named(
    project: Project, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (flip if name == "flip" else DAMAGE[name])(project.root / "pool.csv")
    for command, *more in (["report"], ["predict"], ["select", "--budget", "3"]):
        assert main([command, str(project.root), *more]) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert "pool.csv" in said


def test_rounds_that_are_missing_do_not_make_audit_images_train(project: Project) -> None:
    shutil.rmtree(project.root / "rounds")
    with pytest.raises(LabelingError, match=r"0 rounds, and round 1 was made: restore 001\.json"):
        _ = project.rounds


def test_features_that_are_not_what_was_written_are_refused(project: Project) -> None:
    features = np.load(project.root / "features.npy")
    np.save(project.root / "features.npy", features[::-1])
    with pytest.raises(
        LabelingError, match=r"features\.npy is damaged .it is not what was written"
    ):
        _ = project.features


def test_a_table_of_images_in_another_order_is_refused(project: Project) -> None:
    path = project.root / "pool.csv"
    head, *rows = path.read_text("utf-8-sig").splitlines()
    path.write_text("\n".join([head, *sorted(rows)]) + "\n", "utf-8-sig")
    with pytest.raises(LabelingError, match=r"pool\.csv is damaged .its rows are not those of"):
        _ = project.features


def test_a_note_of_what_is_published_that_is_damaged_has_the_files_made_again(
    project: Project,
) -> None:
    assert is_published(project)
    for damage in DAMAGE.values():
        damage(project.root / "published.json")
        assert not is_published(project)
        publish(project)


def test_an_encoder_whose_weights_were_replaced_describes_no_further_images(
    tmp_path: Path,
) -> None:
    import torch

    from rayal.vision import networks

    def write(seed: int) -> None:
        network = networks.backbone("small_cnn", "imagenet", 1, seed=seed)
        torch.save(network.state_dict(), tmp_path / "w.pt")

    write(1)
    params = {"weights": str(tmp_path / "w.pt"), "backbone": "small_cnn"}
    job = EncoderJob("checkpoint", params, 0, 8, 1, contents_of("checkpoint", params))
    image = tmp_path / "a.png"
    Image.new("L", (8, 8), 99).save(image)
    D = job.features(np.zeros((1, 8, 8, 1), np.uint8)).shape[1]
    classifier = Classifier(("a", "b"), np.ones((2, D + 1), np.float32), encoder=job)
    rayal.labeling.classifier.save_classifier(tmp_path / "c", classifier)
    loaded = rayal.load_classifier(tmp_path / "c")
    assert loaded.encoder == job
    assert loaded.predict([image]) == ["a"]
    write(2)
    with pytest.raises(LabelingError, match=r"weights=.* is not the file that the features were"):
        loaded.predict([image])


def test_an_encoder_that_was_trained_on_the_project_is_not_trained_on_further_images() -> None:
    job = EncoderJob("moco", {}, 0, 8, 3)
    with pytest.raises(LabelingError, match="'moco' was trained on the project's images"):
        job.features(np.zeros((64, 8, 8, 3), np.uint8))


def test_a_classifier_says_which_encoder_it_has_only_as_the_project_does(
    project: Project,
) -> None:
    (project.root / "features.json").write_text(json.dumps({"notes": []}))
    assert main(["predict", str(project.root)]) == 2
