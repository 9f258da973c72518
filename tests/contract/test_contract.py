# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated box gives the recorded answers of real boxes, step by step."""

from __future__ import annotations

import functools
import json
import re
from typing import Any

import pytest

from tests.box import KNOWN, Box, answer, new_state
from tests.contract.conversation import DATA, SCENARIOS, Conversation, differences, recording, scenario, versions

# A fixed time at which no one-time code of the conversation expires before its use.
_MOMENT = 1_800_000_000.0


# Versions whose recordings equal those of another version, and that version.
SAME_AS = {"power-current-dev": "power-v60.5"}
# Boxes that nobody has asked the questions of a scenario.
NOT_RECORDED: dict[str, set[str]] = {"scenario": set(), "edges": {"kiekerjan-v76"}}


@functools.cache
def _answers_of(name: str, version: str) -> dict[str, dict[str, Any]]:
    """All answers of a simulated box of this version in a scenario."""
    state = new_state(version)
    state.clock = lambda: _MOMENT
    with Box(state=state) as box:
        conversation = Conversation(box.url, box.cacert, (box.cacert, box.ca_key), state.clock)
        return {step["id"]: reply for step, reply in conversation.replay(name)}


@pytest.mark.parametrize(("name", "count"), [("scenario", 205), ("edges", 122)])
def test_every_version_has_a_recording_of_every_step(name: str, count: int) -> None:
    steps = [step["id"] for step in scenario(name)]
    assert len(steps) == len(set(steps)) == count
    assert set(versions(name)) - SAME_AS.keys() == KNOWN.keys() - NOT_RECORDED[name]
    for version in versions(name):
        assert list(recording(name, version)) == steps


@pytest.mark.parametrize(
    ("version", "name", "step"),
    [
        pytest.param(version, name, step, id=f"{version}-{name}-{step['id']}")
        for version in KNOWN
        for name in SCENARIOS
        for step in scenario(name)
        if version not in NOT_RECORDED[name]
    ],
)
def test_step(version: str, name: str, step: dict[str, Any], record_property: Any) -> None:
    record_property("contract", (name, version, step["section"]))
    found = differences(step, recording(name, version)[step["id"]], _answers_of(name, version)[step["id"]])
    assert not found, "\n".join(map(str, found))


@pytest.mark.parametrize("version", [version for version in KNOWN if version != "v0.51"])
def test_zone_file_is_the_recorded_one(version: str) -> None:
    """The conversation compares only the status, because serial number and keys differ."""

    def steady(reply: dict[str, Any]) -> str:
        return re.sub(r"\d+(?=     ; serial)|(?<=keys hash: ).*", "", reply["body"])

    recorded, reply = (
        found["dns-zonefile"] for found in (recording("scenario", version), _answers_of("scenario", version))
    )
    assert steady(reply) == steady(recorded)


@pytest.mark.parametrize("recorded", SAME_AS)
def test_versions_that_answer_alike(recorded: str) -> None:
    told = _answers_of("scenario", SAME_AS[recorded])
    for step in scenario("scenario"):
        assert not differences(step, recording("scenario", recorded)[step["id"]], told[step["id"]])


def test_differences_are_noticed() -> None:
    """Two versions are distinguished exactly where their recordings differ."""
    reply = _answers_of("scenario", "v60")
    older, newer = recording("scenario", "v60"), recording("scenario", "v75")
    steps = [step for step in scenario("scenario") if not step.get("loose")]
    expected = {step["id"] for step in steps if older[step["id"]] != newer[step["id"]]}
    found = {step["id"] for step in steps if differences(step, newer[step["id"]], reply[step["id"]])}
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
