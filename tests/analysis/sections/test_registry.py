from pathlib import Path

import pytest

import analysis.sections
from analysis.report import make_report, page_of
from analysis.sections import BegunTables, all_sections, base, figures_by_section
from analysis.study.study import read_study
from tests.analysis.made_up_runs import RunBuilder

FOLDER = Path(analysis.sections.__file__).parent


def test_every_file_of_the_folder_is_a_section_of_the_report() -> None:
    files = {path.stem for path in FOLDER.iterdir() if path.stem not in ("__init__", "base")}
    modules = {section.content.__module__.split(".")[2] for section in all_sections()}
    assert modules == files - {"__pycache__"}


def test_sections_follow_one_another_by_their_order() -> None:
    orders = [section.order for section in all_sections()]
    assert orders == sorted(set(orders))
    assert all_sections()[0].anchor == "verdict"


def test_a_second_section_of_one_anchor_is_refused() -> None:
    with pytest.raises(ValueError, match="two sections have the anchor 'findings'"):
        base.section("findings", title="", heading="", order=0)(lambda _report: [])


def test_a_section_with_nothing_to_show_is_left_out(tmp_path) -> None:
    page = page_of(make_report(read_study(RunBuilder(tmp_path).write())))
    assert 'id="again"' in page
    assert 'id="papers"' not in page
    assert 'href="#papers"' not in page


@pytest.mark.slow
def test_no_two_sections_make_one_table(single_query) -> None:
    names = [name for made in BegunTables(read_study(single_query)).by_section for name in made]
    assert len(names) == len(set(names))


def test_figures_of_tables_that_are_ready_wait_for_no_others(tmp_path, monkeypatch) -> None:
    events = []

    def waited_for():
        events.append("tables that take long")
        return {}

    def made(anchor, order, tables):
        def figures(_study, _tables):
            yield events.append(f"figures of {anchor}")

        def content(_report):
            return []

        base.section(anchor, title="", heading="", order=order, tables=tables, figures=figures)(
            content
        )
        return base.REGISTERED[anchor]

    monkeypatch.setattr(base, "REGISTERED", {})
    late, early = made("late", 1, lambda *_: waited_for), made("early", 2, lambda *_: {})
    monkeypatch.setattr(analysis.sections, "all_sections", lambda: (late, early))
    study = read_study(RunBuilder(tmp_path).write())
    planned = figures_by_section(study, BegunTables(study))
    assert [section for section, figures in planned if list(figures)] == [early, late]
    assert events == ["figures of early", "tables that take long", "figures of late"]
