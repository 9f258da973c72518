# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn a table of people into users and aliases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils._values.texts import printable, untemplated
from ..plugin_utils import _people, _tables

DOCUMENTATION = r"""
name: people
short_description: Turn a table of people into users and aliases
version_added: 1.1.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Takes CSV text, for example of a spreadsheet or of the HR department, or rows of a directory, and returns the users and
    aliases for M(mailinabox.admin.miab_config).
  - The first line of CSV text has the names of the columns. Capitals and blanks around a name don't matter, and other columns are
    ignored. Commas, semicolons and tabs are recognized as separators, and UTF-8 with a byte order mark, and UTF-16 with one.
  - The table has a row for each person. Two rows with the same address are an error, also if it is spelled differently. All errors
    are reported together, each with the number of its line.
  - The cells are not trusted. The result has only addresses and quotas in the form that a box stores. A template, a formula or a
    control character in a used column is an error.
  - No person becomes an administrator. The privileges of existing users stay as they are.
positional: _input
options:
  _input:
    description: CSV text, or a list of dictionaries.
    type: raw
    required: true
  columns:
    description:
      - The names of the columns that differ from the usual ones. A column that you name must exist.
    type: dict
    default: {}
    suboptions:
      email:
        description: The column with the address of the mailbox. It must exist.
        type: str
        default: email
      state:
        description: The column that says whether the person has a mailbox or has left. An empty cell means present.
        type: str
        default: state
      groups:
        description: The column with the addresses of aliases that forward to the person.
        type: str
        default: groups
      forward_to:
        description: The column with the addresses that receive the mail of a person who has left.
        type: str
        default: forward_to
      quota:
        description: The column with the maximum size of the mailbox.
        type: str
        default: quota
  domain:
    description: The domain of addresses without an C(@). By default such an address is an error.
    type: str
    default: ""
  present:
    description: The words for people who have a mailbox. Capitals don't matter.
    type: list
    elements: str
    default: [present, active, joiner]
  absent:
    description: The words for people who have left. A word that is in neither list is an error.
    type: list
    elements: str
    default: [absent, inactive, leaver]
  groups:
    description:
      - The addresses of all groups that the table manages. Another group in a cell is then an error, for example a misspelled one.
      - By default the table manages the groups that it names.
    type: list
    elements: str
  aliases:
    description:
      - The C(aliases) of the box, as M(mailinabox.admin.miab_info) returns them. Receivers who are not in the table then stay in their
        groups. Use it if the table has only people who join, leave or change.
      - Without it, each group has exactly the receivers in the table.
    type: list
    elements: dict
  passwords:
    description: The passwords of new users by address. Addresses that are not in the table are ignored.
    type: dict
    default: {}
  remove_from_aliases:
    description: The option O(mailinabox.admin.miab_config#module:users[].remove_from_aliases) of people who have left.
    type: str
  delimiter:
    description: The character that separates the cells of CSV text. By default it is recognized by the first line.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Manage the people of a spreadsheet
  mailinabox.admin.miab_config:
    users: "{{ people.users }}"
    aliases: "{{ people.aliases }}"
  vars:
    people: >-
      {{ lookup('ansible.builtin.file', 'people.csv')
         | mailinabox.admin.people(domain='example.org', columns={'email': 'Login', 'groups': 'Teams'},
                                   passwords=vault_first_passwords) }}
"""

RETURN = r"""
_value:
  description:
    - C(users) and C(aliases) are the entries for M(mailinabox.admin.miab_config), sorted by address. The password of an existing user
      never changes, because each entry has C(update_password=on_create).
    - C(present) and C(absent) are the addresses of the people who have a mailbox, and of those who have left.
  type: dict
"""

# The number of errors that a message lists.
_SHOWN = 100


def _check_type(name: str, value: Any, types: Any, words: str) -> None:
    # The value is not shown, because it may be a secret.
    if not isinstance(value, types):
        raise AnsibleFilterError("people: %s must be %s" % (name, words))


def people(
    data: Any,
    columns: Mapping[str, str] | None = None,
    domain: str = "",
    present: Sequence[str] = _people.PRESENT,
    absent: Sequence[str] = _people.ABSENT,
    groups: Sequence[str] | None = None,
    aliases: Sequence[Mapping[str, Any]] | None = None,
    passwords: Mapping[str, Any] | None = None,
    remove_from_aliases: str | None = None,
    delimiter: str = "",
) -> dict[str, Any]:
    """The declaration of the people in a table.

    :raises AnsibleFilterError: with all mistakes in the table and the options.
    """
    _check_type("the table", data, (str, list, tuple), "CSV text or a list of dictionaries")
    for name, mapping in {"columns": columns, "passwords": passwords}.items():
        _check_type(name, mapping or {}, Mapping, "a dictionary")
    for name, items in {"present": present, "absent": absent, "groups": groups, "aliases": aliases}.items():
        _check_type(name, items or (), (list, tuple), "a list")
    rules = _people.Rules(
        columns or {},
        domain,
        present,
        absent,
        groups,
        aliases,
        passwords or {},
        remove_from_aliases,
    )
    declared, mistakes = _people.declare(_tables.read(data, delimiter), rules)
    if mistakes:
        lines = ["Mistakes in the table of people: %d." % len(mistakes)]
        lines += [printable("%s: %s" % mistake) for mistake in mistakes[:_SHOWN]]
        lines += ["and %d more" % (len(mistakes) - _SHOWN)] if len(mistakes) > _SHOWN else []
        raise AnsibleFilterError(untemplated("\n".join(lines)))
    return declared


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"people": people}
