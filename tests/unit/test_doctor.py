# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter doctor: its findings, and the next steps."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.filter.doctor import doctor
from ansible_collections.mailinabox.admin.plugins.module_utils._model import forks

BOX = {"kind": "upstream", "version": "v76", "marks": [], "support": "full", "refused": [], "clock_offset": 0}
SIGNED_IN = {"session": {"api_key": "key"}, "calls": []}


def read(**values: Any) -> list[dict[str, Any]]:
    """Results of reads, one for each subset."""
    return [{"item": name, name: value, "calls": []} for name, value in {"box": BOX, **values}.items()]


def failed(item: str, code: str, message: str) -> dict[str, Any]:
    return {"item": item, "failed": False, "failure": {"code": code, "message": message, "details": {}}, "calls": []}


def findings_of(found: dict[str, Any], check: str) -> list[tuple[str, str]]:
    return [(one["state"], one["text"]) for one in found["findings"] if one["check"] == check]


def test_a_good_box() -> None:
    found = doctor(read(mfa={"a@x": [{}], "b@x": []}, dns_problems=[]), SIGNED_IN, "box.example.com")
    assert found["usable"]
    assert {one["state"] for one in found["findings"]} == {"ok"}
    assert found["report"][0] == "box.example.com:"
    assert findings_of(found, "version") == [("ok", "Mail-in-a-Box v76. Everything works.")]
    assert findings_of(found, "MFA") == [("ok", "1 of 2 users sign in with a second factor.")]
    assert findings_of(found, "reads") == [("ok", "3 of 3 reads have the expected form.")]
    assert [step.rpartition(": ")[2] for step in found["next"]] == [
        "ansible-playbook mailinabox.admin.export",
        "ansible-playbook mailinabox.admin.plan",
    ]
    assert found["report"][-1] == "next: " + found["next"][-1]


@pytest.mark.parametrize(
    ("code", "check", "step"),
    [
        ("connection", "reachable", "Check the name"),
        ("authentication", "sign-in", "bans an address"),
        ("unexpected_answer", "sign-in", "Naust"),
        ("unsupported", "sign-in", "Naust"),
        ("something new", "sign-in", "what the message says"),
    ],
)
def test_a_box_that_rejects_the_credentials(code: str, check: str, step: str) -> None:
    found = doctor([], failed("", code, "Why."))
    assert not found["usable"]
    assert [(one["check"], one["state"], one["text"]) for one in found["findings"]] == [(check, "fail", "Why.")]
    assert len(found["next"]) == 1
    assert step in found["next"][0]
    # With a key, there is no login, and each read fails for the same reason.
    assert doctor([failed("box", code, "Why."), failed("users", code, "Why.")], {})["next"] == found["next"]


def test_options_that_ansible_refuses() -> None:
    found = doctor([], {"failed": False, "msg": "missing required arguments: host"})
    assert findings_of(found, "sign-in") == [("fail", "missing required arguments: host")]
    assert found["next"] == ["Correct the option, then run this playbook again."]


@pytest.mark.parametrize("kind", forks.KINDS)
def test_a_known_fork(kind: str) -> None:
    box = forks.Box(kind, ("a mark",))
    refused = [{"what": what, "why": why} for what, why in box.refused]
    found = doctor(read(box={**BOX, "kind": kind, "marks": box.marks, "support": box.support, "refused": refused}))
    assert found["usable"]
    assert (kind in findings_of(found, "version")[0][1]) == (kind != "upstream")
    assert len(findings_of(found, "support")) == (len(refused) + 1 if refused else 0)


def test_an_unknown_kind() -> None:
    found = doctor(read(box={**BOX, "kind": "unknown", "marks": ["the field 'x' in users"], "support": "unknown"}))
    assert findings_of(found, "version") == [
        ("warn", "Mail-in-a-Box v76, unknown kind of box: it has the field 'x' in users.")
    ]
    assert "miab_unknown_box" in found["next"][0]


@pytest.mark.parametrize(("offset", "state"), [(None, "ok"), (0, "ok"), (-25, "ok"), (26, "warn"), (-3600, "warn")])
def test_clocks(offset: int | None, state: str) -> None:
    found = doctor(read(box={**BOX, "clock_offset": offset}))
    assert [one[0] for one in findings_of(found, "clock")] == [state]
    assert any("clock" in step for step in found["next"]) == (state == "warn")


def test_the_doctor_names_each_problem() -> None:
    rows = [
        {"name": "x.example.org", "type": "MX", "value": "bad", "problem": "no MX", "breaks_zone": True},
        {
            "name": "www.gone.example",
            "type": "A",
            "value": "192.0.2.1",
            "problem": "not in any zone",
            "breaks_zone": False,
        },
    ]
    results = [
        *read(dns_problems=rows, users=None),
        failed("aliases", "unexpected_answer", "Another form."),
        {
            "item": "certificates",
            "certificates": None,
            "warnings": ["certificates is left empty: too slow"],
            "calls": [],
        },
        {"item": "skipped", "skipped": True},
    ]
    results[0]["warnings"] = ["validate_certs is false: the task can't tell whether it talks to the box."]
    found = doctor(results, SIGNED_IN)
    assert not found["usable"]
    assert [one[0] for one in findings_of(found, "certificate")] == ["warn"]
    assert findings_of(found, "DNS") == [
        ("warn", "x.example.org MX bad takes its zone down: no MX"),
        ("warn", "www.gone.example A 192.0.2.1 is not published: not in any zone"),
    ]
    assert findings_of(found, "reads") == [
        ("ok", "2 of 5 reads have the expected form."),
        ("fail", "aliases: Another form."),
        ("warn", "users: not available from the box."),
        ("warn", "certificates is left empty: too slow"),
    ]
    assert found["next"][0].startswith("Don't write to this box")


def test_broken_records_come_first() -> None:
    row = {"name": "x.example.org", "type": "MX", "value": "a\nb", "problem": "no MX"}
    found = doctor(read(dns_problems=[row]))
    assert found["usable"]
    assert found["next"][0].startswith("Remove or correct the DNS records")
    assert all(line.isprintable() for line in found["report"])
