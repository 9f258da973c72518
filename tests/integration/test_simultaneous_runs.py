# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ten declarations for one box at the same time, with Ansible's forks: the box ends as if they came one after the other."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.box import Box, Fault, State, Totp, zones
from tests.box.answers import Request
from tests.box.prepare import prepare
from tests.box.routes import is_write
from tests.name_server import published
from tests.tasks import connection, run_task

from . import test_scopes
from .playbooks import Run, run_on_hosts

SECRET = "JBSWY3DPEHPK3PXP" * 2
# Some are parts of others, so zones come and go with their first addresses.
DOMAINS = (
    *("acme.example", "shop.acme.example", "in.shop.acme.example", "bolt.example", "mail.bolt.example"),
    *("cafe.example", "dune.example", "echo.example", "fox.example", "xn--caf-dma.example"),
)


def declaration(domain: str) -> dict[str, Any]:
    """Users, aliases and records, all in one domain."""
    return {
        "users": [
            {"email": f"{name}@{domain}", "user_password": f"{name}-password-1", "update_password": "on_create"}
            for name in ("ann", "bob")
        ],
        "aliases": [
            {"address": f"team@{domain}", "forwards_to": [f"ann@{domain}", f"bob@{domain}"]},
            {"address": f"only@{domain}", "forwards_to": [], "permitted_senders": [f"ann@{domain}"]},
        ],
        "dns_records": [{"name": f"note.{domain}", "type": "TXT", "values": ["one", "two"]}],
    }


def with_settings(declared: dict[str, Any]) -> dict[str, Any]:
    return {**declared, "backup": {"min_age_in_days": 9}, "privacy": False}


def with_scope(domain: str) -> dict[str, Any]:
    """A declaration that manages its domain only."""
    others = [other for other in DOMAINS if other != domain]
    return {**declaration(domain), "purge": ["users", "aliases"], "scope": [domain], "scope_exclude": others}


Declarations = Mapping[str, Mapping[str, Any]]

# Without scopes, also the settings, and zones that become parts of others.
DECLARED: Declarations = {
    f"host-{number}": (with_settings if number == 0 else dict)(declaration(domain))
    for number, domain in enumerate(DOMAINS)
}
OWNER = {
    **with_settings(declaration("box.example.com")),
    "scope_exclude": list(DOMAINS),
    "purge": ["users", "dns_records"],
}
SCOPED: Declarations = {**{domain: with_scope(domain) for domain in DOMAINS}, "owner": OWNER}
# A declaration with a scope may not change the zones of others. So the domains with subdomains have an address already.
# Each purge finds something.
BEFORE = {
    "users": [{"email": f"old@{domain}", "password": "old-password-1"} for domain in (*DOMAINS, "gone.example")],
    "dns_records": [{"qname": "old.box.example.com", "rtype": "TXT", "value": "old"}],
}
CONFIG = {
    "mailinabox.admin.miab_config": {
        name: f"{{{{ declared.{name} | default(omit) }}}}" for name in {**with_scope(DOMAINS[0]), **OWNER}
    }
}


class Writes:
    """Notes which declaration each write at a box is from."""

    def __init__(self) -> None:
        self.domains: list[str] = []

    def __call__(self, request: Request) -> bool:
        if is_write(request.method, request.path):
            text = f"{request.path} {request.form.get('email', '')} {request.form.get('address', '')}"
            self.domains += sorted((domain for domain in (*DOMAINS, "box.example.com") if domain in text), key=len)[-1:]
        return False


def play(box: Box, folder: Path, declarations: Declarations, *tasks: dict[str, Any], **options: Any) -> Run:
    """Run tasks on all hosts at the same time, each with its declaration."""
    playbook = {
        "hosts": "all",
        "gather_facts": False,
        "module_defaults": {"group/mailinabox.admin.box": {**connection(box), **options}},
        "tasks": tasks,
    }
    (folder / "playbook.yml").write_text(yaml.safe_dump([playbook]), encoding="utf-8")
    hosts = {
        name: {"ansible_connection": "local", "declared": dict(declared)} for name, declared in declarations.items()
    }
    return run_on_hosts(hosts, folder / "playbook.yml", folder, ["--forks", "10"])


