from collections.abc import Iterator

from rayal.encoders._training.time_budget import TimeBudget


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def done_at(cost: float, steps: int, share: float) -> Iterator[int]:
    """Steps of one second after which work of that cost is done."""
    clock = Clock()
    budget = TimeBudget(share, clock)
    for step in range(1, steps + 1):
        clock.now += 1
        if budget.allows_more():
            yield step
            with budget.timed():
                clock.now += cost


def test_the_first_time_is_always_allowed() -> None:
    assert next(done_at(cost=1000.0, steps=3, share=0.02)) == 1


def test_cheap_work_is_done_every_time() -> None:
    assert list(done_at(cost=0.01, steps=20, share=0.02)) == list(range(1, 21))


def test_all_side_work_keeps_within_its_share() -> None:
    for cost in (0.1, 0.5, 2.0):
        steps = 2000
        times = len(list(done_at(cost, steps, share=0.02)))
        assert times > 1
        assert times * cost <= 0.02 * (steps + times * cost) + cost
