"""Refusing budgets that a pool cannot meet."""

from __future__ import annotations


def check_budget(budget: int, left: int) -> None:
    """Raise ValueError unless the budget is between 1 and the number of images left."""
    if not 1 <= budget <= left:
        raise ValueError(
            f"a budget of {budget} is not between 1 and the {left} images without a label; "
            f"ask for at least 1 and at most {left}"
        )
