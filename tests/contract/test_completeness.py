# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules cover the whole API: each route is used by the tasks of a module."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.box import VERSIONS, Box, crypto, new_state
from tests.box.prepare import prepare
from tests.box.routes import ROUTES
from tests.contract.conversation import DATA, SCENARIOS, scenario
from tests.tasks import Clock, run_task

MODULES = sorted(path.stem for path in (Path(__file__).parents[2] / "plugins" / "modules").glob("miab_*.py"))
ANN = {"email": "ann@example.org"}
WWW = {"name": "www.example.org", "type": "A"}
TOTP_SECRET = "JBSWY3DPEHPK3PXP" * 2


def module(name: str) -> Any:
    return import_module("ansible_collections.mailinabox.admin.plugins.modules." + name)


def certificate(name: str) -> str:
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    return crypto.sign([name], crypto.box_key().public_key(), now - day, now + 60 * day)


# For each module, tasks that together use all its routes. Failures on some versions don't matter here.
TASKS: Mapping[str, list[dict[str, Any]]] = {
    "miab_user": [
        {**ANN, "user_password": "ann-password-2", "privileges": ["admin"], "quota": "2G"},
        {**ANN, "user_password": "ann-password-2", "privileges": ["admin"]},
        {**ANN, "privileges": []},
        {**ANN, "state": "absent"},
        {**ANN, "user_password": "ann-password-1"},
    ],
    "miab_config": [{"users": [{"email": "eve@example.org", "user_password": "eve-password-1"}]}],
    "miab_alias": [
        {"address": "sales@example.org", "forwards_to": ["ann@example.org"]},
        {"address": "sales@example.org", "state": "absent"},
    ],
    "miab_dns_record": [
        {**WWW, "values": ["192.0.2.1", "192.0.2.2"]},
        {**WWW, "value": "192.0.2.3", "exclusive": True},
        {**WWW, "state": "absent"},
        {"name": "blog.example.org", "type": "CNAME", "value": "host.example.net"},
    ],
    "miab_secondary_nameserver": [{"hostnames": ["ns2.example.net"]}],
    "miab_ssl": [
        {"domain": "example.org", "certificate": certificate("example.org")},
        {"domain": "www.example.com", "state": "provisioned"},
    ],
    "miab_ssl_csr": [{"domain": "example.org", "country_code": "GB"}],
    "miab_backup_config": [{"target": "off"}],
    "miab_mfa": [
        {"label": "phone", "secret": TOTP_SECRET},
        {"label": "phone", "state": "absent", "totp_secret": TOTP_SECRET},
    ],
    "miab_system": [{"privacy": False, "packages": "latest", "reboot": "if_required"}],
    "miab_dns_update": [{}],
    "miab_web_update": [{}],
    "miab_session": [{}, {"state": "absent"}],
    "miab_info": [
        {"gather_subset": [subset]} for subset in module("miab_info").TASK.options["gather_subset"]["choices"]
    ],
}

# Steps of the recorded conversation that are errors on purpose.
MISTAKES = {
    "GET /no/such/thing": "a path that no box has",
    "GET /login": "as the API's documentation has it; boxes take POST",
    "GET /mail/users/add": "another method",
    "POST /mfa/totp/disable": "as the API's documentation has it; boxes take POST /mfa/disable",
}

# Routes that no module uses, because another route has the same data, and that route.
COVERED = {
    "GET /mail/users/quota": ("GET /mail/users", "the list of users has the quota of each"),
}


def endpoints() -> list[dict[str, str]]:
    listed: list[dict[str, str]] = yaml.safe_load((DATA / "endpoints.yml").read_text(encoding="utf-8"))
    return listed


def covered() -> dict[str, tuple[str, str]]:
    return {**COVERED, **{row["endpoint"]: (row["by"], row["why"]) for row in endpoints() if "by" in row}}


def route(method: str, path: str) -> str | None:
    """The route of a request, on any version."""
    segments = path.partition("?")[0].split("/")
    for known in ROUTES:
        if known.method == method and known.match(segments) is not None:
            return f"{method} {known.path}"
    return None


def _ask_all(version: str, name: str) -> set[str]:
    """The routes that a module's tasks use on a box of this version."""
    clock = Clock()
    state = new_state(version)
    state.clock = clock.now
    prepare(
        state, {"users": [{**ANN, "password": "ann-password-1"}, {"email": "bob@example.com", "password": "12345678"}]}
    )
    state.reboot_required = True
    state.upstream_version = version
    with Box(state=state) as box:
        box.reboot_seconds = 0
        key = None
        for options in TASKS[name]:
            given = options if key is None else {**options, "password": None, "api_key": key}
            result = run_task(box, name, given, sleep=clock.sleep, now=clock.now)
            key = result.get("session", {}).get("api_key")
            box.is_up.wait(20)
        return {found for entry in box.log if (found := route(entry.method, entry.path))}


@functools.cache
def used() -> dict[str, list[str]]:
    """Each used route, with the modules that use it."""
    found: dict[str, list[str]] = {}
    for name in MODULES:
        for one in sorted({one for version in VERSIONS for one in _ask_all(version, name)}):
            found.setdefault(one, []).append(name)
    return found


def test_every_module_has_tasks() -> None:
    assert sorted(TASKS) == MODULES


def steps() -> list[str]:
    return sorted(
        {f"{step['method']} {step['path'].partition('?')[0]}" for name in SCENARIOS for step in scenario(name)}
    )


@pytest.mark.parametrize("step", steps())
def test_every_step_of_the_conversation_is_a_route_that_a_module_uses(step: str) -> None:
    method, _blank, path = step.partition(" ")
    taken = route(method, path)
    if taken is None:
        assert step in MISTAKES
    else:
        assert covered().get(taken, (taken, ""))[0] in used(), f"no module asks for {taken}"


@pytest.mark.parametrize("known", sorted({f"{known.method} {known.path}" for known in ROUTES}))
def test_every_route_of_a_box_has_a_module(known: str, record_property: Any) -> None:
    by, why = covered().get(known, (known, ""))
    assert by in used(), f"no module asks for {known}"
    record_property("route", (known, ", ".join(used()[by]), f"by {by}: {why}" if why else ""))


@pytest.mark.parametrize("row", endpoints(), ids=lambda row: row["endpoint"])
def test_every_documented_endpoint_has_its_module(row: dict[str, str]) -> None:
    assert row["module"] in used()[row.get("by") or row.get("as") or row["endpoint"]]
    assert ("by" in row) == ("why" in row)


def test_the_documentation_has_49_endpoints() -> None:
    names = [row["endpoint"] for row in endpoints()]
    assert len(names) == len(set(names)) == 49


def test_every_exception_is_needed() -> None:
    asked = set(steps())
    assert set(MISTAKES) <= asked
    assert not {step for step in MISTAKES if route(*step.split(" "))}
    assert not set(covered()) & set(used())
