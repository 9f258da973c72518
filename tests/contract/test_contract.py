# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated box answers as real boxes did, step by step."""

from __future__ import annotations

import functools
import json
import re
from typing import Any

import pytest

from tests.box import VERSIONS, Box, answer, new_state
from tests.contract.conversation import DATA, Conversation, differences, recording, scenario, versions

# Some day on which no code of the conversation ends before it was used.
_MOMENT = 1_800_000_000.0


@functools.cache
def _told_by(version: str) -> dict[str, dict[str, Any]]:
    """The whole conversation with a box of that version."""
    state = new_state(version)
    state.clock = lambda: _MOMENT
    with Box(state=state) as box:
        conversation = Conversation(box.url, box.cacert, (box.cacert, box.ca_key), state.clock)
        return {step["id"]: told for step, told in conversation.hold()}


def test_every_version_has_a_recording_of_every_step() -> None:
    steps = [step["id"] for step in scenario()]
    assert len(steps) == len(set(steps)) == 205
    assert versions() == sorted(VERSIONS)
    for version in versions():
        assert list(recording(version)) == steps


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("step", scenario(), ids=lambda step: step["id"])
def test_step(version: str, step: dict[str, Any], record_property: Any) -> None:
    record_property("contract", (version, step["section"]))
    found = differences(step, recording(version)[step["id"]], _told_by(version)[step["id"]])
    assert not found, "\n".join(map(str, found))


@pytest.mark.parametrize("version", [version for version in VERSIONS if version != "v0.51"])
def test_zone_file_is_the_recorded_one(version: str) -> None:
    """The conversation compares only its status: serial number and keys can't be the same."""

    def steady(told: dict[str, Any]) -> str:
        return re.sub(r"\d+(?=     ; serial)|(?<=keys hash: ).*", "", told["body"])

    recorded, told = (found["dns-zonefile"] for found in (recording(version), _told_by(version)))
    assert steady(told) == steady(recorded)


def test_differences_are_noticed() -> None:
    """Boxes of two versions are told apart, where the recordings differ and nowhere else."""
    told = _told_by("v60")
    expected = {
        step["id"]
        for step in scenario()
        if recording("v60")[step["id"]] != recording("v75")[step["id"]] and not step.get("loose")
    }
    found = {step["id"] for step in scenario() if differences(step, recording("v75")[step["id"]], told[step["id"]])}
    assert found == expected
    assert {"users-json", "quota-get", "version"} <= found


@pytest.mark.parametrize("version", ["v0.51", "v60", "v75"])
def test_listing_with_archived_mailboxes(version: str) -> None:
    state = new_state(version)
    form = {"email": "ann@example.org", "password": "ann-password-1", "quota": "2G"}
    assert answer(state, "POST", "/mail/users/add", form=form).status == 200
    state.deliver("ann@example.org", 1_572_864)
    state.deliver("old@example.org")
    state.deliver("zed@gone.example")
    example = json.loads((DATA / "examples" / f"users-archived-{version}.json").read_text(encoding="utf-8"))
    assert answer(state, "GET", "/mail/users?format=json").json() == example
