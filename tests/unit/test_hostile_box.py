# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No text from a box becomes part of a template: 10,000 hostile texts in exports, which Ansible then loads."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from ansible_collections.mailinabox.admin.plugins.filter.declaration import declaration
from ansible_collections.mailinabox.admin.plugins.filter.health_page import health_page
from ansible_collections.mailinabox.admin.plugins.filter.plan import plan
from ansible_collections.mailinabox.admin.plugins.filter.plan_markdown import plan_markdown
from tests.hostile import values

COUNT = 10_000
# The number of texts in one file.
BATCH = 1000
# All texts are used as DNS values, which are the fastest to render, and a part of them in the other fields.
SPREAD = 20
PASSWORD = "the password of the vault"


def held(**parts: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {"users": [], "aliases": [], "dns_records": [], "secondary_nameservers": []}
    return {**empty, "backup": {"target": "local", "min_age_in_days": 3}, "privacy": True, **parts}


def filled_in(text: str, folder: Path, variables: dict[str, Any] | None = None) -> Any:
    """The variables of a file as a playbook sees them: loaded by Ansible, with rendered templates."""
    file = folder / "vars.yml"
    file.write_text(text, encoding="utf-8")
    loader = DataLoader()
    # Since 2.19, Ansible renders templates only from trusted files, such as those of a user.
    trusts = "trusted_as_template" in inspect.signature(loader.load_from_file).parameters
    read = loader.load_from_file(str(file), **({"trusted_as_template": True} if trusts else {}))
    return Templar(loader, {"omit": "", **(variables or {})}).template(read)


def is_written(config: dict[str, Any]) -> bool:
    try:
        declaration(config)
    except AnsibleFilterError:
        return False
    return True


def aliases(texts: list[str]) -> dict[str, Any]:
    return held(aliases=[{"address": text, "forwards_to": [text], "permitted_senders": [text]} for text in texts])


@pytest.mark.parametrize("text", ["x%sx" % sign for sign in "'\"\\{}[]() \n\t#%|/+,;:&<>é"])
def test_an_address_that_could_end_its_quotes_is_refused(text: str) -> None:
    with pytest.raises(AnsibleFilterError, match=r"users\[1\]\.email: .*export again") as caught:
        declaration(held(users=[{"email": "ann@example.org"}, {"email": text + "@example.org"}]))
    # A message may become part of another text that Ansible renders.
    assert "{" not in str(caught.value)


def test_nothing_from_a_box_is_executed(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    texts = list(values(COUNT, canary))
    identifiers = 0
    for start in range(0, COUNT, BATCH):
        batch = texts[start : start + BATCH]

        users = [{"email": text} for text in batch if is_written(held(users=[{"email": text}]))]
        addresses = [text for text in batch[::SPREAD] if is_written(aliases([text]))]
        names = [text for text in batch if is_written(held(dns_records=[{"name": text, "type": text, "values": []}]))]
        identifiers += len(users) + len(addresses) + len(names)
        config = {
            **aliases(addresses),
            "users": [
                *users,
                *({"email": "u%d@x.org" % n, "quota": t, "privileges": [t]} for n, t in enumerate(batch[::SPREAD])),
            ],
            "dns_records": [
                *({"name": name, "type": name, "values": [name]} for name in names),
                {"name": "x.example.org", "type": "TXT", "values": batch},
            ],
            "secondary_nameservers": batch[1::SPREAD],
            "backup": {"target": batch[0], "min_age_in_days": batch[1], "note": batch[2::SPREAD]},
            "privacy": batch[2],
        }
        passwords = {user["email"]: PASSWORD for user in config["users"]}
        facts = filled_in(declaration(config), tmp_path, {"vault_miab_passwords": passwords})
        assert not canary.exists()
        assert facts["miab_secondary_nameservers"] == batch[1::SPREAD]
        assert facts["miab_backup"] == config["backup"]
        assert [user["user_password"] for user in facts["miab_users"]] == [PASSWORD] * len(passwords)
        assert sorted(
            (user["email"], user.get("quota"), user.get("privileges")) for user in facts["miab_users"]
        ) == sorted((user["email"], user.get("quota"), user.get("privileges")) for user in config["users"])
        assert [record["values"] for record in facts["miab_dns_records"] if "values" in record] == [batch]
        assert sorted(alias["address"] for alias in facts["miab_aliases"]) == sorted(addresses) if addresses else True
    # Most texts are rejected. Some of the others look like templates.
    assert identifiers < COUNT


def test_a_plan_and_a_page_of_hostile_texts_are_text(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    for start in values(200, canary):
        change = {"resource": start, "key": start, "action": "update", "before": {"a": start}, "after": {start: start}}
        plan_markdown(plan({start: {"changes": [change], "warnings": [start]}, "b": {"failed": True, "msg": start}}))
        health_page(
            {start: {}},
            {start: [{"check": "dns", "severity": "fail", "about": start, "text": start}]},
            made="2026-01-01T00:00:00Z",
        )
    assert not canary.exists()
