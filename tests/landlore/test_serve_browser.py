"""The page for questions in a real browser; skips where `playwright` or a Chromium is missing."""

import csv
import io
import shutil
import threading
from pathlib import Path

import pytest

import landlore as ll
from landlore.server import Server, ServeSettings

api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@pytest.fixture(scope="module")
def tab(village):
    server = Server(village / "run", ServeSettings(port=0, rows=50, processes=1))
    threading.Thread(target=server.serve, daemon=True).start()
    with api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.told, page.home = [], server.url
        page.on("pageerror", lambda error: page.told.append(str(error)))
        page.on(
            "console", lambda line: page.told.append(line.text) if line.type == "error" else None
        )
        page.on(
            "request",
            lambda one: (
                page.told.append(one.url)
                if not one.url.startswith((server.url, "data:", "blob:"))
                else None
            ),
        )
        page.goto(server.url)
        page.wait_for_selector("#named option:nth-child(21)", state="attached")
        yield page
        browser.close()
    server.close()


def asked(tab, sparql=None):
    if sparql is not None:
        tab.fill("#sparql", sparql)
    tab.click("button")
    tab.wait_for_selector("button:not([disabled])")
    return tab.inner_text("#state")


def test_a_question_that_ships_is_answered_as_a_table_and_saved(tab, village):
    assert tab.input_value("#named") == "corrections-by-rule"
    assert "row" in asked(tab)
    own = ll.query(village / "run", tab.input_value("#sparql"))
    assert tab.locator("tbody tr").count() == len(own) > 0
    assert tab.locator("thead th").all_inner_texts() == list(own.variables)
    with tab.expect_download() as got:
        tab.click("#csv")
    rows = list(csv.reader(io.StringIO(Path(got.value.path()).read_text(encoding="utf-8"))))
    assert sorted(rows[1:]) == sorted(["" if c is None else c.value for c in row] for row in own)
    assert tab.told == []


def test_other_answers_and_errors_are_shown(tab):
    assert "s" in asked(tab, "ASK { ?s ?p ?o }") and tab.inner_text("#answer") == "yes"
    asked(tab, "CONSTRUCT { ?s a ?o } WHERE { ?s a ?o } LIMIT 2")
    assert "@prefix" in tab.inner_text("pre")
    assert "there are more" in asked(tab, "SELECT * { ?s ?p ?o }")
    assert tab.locator("tbody tr").count() == 50
    tab.told.clear()
    assert "SPARQL line 1" in asked(tab, "SELECT ?s { ?s a }")
    assert tab.locator("#answer *").count() == 0
    assert [one for one in tab.told if "400" not in one] == []


def test_a_name_leads_to_what_is_said_of_it(tab):
    asked(tab, "SELECT ?c { ?c a run:Correction } LIMIT 1")
    name = tab.locator("td a").get_attribute("href")
    tab.click("td a")
    tab.wait_for_selector("pre")
    assert tab.input_value("#sparql") == f"DESCRIBE <{name}>" and "run:cause" in tab.inner_text(
        "pre"
    )


def test_what_a_graph_says_is_never_run_as_a_page(tab):
    asked(tab, 'SELECT ("<img src=x onerror=alert(1)>" AS ?x) (<javascript:alert(1)> AS ?y) {}')
    assert tab.locator("td img").count() == 0 and tab.locator("td a").count() == 0
    assert tab.locator("td").all_inner_texts() == [
        "<img src=x onerror=alert(1)>",
        "javascript:alert(1)",
    ]


def test_the_report_is_one_click_away(tab):
    tab.click("#report")
    tab.wait_for_selector("html[data-ready=yes]")
    tab.go_back()
    tab.wait_for_selector("#named option:nth-child(21)", state="attached")
