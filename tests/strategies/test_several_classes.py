"""Strategies where an image may have several classes, against the scores written down plainly."""

from typing import Any

import numpy as np
import pytest

from rayal.contract_checks import check_choice
from rayal.contracts import UNLABELED, DatasetMap, Pool, Predictions
from rayal.registry import STRATEGIES

N, C, D, KNOWN = 60, 5, 6, 12
BUDGET = 7

# What is ready for several classes at its defaults; whoever adds to it looks at what it does there.
ABLE = {
    "auto", "badge", "coreset_mip", "dropquery", "entropy", "facility_location", "farthest_point",
    "hacon", "k_center", "kmeans", "least_confidence", "margin", "maxherding", "multi_kmeans",
    "optimal_design", "probcover", "random", "set_aside", "tcm", "typiclust", "uherding", "vaal",
}  # fmt: skip
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "entropy": [
        {"over_classes": "maximum"}, {"class_balanced": {"lambda": 1.0}},
        {"class_balanced": {"lambda": "auto"}}, {"stochastic": {"beta": 1}},
    ],
    "badge": [{"class_balanced": {"lambda": 1.0}}],
    "dropquery": [{"over_classes": "mean"}],
    "k_center": [{"space": "hidden"}, {"class_balanced": {"lambda": 5.0}}],
    "kmeans": [{"collapse": 0.9}],
    "maxherding": [{"class_balanced": {"lambda": 1.0}}],
    "typiclust": [{"collapse": 0.9}, {"class_balanced": {"lambda": 1.0}}],
    "vaal": [{"epochs": 2}],
}  # fmt: skip


def frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def pool(**changed: Any) -> Pool:
    """A pool of read-only arrays with KNOWN labels, some entries of which are unknown."""
    rng = np.random.default_rng(3)
    features = frozen(rng.normal(size=(N, D)).astype(np.float32))
    labels = np.full((N, C), UNLABELED)
    labels[:KNOWN] = rng.integers(-1, 2, size=(KNOWN, C))
    labels[:KNOWN, 0] = 1
    weights = frozen(rng.normal(size=(C, D + 1)).astype(np.float32))
    probs = frozen(1 / (1 + np.exp(-features @ weights[:, :-1].T - weights[:, -1])))
    table = {0.05: frozen(rng.random(N, dtype=np.float32))}
    given: dict[str, Any] = {
        "features": features,
        "labels": frozen(labels),
        "num_classes": C,
        "images": frozen(rng.integers(256, size=(N, 4, 4, 1), dtype=np.uint8)),
        "map": DatasetMap(table, table, frozen(np.ones(N, dtype=np.int64))),
        "initial_pool": frozen(np.arange(N)),
        "predictions": Predictions(
            test=probs[:0],
            predict_pool=lambda: probs.astype(np.float32),
            penultimate_features=lambda: features,
            last_layer=lambda: weights,
        ),
    }
    return Pool(**{**given, **changed})


def choose(name: str, asked: Pool, **params: Any) -> np.ndarray:
    component = STRATEGIES.find(name)
    bound = component.bind(params)
    assert component.traits.multilabel(bound)
    return np.asarray(component.function(asked, BUDGET, np.random.default_rng(1), **bound))


def test_what_handles_several_classes_is_known() -> None:
    components = map(STRATEGIES.find, STRATEGIES.names())
    assert {c.name for c in components if c.traits.multilabel(c.bind({}))} == ABLE


CASES = [
    pytest.param(name, params, marks=[pytest.mark.slow] if name == "vaal" else [])
    for name in sorted(ABLE)
    for params in VARIANTS.get(name, []) + ([] if name == "vaal" else [{}])
]
READ_PREDICTIONS = {
    "auto",
    "uherding",
    "badge",
    "dropquery",
    "entropy",
    "least_confidence",
    "margin",
}


@pytest.mark.parametrize(("name", "params"), CASES)
def test_a_choice_is_of_unlabeled_images_and_the_same_again(
    name: str, params: dict[str, Any]
) -> None:
    chosen = choose(name, pool(), **params)
    check_choice(name, chosen, pool().labels, BUDGET)
    np.testing.assert_array_equal(choose(name, pool(), **params), chosen)


@pytest.mark.parametrize("name", sorted(ABLE - READ_PREDICTIONS - {"vaal"}))
def test_what_reads_features_alone_chooses_as_with_one_class(name: str) -> None:
    """Whichever images are labeled counts, not with what."""
    one = np.where(pool().labels[:, 0] == 1, 0, UNLABELED)
    np.testing.assert_array_equal(choose(name, pool(), **{}), choose(name, pool(labels=one)))


