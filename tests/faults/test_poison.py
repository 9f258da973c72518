# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that a box stores but can't publish: removed if the task wrote them, named if they existed before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.box import VERSIONS, Box, CustomRecord, prepare
from tests.box.routes import answer
from tests.tasks import run_task

ANN = {"users": [{"email": "ann@example.org", "password": "ann-password-1"}]}
POISON = CustomRecord("x.example.org", "MX", "not an mx")
NAMED = "The most likely cause is a value that the box already has: x.example.org MX 'not an mx': not a valid value for an MX"


@pytest.fixture(params=VERSIONS)
def box(request: pytest.FixtureRequest) -> Iterator[Box]:
    with Box(request.param) as started:
        prepare(started.state, ANN)
        yield started


def poison(box: Box) -> None:
    """Let another client store a value that the box can't publish."""
    reply = answer(box.state, "POST", "/dns/custom/x.example.org/MX", body=POISON.value)
    assert reply.status == 500
    assert box.state.broken_zones() == ["example.org"]


def record(box: Box, **options: Any) -> dict[str, Any]:
    return run_task(box, "miab_dns_record", {"name": "www.example.org", "type": "A", **options})


@pytest.mark.parametrize("exclusive", [False, True])
def test_our_own_broken_record_is_removed_and_the_zone_rebuilt(
    box: Box, exclusive: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No known value passes the collection's checks and still breaks the box, so the box is made to fail at one."""
    good = CustomRecord("www.example.org", "A", "192.0.2.1")
    prepare(box.state, {"dns_records": [good._asdict()]})
    is_broken = "tests.box.publishing.zones.is_broken"
    monkeypatch.setattr(is_broken, lambda inputs: any(row.value == "192.0.2.66" for row in inputs.custom))
    result = record(box, value="192.0.2.66", exclusive=exclusive)
    assert "The box stored '192.0.2.66' for /dns/custom/www.example.org/A" in result["msg"]
    assert "the value was removed again, and the zone was rebuilt. Nothing was changed." in result["msg"]
    assert result["failure"]["details"]["value"] == "192.0.2.66"
    assert box.state.dns_records == [good]
    assert box.state.broken_zones() == []
    result = record(box, value="192.0.2.2", exclusive=exclusive)
    assert result["changed"], result


@pytest.mark.parametrize("exclusive", [False, True])
def test_an_existing_broken_record_is_named(box: Box, exclusive: bool) -> None:
    good = CustomRecord("www.example.org", "A", "192.0.2.1")
    prepare(box.state, {"dns_records": [good._asdict()]})
    poison(box)
    result = record(box, value="192.0.2.2", exclusive=exclusive)
    assert result["failure"]["code"] == "box_failed"
    assert NAMED in result["msg"]
    assert result["msg"].endswith("Nothing was changed.")
    assert set(box.state.dns_records) == {good, POISON}
    # With the removal in the same declaration, the value is removed first, and everything succeeds.
    gone = record(box, name=POISON.qname, type="MX", value=POISON.value, state="absent")
    assert gone["changed"], gone
    result = record(box, value="192.0.2.2", exclusive=exclusive)
    assert result["changed"], result
    assert box.state.broken_zones() == []


@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("miab_user", {"email": "bob@bob.example.org", "user_password": "bob-password-1"}),
        ("miab_alias", {"address": "info@new.example.org", "forwards_to": ["ann@example.org"]}),
        ("miab_secondary_nameserver", {"hostnames": ["ns2.example.net"]}),
        ("miab_dns_update", {"force": True}),
    ],
)
def test_every_module_names_the_broken_record(box: Box, module: str, options: dict[str, Any]) -> None:
    poison(box)
    result = run_task(box, module, options)
    assert NAMED in result["msg"], result
    gone = record(box, name=POISON.qname, type="MX", state="absent")
    assert gone["changed"], gone
    again = run_task(box, module, options)
    assert not again.get("failed"), again
    assert run_task(box, "miab_dns_update", {})["changed"] is False


