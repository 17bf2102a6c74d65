"""A real browser for tests of pages: chromium without a window, driven by selenium."""

import shutil
from pathlib import Path

import pytest

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--force-prefers-reduced-motion",
)  # fmt: skip
AXE = Path(__file__).parent / "analysis" / "page" / "axe" / "axe.min.js"

needs_browser = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="needs chromium and chromedriver"
)


def start(profile: Path):
    """Start a browser with a profile of its own."""
    selenium = pytest.importorskip("selenium.webdriver", reason="needs selenium")
    options = selenium.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = selenium.Chrome(options, selenium.ChromeService(DRIVER))
    browser.set_script_timeout(300)  # axe takes its time on a busy machine
    return browser


def show(browser, address: str, width: int = 1200, scheme: str = "light", height: int = 800):
    """Open an address on a screen of this width, light or dark."""
    media = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(address)


def axe_faults(browser) -> list[tuple[str, str, str]]:
    """Return what axe finds of a page's accessibility: rule, impact, the element."""
    browser.execute_script(AXE.read_text())
    found = browser.execute_async_script(
        "axe.run(document, {resultTypes: ['violations']}).then(arguments[arguments.length - 1])"
    )
    return [
        (fault["id"], fault["impact"], fault["nodes"][0]["html"][:200])
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical", "moderate")
    ]
