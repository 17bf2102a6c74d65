import pytest
from fontTools import subset
from matplotlib.font_manager import findfont

from analysis.figures import fonts


def test_fonts_are_loaded_with_their_letters_and_without_the_rules_of_text() -> None:
    path, options = findfont("DejaVu Sans"), subset.Options()
    complete = subset.load_font(path, options)
    with fonts.without_text_rules():
        reduced = subset.load_font(path, options)
    assert set(complete.keys()) - set(reduced.keys()) == set(fonts.TEXT_RULES) & set(
        complete.keys()
    )
    assert {"GSUB", "GPOS"} <= set(complete.keys())
    assert reduced.getGlyphOrder() == complete.getGlyphOrder()


def test_other_users_of_fonttools_get_whole_fonts_again() -> None:
    before = subset.load_font

    def fail_to_draw() -> None:
        with fonts.without_text_rules():
            raise KeyError("a drawing that fails")

    with pytest.raises(KeyError):
        fail_to_draw()
    assert subset.load_font is before
