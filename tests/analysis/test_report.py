import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from analysis import report
from analysis.__main__ import main
from analysis.figures import style
from analysis.study.study import read_study
from rayal.storage.files import StoreError
from tests.analysis.made_up_runs import RunBuilder, component

pytestmark = pytest.mark.slow

TABLES = {
    "progress", "summary", "coverage", "class_distribution", "against_random", "power",
    "annotation_saved", "aubc", "ranks", "overall", "win_tie_loss", "cycles", "first_last",
    "correlation", "correlation_of_means",
    "failures", "versions", "records", "class_entropy", "ablations",
    "chosen_images", "dataset_map", "over_trainings", "leaders", "encoders", "pairs",
}  # fmt: skip
TABLES |= {
    f"{name}_{measure}"
    for name in (
        "against_random",
        "power",
        "annotation_saved",
        "aubc",
        "ranks",
        "overall",
        "win_tie_loss",
    )
    for measure in ("accuracy", "mean_class_accuracy")
}


@pytest.fixture(scope="module")
def written(single_query):
    return report.write_all(single_query)


@pytest.fixture(scope="module")
def page(written):
    return written.page.read_text()


def test_a_single_query_run_has_its_figures_in_all_forms(written):
    assert {path.name for path in written.figures} == {
        f"{name}.{form}"
        for name in (
            "auc-blood-moco",
            "accuracy-blood-moco",
            "coverage-blood-moco",
            "pool-error-blood-moco",
            "classes-blood-moco",
            "map-blood-moco",
            "ablation-k-blood",
        )
        for form in ("svg", "png", "pdf")
    }
    assert all(path.stat().st_size > 3000 for path in written.figures)


def test_tables_are_written_before_the_page_waits_for_figures(tmp_path, monkeypatch):
    calls, write_tables, page_of = [], report.write_tables, report.page_of

    def told_tables(*arguments):
        calls.append("tables")
        return write_tables(*arguments)

    def told_page(*arguments):
        calls.append("page")
        return page_of(*arguments)

    monkeypatch.setattr(report, "write_tables", told_tables)
    monkeypatch.setattr(report, "page_of", told_page)
    assert report.write_all(RunBuilder(tmp_path).write()).page.exists()
    assert calls == ["tables", "page"]


def test_a_cycles_run_draws_first_against_last(cycles):
    names = {path.name for path in report.write_all(cycles).figures}
    assert "first-last-blood-moco.svg" in names


def test_single_queries_and_cycles_of_one_run_are_shown_apart(tmp_path):
    run = RunBuilder(tmp_path)
    for seed in range(2):
        for name in ("random", "hacon"):
            run.done(run.trial(component(name), seed, [20]))
            start = component("kmeans")
            run.done(run.trial(component(name), seed, [20, 30], initial=start))
    written = report.write_all(run.write())
    names = {path.name for path in written.figures}
    assert {"auc-blood-moco.svg", "auc-blood-moco-cycles.svg"} <= names
    page = written.page.read_text()
    assert page.index("Single query: AUC, mean") < page.index("Cycles: AUC, mean")
    assert page.index("<h3>blood, single query</h3>") < page.index("<h3>blood, cycles</h3>")


def test_every_table_is_written_and_reads_back(written):
    assert {path.stem for path in written.tables} == TABLES
    assert all(len(pd.read_csv(path).columns) > 3 for path in written.tables)


def test_the_same_run_gives_the_same_files(single_query, written, tmp_path):
    before = {path.name: path.read_bytes() for path in [*written.figures, written.page]}
    twin = shutil.copytree(single_query, tmp_path / "twin")
    shutil.rmtree(twin / "figures")
    # Another process, another hash seed.
    subprocess.run([sys.executable, "-m", "analysis", twin], check=True, capture_output=True)
    after = {
        path.name: path.read_bytes()
        for path in [*(twin / "figures").iterdir(), twin / "report" / "index.html"]
    }
    assert before.keys() == after.keys()
    assert [name for name in before if before[name] != after[name]] == []


def test_no_temporary_file_is_left(single_query, written):
    assert list(single_query.rglob("*.tmp")) == []


def test_means_on_the_page_are_those_of_the_csv(page, single_query, written):
    summary = pd.read_csv(single_query / "tables" / "summary.csv")
    shown = [f"{r.auc_mean:.3f} ± {r.auc_std:.3f}" for r in summary.itertuples()]
    assert len(shown) == 12
    assert [text for text in shown if text not in page] == []


def test_the_page_asks_for_nothing(page):
    assert re.findall(r'(?:src|href)="(?!#|data:|\.\./(?:tables|figures)/)[^"]*"', page) == []
    assert "default-src 'none'" in page
    assert "@import" not in page


def test_names_from_data_are_escaped(tmp_path):
    run = RunBuilder(tmp_path)
    attack = "<script>alert(1)</script>"
    run.about["question"] = attack
    for seed in range(2):
        run.done(run.trial(component(attack), seed, [20], dataset=f"a/../{attack}"))
    run.failed(run.trial(component("random"), 0, [20]), attack)
    root = run.write()
    page = report.write(root).read_text()
    assert attack not in page
    assert "&lt;script&gt;alert(1)" in page
    for path in (root / "figures").iterdir():
        assert re.fullmatch(r"[A-Za-z0-9._=-]+", path.name)


def test_failures_are_told_with_their_logs(page, single_query):
    log = next((single_query / "failures").iterdir())
    assert "RuntimeError: out of &lt;memory&gt;" in page
    assert f"failures/{log.name}" in page


def test_progress_and_what_is_left_out_are_told(page):
    assert "57 of 59 trials done" in page
    assert "1 record of earlier versions of this sweep left out" in page
    assert "these findings rest on 57 of 59 trials" in page


