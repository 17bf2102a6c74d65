"""Tables in, pictures out, one family a file. Nothing is computed here but where to draw."""

from analysis.figures.classes import class_heat_map
from analysis.figures.ends import first_against_last
from analysis.figures.maps import dataset_map

__all__ = ["class_heat_map", "dataset_map", "first_against_last"]
