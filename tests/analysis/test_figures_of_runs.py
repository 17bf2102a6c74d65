"""Figures and the tables that they are drawn from."""

import io
import re
import warnings
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from analysis import report
from analysis.statistics import projections
from analysis.study.study import read_study
from tests.analysis.made_up_runs import (
    CLASSES,
    POOL,
    RunBuilder,
    component,
    cycles_run,
    quick_projections,
    single_query_run,
)

pytestmark = pytest.mark.slow

SIZE = sum(POOL)
HOSTILE = 'a<b>, "q" & $x_1$ %\n\u202eright\u05d0\u05d1 \x07'


def with_pool(run, *, labels=True, thumbnails=True):
    """Write a run whose artefacts hold features, and labels and pictures where asked for."""
    root = run.write()
    rng = np.random.default_rng(0)
    for folder in (root / "artefacts").iterdir():
        classes = np.repeat(np.arange(len(POOL)), POOL)
        features = rng.normal(size=(SIZE, 6)) + 6 * classes[:, None]
        np.save(folder / "train.npy", features.astype(np.float32))
        if labels:
            np.save(folder / "labels.npy", classes)
        if thumbnails:
            np.save(folder / "thumbnails.npy", rng.integers(0, 256, (SIZE, 5, 5), np.uint8))
    return root


def drawn(root):
    """Tables and figures of a run, with every warning an error."""
    study = read_study(root)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = report.make_report(study)
    return made.tables, made.figures


@pytest.fixture(scope="module", autouse=True)
def quickly():
    """Projections that take no seconds."""
    with quick_projections():
        yield


@pytest.fixture(scope="module")
def root(tmp_path_factory, quickly):
    run = single_query_run(tmp_path_factory.mktemp("single"), random_seeds=4, seeds=2)
    run.mapped(taus=[0.05], size=SIZE)
    return with_pool(run)


@pytest.fixture(scope="module")
def single(root):
    """Tables and figures of a single query on a pool that is at hand."""
    return drawn(root)


def kinds(found):
    return {picture.kind for picture in found}


def test_a_single_query_with_a_pool_has_clusters_and_contact_sheets(single):
    made, found = single
    assert {"clusters", "chosen", "map", "ablation"} <= kinds(found)
    assert "rounds" not in kinds(found)
    assert set(made["plane_clusters"]["pick"]) == {"easy", "hard", ""}


def test_cycles_with_a_pool_have_rounds_but_no_clusters_without_a_map(tmp_path):
    run = cycles_run(tmp_path, seeds=2)
    for definition in run.trials.values():
        artefact = tmp_path / "artefacts" / definition["artefact"]
        artefact.mkdir(parents=True, exist_ok=True)
        (artefact / "about.json").write_text("{}")
    made, found = drawn(with_pool(run))
    assert {"rounds", "chosen", "first-last"} <= kinds(found)
    assert "plane_clusters" not in made
    assert len(made["plane_rounds"]) == SIZE


def test_without_an_artefact_only_what_was_measured_is_drawn(tmp_path):
    made, found = drawn(single_query_run(tmp_path).write())
    assert kinds(found) == {"auc", "accuracy", "coverage", "pool-error", "classes", "ablation"}
    assert "chosen_images" not in made


def test_images_chosen_are_those_of_the_records_with_their_classes(single, root):
    made, _ = single
    study = read_study(root)
    chosen = made["chosen_images"]
    truth = np.repeat(np.arange(len(POOL)), POOL)
    assert chosen["class"].tolist() == [CLASSES[truth[i]] for i in chosen["index"]]
    first = study.rounds[(study.rounds["seed"] == 0) & (study.rounds["labelled"] == 20)]
    for row in first.itertuples():
        mine = chosen[chosen["strategy"] == row.strategy_label]
        assert mine["index"].tolist() == row.selected
    assert set(chosen["labelled"]) == {20}


def test_the_entropy_of_the_chosen_classes_is_that_of_the_coverage_table(single):
    made, _ = single
    found = made["class_entropy"].set_index(["selection", "labelled"])["class_entropy_mean"]
    for row in made["coverage"].itertuples():
        assert found[row.strategy, row.labelled] == row.class_entropy_mean
    shares = np.array(POOL) / SIZE
    pool = made["class_entropy"].query("selection == 'the pool'")["class_entropy_mean"]
    assert pool.tolist() == pytest.approx([-(shares * np.log(shares)).sum()])


def test_every_figure_names_tables_that_are_written(single, root, tmp_path):
    written = report.write_all(root, out=tmp_path)
    names = {path.name for path in written.tables}
    _, found = single
    for picture in found:
        assert set(picture.spec.source.split(", ")) <= names
    assert {path.stem for path in written.figures} == {picture.name for picture in found}


