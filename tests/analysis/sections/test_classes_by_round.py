"""Shares of the classes after each query of cycles."""

import numpy as np
import pytest

from analysis.sections.classes import class_distribution
from analysis.sections.classes_by_round import figures
from analysis.study.study import read_study


@pytest.fixture(scope="module")
def several(cycles):
    return read_study(cycles)


def test_a_figure_has_a_row_for_each_query_after_the_first_under_the_pool(several):
    table = class_distribution(several)
    [spec] = figures(several, {"class_distribution": table})
    after = table[table["round"] > 0]
    figure = spec.draw()
    panels = [axis for axis in figure.axes if axis.get_title()]
    selections = after["selection"].unique()
    assert [axis.get_title() for axis in panels] == list(selections)[: len(panels)]
    of_first = after[after["selection"] == selections[0]]
    [mesh] = panels[0].collections
    values = np.asarray(mesh.get_array())
    assert len(values) == 1 + of_first["labelled"].nunique()
    last = of_first[of_first["labelled"] == of_first["labelled"].max()]
    np.testing.assert_allclose(values[-1], last.sort_values("class_index")["share"])
    np.testing.assert_allclose(values[0], last.sort_values("class_index")["pool_share"])


def test_single_queries_have_none(single_query):
    study = read_study(single_query)
    assert list(figures(study, {"class_distribution": class_distribution(study)})) == []
