import errno
import json
import os
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import rayal
from rayal.cli import predict as predict_command
from rayal.kernels.calibration import expected_calibration_error
from rayal.labeling.answers import Answer
from rayal.labeling.errors import LabelingError
from rayal.labeling.labeled import labeled_pool
from rayal.labeling.predicting import predict, train
from rayal.labeling.spreadsheet import read_csv_rows
from rayal.labeling.training import probabilities
from rayal.storage import atomic
from tests.labeling.made_up_labels import clusters, labeled
from tests.labeling.made_up_projects import COLORS, label_truly, log_of, make_project


@pytest.fixture
def project(tmp_path):
    made = make_project(tmp_path, 60, rounds=(24,), audit=9, per_group=1, names={50: "=1+1.png"})
    about = {"name": "pixels", "params": {}, "side": 8, "channels": 3}
    (made.root / "features.json").write_text(json.dumps({"job": about}))
    pixels = [_pixels(made.image_path(i)) for i in made.pool.ids]
    np.save(made.root / "features.npy", rayal.labeling.classifier.EncoderJob(
        **about, seed=made.settings.seed
    ).features(np.stack(pixels)))  # fmt: skip
    label_truly(made, range(24))
    return made


def _pixels(path):
    from rayal.labeling.pictures import read_square

    return read_square(path, 8, 3)


def test_every_other_image_gets_a_class_a_probability_and_a_flag(project):
    made = predict(project, log_of(project))
    rows = read_csv_rows(project.root / "predictions.csv")
    assert made.images == len(rows) == 36
    assert [row["rayal_id"] for row in rows] == list(project.pool.ids[24:])
    assert [row["class"] for row in rows] == [COLORS[n % 3] for n in range(24, 60)]
    assert all(1 / 3 <= float(row["probability"]) <= 1 for row in rows)
    assert rows[26]["path"] == "=1+1.png"
    assert "./=1+1.png" in (project.root / "predictions.csv").read_text("utf-8-sig")


def test_the_classifier_predicts_files_arrays_and_features_the_same(project):
    predict(project, log_of(project))
    classifier = rayal.load_classifier(project.root)
    paths = [project.image_path(rayal_id) for rayal_id in project.pool.ids[24:30]]
    arrays = np.stack([np.asarray(Image.open(path)) for path in paths])
    by_features = classifier.predict_proba(project.features[24:30])
    np.testing.assert_allclose(classifier.predict_proba(paths), by_features, rtol=1e-6)
    np.testing.assert_allclose(classifier.predict_proba(arrays), by_features, rtol=1e-6)
    assert classifier.predict(str(paths[0])) == [COLORS[0]]
    assert classifier.predict(arrays) == [COLORS[n % 3] for n in range(6)]
    for place in ("classifier", "classifier/classifier.safetensors"):
        again = rayal.load_classifier(project.root / place)
        assert again.classes == classifier.classes
        np.testing.assert_array_equal(again.weights, classifier.weights)


def test_uncalibrated_it_is_the_learner(project):
    pool = labeled_pool(project, log_of(project))
    made = train(pool, None, np.random.default_rng(0))
    expected = probabilities(
        pool.training_features, [pool.training_labels], 3, np.asarray(project.features)
    )[0]
    plain = replace(made, temperature=1.0).probabilities(np.asarray(project.features))
    np.testing.assert_allclose(plain, expected, atol=1e-5)


def test_probabilities_hold_on_images_that_were_not_seen():
    points, truth = clusters(3000, spread=1.5)
    pool = labeled(points, truth, range(100), range(100, 130))
    made = train(pool, None, np.random.default_rng(0))
    test = made.probabilities(points[130:])
    plain = probabilities(points[:100], [truth[:100]], 4, points[130:])[0].astype(float)
    error = expected_calibration_error(test, truth[130:])
    assert error < 0.08
    assert error < expected_calibration_error(plain, truth[130:])


def test_the_card_says_what_it_learned_from_and_how_good_it_is(project):
    predict(project, log_of(project))
    card = (project.root / "classifier" / "README.md").read_text()
    assert "15 labeled images of 60" in card
    assert "On 9 images drawn at random" in card
    assert "`pixels`" in card
    predict(project, log_of(project), with_audit=True)
    card = (project.root / "classifier" / "README.md").read_text()
    assert "24 labeled images of 60, 9 of them of the audit sample" in card
    assert "without the audit sample" in card


