# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the configuration of a box as a readable declaration."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import yaml
from ansible.errors import AnsibleFilterError

from ..module_utils._values.secrets import MASK
from ..module_utils._values.texts import untemplated
from ..plugin_utils import _digest
from ..plugin_utils._export_header import HEADER, SECRETS_HEADER

DOCUMENTATION = r"""
name: declaration
short_description: Write the configuration of a box as a file of variables
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Takes the subset C(config) of M(mailinabox.admin.miab_info) and returns YAML text with the variables for the
    playbook C(mailinabox.admin.apply). If you apply it to the same box, nothing changes.
  - The entries are sorted. Default values are left out.
  - The API does not return secrets. The text refers to variables for them and lists these variables in its header. You
    can apply the text without them to a box that already has the secrets.
  - The answers of a box are not trusted. They never become part of a template, and strings that look like a template
    are marked with C(!unsafe). If an address or a name has an invalid character, the filter fails and names it.
  - One line of the header is a digest of the text. The playbook C(mailinabox.admin.export) uses it to find out whether
    the file was edited.
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

- name: Write the declaration
  ansible.builtin.copy:
    content: "{{ box.config | mailinabox.admin.declaration }}"
    dest: host_vars/box.example.com.yml
    mode: "0600"
"""

RETURN = r"""
_value:
  description: The text of the file.
  type: str
"""

# Default values, which are left out.
_DEFAULTS: Mapping[str, Any] = {"privileges": [], "quota": "0", "permitted_senders": []}
# Strings that can begin a template. ansible-core before 2.19 also reads #jinja2 lines, which can set other delimiters.
_MARKS = ("{", "#jinja2")

# The number of errors that a message lists.
_SHOWN = 10

# The allowed characters of each identifier. A user's address is quoted inside a template, so it must not contain
# quotes, backslashes, or anything that ends a template.
_USER = re.compile(r"[A-Za-z0-9._@-]+")
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]*@[A-Za-z0-9.-]+")
_NAME = re.compile(r"[A-Za-z0-9_*.-]+")
# Characters that no string of Ansible may contain: NUL and unpaired surrogates.
_NO_TEXT = re.compile("[\\0\ud800-\udfff]")


class _Template(str):
    """A string that is a template."""


class _Unsafe(str):
    """A string that looks like a template but is none."""


