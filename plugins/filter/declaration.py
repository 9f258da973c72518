# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A box's own answers as a declaration that a person can read and keep."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import yaml

DOCUMENTATION = r"""
name: declaration
short_description: Write what a box holds as a file of variables that declares it
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Takes the subset C(config) of M(mailinabox.admin.miab_info), and returns the YAML text of the variables that the
    playbook C(mailinabox.admin.apply) takes. Applied to the same box, it changes nothing.
  - It is sorted, and leaves out what is so by default.
  - No box tells its secrets. The text names the variables to keep them in, lists them at its top, and can be applied
    without them to a box that has them already.
options:
  _input:
    description: The subset C(config).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Read the box
  mailinabox.admin.miab_info:
    gather_subset: config
  register: box

- name: Keep its declaration
  ansible.builtin.copy:
    content: "{{ box.config | mailinabox.admin.declaration }}"
    dest: host_vars/box.example.com.yml
    mode: "0644"
"""

RETURN = r"""
_value:
  description: The text of the file.
  type: str
"""

# What is so if nobody says otherwise.
_DEFAULTS: Mapping[str, Any] = {"privileges": [], "quota": "0", "permitted_senders": []}
_MASK = "********"
_MARKS = ("{{", "{%", "{#")

_HEADER = """\
# What the box holds, as it was read from it. `ansible-playbook mailinabox.admin.apply` makes a box so.
"""
_SECRETS_HEADER = """\
#
# A box doesn't tell its secrets. One that has them already keeps them; one that is new needs them,
# from a file encrypted with ansible-vault:
#
"""


class _Template(str):
    """A text for Ansible to fill in."""


class _Unsafe(str):
    """A text that only looks like one for Ansible to fill in."""


class _Dumper(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent lists inside of mappings, as linters want it."""
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(
    _Template, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style='"')
)
_Dumper.add_representer(_Unsafe, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text), style="'"))


def _secret(expression: str) -> _Template:
    return _Template("{{ %s | default(omit) }}" % expression)


def _user(user: Mapping[str, Any]) -> dict[str, Any]:
    password = _secret("vault_miab_passwords[%r]" % user["email"])
    return {"email": user["email"], "user_password": password, "update_password": "on_create", **user}


def _record(record: Mapping[str, Any]) -> dict[str, Any]:
    told = dict(record)
    if len(told["values"]) == 1:
        told["value"] = told.pop("values")[0]
    return told


def _backup(backup: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The settings, and the variables of the secrets that go with them."""
    told = dict(backup)
    target = str(told.get("target", ""))
    if "b2" in told:
        told["b2"] = {**told["b2"], "application_key": _secret("vault_miab_backup_key")}
        return told, ["vault_miab_backup_key"]
    if _MASK in target:
        # A URL with a password in it can only be declared by those who know the password.
        told["target"] = _secret("vault_miab_backup_target")
        return told, ["vault_miab_backup_target"]
    if target.startswith("s3://"):
        told["target_user"] = _secret("vault_miab_backup_user")
        told["target_password"] = _secret("vault_miab_backup_password")
        return told, ["vault_miab_backup_user", "vault_miab_backup_password"]
    return told, []


def _tidy(value: Any) -> Any:
    """A value without what is so by default, and with nothing in it that Ansible would fill in."""
    if isinstance(value, dict):
        return {key: _tidy(item) for key, item in value.items() if key not in _DEFAULTS or item != _DEFAULTS[key]}
    if isinstance(value, list):
        return [_tidy(item) for item in value]
    if isinstance(value, str) and not isinstance(value, _Template) and any(mark in value for mark in _MARKS):
        return _Unsafe(value)
    return value


def _dumped(value: Any) -> str:
    return yaml.dump(value, Dumper=_Dumper, allow_unicode=True, default_flow_style=False, sort_keys=False, width=1000)


def _to_fill_in(emails: list[str], others: list[str]) -> str:
    secrets: dict[str, Any] = {}
    if emails:
        secrets["vault_miab_passwords"] = dict.fromkeys(emails, "...")
    secrets.update((name, "...") for name in others)
    if not secrets:
        return ""
    return _SECRETS_HEADER + "".join("#   %s\n" % line for line in _dumped(secrets).splitlines())


def declaration(config: Mapping[str, Any]) -> str:
    """The text of the file that declares a box."""
    # Ansible's own kinds of text and number are none that YAML knows.
    held = json.loads(json.dumps(config))
    users = sorted(held["users"], key=lambda user: user["email"])
    backup, secrets = _backup(held["backup"])
    sections = {
        "miab_users": [_user(user) for user in users],
        "miab_aliases": sorted(held["aliases"], key=lambda alias: alias["address"]),
        "miab_dns_records": [
            _record(record)
            for record in sorted(held["dns_records"], key=lambda record: (record["name"], record["type"]))
        ],
        "miab_secondary_nameservers": held["secondary_nameservers"],
        "miab_backup": backup,
        "miab_privacy": held["privacy"],
    }
    parts = ["---\n" + _HEADER + _to_fill_in([user["email"] for user in users], secrets)]
    parts += [_dumped({name: _tidy(value)}) for name, value in sections.items() if value != []]
    return "\n".join(parts)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"declaration": declaration}
