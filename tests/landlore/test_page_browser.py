"""The report in a real browser: it opens from a disk, asks for nothing, and answers pointer and keys.

Runs where `playwright` and a Chromium are installed (`pip install playwright`, `apt install chromium`), else skips.
"""

import shutil

import pytest

from landlore.page import write_page

api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
HOUSE, DITCH = (37, 16), (11, 50)
"""Column and row of a changed pixel on the map of 70 x 60."""


@pytest.fixture(scope="module")
def browser():
    with api.sync_playwright() as play:
        found = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def address(village, tmp_path_factory):
    out = tmp_path_factory.mktemp("browser") / "a page.html"
    return write_page(village / "run", out, truth=village / "truth.tif").path.as_uri()


@pytest.fixture
def opened(browser, address):
    """The page, with everything that it asks for and complains of."""
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    tab.told = []
    tab.on("request", lambda request: tab.told.append(request.url))
    tab.on("pageerror", lambda error: tab.told.append(str(error)))
    tab.on("console", lambda line: tab.told.append(line.text) if line.type == "error" else None)
    tab.goto(address)
    tab.wait_for_selector("html[data-ready=yes]")
    tab.wait_for_timeout(100)
    yield tab
    asked = [one for one in tab.told if not one.startswith("data:")]
    tab.close()
    assert asked == [address]


def click_on(tab, pane, place):
    box = tab.locator(f"#{pane} canvas").bounding_box()
    scale = tab.evaluate("page.maps.view.scale")
    x, y = tab.evaluate("[page.maps.view.x, page.maps.view.y]")
    tab.mouse.click(
        box["x"] + (place[0] + 0.5 - x) * scale, box["y"] + (place[1] + 0.5 - y) * scale
    )


def colour_at(tab, place, split):
    """Colour of a pixel of the map in the left pane, with the boundary put somewhere."""
    return tab.evaluate(
        """async ([col, row, split]) => {
          page.maps.split = split; page.maps.picked = -1; page.maps.draw();
          await new Promise((done) => setTimeout(done, 120));
          const { x, y, scale } = page.maps.view, canvas = document.querySelector('#compare canvas');
          const at = [(col + .5 - x) * scale, (row + .5 - y) * scale].map((v) => Math.round(v * devicePixelRatio));
          const [r, g, b] = canvas.getContext('2d').getImageData(...at, 1, 1).data;
          return '#' + [r, g, b].map((v) => v.toString(16).padStart(2, '0')).join('');
        }""",
        [*place, split],
    )


def test_before_and_after_are_painted_and_swiped(opened):
    colours = {c["name"]: c["colour"] for c in opened.evaluate("page.facts.classes")}
    assert colour_at(opened, HOUSE, 1) == colours["Grass"]
    assert colour_at(opened, HOUSE, 0) == colours["Building"]
    opened.locator("#swipe").focus()
    opened.evaluate("page.maps.split = 0.5")
    opened.keyboard.press("ArrowRight")
    assert opened.locator("#swipe").get_attribute("aria-valuenow") == "55"
    opened.keyboard.press("End")
    assert opened.locator("#swipe").get_attribute("aria-valuenow") == "100"


def test_a_click_shows_reasons_that_add_up(opened):
    click_on(opened, "why", HOUSE)
    panel = opened.locator("#panel")
    assert "Grass" in panel.inner_text() and "Building" in panel.inner_text()
    values = [
        float(text.replace("−", "-"))
        for text in opened.locator("#panel .bars .v").all_inner_texts()
    ]
    assert len(values) > 2
    assert sum(values[:-1]) == pytest.approx(values[-1], abs=0.03)
    assert "OpenStreetMap" in panel.inner_text() and "way/7" in panel.inner_text()
    click_on(opened, "compare", DITCH)
    assert "</script><b>water</b> is wide" in panel.inner_text(), "shown as text, not as HTML"


def test_pointing_tells_what_is_there(opened):
    opened.locator("#why canvas").hover(position={"x": 5, "y": 300})
    told = opened.locator("#status").inner_text()
    assert "unchanged" in told or "→" in told


def test_everything_can_be_reached_by_keys(opened):
    opened.locator("#why canvas").focus()
    first = opened.locator("#panel").inner_text()
    opened.keyboard.press("n")
    assert opened.locator("#panel").inner_text() != first
    zoomed = opened.evaluate("page.maps.view.scale")
    opened.keyboard.press("0")
    opened.keyboard.press("+")
    assert opened.evaluate("page.maps.view.scale") != zoomed
    row = opened.locator("#rows button").nth(1)
    row.focus()
    opened.keyboard.press("Enter")
    assert row.get_attribute("aria-current") == "true" and opened.evaluate("location.hash") == "#c1"
    reached = opened.evaluate(
        """() => [...document.querySelectorAll('button, input, a[href], [role=slider], canvas')]
             .filter((one) => one.tabIndex < 0).length"""
    )
    nameless = opened.evaluate(
        """() => [...document.querySelectorAll('button, input')]
             .filter((one) => !(one.textContent.trim() || one.getAttribute('aria-label'))).length"""
    )
    assert reached == nameless == 0


def test_a_reason_filters_its_corrections(opened):
    count = opened.locator("#rows button").count()
    pick = opened.locator("[data-term]").nth(1)
    pick.click()
    assert pick.get_attribute("aria-pressed") == "true"
    assert 0 < opened.locator("#rows button").count() < count
    opened.locator("#all").click()
    assert opened.locator("#rows button").count() == count


def test_dark_light_and_narrow(browser, address):
    grounds = []
    for scheme in ("light", "dark"):
        tab = browser.new_page(viewport={"width": 360, "height": 800}, color_scheme=scheme)
        tab.goto(f"{address}#c1")
        tab.wait_for_selector("html[data-ready=yes]")
        assert tab.evaluate("document.documentElement.scrollWidth") <= 360
        assert "Correction 2 of" in tab.locator("#panel").inner_text()
        grounds.append(tab.evaluate("getComputedStyle(document.body).backgroundColor"))
        tab.locator("#theme").click()
        grounds.append(tab.evaluate("getComputedStyle(document.body).backgroundColor"))
        tab.close()
    light, switched_dark, dark, switched_light = grounds
    assert light == switched_light != dark == switched_dark


def test_without_script_the_tables_stay(browser, address):
    tab = browser.new_page(java_script_enabled=False)
    tab.goto(address)
    assert "OpenStreetMap" in tab.locator("table").inner_text()
    assert "need JavaScript" in tab.locator("noscript").inner_text()
    tab.close()
