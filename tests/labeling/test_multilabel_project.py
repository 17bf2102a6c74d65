"""Several classes an image, from a folder to predictions, by the commands that a person types."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import rayal
from rayal.cli.main import main
from rayal.labeling.errors import LabelingError
from rayal.labeling.project import Project
from tests.labeling.marked_images import CLASSES, folder_of_marks, marks_of, number_of

COUNT = 96


@pytest.fixture(autouse=True)
def marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return folder_of_marks(tmp_path / "marks", COUNT)


def select(*more: str) -> int:
    given = ["--classes", "bar,corner,dot", "--multilabel", "--encoder", "pixels"]
    return main(["select", "marks", *given, *more])


def truth(path: str) -> str:
    return "; ".join(marks_of(number_of(path))) or "none of them"


def fill_in() -> None:
    """Write the true classes of the newest round into labels.csv."""
    table = Path("marks-labels/labels.csv")
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["label"] = truth(row["path"])
    with table.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def rows_of(name: str) -> list[dict[str, str]]:
    with Path("marks-labels", name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def two_rounds(marks: Path) -> Path:
    """A project of 16 images to audit, 24 and 8 chosen ones, all labeled truly."""
    assert select("--budget", "24", "--audit", "16") == 0
    fill_in()
    assert main(["ingest", "marks-labels", "marks-labels/labels.csv"]) == 0
    assert main(["select", "marks-labels", "--budget", "8"]) == 0
    return Path("marks-labels")


def test_from_a_folder_to_a_report(two_rounds: Path, capsys: pytest.CaptureFixture[str]) -> None:
    second = rows_of("selection.csv")
    assert all(row["predicted"] for row in second)
    assert all(0.5 <= float(row["confidence"]) <= 1 for row in second)
    [task, *_] = json.loads((two_rounds / "label-studio.json").read_text())
    [result] = task["predictions"][0]["result"]
    assert set(result["value"]["choices"]) <= {*CLASSES, "none of them"}
    fill_in()
    assert main(["ingest", "marks-labels", "marks-labels/labels.csv"]) == 0
    assert "48 images have a label, of 3 classes" in capsys.readouterr().out
    assert main(["report", "marks-labels"]) == 0
    assert "all classes of an image right, on the others: " in capsys.readouterr().out
    found = json.loads((two_rounds / "report" / "report.json").read_text())
    assert (found["labels"], found["audited"], found["multilabel"]) == (48, 16, True)
    assert [point["labels"] for point in found["curve"]] == [24, 32]
    assert found["audit"]["overall"]["n"] == 16
    assert found["audit"]["recall"]["bar"]["n"] + found["audit"]["specificity"]["bar"]["n"] == 16
    assert found["gains"] == []
    page = (two_rounds / "report" / "index.html").read_text()
    assert "is not estimated where an image may have several classes" in page
    assert "Specificity: the share of the others" in page


def test_from_labels_to_predictions_and_a_classifier(
    two_rounds: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["predict", "marks-labels"]) == 0
    assert "56 images without a label are labeled by the classifier" in capsys.readouterr().out
    predicted = rows_of("predictions.csv")
    assert list(predicted[0]) == [
        "path", "classes", *(f"probability of {name}" for name in CLASSES), "flag", "rayal_id",
    ]  # fmt: skip
    assert np.mean([row["classes"] == truth(row["path"]) for row in predicted]) > 0.8
    for row in predicted:
        chance = [float(row[f"probability of {name}"]) for name in CLASSES]
        likely = [name for name, own in zip(CLASSES, chance, strict=True) if own >= 0.5]
        assert row["classes"] == ("; ".join(likely) or "none of them")
        assert row["flag"].startswith("unsure of ") == any(0.2 < own < 0.8 for own in chance)
    first = predicted[:8]
    classifier = rayal.load_classifier("marks-labels")
    paths = [Path("marks", row["path"]) for row in first]
    by_table = [[float(row[f"probability of {name}"]) for name in CLASSES] for row in first]
    np.testing.assert_allclose(classifier.predict_proba(paths), by_table, atol=1e-4)
    names = ["; ".join(each) or "none of them" for each in classifier.predict(paths)]
    assert names == [row["classes"] for row in first]
    card = (two_rounds / "classifier" / "README.md").read_text()
    assert "tags: [image-classification, multi-label]" in card
    assert "| class | recall, images with it | specificity, images without it |" in card


def test_a_class_that_no_image_has_is_named_and_never_predicted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    select("--budget", "16")
    project = Project.open(Path("marks-labels"))
    pool = rayal.Pool(project)
    chosen = [project.pool[project.pool.position[i]].path for i in project.rounds[0].ids]
    pool.label({path: [m for m in marks_of(number_of(path)) if m != "dot"] for path in chosen})
    table = pool.predict()
    assert set(table["probability of dot"]) == {0.0}
    assert not table["classes"].str.contains("dot").any()
    assert main(["predict", "marks-labels"]) == 0
    assert (
        "NOTE: the labels that train have no image with dot: it is said of none"
        in capsys.readouterr().out
    )


def test_without_a_class_on_some_images_and_not_on_others_nothing_is_trained(
    capsys: pytest.CaptureFixture[str],
) -> None:
    select("--budget", "4")
    project = Project.open(Path("marks-labels"))
    rayal.Pool(project).label({path: ["bar"] for path in project.pool.paths[:3]})
    assert main(["predict", "marks-labels"]) == 2
    assert "needs images that have a class and others that do not" in capsys.readouterr().err
    assert main(["select", "marks-labels", "--budget", "4"]) == 0
    assert main(["report", "marks-labels"]) == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--classes", "a,b;c"], "the class 'b;c' holds ';' or '|', which separate"),
        (["--classes", ""], "--multilabel needs the names of all classes"),
        (["--classes", "a,none of them"], "'none of them' is what an answer says instead"),
        (["--classes", "mel,MEL"], "the classes 'MEL' and 'mel' look alike"),
        (["--strategy", "uniform"], "is defined for one class an image"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_read(
    given: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert select(*given) == 2
    assert message in capsys.readouterr().err
    assert not Path("marks-labels").exists()


def test_a_project_of_one_class_does_not_become_one_of_several(
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = ["--classes", "bar,corner,dot", "--encoder", "pixels", "--budget", "3"]
    assert main(["select", "marks", *given]) == 0
    assert "multilabel" not in Path("marks-labels/project.json").read_text()
    assert select("--budget", "3") == 2
    assert "is a project with another multilabel (False, now True)" in capsys.readouterr().err
    assert main(["select", "marks-labels", "--multilabel"]) == 2
    assert "--multilabel is chosen once" in capsys.readouterr().err


def test_labels_of_a_list_are_known_from_the_start(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [f"marks/{n:03d}.png,{'|'.join(marks_of(n)) or 'none of them'}" for n in range(12)]
    Path("list.csv").write_text("\n".join(["path,finding", *lines, "marks/012.png,"]))
    given = ["--classes", "bar,corner,dot", "--multilabel", "--encoder", "pixels", "--budget", "1"]
    assert main(["select", "list.csv", "--label", "finding", "--out", "out", *given]) == 0
    shown = capsys.readouterr().out
    assert "chosen by auto with 12 labels known" in shown
    assert "'none of them' for an image that has none" in shown
    project = Project.open(Path("out"))
    assert [project.pool[project.pool.position[i]].path for i in project.rounds[0].ids] == [
        "marks/012.png"
    ]
    said = [str(label) for label in project.labels.labels().values()]
    assert said == ["; ".join(marks_of(n)) or "none of them" for n in range(12)]
    Path("list.csv").write_text("path,finding\nmarks/000.png,bar;bird\nmarks/001.png,bar\n")
    assert main(["select", "list.csv", "--label", "finding", "--out", "other", *given]) == 2
    assert "marks/000.png: 'bird' is no class of this project" in capsys.readouterr().err


def test_python_takes_lists_of_classes_and_refuses_what_is_none(marks: Path) -> None:
    choices = {"encoder": "pixels", "classes": CLASSES}
    pool = rayal.Pool.from_folder(marks, "several", multilabel=True, **choices)
    pool.select(2)
    for label, message in [
        ("bar", r"is a list of classes, \[\] for none, and this is 'bar'"),
        (["bird"], r"'000.png': 'bird' is no class"),
        (["  "], r"'000.png': the name of a class has 1 to 200 characters"),
    ]:
        with pytest.raises(LabelingError, match=message):
            pool.label({"001.png": ["bar"], "000.png": label})
    assert pool.project.labels.all() == ()
    pool.label({"001.png": ["dot", "bar"], "000.png": []})
    assert pool.images["label"].dropna().to_list() == ["none of them", "bar; dot"]
    one = rayal.Pool.from_folder(marks, "one", **choices)
    one.select(2)
    with pytest.raises(LabelingError, match=r"is one class, and this is \['bar'\]"):
        one.label({"000.png": ["bar"]})


def test_one_class_that_an_image_has_or_has_not_is_a_project_too(marks: Path) -> None:
    pool = rayal.Pool.from_folder(
        marks, "yes-or-no", encoder="pixels", classes=["bar"], multilabel=True
    )
    chosen = pool.select(16).paths
    pool.label({path: [m for m in marks_of(number_of(path)) if m == "bar"] for path in chosen})
    assert len(pool.select(8)) == 8
    pool.report()
    table = pool.predict()
    right = [
        row.classes == ("bar" if "bar" in marks_of(number_of(row.path)) else "none of them")
        for row in table.itertuples()
    ]
    assert np.mean(right) > 0.8