@pytest.mark.parametrize("gone", [True, False])
def test_broken_records_are_repaired_first(box: Box, gone: bool) -> None:
    poison(box)
    mended = {"state": "absent"} if gone else {"value": "10 mail.example.net."}
    wanted = {
        "users": [{"email": "bob@example.org", "user_password": "bob-password-1"}],
        "aliases": [{"address": "info@new.example.org", "forwards_to": ["ann@example.org"]}],
        "dns_records": [
            {"name": "www.example.org", "type": "A", "value": "192.0.2.1"},
            {"name": POISON.qname, "type": "MX", **mended},
        ],
    }
    result = run_task(box, "miab_config", wanted)
    assert not result.get("failed"), result["msg"]
    assert result["calls"][0] == {"method": "DELETE", "path": "/dns/custom/x.example.org/MX", "body": POISON.value}
    assert "warnings" not in result
    assert box.state.broken_zones() == []
    assert run_task(box, "miab_config", wanted)["changed"] is False


@pytest.mark.parametrize("purged", [True, False])
def test_two_broken_values_of_a_zone_are_removed_first(box: Box, purged: bool) -> None:
    """The zone stays broken until the last value is removed. So the box fails at the first removal, but executes it."""
    poison(box)
    other = CustomRecord("y.example.org", "CAA", "not a caa")
    assert answer(box.state, "POST", "/dns/custom/y.example.org/CAA", body=other.value).status == 500
    mending: dict[str, Any] = {"purge": ["dns_records"]} if purged else {}
    if not purged:
        mending["dns_records"] = [
            {"name": POISON.qname, "type": "MX", "value": "10 mail.example.net."},
            {"name": other.qname, "type": "CAA", "state": "absent"},
        ]
    wanted = {
        "users": [{"email": "bob@example.org", "user_password": "bob-password-1"}],
        **mending,
        "dns_records": [
            {"name": "www.example.org", "type": "A", "value": "192.0.2.1"},
            *mending.get("dns_records", []),
        ],
    }
    predicted = run_task(box, "miab_config", wanted, check_mode=True)
    result = run_task(box, "miab_config", wanted)
    assert not result.get("failed"), result["msg"]
    assert result["calls"] == predicted["calls"]
    assert {call["body"] for call in result["calls"][:2]} == {POISON.value, other.value}
    assert "warnings" not in result
    assert box.state.broken_zones() == []
    assert run_task(box, "miab_config", wanted)["changed"] is False
    assert run_task(box, "miab_dns_update", {})["changed"] is False


def test_one_record_with_two_values_that_break_its_zone(box: Box) -> None:
    poison(box)
    assert answer(box.state, "POST", "/dns/custom/x.example.org/MX", body="neither").status == 500
    options = {"name": POISON.qname, "type": "MX", "value": "10 mail.example.net.", "exclusive": True}
    predicted = run_task(box, "miab_dns_record", options, check_mode=True)
    result = run_task(box, "miab_dns_record", options)
    assert not result.get("failed"), result["msg"]
    assert result["calls"] == predicted["calls"]
    assert "warnings" not in result
    assert box.state.dns_records == [CustomRecord("x.example.org", "MX", "10 mail.example.net.")]
    assert box.state.broken_zones() == []


@pytest.mark.parametrize(
    ("wanted", "reply"),
    [
        ({"value": "10 mail.example.net.", "exclusive": True}, "Of 2 calls: 1 done, 1 not done."),
        ({"state": "absent"}, "All changes were made before this error: 1 call."),
    ],
    ids=["then-more", "last"],
)
def test_removing_one_of_two_broken_values_is_not_enough(box: Box, wanted: dict[str, Any], reply: str) -> None:
    """The other value is named, and the remaining writes are not tried."""
    poison(box)
    assert answer(box.state, "POST", "/dns/custom/y.example.org/MX", body="neither").status == 500
    result = run_task(box, "miab_dns_record", {"name": "y.example.org", "type": "MX", **wanted})
    assert result["failure"]["code"] == "box_failed"
    assert NAMED in result["msg"]
    assert result["msg"].startswith("DELETE ")
    assert reply in result["msg"]
    assert box.state.dns_records == [POISON]
    # The next run publishes what was stored.
    again = run_task(box, "miab_dns_record", {"name": POISON.qname, "type": "MX", "state": "absent"}, check_mode=True)
    assert [call["path"] for call in again["calls"]][1:] == ["/dns/update", "/web/update"]
