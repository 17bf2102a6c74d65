"""Tables of means by number of labels: what stands in bold."""

import pandas as pd

from analysis.page.budgets import means_by_budget


def test_means_that_differ_by_rounding_alone_are_both_the_best() -> None:
    means = {"random": 0.1 + 0.2, "kmeans": 0.3, "hacon": 0.2}
    assert means["random"] != means["kmeans"]
    summary = pd.DataFrame([
        {
            "dataset": "blood", "encoder": "moco", "learner": "linear", "initial": name,
            "strategy": name, "rounds": 1, "round": 0, "labelled": 20, "n": 3, "done": 3,
            "auc_mean": mean, "auc_std": 0.01,
        }
        for name, mean in means.items()
    ])  # fmt: skip
    rows = means_by_budget("auc", "AUC", 3)(summary).rows
    assert [row[-1].strong for row in rows] == [True, True, False]
