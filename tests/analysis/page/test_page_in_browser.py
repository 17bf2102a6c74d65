from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from analysis import report
from tests.analysis.made_up_runs import (
    RunBuilder,
    component,
    cycles_run,
    quick_projections,
    single_query_run,
)
from tests.browser import axe_faults, needs_browser
from tests.browser import show as show_address

pytestmark = [
    pytest.mark.slow,
    needs_browser,
]

HOSTILE = 'a<img src=x onerror=alert(1)>, "q"\n\u202egnp\u05d0\u05d1 $x_1$ \'; --'


def with_pictures(run: RunBuilder) -> Path:
    """Write a run whose artefacts hold features, classes, pictures and maps."""
    run.mapped(taus=[0.05], size=1000)
    root = run.write()
    rng = np.random.default_rng(0)
    for folder in (root / "artefacts").iterdir():
        labels = rng.integers(0, 5, 1000)
        np.save(folder / "train.npy", rng.normal(labels[:, None], 1, (1000, 8)).astype("f4"))
        np.save(folder / "labels.npy", labels)
        np.save(folder / "thumbnails.npy", rng.integers(0, 255, (1000, 8, 8, 3), dtype=np.uint8))
    return root


def hostile(root: Path) -> Path:
    """A run whose every name is hostile, with a failure and an AUC that is no number."""
    run = RunBuilder(root)
    run.about = dict.fromkeys(run.about, HOSTILE)
    for name in ("random", HOSTILE, f"_{HOSTILE}", ""):
        for seed in range(2):
            for budget in (20, 30):
                run.done(run.trial(component(name), seed, [budget], dataset=HOSTILE))
    run.failed(run.trial(component("kmeans"), 98, [20]), HOSTILE)
    next(iter(run.records.values()))["rounds"][0]["auc"] = float("nan")
    return with_pictures(run)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The reports of a single query, of cycles, of both compared, of hostile names, of nothing."""
    with quick_projections():
        return written(tmp_path_factory)


def written(tmp_path_factory):
    single = with_pictures(single_query_run(tmp_path_factory.mktemp("single")))
    cycles = with_pictures(cycles_run(tmp_path_factory.mktemp("cycles"), seeds=2))
    both = tmp_path_factory.mktemp("both")
    return {
        "single query": report.write(single),
        "cycles": report.write(cycles),
        "comparison": report.write_all(single, cycles, out=both).page,
        "hostile names": report.write(hostile(tmp_path_factory.mktemp("hostile"))),
        "empty": report.write(RunBuilder(tmp_path_factory.mktemp("empty")).write()),
    }


EVERY = ["single query", "cycles", "comparison", "hostile names", "empty"]


@pytest.fixture(params=["single query", "cycles"])
def page(request, pages):
    return pages[request.param]


@pytest.fixture(params=EVERY)
def any_page(request, pages):
    return pages[request.param]


def show(browser, page: Path, width: int = 1200, scheme: str = "light"):
    show_address(browser, page.as_uri(), width, scheme)


def first_column(browser) -> list[str]:
    rows = "[...document.querySelector('table.sortable').tBodies[0].rows]"
    return browser.execute_script(f"return {rows}.map(row => row.cells[0].textContent)")


def last_numbers(browser) -> list[float]:
    rows = "[...document.querySelector('table.sortable').tBodies[0].rows]"
    last = "row.cells[row.cells.length - 1]"
    script = f"return {rows}.map(row => Number({last}.dataset.sort ?? {last}.textContent))"
    return browser.execute_script(script)


def test_nothing_leaves_the_page_and_the_console_is_silent(browser, any_page):
    page = any_page
    browser.get_log("performance")
    show(browser, page)
    assert browser.get_log("browser") == []
    sent = [entry["message"] for entry in browser.get_log("performance")]
    urls = [m.split('"url":"')[1].split('"')[0] for m in sent if 'requestWillBeSent"' in m]
    assert [url for url in urls if not url.startswith(("file:", "data:"))] == []
    assert any(url == page.as_uri() for url in urls)


def test_a_click_sorts_and_a_second_click_turns_the_order(browser, page):
    from selenium.webdriver.common.by import By

    show(browser, page)
    before = last_numbers(browser)
    last = browser.find_element(By.CSS_SELECTOR, "table.sortable thead th:last-child button")
    last.click()
    assert last_numbers(browser) == sorted(before, reverse=True)
    last.click()
    assert last_numbers(browser) == sorted(before)
    assert last.find_element(By.XPATH, "..").get_attribute("aria-sort") == "ascending"


def test_the_keyboard_sorts(browser, page):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    show(browser, page)
    before = first_column(browser)
    button = browser.find_element(By.CSS_SELECTOR, "table.sortable thead button")
    button.send_keys(Keys.ENTER)
    assert first_column(browser) == sorted(before)
    button.send_keys(Keys.SPACE)
    assert first_column(browser) == sorted(before, reverse=True)


def test_the_first_tab_stop_skips_to_the_results(browser, page):
    from selenium.webdriver.common.keys import Keys

    show(browser, page)
    browser.switch_to.active_element.send_keys(Keys.TAB)
    focused = browser.switch_to.active_element
    assert focused.get_attribute("href").endswith("#main")
    assert focused.rect["x"] >= 0


@pytest.mark.parametrize("width", [360, 768, 1920])
def test_the_page_never_scrolls_sideways(browser, any_page, width):
    show(browser, any_page, width)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def test_figures_and_tables_have_words_for_who_cannot_see_them(browser, any_page):
    show(browser, any_page)
    bare = browser.execute_script(
        "return [...document.querySelectorAll('[role=img]')]"
        ".filter(f => f.getAttribute('aria-label').length < 40).length"
        " + [...document.querySelectorAll('table')].filter(t => !t.caption).length"
    )
    levels = browser.execute_script(
        "return [...document.querySelectorAll('h1, h2, h3')].map(h => Number(h.tagName[1]))"
    )
    assert bare == 0
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_ink_stands_out_in_light_and_in_dark(browser, page, scheme):
    show(browser, page, scheme=scheme)
    colors = browser.execute_script(
        "const s = e => getComputedStyle(document.querySelector(e));"
        "return [s('body').color, s('figcaption').color, s('figure svg text').fill,"
        " s('figure').backgroundColor, s('body').backgroundColor]"
    )
    *inks, card, paper = [luminance(color) for color in colors]
    for ground in (card, paper):
        for ink in inks:
            assert contrast(ink, ground) >= 4.5


def test_every_column_of_every_table_sorts_both_ways_without_losing_a_row(browser, any_page):
    show(browser, any_page)
    faults = browser.execute_script(
        """
        const faults = [];
        for (const table of document.querySelectorAll("table.sortable")) {
          const rows = () => [...table.tBodies[0].rows];
          const whole = rows().map((row) => row.innerHTML).sort().join();
          [...table.tHead.rows[0].cells].forEach((head, column) => {
            for (let click = 0; click < 2; click++) {
              head.querySelector("button").click();
              const cell = (row) => row.cells[column].dataset.sort ?? row.cells[column].textContent;
              const texts = rows().map(cell);
              const full = texts.filter((text) => text.trim() !== "");
              if (texts.slice(full.length).some((text) => text.trim() !== "")) faults.push(texts);
              const numbers = full.map(Number);
              if (numbers.every((n) => !Number.isNaN(n))) {
                const sign = head.getAttribute("aria-sort") === "ascending" ? 1 : -1;
                for (let i = 1; i < numbers.length; i++)
                  if (sign * (numbers[i] - numbers[i - 1]) < 0) { faults.push(texts); break; }
              }
            }
          });
          if (rows().map((row) => row.innerHTML).sort().join() !== whole) faults.push("lost");
        }
        return faults;
        """
    )
    assert faults == []


def test_every_figure_is_drawn_with_its_values(browser, any_page):
    show(browser, any_page)
    sizes = browser.execute_script(
        "return [...document.querySelectorAll('figure svg')].map(s => s.getBoundingClientRect())"
        ".map(b => Math.min(b.width, b.height))"
    )
    assert all(size > 100 for size in sizes)
    tips = browser.execute_script(
        "return [...document.querySelectorAll('[data-tip]')].map(m => m.dataset.tip)"
    )
    assert bool(tips) == bool(sizes)
    assert all(tip.strip() for tip in tips)


def test_the_pointer_shows_the_value_that_the_table_holds(browser, pages):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    show(browser, pages["single query"])
    mark = browser.find_elements(By.CSS_SELECTOR, ".plot [data-tip]")[0]
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", mark)
    tip = browser.find_element(By.ID, "tip")
    assert not tip.is_displayed()
    ActionChains(browser).move_to_element_with_offset(mark, 3, 3).perform()
    WebDriverWait(browser, 30).until(lambda _: tip.is_displayed())
    text = mark.get_attribute("data-tip")
    assert tip.text == text
    value = text.split(": ")[1].split(",")[0]
    cells = browser.execute_script(
        "return [...document.querySelectorAll('td')].map(c => c.textContent)"
    )
    assert value in cells
    ActionChains(browser).move_to_element(browser.find_element(By.TAG_NAME, "h1")).perform()
    assert not tip.is_displayed()


def test_arrow_keys_step_through_the_values_and_escape_hides_them(browser, page):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    show(browser, page)
    plot = browser.find_element(By.CSS_SELECTOR, ".plot")
    tips = browser.execute_script(
        "return [...arguments[0].querySelectorAll('[data-tip]')].map(m => m.dataset.tip)", plot
    )
    tip = browser.find_element(By.ID, "tip")
    plot.send_keys(Keys.ARROW_RIGHT)
    assert tip.text == tips[0]
    plot.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_DOWN)
    assert tip.text == tips[2]
    plot.send_keys(Keys.ARROW_LEFT)
    assert tip.text == tips[1]
    assert tip.get_attribute("role") == "status"
    plot.send_keys(Keys.ESCAPE)
    assert not tip.is_displayed()


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1280, "dark")])
def test_axe_finds_no_serious_fault(browser, any_page, width, scheme):
    show(browser, any_page, width, scheme)
    browser.execute_script("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert axe_faults(browser) == []


def test_names_of_data_run_nothing_and_stay_what_they_are(browser, pages):
    from selenium.webdriver.common.by import By

    show(browser, pages["hostile names"])
    assert browser.find_elements(By.CSS_SELECTOR, "img, [onerror]") == []
    shown = browser.find_element(By.CSS_SELECTOR, "table.sortable tbody").text
    assert "a<img src=x onerror=alert(1)>" in shown
    assert "\u202e" not in browser.find_element(By.TAG_NAME, "main").text


def test_all_of_the_page_is_on_paper(browser, page):
    show(browser, page)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    folded = browser.execute_script(
        "dispatchEvent(new Event('beforeprint'));"
        "return [...document.querySelectorAll('details')].filter(d => !d.open).length"
    )
    hidden = browser.execute_script(
        "return getComputedStyle(document.querySelector('nav')).display"
    )
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert (folded, hidden) == (0, "none")


def luminance(color: str) -> float:
    """WCAG's relative luminance of rgb(r, g, b)."""
    channels = [int(c) / 255 for c in color[4:-1].split(",")]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(a: float, b: float) -> float:
    return (max(a, b) + 0.05) / (min(a, b) + 0.05)
