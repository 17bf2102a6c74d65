"""What the closing table shows."""

import pytest

from rayal.cli.printing import _budgets_that_fit


@pytest.mark.parametrize(
    ("budgets", "width", "shown"),
    [
        ([10], 100, [10]),
        ([10, 20, 50, 100, 200], 100, [10, 20, 50, 100, 200]),
        (list(range(500, 10_750, 250)), 100, [500, 3000, 5500, 8000, 10_500]),
        ([1, 2, 3, 4], 20, [1, 4]),
    ],
)
def test_as_many_budgets_are_shown_as_a_line_has_room_for(
    budgets: list[int], width: int, shown: list[int]
) -> None:
    assert _budgets_that_fit(budgets, width) == shown
