import numpy as np
import pytest

import rayal
from rayal import requirements
from rayal.cli import strategies as guide
from rayal.contracts import Indices, Pool, strategy
from rayal.registry import STRATEGIES
from rayal.requirements import FROM_ENCODER, FROM_LEARNER, REQUIREMENTS, Requirement, given_by


@pytest.fixture
def logits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A need in the table that a strategy has; both are gone after the test."""
    row = Requirement("logits", ("encoder",), "what (N, C)", "source `x`", remedy="use x")
    monkeypatch.setitem(REQUIREMENTS, "logits", row)
    monkeypatch.setattr(STRATEGIES, "_components", {**STRATEGIES._components})

    @strategy(needs={"logits"})
    def by_logits(pool: Pool, budget: int, rng: np.random.Generator) -> Indices:
        return pool.unlabeled[:budget]


def test_a_row_of_the_table_is_all_that_a_new_need_takes(logits: None) -> None:
    assert STRATEGIES.find("by_logits").traits.needs({}) == {"logits"}
    assert "logits" in requirements.given_by("encoder")
    assert requirements.listed({"logits", "map"}) == "logits and the dataset map"
    assert requirements.remedies({"logits"}) == "use x"
    assert "| logits | what (N, C) | source `x` |  |" in guide.markdown()
    with pytest.raises(ValueError, match="'by_logits' needs logits with these parameters"):
        rayal.query("by_logits", 2, labels=[-1] * 5)


def test_a_need_that_nothing_is_called_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(STRATEGIES, "_components", {**STRATEGIES._components})

    @strategy(needs={"prediction"})
    def hasty(pool: Pool, budget: int, rng: np.random.Generator) -> Indices:
        return pool.unlabeled[:budget]

    with pytest.raises(ValueError, match=r"strategy 'hasty' names 'prediction' .*known: .*predict"):
        STRATEGIES.find("hasty").traits.needs({})


def test_every_need_has_a_provider() -> None:
    assert set(REQUIREMENTS) == given_by("dataset") | FROM_ENCODER | FROM_LEARNER


@pytest.mark.parametrize("name", sorted((FROM_ENCODER | FROM_LEARNER) - {"labels", "predictions"}))
def test_what_an_encoder_or_learner_may_lack_has_a_remedy(name: str) -> None:
    """Every learner gives labels and predictions."""
    assert REQUIREMENTS[name].remedy
