import pytest

from rayal.vision.notes import feature_size, in_units, resizing


@pytest.mark.parametrize(
    ("image", "size", "note"),
    [
        ((28, 28, 1), (224, 224), "images are 28 x 28, enlarged to 224"),
        ((512, 512, 3), (224, 224), "images are 512 x 512, reduced to 224"),
        ((100, 300, 3), (224, 224), "images are 100 x 300, resized to 224, which stretches them"),
        (
            (60, 100, 3),
            (75, 100),
            "images are 60 x 100, enlarged to 75 x 100, which stretches them",
        ),
    ],
)
def test_a_change_of_size_is_said_with_both_sizes(
    image: tuple[int, ...], size: tuple[int, int], note: str
) -> None:
    assert resizing(image, size) == [note]


def test_where_nothing_is_resized_nothing_is_said() -> None:
    assert resizing((224, 224, 3), (224, 224)) == []
    assert resizing((28, 28, 1), None) == []
    assert resizing((), (224, 224)) == []


def test_features_are_said_in_numbers_and_bytes_of_all_images() -> None:
    assert feature_size(1371, 100, 150_528) == "features: 1,471 x 150,528 float32, 886 MB"
    assert feature_size(10, 5, 100, views=2) == (
        "features: 35 x 100 float32, 2 views of the pool among them, 14 kB"
    )


@pytest.mark.parametrize(
    ("count", "text"),
    [(12, "0.0 kB"), (4000, "4.0 kB"), (2 * 10**6, "2.0 MB"), (10**12, "1,000 GB")],
)
def test_units_are_decimal(count: int, text: str) -> None:
    assert in_units(count) == text