def test_names_of_classes_are_no_markup_of_the_card(project):
    log_of(project).append(Answer(project.pool.ids[20], "a|b <script>`x`"))
    predict(project, log_of(project))
    card = (project.root / "classifier" / "README.md").read_text()
    assert r"a\|b \<script\>\`x\`" in card


def test_images_that_are_unlike_or_near_duplicates_are_flagged(project):
    from rayal.labeling.pool import read_pool, write_pool

    features = np.load(project.root / "features.npy")
    features[40] = -features[40]
    np.save(project.root / "features.npy", features)
    images = list(read_pool(project.root / "pool.csv"))
    images[41] = replace(images[41], duplicate_of=images[20].rayal_id)
    write_pool(project.root / "pool.csv", images)
    again = type(project).open(project.root)
    made = predict(again, log_of(again))
    flags = {r["rayal_id"]: r["flag"] for r in read_csv_rows(again.root / "predictions.csv")}
    assert "unlike any labeled image" in flags[images[40].rayal_id]
    assert f"near-duplicate of {images[20].path}, labeled {COLORS[2]}" in flags[images[41].rayal_id]
    assert made.flagged["near-duplicate"] == 1


def test_classes_that_no_label_which_trains_has_are_said(project, capsys):
    log_of(project).append(Answer(project.pool.ids[0], "only in the audit sample"))
    assert predict(project, log_of(project)).constant == ("only in the audit sample",)
    assert predict_command.main([str(project.root)]) == 0
    said = "the labels that train have no image with only in the audit sample: it is said of none"
    assert said in " ".join(capsys.readouterr().out.split())


def test_one_class_alone_makes_no_classifier(tmp_path):
    project = make_project(tmp_path)
    with pytest.raises(LabelingError, match="labels of two classes, and there are 0"):
        predict(project, log_of(project))
    log_of(project).append(Answer(project.pool.ids[0], "cat"))
    with pytest.raises(LabelingError, match="there are 1 labels of 1"):
        predict(project, log_of(project))


@pytest.mark.parametrize("damage", [b"", b"nonsense", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "])
def test_what_is_no_classifier_is_refused(tmp_path, damage):
    with pytest.raises(LabelingError, match="there is no classifier"):
        rayal.load_classifier(tmp_path)
    (tmp_path / "classifier.safetensors").write_bytes(damage)
    with pytest.raises(LabelingError, match="is no classifier"):
        rayal.load_classifier(tmp_path)


def test_arrays_that_are_no_images_are_refused(project):
    predict(project, log_of(project))
    classifier = rayal.load_classifier(project.root)
    with pytest.raises(LabelingError, match="learned from 192 features"):
        classifier.predict(np.zeros((2, 5)))
    with pytest.raises(LabelingError, match="neither features"):
        classifier.predict(np.zeros((2, 5, 5, 3)))
    without_encoder = replace(classifier, encoder=None)
    with pytest.raises(LabelingError, match="came in a file"):
        without_encoder.predict(["a.png"])


def test_on_a_full_disk_what_was_written_before_stays(project, monkeypatch):
    predict(project, log_of(project))
    names = ["predictions.csv", "classifier/classifier.safetensors", "classifier/README.md"]
    before = [(project.root / name).read_bytes() for name in names]
    label_truly(project, range(24, 30))

    def full(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(atomic, "_flush", full)
    with pytest.raises(OSError, match="No space"):
        predict(project, log_of(project))
    assert [(project.root / name).read_bytes() for name in names] == before
    assert not list(project.root.glob(".*.tmp"))


def test_the_command_says_what_it_wrote_and_refuses_in_one_message(project, tmp_path, capsys):
    from rayal.cli.main import main

    assert main(["predict", str(project.root)]) == 0
    assert "36 images without a label" in capsys.readouterr().out
    assert main(["predict", str(tmp_path)]) == 2
    assert "is not a labeling project" in capsys.readouterr().err
