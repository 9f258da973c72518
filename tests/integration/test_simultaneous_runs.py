# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ten declarations for one box at the same time, with Ansible's forks: the box ends as if they came one after the other."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import yaml

from tests.box import Box, Fault, State, Totp, zones
from tests.box.answers import Request
from tests.box.routes import is_write
from tests.name_server import published
from tests.tasks import connection, run_task

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


DECLARED = {
    f"host-{number}": (with_settings if number == 0 else dict)(declaration(domain))
    for number, domain in enumerate(DOMAINS)
}
CONFIG = {
    "mailinabox.admin.miab_config": {
        name: f"{{{{ declared.{name} | default(omit) }}}}" for name in with_settings(declaration("example.org"))
    }
}


class Writes:
    """Notes which declaration each write at a box is from."""

    def __init__(self) -> None:
        self.domains: list[str] = []

    def __call__(self, request: Request) -> bool:
        if is_write(request.method, request.path):
            text = f"{request.path} {request.form.get('email', '')} {request.form.get('address', '')}"
            self.domains += sorted((domain for domain in DOMAINS if domain in text), key=len)[-1:]
        return False


def play(box: Box, folder: Path, *tasks: dict[str, Any], **options: Any) -> Run:
    """Run tasks on all hosts at the same time, each with its declaration."""
    playbook = {
        "hosts": "all",
        "gather_facts": False,
        "module_defaults": {"group/mailinabox.admin.box": {**connection(box), **options}},
        "tasks": tasks,
    }
    (folder / "playbook.yml").write_text(yaml.safe_dump([playbook]), encoding="utf-8")
    hosts = {name: {"ansible_connection": "local", "declared": declared} for name, declared in DECLARED.items()}
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


def one_after_the_other(version: str) -> dict[str, Any]:
    with Box(version) as box:
        for declared in DECLARED.values():
            result = run_task(box, "miab_config", declared)
            assert not result.get("failed"), result["msg"]
        return contents(box.state)


def check(run: Run, number: int) -> None:
    """Each host has changed something with the first task, and nothing with the second. There are no warnings."""
    assert run.status == 0, run.output
    assert [outcome.result["changed"] for outcome in run.outcomes] == [True] * number + [False] * number
    assert [outcome.result.get("warnings") for outcome in run.outcomes] == [None] * 2 * number


def test_ten_declarations_at_the_same_time(box: Box, tmp_path: Path) -> None:
    writes = Writes()
    box.faults.append(Fault("500", writes, times=10**6))
    check(play(box, tmp_path, {"name": "apply", **CONFIG}, {"name": "again", **CONFIG}), len(DECLARED))
    assert contents(box.state) == one_after_the_other(box.state.capabilities.name)
    # Older boxes lose changes of DNS records that are made at the same time.
    assert len(list(itertools.groupby(writes.domains))) == len(DOMAINS)


def test_ten_declarations_with_one_time_codes(newest_box: Box, tmp_path: Path) -> None:
    newest_box.state.users[newest_box.username].totp = [Totp(1, SECRET, "phone")]
    run = play(newest_box, tmp_path, {"name": "apply", **CONFIG}, totp_secret=SECRET)
    assert run.status == 0, run.output
    found, expected = contents(newest_box.state), one_after_the_other("v75")
    assert found == expected
    assert newest_box.failed_logins == []