def binary(name: str, p: float) -> float:
    """The published score of one class, present against absent."""
    both = np.array([p, 1 - p])
    if name == "entropy":
        return float(-(both * np.log(both)).sum())
    if name == "margin":
        return -float(abs(both[0] - both[1]))
    return -float(both.max())


@pytest.mark.parametrize("name", ["entropy", "margin", "least_confidence"])
@pytest.mark.parametrize(("over_classes", "together"), [("mean", np.mean), ("maximum", np.max)])
def test_scores_of_each_class_are_put_together(name: str, over_classes: str, together: Any) -> None:
    asked = pool()
    scores = {
        i: together([binary(name, float(p)) for p in asked.probs[i].astype(np.float64)])
        for i in range(KNOWN, N)
    }
    expected = sorted(scores, key=lambda i: -scores[i])[:BUDGET]
    assert choose(name, asked, over_classes=over_classes).tolist() == expected


def test_mean_and_maximum_differ() -> None:
    mean, maximum = (choose("margin", pool(), over_classes=w) for w in ("mean", "maximum"))
    assert mean.tolist() != maximum.tolist()


def test_a_balanced_query_meets_expected_positives_as_well_as_the_best_of_all() -> None:
    """The slow twin: every query of two images of fourteen."""
    from itertools import combinations

    from rayal.kernels import balance
    from rayal.kernels.over_classes import score_over_classes
    from rayal.kernels.uncertainty import entropy
    from rayal.scores import lacking

    asked = pool(features=pool().features[:26], labels=pool().labels[:26])
    probs = pool().probs[KNOWN:26].astype(np.float64)
    asked = pool(
        features=pool().features[:26],
        labels=pool().labels[:26],
        predictions=Predictions(test=probs[:0], predict_pool=lambda: pool().probs[:26]),
    )
    costs = -score_over_classes(entropy, probs, "mean")
    target = lacking(asked, 2)

    def objective(rows: tuple[int, ...]) -> float:
        missing = target - sum(probs[row] for row in rows)
        return float(sum(costs[row] for row in rows) + 3.0 * np.abs(missing).sum())

    best = min(objective(pair) for pair in combinations(range(26 - KNOWN), 2))
    component = STRATEGIES.find("entropy")
    params = component.bind({"class_balanced": {"lambda": 3.0}})
    chosen = component.function(asked, 2, np.random.default_rng(0), **params)
    assert objective(tuple(chosen - KNOWN)) == pytest.approx(best, rel=1e-6)
    assert balance.solve(costs, probs, target, 2, 3.0).objective == pytest.approx(best, rel=1e-6)


def test_gradients_of_badge_are_those_of_the_sum_of_binary_losses() -> None:
    """The longest gradient comes first, as written out class by class."""
    asked = pool()
    probs, hidden = asked.probs.astype(np.float64), asked.features.astype(np.float64)

    def length(i: int) -> float:
        rows = [(p - float(p >= 0.5)) * hidden[i] for p in probs[i]]
        return float(np.linalg.norm(np.concatenate(rows)))

    assert choose("badge", asked)[0] == max(range(KNOWN, N), key=length)


@pytest.mark.parametrize("over_classes", ["maximum", "mean"])
def test_candidates_of_dropquery_are_images_of_which_a_decision_flips(over_classes: str) -> None:
    from rayal.kernels.last_layer import dropout_flips

    asked = pool()
    hidden, weights = asked.features[:9], asked.last_layer
    flips = dropout_flips(hidden, weights, 3, 0.5, np.random.default_rng(0))
    draw, expected = np.random.default_rng(0), np.zeros((9, C), dtype=int)
    for _ in range(3):
        kept = draw.random(hidden.shape, dtype=np.float32) >= 0.5
        for i, c in np.ndindex(9, C):
            w = weights[c].astype(np.float64)
            plain = sum(w[d] * float(hidden[i, d]) for d in range(D)) + w[-1]
            dropped = sum(w[d] * float(hidden[i, d]) * 2 * kept[i, d] for d in range(D)) + w[-1]
            expected[i, c] += (plain >= 0) != (dropped >= 0)
    np.testing.assert_array_equal(flips, expected)
    assert 0 < flips.sum() < flips.size * 3
    assert len(choose("dropquery", asked, over_classes=over_classes)) == BUDGET
