import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from analysis.figures import style

LONG = [f"hacon tau=0.05 order=hard_to_contrast k={k}" for k in range(8)]


@pytest.mark.parametrize("names", [["random", "kmeans"], LONG, ["x" * 30] * 3 + LONG])
@pytest.mark.parametrize("width", [4.6, 9.0])
def test_no_name_in_a_legend_is_cut_off(names: list[str], width: float) -> None:
    figure = style.new_figure(width, 5.0)
    [[axis]] = style.grid_axes(figure, 1, 1)
    for name in names:
        axis.plot([0, 1], [0, 1], label=name)
    style.legend_below(figure)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    [legend] = figure.legends
    box = legend.get_window_extent(canvas.get_renderer())
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1
