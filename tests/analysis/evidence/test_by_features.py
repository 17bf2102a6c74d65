"""What is recommended with the features of each encoder, on cells whose gains are given."""

from analysis.evidence.by_features import by_features, uses
from tests.analysis.evidence.made_up_cells import made_up

MOCO, PIXELS, MORE = ("blood", "moco", 11), ("blood", "pixels", 11), ("scans", "pixels", 11)


def test_each_encoder_has_its_own_row() -> None:
    cells = made_up({
        "auto": {MOCO: (4.0, 5.0), PIXELS: (-2.0, 1.0)},
        "kmeans": {MOCO: (3.0, 6.0), PIXELS: (1.5, 2.0)},
        "badge": {MOCO: (3.5, -1.0), PIXELS: (0.5, 0.2)},
        "best_of": {MOCO: 9.0, PIXELS: 9.0},
    })  # fmt: skip
    lines = list(by_features(cells))
    stage = "| fewer than two labels a class"
    assert "First queries:" in lines
    assert f"{stage} | moco, 1 | +4.0 and +5.0, 1 won | `kmeans` +3.0 and +6.0, 1 won |" in lines
    assert (
        f"{stage} | pixels, 1 | -2.0 and +1.0, 0 won, 1 lost | `kmeans` +1.5 and +2.0, 1 won |"
        in lines
    )


def test_strategies_that_some_cells_lack_do_not_count() -> None:
    cells = made_up({
        "auto": {PIXELS: 1.0, MORE: 1.0},
        "kmeans": {PIXELS: 5.0},
        "margin": {PIXELS: 0.5, MORE: 0.5},
    })  # fmt: skip
    [row] = uses(cells).to_dict("records")
    assert row["cells"] == 2
    assert row["other"]["strategy"] == "margin"


def test_nothing_is_said_of_a_single_encoder() -> None:
    assert not list(by_features(made_up({"auto": {MOCO: 1.0}})))
