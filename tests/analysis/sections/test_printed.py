"""Spot checks of the printed values, and what every row of them must hold."""

import pandas as pd
import pytest

from analysis.sections.papers.printed import printed_tables

CELLS = {
    "hacon_table1": 72, "hacon_table6": 64, "hacon_table7": 72, "lowbudget_table1": 98,
    "lowbudget_table2": 21, "lowbudget_table3": 28, "lowbudget_table4": 126,
    "lowbudget_table5": 112, "lowbudget_table6": 28, "lowbudget_table7": 84,
    "lowbudget_table8": 36, "lowbudget_table9": 18, "lowbudget_table10": 36,
    "lowbudget_table11": 15, "lowbudget_table13": 64, "lowbudget_table14": 72,
    "lowbudget_table16": 84, "cbal_table1": 36, "cbal_table2": 36, "cbal_table3": 24,
    "msal_table2": 183, "msal_table3": 105, "msal_table4": 20, "msal_table5": 44,
}  # fmt: skip
PRINTED = [  # table, printed row, dataset, labelled or round, metric, mean, std
    ("hacon_table1", "Random", "pathmnist", "449", "auc", 96.4, 1.3),
    ("hacon_table1", "Consistency", "organamnist", "345", "auc", 94.0, 0.6),
    ("hacon_table1", "Random, Unif.", "bloodmnist", "119", "auc", 96.5, 0.4),
    ("hacon_table6", "Random", "bloodmnist", "11", "coverage", 0.70, 0.13),
    ("hacon_table6", "Ours", "organamnist", "34", "coverage", 1.00, None),
    ("hacon_table6", "VAAL", "cifar10-lt100|cifar10_lt", "37", "coverage", 0.30, None),
    ("hacon_table7", "BALD, Unif.", "cifar10-lt100|cifar10_lt", "2841|2481", "auc", 90.8, 2.4),
    ("lowbudget_table1", "K-means, LIN", "cifar10", "20", "accuracy", 33.3, 0.2),
    ("lowbudget_table1", "Uniform, NN", "cifar10", "300", "accuracy", 38.3, 0.1),
    ("lowbudget_table2", "Random", "cifar10", "20", "coverage", 86.7, 4.7),
    ("lowbudget_table4", "VAAL, LIN", "cifar100", "7500", "accuracy", 33.1, 0.0),
    ("lowbudget_table5", "Random, NN", "imagenet", "3000", "accuracy", 33.2, 0.7),
    ("lowbudget_table6", "K-means", "imagenet", "3000", "coverage", 97.8, 0.2),
    ("lowbudget_table9", "K-means", "fgvc_aircraft", "400", "mean_class_accuracy", 38.67, 0.2),
    ("lowbudget_table10", "K-means", "cifar10", "40", "accuracy", 84.46, None),
    ("lowbudget_table14", "K-means, NN", "imagenet", "64000", "accuracy", 49.8, None),
    ("lowbudget_table16", "Multi K-means, LIN", "imagenet-lt*|imagenet_lt", "1000", "accuracy",
     6.01, 0.0),
    ("msal_table2", "MSAL-D", "mnist", "10000|10500", "accuracy_aubc", 0.982, None),
    ("msal_table3", "Margin(MSAL-D)", "tiny_imagenet", "40000|41000", "accuracy", 0.3829, None),
    ("msal_table4", "CEAL(MSAL)", "svhn", "20000|20500", "accuracy_aubc", 0.8807, None),
    ("msal_table5", "Ours(MSAL), imbalance 0.01", "cifar10-lt100", "", "accuracy", 0.6358, None),
]  # fmt: skip


def cell(name, printed_row, dataset, labelled, metric):
    cells = printed_tables()[name].cells
    found = cells[
        (cells["printed_row"] == printed_row) & (cells["dataset"] == dataset)
        & (cells["labelled"] == labelled) & (cells["metric"] == metric)
    ]  # fmt: skip
    assert len(found) == 1
    return found.iloc[0]


def test_every_table_has_as_many_cells_as_in_print():
    assert {name: len(printed.cells) for name, printed in printed_tables().items()} == CELLS


@pytest.mark.parametrize("expected", PRINTED, ids=lambda row: f"{row[0]} {row[1]} {row[3]}")
def test_a_cell_holds_what_is_printed(expected):
    *place, mean, std = expected
    found = cell(*place)
    assert found["mean"] == mean
    assert found["std"] == std if std is not None else pd.isna(found["std"])


def test_class_balancing_s_gains_are_by_cycle():
    cells = printed_tables()["cbal_table2"].cells
    row = cells[cells["printed_row"] == "IF=0.3, VAAL CB"]
    assert row["round"].tolist() == [1, 2, 3, 4]
    assert row["mean"].tolist() == [2.47, 2.42, 3.23, 3.29]


def test_misprints_are_marked():
    path = cell("hacon_table1", "Random", "pathmnist", "449", "auc")
    assert "printed as 499" in path["note"]
    exchanged = cell("msal_table2", "KCenter", "svhn", "20000|20500", "accuracy_aubc")
    assert (exchanged["mean"], "exchanged in print" in exchanged["note"]) == (0.8283, True)
    counts = printed_tables()["hacon_table7"].cells["note"]
    assert counts.str.contains("does not fit 12,406").all()
    assert printed_tables()["hacon_table6"].cells["note"].str.contains("fractions").all()


def test_shares_are_shares_and_percentages_are_not():
    for printed in printed_tables().values():
        means = printed.cells["mean"].dropna()
        assert means.max() <= (1 if printed.factor == 1 else 100)
        if printed.factor == 100 and "gain" not in printed.cells["metric"].iloc[0]:
            assert means.max() > 1


def test_a_value_printed_twice_in_one_place_is_one_row():
    for printed in printed_tables().values():
        keys = ["printed_row", "dataset", "labelled", "round", "metric", "learner"]
        assert not printed.cells.duplicated(keys).any()