def test_ids_on_the_page_are_distinct(page):
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) > 50
    assert len(ids) == len(set(ids))


def test_a_run_without_a_finished_trial_says_so(tmp_path):
    run = RunBuilder(tmp_path)
    run.failed(run.trial(component("random"), 0, [20, 30]))
    run.trial(component("random"), 1, [20])
    page = report.write(run.write()).read_text()
    assert "No trial has finished, and 1 failed" in page
    assert "0 of 2 trials done" in page


def test_an_empty_plan_gives_a_page(tmp_path):
    assert "0 of 0 trials done" in report.write(RunBuilder(tmp_path).write()).read_text()


def test_a_run_whose_every_auc_is_missing_gives_a_page(tmp_path):
    run = RunBuilder(tmp_path)
    for seed in range(2):
        trial = run.done(run.trial(component("random"), seed, [20, 30]))
        for measured in run.records[trial]["rounds"]:
            measured["auc"] = None
    page = report.write(run.write()).read_text()
    assert "2 of 2 trials done" in page


def test_one_trial_has_no_interval_and_no_standard_deviation(tmp_path):
    run = RunBuilder(tmp_path)
    run.done(run.trial(component("hacon"), 0, [20]), [0.75])
    page = report.write(run.write()).read_text()
    assert "0.750 (no interval from one seed), 1 seed" in page
    assert ">0.750</strong>" in page
    assert "nan" not in re.sub(r"<(svg|script).*?</\1>", "", page, flags=re.DOTALL).lower()


def test_the_command_line_prints_a_line_for_each_kind(single_query, capsys):
    assert main([str(single_query)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["report", "tables", "figures"]
    assert Path(lines[0].split()[1]).is_file()


def test_the_command_line_refuses_what_is_no_run(tmp_path, capsys):
    assert main([str(tmp_path / "nowhere")]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert message.startswith("python -m analysis: ")
    assert f"{tmp_path / 'nowhere'} is not a run" in message
    assert main([str(tmp_path / "nowhere")], prog="rayal report") == 2
    assert capsys.readouterr().err.startswith("rayal report: ")


def test_a_damaged_record_is_named(tmp_path, capsys):
    run = RunBuilder(tmp_path)
    trial = run.done(run.trial(component("random"), 0, [20]))
    run.write()
    (tmp_path / "records" / f"{trial}.json").write_text('{"trial": ')
    assert main([str(tmp_path)]) == 2
    assert f"{trial}.json is damaged" in capsys.readouterr().err


def test_strategies_keep_their_look_in_every_figure(single_query, written):
    study = read_study(single_query)
    color = style.lines(study.trials["initial_label"], study.baseline)["hacon k=30"].color
    for kind in ("auc", "coverage"):
        assert color in (single_query / "figures" / f"{kind}-blood-moco.svg").read_text()


def test_every_look_is_told_apart_and_random_is_dotted_gray():
    looks = style.lines([f"s{i}" for i in range(28)] + ["random"], "random")
    assert len({(look.color, look.marker) for look in looks.values()}) == 29
    assert looks["random"].color == style.MUTED


def test_file_names_are_safe_and_distinct():
    names = style.file_names(["auc-a/b", "auc-a b", "auc-a:b", "../..", "x" * 300])
    assert names[:4] == ["auc-a-b", "auc-a-b-2", "auc-a-b-3", "figure"]
    assert len(names[4]) == 100


def test_file_names_are_distinct_where_capitals_do_not_count():
    names = style.file_names(["auc-Blood", "auc-blood", "auc-BLOOD-2"])
    assert len({name.casefold() for name in names}) == 3


def test_only_some_sections_draw_and_show_what_is_theirs(single_query, tmp_path):
    written = report.write_all(single_query, out=tmp_path, only=["verdict", "paper"])
    page = written.page.read_text()
    assert re.findall(r'<h2 id="([^"]+)"', page) == ["verdict", "paper"]
    assert {path.stem for path in written.figures} == {"auc-blood-moco"}
    assert (tmp_path / "tables" / "paper-blood-moco-linear-auc.tex").exists()


def test_a_section_that_is_not_there_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(StoreError, match="no section 'papr', did you mean 'paper'"):
        report.write_all(tmp_path / "nothing", only=["papr"])


def test_a_bundle_holds_all_that_its_page_links_to_and_is_the_same_twice(single_query, tmp_path):
    bundle = tmp_path / "report.zip"
    count = report.write_bundle(bundle, single_query)
    with zipfile.ZipFile(bundle) as archive:
        names = set(archive.namelist())
        page = archive.read("index.html").decode()
    links = set(re.findall(r'href="([^"#:]+)"', page))
    assert len(names) == count
    assert links
    assert links <= names
    first = bundle.read_bytes()
    report.write_bundle(bundle, single_query)
    assert bundle.read_bytes() == first


def test_a_bundle_takes_no_place_of_anything_else(single_query, tmp_path):
    own = tmp_path / "sweep.yaml"
    own.write_text("name: mine")
    for place, message in (
        (own, "a file that is no ZIP is there"),
        (tmp_path, "a folder is there"),
        (tmp_path / "none" / "report.zip", "there is no folder"),
    ):
        with pytest.raises(StoreError, match=message):
            report.write_bundle(place, single_query)
    assert own.read_text() == "name: mine"


def test_every_link_of_the_page_is_a_file(written):
    links = set(re.findall(r'href="([^"#:]+)"', written.page.read_text()))
    assert {link.rpartition(".")[2] for link in links} == {"svg", "png", "pdf", "csv", "tex", "md"}
    assert [link for link in links if not (written.page.parent / link).exists()] == []
