import numpy as np
import pytest

from analysis.report import make_report
from analysis.sections import classes
from analysis.sections.base import settings
from analysis.sections.classes import class_distribution, class_entropy
from analysis.study.study import read_study
from tests.analysis.made_up_runs import CLASSES, POOL, RunBuilder, component


@pytest.fixture(scope="module")
def single(single_query):
    return read_study(single_query)


@pytest.fixture(scope="module")
def several(cycles):
    return read_study(cycles)


def test_class_distribution_is_of_the_labelled_images_beside_the_pool(single):
    found = class_distribution(single)
    cell = found[(found["selection"] == "kmeans") & (found["labelled"] == 50)]
    frame = single.rounds
    counts = frame[(frame["strategy"] == "kmeans") & (frame["labelled"] == 50)]["class_counts"]
    np.testing.assert_allclose(cell["images"], np.mean(counts.to_list(), axis=0))
    np.testing.assert_allclose(cell["share"].sum(), 1)
    assert cell["class"].tolist() == list(CLASSES)
    np.testing.assert_allclose(cell["pool_share"], np.array(POOL) / sum(POOL))


def test_the_first_query_of_cycles_is_counted_once_a_seed(several):
    found = class_distribution(several)
    first = found[found["round"] == 0]
    assert set(first["selection"]) == {"random", "hacon", "kmeans"}
    assert (first["trials"] == 4).all()
    assert "hacon, then margin" in set(found.loc[found["round"] == 3, "selection"])


def test_entropies_and_an_oracles_first_queries_are_those_of_all_learners(tmp_path):
    run, oracle = RunBuilder(tmp_path), {**component("best_of"), "oracle": True}
    for learner in ("linear", "knn"):
        for seed in range(2):
            run.done(run.trial(oracle, seed, [20], learner=component(learner)))
            cycle = run.trial(component("margin"), seed, [20, 30],
                              initial=component("kmeans"), learner=component(learner))  # fmt: skip
            run.done(cycle)
    study = read_study(run.write())
    shares = class_distribution(study)
    entropy = class_entropy(study, shares).set_index(["selection", "labelled"])
    for selection, labels, strategy in (("best_of", 20, "best_of"),
                                        ("kmeans, then margin", 30, "margin")):  # fmt: skip
        rounds = study.rounds[
            (study.rounds["strategy"] == strategy) & (study.rounds["labelled"] == labels)
        ]
        own = shares[(shares["selection"] == selection) & (shares["labelled"] == labels)]
        np.testing.assert_allclose(own["images"], np.mean(rounds["class_counts"].to_list(), axis=0))
        found = entropy.loc[[(selection, labels)]].iloc[0]
        assert found["class_entropy_mean"] == pytest.approx(rounds["class_entropy"].mean())
        assert found["class_entropy_std"] == pytest.approx(rounds["class_entropy"].std())


def test_equal_shares_of_the_classes_are_shared_by_name(tmp_path):
    run = RunBuilder(tmp_path)
    for name in ("random", "kmeans", "hacon"):
        for seed in range(3):
            trial = run.done(run.trial(component(name), seed, [20]))
            run.records[trial]["rounds"][0]["coverage"] = 0.8 if name == "hacon" else 1.0
    [setting] = settings(make_report(read_study(run.write())))
    [sentence] = classes.sentences(setting)
    assert "random and kmeans had a label in the same, largest mean share" in sentence.text
