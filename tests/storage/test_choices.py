from collections.abc import Sequence

from rayal.storage.choices import Choice


def name_of(*queries: Sequence[int] | str) -> str:
    choice = Choice()
    return [choice.after(images) for images in queries][-1]


def test_the_same_images_in_any_order_are_one_choice() -> None:
    assert name_of([1, 2, 3]) == name_of([3, 1, 2]) != name_of([1, 2, 4])


def test_which_query_chose_an_image_counts() -> None:
    assert len({name_of([1, 2], [3]), name_of([1], [2, 3]), name_of([1, 2, 3])}) == 3


def test_a_query_that_is_not_known_is_only_like_itself() -> None:
    assert name_of("a trial") == name_of("a trial") != name_of("another")