class _Dumper(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent lists inside mappings, as linters require."""
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _style(text: str, usual: str | None) -> str | None:
    """The quoting style: control characters and some line endings need double quotes."""
    return usual if text.isprintable() else '"'


_TEXT = "tag:yaml.org,2002:str"
_Dumper.add_representer(str, lambda dumper, text: dumper.represent_scalar(_TEXT, text, style=_style(text, None)))
_Dumper.add_representer(_Template, lambda dumper, text: dumper.represent_scalar(_TEXT, str(text), style='"'))
_Dumper.add_representer(
    _Unsafe, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text), style=_style(text, "'"))
)


def _secret(expression: str) -> _Template:
    return _Template("{{ %s | default(omit) }}" % expression)


def _user(user: Mapping[str, Any]) -> dict[str, Any]:
    # The address can't end the quotes or the template; see _USER.
    password = _secret("vault_miab_passwords['%s']" % user["email"])
    return {"email": user["email"], "user_password": password, "update_password": "on_create", **user}


def _record(record: Mapping[str, Any]) -> dict[str, Any]:
    facts = dict(record)
    if len(facts["values"]) == 1:
        facts["value"] = facts.pop("values")[0]
    return facts


def _backup(backup: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The settings, and the names of the variables for their secrets."""
    facts = dict(backup)
    target = str(facts.get("target", ""))
    if "b2" in facts:
        facts["b2"] = {**facts["b2"], "application_key": _secret("vault_miab_backup_key")}
        return facts, ["vault_miab_backup_key"]
    if MASK in target:
        # The URL contains a password that the API does not return.
        facts["target"] = _secret("vault_miab_backup_target")
        return facts, ["vault_miab_backup_target"]
    if target.startswith("s3://"):
        facts["target_user"] = _secret("vault_miab_backup_user")
        facts["target_password"] = _secret("vault_miab_backup_password")
        return facts, ["vault_miab_backup_user", "vault_miab_backup_password"]
    return facts, []


def _identifiers(exported: Mapping[str, Any]) -> Iterator[tuple[str, str, re.Pattern[str]]]:
    """Each identifier, with its place and the pattern of its allowed characters."""
    for place, user in enumerate(exported["users"]):
        yield "users[%d].email" % place, user["email"], _USER
    for place, alias in enumerate(exported["aliases"]):
        yield "aliases[%d].address" % place, alias["address"], _ADDRESS
        for option in ("forwards_to", "permitted_senders"):
            for number, address in enumerate(alias.get(option, ())):
                yield "aliases[%d].%s[%d]" % (place, option, number), address, _ADDRESS
    for place, record in enumerate(exported["dns_records"]):
        yield "dns_records[%d].name" % place, record["name"], _NAME
        yield "dns_records[%d].type" % place, record["type"], _NAME


def _texts(value: Any, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, "%s.%s" % (where, key) if where else key)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _texts(item, "%s[%d]" % (where, place))
    elif isinstance(value, str):
        yield where, value


def _in_ascii(text: str) -> str:
    """Replace each non-ASCII letter, mark or number by x, because domains may have them."""
    return "".join("x" if not sign.isascii() and unicodedata.category(sign)[0] in "LMN" else sign for sign in text)


def _cannot_be_written(exported: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Values that can't be written to a declaration, with their places and the reasons."""
    for where, text, made_of in _identifiers(exported):
        if not made_of.fullmatch(text if made_of is _USER else _in_ascii(text)):
            yield where, text, "it has invalid characters"
    for where, text in _texts(exported, ""):
        if _NO_TEXT.search(text):
            yield where, text, "it has an invalid character (NUL or an unpaired surrogate)"
        elif MASK in text and where != "backup.target":
            yield where, text, "Ansible masked a secret as %s, so this is not the value on the box" % MASK


def _quoted(text: str) -> str:
    """A string from a box for a message, without anything that Ansible could read as a template."""
    return untemplated(ascii(text[:100]))


def _check(exported: Mapping[str, Any]) -> None:
    """Check that everything can be written.

    :raises AnsibleFilterError: if something can't.
    """
    found = list(_cannot_be_written(exported))
    if found:
        lines = ["%s: %s: %s." % (where, _quoted(text), why) for where, text, why in found[:_SHOWN]]
        lines += ["And %d more." % (len(found) - _SHOWN)] if len(found) > _SHOWN else []
        raise AnsibleFilterError(
            "The configuration of this box can't be written as a declaration. %s "
            "Change or remove this on the box, for example in its control panel, and export again." % " ".join(lines)
        )


def _tidy(value: Any) -> Any:
    """A value without defaults, and with strings that look like templates marked as unsafe."""
    if isinstance(value, dict):
        return {key: _tidy(item) for key, item in value.items() if key not in _DEFAULTS or item != _DEFAULTS[key]}
    if isinstance(value, list):
        return [_tidy(item) for item in value]
    if isinstance(value, str) and not isinstance(value, _Template) and any(mark in value.lower() for mark in _MARKS):
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
    return SECRETS_HEADER + "".join("#   %s\n" % line for line in _dumped(secrets).splitlines())


def declaration(config: Mapping[str, Any]) -> str:
    """The text of the file that declares a box."""
    # Convert Ansible's own string and number types to plain ones, which PyYAML can write.
    exported = json.loads(json.dumps(config))
    _check(exported)
    users = sorted(exported["users"], key=lambda user: user["email"])
    # The part of a box that a scope contains has no settings.
    backup, secrets = _backup(exported["backup"]) if "backup" in exported else ({}, [])
    sections: dict[str, Any] = {
        "miab_users": [_user(user) for user in users],
        "miab_aliases": sorted(exported["aliases"], key=lambda alias: alias["address"]),
        "miab_dns_records": [
            _record(record)
            for record in sorted(exported["dns_records"], key=lambda record: (record["name"], record["type"]))
        ],
        "miab_secondary_nameservers": exported.get("secondary_nameservers", []),
        "miab_backup": backup or [],
        "miab_privacy": exported.get("privacy", []),
    }
    parts = ["---\n" + HEADER + _to_fill_in([user["email"] for user in users], secrets)]
    parts += [_dumped({name: _tidy(value)}) for name, value in sections.items() if value != []]
    return _digest.with_digest("\n".join(parts), behind=HEADER)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"declaration": declaration}