def test_every_figure_is_whole_in_all_forms(single):
    for picture in single[1]:
        ElementTree.fromstring(picture.svg)
        assert picture.files.pdf.startswith(b"%PDF")
        assert picture.files.pdf.endswith(b"%%EOF\n")
        with Image.open(io.BytesIO(picture.files.png)) as image:
            assert min(image.size) > 300
            assert len(set(image.convert("L").resize((64, 64)).tobytes())) > 3


def test_values_on_hover_are_those_of_the_table(single):
    made, found = single
    [auc] = [picture for picture in found if picture.kind == "auc"]
    tips = re.findall(r'data-tip="([^"]*)"', auc.svg)
    rows = made["summary"]
    expected = [
        f"{row.strategy}, {row.labelled} labeled: {row.auc_mean:.3f} ± {row.auc_std:.3f}, "
        f"{row.done} trials"
        for row in rows.itertuples()
    ]
    assert sorted(tips) == sorted(expected)


def test_lambda_moves_along_balance_and_accuracy(tmp_path):
    run = RunBuilder(tmp_path)
    for seed in range(2):
        for weight in (None, 0.5, 1.0, "auto"):
            params = {} if weight is None else {"class_balanced": {"lambda": weight}}
            run.done(run.trial(component("entropy", **params), seed, [20, 40],
                               initial=component("random")))  # fmt: skip
    made, found = drawn(run.write())
    assert {"balance", "ablation"} <= kinds(found)
    [balance] = [picture for picture in found if picture.kind == "balance"]
    assert balance.svg.count("data-tip") == 8  # four values, two measures
    assert [text for text in ("λ none", "λ 0.5", "λ 1", "λ auto") if text not in balance.svg] == []
    assert set(made["ablations"]["parameter"]) == {"class_balanced.lambda"}


def test_single_queries_and_cycles_of_one_parameter_have_panels_of_their_own(tmp_path):
    run = RunBuilder(tmp_path)
    for k in (10, 20):
        run.done(run.trial(component("hacon", k=k), 0, [20]))
        run.done(run.trial(component("hacon", k=k), 0, [20, 30], initial=component("random")))
    [ablation] = [p for p in drawn(run.write())[1] if p.kind == "ablation"]
    assert ablation.svg.count("data-tip") == 4


def test_hostile_names_are_drawn_as_they_are(tmp_path):
    run = RunBuilder(tmp_path)
    for name in ("random", HOSTILE, f"_{HOSTILE}", "", "x" * 500, "$", "\u4f60\u597d"):
        for budget in (20, 30):
            run.done(run.trial(component(name), 0, [budget], dataset=HOSTILE))
    run.mapped(size=SIZE)
    for picture in drawn(with_pool(run))[1]:
        ElementTree.fromstring(picture.svg)
        assert "\u202e" not in picture.svg
        if picture.kind == "auc":
            assert picture.svg.count("a&lt;b&gt;, ") >= 2  # both names are in the legend


@pytest.mark.parametrize("bad", [None, np.nan, np.inf])
def test_measures_that_are_no_numbers_leave_gaps(tmp_path, bad):
    run = single_query_run(tmp_path, random_seeds=2, seeds=1)
    for record in list(run.records.values())[::2]:
        for name in ("auc", "accuracy", "coverage", "pool_error", "l1_score", "class_entropy"):
            record["rounds"][0][name] = bad
    assert {"auc", "classes"} <= kinds(drawn(run.write())[1])


def test_choices_beyond_the_pool_are_not_drawn(tmp_path):
    run = single_query_run(tmp_path, random_seeds=1, seeds=1)
    run.mapped(size=SIZE)
    for record in run.records.values():
        record["rounds"][0]["selected"][0] = 10 * SIZE
    made, found = drawn(with_pool(run))
    assert "chosen" not in kinds(found)
    assert (made["chosen_images"]["class"] == "").all()
    assert made["plane_clusters"]["index"].max() < SIZE


def test_a_map_in_the_table_is_the_one_of_the_artefact(single, root):
    made, _ = single
    [path] = (root / "artefacts").glob("*/map.parquet")
    kept = pd.read_parquet(path)
    shown = made["dataset_map"]
    for name in kept:
        assert (shown[name] == kept[name]).all()


def test_a_pool_of_single_queries_and_cycles_is_laid_out_once_for_both(tmp_path, monkeypatch):
    run = RunBuilder(tmp_path / "run")
    run.done(run.trial(component("hacon"), 0, [10]), [0.7])
    cycles = run.trial(component("entropy"), 0, [5, 10], initial=component("hacon"))
    run.done(cycles, [0.6, 0.7])
    run.mapped(taus=[0.05], size=SIZE)
    made = []
    monkeypatch.setattr(projections, "tsne2d", lambda f: made.append(len(f)) or f[:, :2])
    tables, _ = drawn(with_pool(run))
    clusters, rounds = tables["plane_clusters"], tables["plane_rounds"]
    assert made == [len(clusters)]
    assert clusters[["index", "x", "y"]].equals(rounds[["index", "x", "y"]])