def contents(state: State) -> dict[str, Any]:
    """All that a box has and publishes, without the order in which it came."""
    return {
        "users": {email: (user.password, user.privileges, user.quota) for email, user in state.users.items()},
        "aliases": {
            address: (sorted(alias.forwards_to), sorted(alias.permitted_senders or ()))
            for address, alias in state.aliases.items()
        },
        "automatic": state.automatic_aliases,
        "records": sorted(state.dns_records),
        "zones": {inputs.zone: sorted(zones.file_body(inputs).splitlines()) for inputs in published(state)},
        "backup": state.backup,
        "privacy": state.privacy,
    }


def one_after_the_other(version: str, declarations: Declarations, before: Mapping[str, Any]) -> dict[str, Any]:
    with Box(version) as box:
        prepare(box.state, before)
        for declared in declarations.values():
            result = run_task(box, "miab_config", declared)
            assert not result.get("failed"), result["msg"]
        return contents(box.state)


def check(run: Run, number: int) -> None:
    """Each host has changed something with the first task, and nothing with the second. There are no warnings."""
    assert run.status == 0, run.output
    assert [outcome.result["changed"] for outcome in run.outcomes] == [True] * number + [False] * number
    assert [outcome.result.get("warnings") for outcome in run.outcomes] == [None] * 2 * number


TWICE = ({"name": "apply", **CONFIG}, {"name": "again", **CONFIG})


@pytest.mark.parametrize(("declarations", "before"), [(DECLARED, {}), (SCOPED, BEFORE)], ids=["whole", "scopes"])
def test_declarations_at_the_same_time(
    box: Box, declarations: Declarations, before: Mapping[str, Any], tmp_path: Path
) -> None:
    prepare(box.state, before)
    writes = Writes()
    box.faults.append(Fault("500", writes, times=10**6))
    check(play(box, tmp_path, declarations, *TWICE), len(declarations))
    version = box.state.capabilities.name
    assert contents(box.state) == one_after_the_other(version, declarations, before)
    # Older boxes lose changes of DNS records that are made at the same time.
    assert len(list(itertools.groupby(writes.domains))) == len(declarations)


def test_declarations_with_one_time_codes(box: Box, tmp_path: Path) -> None:
    box.state.users[box.username].totp = [Totp(1, SECRET, "phone")]
    run = play(box, tmp_path, DECLARED, {"name": "apply", **CONFIG}, totp_secret=SECRET)
    assert run.status == 0, run.output
    assert contents(box.state) == one_after_the_other(box.state.capabilities.name, DECLARED, {})
    assert box.failed_logins == []


def test_customers_and_the_owner_at_the_same_time(box: Box, tmp_path: Path) -> None:
    """With the playbook, and the declarations of the test of scopes. The first run finds something for three of them."""
    hosts = {name: dict(variables) for name, variables in test_scopes.HOSTS.items()}
    prepare(box.state, test_scopes.STATE)
    for changed in (3, 0):
        run = test_scopes.run("apply", box, tmp_path, hosts, "--forks", "10")
        assert run.status == 0, run.output
        assert len(re.findall(r"^\w+ +: ok=\d+ +changed=[1-9]", run.output, re.MULTILINE)) == changed, run.output
        assert "nother administrator" not in run.output
    scopes = [domain for variables in hosts.values() for domain in variables.get("miab_scope", ())]
    options = {
        name: {
            **{option.removeprefix("miab_"): value for option, value in variables.items()},
            "scope_exclude": [domain for domain in scopes if domain not in variables.get("miab_scope", ())],
        }
        for name, variables in hosts.items()
    }
    expected = one_after_the_other(box.state.capabilities.name, options, test_scopes.STATE)
    assert contents(box.state) == expected
