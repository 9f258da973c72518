# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another administrator changes the box in the middle of a playbook's run: four versions, both doors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.box import Box
from tests.box.answers import Request
from tests.box.faults import Fault
from tests.box.prepare import prepare
from tests.box.routes import is_write

from .playbooks import play

ME, ANN, BOB = "me@box.example.com", "ann@example.org", "bob@example.org"
START: dict[str, Any] = {
    "users": [
        {"email": ANN, "password": "ann-password-1"},
        {"email": BOB, "password": "bob-password-1", "privileges": ["admin"]},
    ],
    "aliases": [
        {"address": "sales@example.org", "forwards_to": [ANN]},
        {"address": "team@example.org", "forwards_to": [ANN]},
    ],
    "dns_records": [
        {"qname": "www.example.org", "rtype": "TXT", "value": "a"},
        {"qname": "mx.example.org", "rtype": "MX", "value": "5 other.example.net."},
    ],
}
DECLARED: dict[str, Any] = {
    "users": [
        {"email": "cat@example.org", "user_password": "cat-password-1"},
        {"email": "dan@example.org", "user_password": "dan-password-1"},
        {"email": BOB, "privileges": []},
    ],
    "aliases": [{"address": "sales@example.org", "forwards_to": [BOB]}],
    "dns_records": [{"name": "www.example.org", "type": "TXT", "values": ["b"]}],
    "secondary_nameservers": ["xfr:192.0.2.8"],
    "backup": {"target": "off"},
}


def post(path: str, body: str = "", **form: str) -> dict[str, Any]:
    return {"method": "POST", "path": path, "body": body, **({"form": form} if form else {})}


RIVAL = [
    post("/mail/users/privileges/remove", email=BOB, privilege="admin"),
    post("/mail/users/add", email="new@example.org", password="new-password-1"),
    post(
        "/mail/aliases/add",
        address="sales@example.org",
        forwards_to=ANN,
        permitted_senders=BOB,
        update_if_exists="1",
    ),
    post("/mail/aliases/remove", address="team@example.org"),
    post("/dns/custom/www.example.org/TXT", body="c"),
    post("/dns/custom/x.example.org/TXT", body="x"),
    post("/dns/secondary-nameserver", hostnames="xfr:192.0.2.7"),
    post("/system/backup/config", target="local", target_user="", target_pass="", min_age="42"),
]


class SecondWrite:
    """Matches the second write."""

    def __init__(self) -> None:
        self._writes = 0

    def __call__(self, request: Request) -> bool:
        self._writes += is_write(request.method, request.path)
        return self._writes == 2


def test_changes_of_another_administrator(box: Box, door: str, tmp_path: Path) -> None:
    prepare(box.state, START)
    # Two writes later, every answer is more than a second old.
    box.delay = 0.6
    box.faults.append(Fault("meanwhile", SecondWrite(), requests=RIVAL))
    [outcome] = play(box, [{"mailinabox.admin.miab_config": DECLARED}], tmp_path, door).outcomes
    assert not outcome.failed, outcome.result["msg"]
    first, beside = (text for text in outcome.result["warnings"] if "Another administrator" in text)
    assert "what this task was about to change" in first
    for name in (
        f"user {BOB} (privileges)",
        "alias sales@example.org (permitted_senders)",
        "dns record www.example.org TXT (values)",
        "secondary nameservers (hostnames)",
        "backup (min_age_in_days)",
    ):
        assert name in first
    assert "the box while this task ran" in beside
    for name in (
        "user new@example.org (added)",
        "alias team@example.org (removed)",
        "dns record x.example.org TXT (added)",
    ):
        assert name in beside
    state = box.state
    assert set(state.users) == {ME, ANN, BOB, "cat@example.org", "dan@example.org", "new@example.org"}
    # What nobody declared is as the other administrator left it.
    assert state.aliases["sales@example.org"].forwards_to == [BOB]
    assert state.aliases["sales@example.org"].permitted_senders == [BOB]
    assert "team@example.org" not in state.aliases
    assert {record.value for record in state.dns_records if record.qname == "www.example.org"} == {"b"}
    assert {record.value for record in state.dns_records if record.qname == "x.example.org"} == {"x"}
    assert state.secondary_nameservers == ["xfr:192.0.2.8"]
    assert (state.backup.target, state.backup.min_age_in_days) == ("off", 42)
    box.delay = 0
    [again] = play(box, [{"mailinabox.admin.miab_config": DECLARED}], tmp_path, door).outcomes
    assert not again.result["changed"]
    assert "warnings" not in again.result
