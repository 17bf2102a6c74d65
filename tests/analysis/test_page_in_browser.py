import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from analysis import report

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--force-prefers-reduced-motion",
)  # fmt: skip

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs chromium and chromedriver"),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    selenium = pytest.importorskip("selenium.webdriver", reason="needs selenium")
    options = selenium.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = selenium.Chrome(options, selenium.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module", params=["single_query", "cycles"])
def page(request):
    return report.write(request.getfixturevalue(request.param))


def show(browser, page: Path, width: int = 1200):
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(page.as_uri())


def first_column(browser) -> list[str]:
    rows = "[...document.querySelector('table.sortable').tBodies[0].rows]"
    return browser.execute_script(f"return {rows}.map(row => row.cells[0].textContent)")


def last_numbers(browser) -> list[float]:
    rows = "[...document.querySelector('table.sortable').tBodies[0].rows]"
    script = f"return {rows}.map(row => Number(row.cells[row.cells.length - 1].dataset.sort))"
    return browser.execute_script(script)


def test_nothing_leaves_the_page_and_the_console_is_silent(browser, page):
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
def test_the_page_never_scrolls_sideways(browser, page, width):
    show(browser, page, width)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def test_figures_and_tables_have_words_for_who_cannot_see_them(browser, page):
    show(browser, page)
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
    feature = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": feature})
    show(browser, page)
    colors = browser.execute_script(
        "const s = e => getComputedStyle(document.querySelector(e));"
        "return [s('body').color, s('figcaption').color, s('figure svg text').fill,"
        " s('figure').backgroundColor, s('body').backgroundColor]"
    )
    *inks, card, paper = [luminance(color) for color in colors]
    for ground in (card, paper):
        for ink in inks:
            assert contrast(ink, ground) >= 4.5


def luminance(color: str) -> float:
    """WCAG's relative luminance of rgb(r, g, b)."""
    channels = [int(c) / 255 for c in color[4:-1].split(",")]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(a: float, b: float) -> float:
    return (max(a, b) + 0.05) / (min(a, b) + 0.05)
