# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conformance reports: a box is compared with the nearest recorded one, and only the differences are shown."""

from __future__ import annotations

import pytest

from tests.box import KNOWN, Box, Fault, new_state

from .conformance import compared, held, main, make_new, table
from .conversation import SCENARIOS, Conversation, recording
from .test_contract import NOT_RECORDED, SAME_AS

PAIRS = [(name, version) for name in SCENARIOS for version in KNOWN if version not in NOT_RECORDED[name]]


@pytest.mark.parametrize(("name", "version"), PAIRS)
def test_the_nearest_recording_is_its_own(name: str, version: str) -> None:
    found = compared(name, recording(name, version))
    assert found.differences == []
    # Two versions differ only in their version number, which "edges" doesn't read.
    alike = {version, *(other for other, known in SAME_AS.items() if known == version)}
    assert found.nearest in alike | ({"v75", "v76"} if name == "edges" and version in ("v75", "v76") else set())


def test_one_changed_answer_is_found_and_nothing_else() -> None:
    state = new_state("v76")
    state.clock = lambda: 1_800_000_000.0
    with Box(state=state) as box:
        box.faults.append(Fault("500", match="GET /web/domains"))
        conversation = Conversation(box.url, box.cacert, (box.cacert, box.ca_key), state.clock)
        found = compared("scenario", held(conversation, "scenario"))
        # A simulated box is reset for the next part.
        make_new(box.url, box.cacert)
        assert list(box.state.users) == [box.username]
    assert found.nearest == "v76"
    assert {difference.step for difference in found.differences} == {"web-domains"}
    assert "| web-domains | status | `200` | `500` |" in table(found.differences)


def test_a_box_in_use_is_left_alone(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with Box("v76", control=False) as box:
        box.state.users["ann@example.org"] = box.state.users[box.username]
        box.log.clear()
        for more, said in (([], "add YES=1"), (["--yes"], "The box is not new")):
            monkeypatch.setattr(
                "sys.argv", ["conformance", "--host", box.url, "--username", box.username, "--ca", box.cacert, *more]
            )
            assert main() == 2
            assert said in capsys.readouterr().out
        assert not [entry for entry in box.log if entry.is_write]


def test_an_administrator_of_another_name_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["", "--host", "box.example.net", "--username", "kim@example.net", "--yes"])
    assert main() == 2
    assert "me@box.example.com" in capsys.readouterr().out
