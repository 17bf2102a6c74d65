"""The dataset map by two views (HaCon, Algorithm 1) and by query and key (as released)."""

import copy
import dataclasses

import numpy as np
import pytest
import torch

from rayal.encoders._training.dataset_map import confidence
from rayal.registry import ENCODERS
from tests.encoders.test_moco import QUICK, digits, encode
from tests.encoders.test_pretraining import TAUS, pretraining

pytestmark = pytest.mark.slow

PARAMS = {**QUICK, "queue": 64}


def test_both_views_go_through_the_query_network_before_its_step() -> None:
    ours = dataclasses.replace(pretraining(None), map="two_views")
    twin = copy.deepcopy(ours.model)
    views = copy.deepcopy(ours.views)
    batch = torch.arange(3, 13)
    ours.step(batch)
    view1, view2 = views.of(batch.repeat(2)).chunk(2)
    with torch.no_grad():
        expected = confidence(twin.query(view1), twin.query(view2), batch, TAUS)
    torch.testing.assert_close(ours.recorder._moments._sum[batch], expected.double())


def test_what_the_map_compares_changes_nothing_but_the_map() -> None:
    data = digits(90, 9)
    views = encode(data, **{**PARAMS, "map": "two_views"})
    keys = encode(data, **PARAMS)
    assert np.array_equal(views.train, keys.train)
    for name, weight in keys.weights.items():
        if "num_batches" not in name:
            assert np.array_equal(views.weights[name], weight), name
    assert not np.allclose(views.map.confidence[0.05], keys.map.confidence[0.05])


@pytest.mark.parametrize(("epochs", "records"), [(1, 1), (3, 1), (4, 2), (7, 3)])
def test_two_views_are_recorded_in_the_last_epoch_and_every_third_before_it(epochs, records):
    params = {**PARAMS, "epochs": epochs, "warmup_epochs": 0, "map": "two_views"}
    found = encode(digits(70, 9), **params)
    assert (found.map.count == records).all()


def test_two_views_are_the_default_and_the_former_map_has_its_former_id() -> None:
    moco = ENCODERS.find("moco")
    assert moco.bind({})["map"] == "two_views"
    assert "map" not in moco.bind({"map": "query_key"})
    assert moco.arguments(moco.bind({"map": "query_key"}))["map"] == "query_key"
    assert moco.arguments(moco.bind({}))["map"] == "two_views"
