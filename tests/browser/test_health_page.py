# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the playbook health in a browser: on phones and desktops, in light and dark mode, and printed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.filter.health_page import health_page
from ansible_collections.mailinabox.admin.plugins.filter.problems import problems
from tests.integration.test_health import BAD, DOWN, GOOD, OLD, fleet, run

from .chromium import Browser, chromium, find

ROOT = Path(__file__).parents[2]
# Screenshots for people.
PICTURES = ROOT / ".cache" / "browser"

SCREENS = list(itertools.product((320, 360, 768, 1200), ("light", "dark")))

# Texts that try to escape their element, and one without a possible line break.
HOSTILE = (
    "<script>document.title = 'broken'</script>",
    "</style></bdi><img src=x onerror=\"document.title = 'broken'\">",
    "\"' onmouseover='alert(1)' style=\"position:fixed",
    "{{ 7 * 7 }}{% raw %}",
    "\u202egnp.exe\u200b\u0000\x07",
    "\u05d0\u05d1 <b>bold</b> &amp; &lt;",
    "long" * 60,
)

# Texts with a contrast ratio below 4.5:1 (WCAG 2).
FAINT = """
(() => {
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
  const luminance = colour => {
    const [r, g, b] = numbers(colour).slice(0, 3).map(c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = element => {
    const colour = getComputedStyle(element).backgroundColor;
    const [r, g, b, alpha = 1] = numbers(colour);
    return alpha === 1 ? colour : element.parentElement ? behind(element.parentElement) : "rgb(255, 255, 255)";
  };
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let seen = 0;
  while (walker.nextNode()) {
    if (!walker.currentNode.data.trim()) continue;
    seen += 1;
    const element = walker.currentNode.parentElement;
    const [light, dark] = [luminance(getComputedStyle(element).color), luminance(behind(element))].sort().reverse();
    if ((light + 0.05) / (dark + 0.05) < 4.5) found.push([walker.currentNode.data.trim(), light, dark]);
  }
  return {seen, found};
})()
"""
# Elements that extend beyond the right edge of the screen.
OUTSIDE = """
[...document.querySelectorAll("body *")].filter(one => one.getBoundingClientRect().right > innerWidth + 0.5)
  .map(one => one.outerHTML.slice(0, 200))
"""
# Names in rows that are too narrow to read.
SQUEEZED = """
[...document.querySelectorAll(".name, .value, .what")].map(one => [one.getBoundingClientRect(), one.textContent])
  .filter(([at, text]) => at.width < 160 && at.height > 80).map(([at, text]) => text)
"""
OPEN_ALL = "document.querySelectorAll('details').forEach(one => { one.open = true; })"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = find()
    if program is None:
        pytest.skip("there is no Chromium: nobody has looked at the page")
    with chromium(program, tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the playbook for healthy and unhealthy boxes, an old one, and one that is down."""
    folder = tmp_path_factory.mktemp("page")
    with fleet() as boxes:
        done = run(boxes, folder)
    assert (folder / "health.html").is_file(), done.output
    return folder / "health.html"


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page on which every text from the box is hostile."""
    facts: dict[str, dict[str, Any]] = {}
    for number, text in enumerate(HOSTILE):
        found = {"text": text, "extra": [{"text": text, "monospace": False}]}
        facts[f"{number}{text}"] = {
            "version": text,
            "latest_version": text + "1",
            "users": [
                {"email": f"{text}@example.org", "privileges": [], "status": "active", "quota": "1M", "used": "1.0M"}
            ],
            "certificates": {"can_provision": [], "status": [{"domain": text, "status": "danger", "text": text}]},
            "backup_status": {"error": text},
            "updates": [{"package": text, "version": text}],
            "reboot_required": True,
            "status_checks": [
                {"type": kind, **found} for kind in ("error", "heading", "error", "warning", "ok", "new in v99")
            ],
        }
    file = tmp_path_factory.mktemp("hostile") / "health.html"
    found = {host: problems(of) for host, of in facts.items()}
    file.write_text(health_page(facts, found, "2026-11-22T06:30:00Z"), encoding="utf-8")
    return file


def check(browser: Browser, page: Path, width: int, scheme: str) -> None:
    """Checks for each page on each screen, with all details expanded."""
    browser.look(page, width, scheme=scheme)
    browser.evaluate(OPEN_ALL)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width, browser.evaluate(OUTSIDE)
    assert browser.evaluate(OUTSIDE) == []
    assert browser.evaluate(SQUEEZED) == []
    contrast = browser.evaluate(FAINT)
    assert contrast["seen"] > 20
    assert contrast["found"] == []
    assert browser.named("Runtime.exceptionThrown") == []
    assert browser.named("Log.entryAdded") == []
    asked = [sent["request"]["url"] for sent in browser.named("Network.requestWillBeSent")]
    assert [url for url in asked if url != page.as_uri() and not url.startswith("data:")] == []


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_a_page_on_every_screen(width: int, scheme: str, browser: Browser, page: Path) -> None:
    check(browser, page, width, scheme)
    text = browser.evaluate("document.body.innerText")
    browser.look(page, width, scheme=scheme)
    browser.screenshot(PICTURES / f"{width}-{scheme}.png")
    for words in (
        "Health of the boxes",
        "4 boxes: 1 unreachable, 1 urgent, 2 healthy. Checked on ",
        "Connection refused. Check host, and that the box is up.",
        "box.example.com: Self-signed. Get a signed certificate to stop warnings.",
        "The last backup is 3.0 days old.",
        "me@box.example.com: 9.5M of 10M are used, 95 %.",
        "The version is v75, and the newest is v123.",
        "in 5 days",
        "restart due",
        "whose version has no quotas.",
    ):
        assert words in text
    for host in (GOOD, BAD, OLD, DOWN):
        assert host in text
    is_dark = browser.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert is_dark == (scheme == "dark")
    paper = browser.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (max(paper) < 64) == is_dark


def test_bars_have_the_length_of_their_values(browser: Browser, page: Path) -> None:
    browser.look(page, 360)
    shares = browser.evaluate(
        """
        Object.fromEntries([...document.querySelectorAll("[aria-labelledby=mailboxes] .rows > li")].map(row => {
          const bar = row.querySelector(".bar");
          const share = bar.firstElementChild.getBoundingClientRect().width / bar.getBoundingClientRect().width;
          return [row.querySelector(".name bdi").textContent, Math.round(100 * share)];
        }))
        """
    )
    assert shares == {"me@box.example.com": 95, "half@example.org": 50, "new@example.org": 0}


def test_links_lead_to_the_boxes(browser: Browser, page: Path) -> None:
    browser.look(page, 1200)
    links = browser.evaluate("[...document.querySelectorAll('a')].map(a => a.getAttribute('href'))")
    within = [link for link in links if link.startswith("#")]
    assert len(within) > 10
    assert browser.evaluate(f"{within}.filter(link => !document.querySelector(link))") == []
    # All other links go to the control panel of a box.
    assert {link.partition("/admin")[0].rpartition(":")[0] for link in {*links} - {*within}} == {"https://127.0.0.1"}


def test_the_accessible_names_and_roles(browser: Browser, page: Path) -> None:
    browser.look(page, 1200)
    nodes = browser.ask("Accessibility.getFullAXTree")["nodes"]
    by_role: dict[str, list[str]] = {}
    for node in nodes:
        if not node["ignored"]:
            by_role.setdefault(node["role"]["value"], []).append(node.get("name", {}).get("value", ""))
    assert {"banner", "main", "contentinfo", "list", "listitem"} <= set(by_role)
    headings = [
        "Needs attention",
        "Boxes",
        "Certificates",
        "Backups",
        "Mailboxes",
        "Updates and restarts",
        "Drift",
        "Status checks",
    ]
    assert by_role["region"] == headings
    assert by_role["heading"][:2] == ["Health of the boxes", "Needs attention"]
    assert all(by_role["link"])
    assert "urgent" in by_role["StaticText"]


def test_the_printed_page(browser: Browser, page: Path) -> None:
    browser.look(page, 1200, scheme="dark", media="print")
    assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    contrast = browser.evaluate(FAINT)
    assert contrast["seen"] > 20
    assert contrast["found"] == []


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1200, "dark")])
def test_box_texts_cannot_escape_their_element(width: int, scheme: str, browser: Browser, hostile_page: Path) -> None:
    check(browser, hostile_page, width, scheme)
    browser.screenshot(PICTURES / f"hostile-{width}-{scheme}.png")
    assert browser.evaluate("document.title").endswith(" things to do \u2013 Mail-in-a-Box")
    assert browser.evaluate("document.querySelectorAll('script, img, [onerror], [onmouseover], b b').length") == 0
    assert browser.evaluate("getComputedStyle(document.querySelector('main')).position") == "static"
    text = browser.evaluate("document.body.innerText")
    for shown in (*HOSTILE[:4], "\\u202egnp.exe\\u200b\\x00\\x07", *HOSTILE[5:]):
        assert shown in text
    assert "\u202e" not in text


def test_a_page_cannot_run_scripts(browser: Browser, page: Path, tmp_path: Path) -> None:
    """Even if a text escaped its element, its script would not run."""
    broken = tmp_path / "health.html"
    script = "<script>document.title = 'broken'</script><img src='https://elsewhere.invalid/x.png'></main>"
    broken.write_text(page.read_text(encoding="utf-8").replace("</main>", script), encoding="utf-8")
    browser.look(broken, 360)
    assert "to do" in browser.evaluate("document.title")
    assert len(browser.named("Log.entryAdded")) >= 1
    # Blocked before it was sent.
    failed = [facts.get("blockedReason") for facts in browser.named("Network.loadingFailed")]
    assert set(failed) <= {"csp"}
