# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The value of a variable of this collection, with its parts merged."""

from __future__ import annotations

DOCUMENTATION = r"""
name: declared
short_description: Return a variable of this collection with its parts merged
version_added: 1.1.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Returns the value of a variable such as C(miab_users). If variables such as C(miab_users__company) and
    C(miab_users__branch) are defined, their lists are appended in the order of their names.
  - Equal entries in several parts are returned once.
  - In the playbooks of this collection, relative paths of file lookups in the variable start at the folder of the
    inventory. Without an inventory, they start at the current folder.
options:
  _terms:
    description: The names of the variables. Each variable, or a part of it, must be defined.
    required: true
"""

EXAMPLES = r"""
- name: Manage the declared users
  mailinabox.admin.miab_config:
    users: "{{ lookup('mailinabox.admin.declared', 'miab_users') }}"
"""

RETURN = r"""
_value:
  description: The value of each variable.
  type: list
  elements: raw
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

from ..plugin_utils import _variables

_PLAYBOOKS = str(Path(__file__).resolve().parents[2] / "playbooks")


class LookupModule(LookupBase):  # type: ignore[misc]  # untyped base
    def run(self, terms: Sequence[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[Any]:
        variables = variables or {}
        self.set_options(var_options=variables, direct=kwargs)
        with self._beside_inventory(variables):
            return [self._value(str(term), variables) for term in terms]

    def _value(self, name: str, variables: dict[str, Any]) -> Any:
        names = _variables.parts(name, list(variables))
        if not names:
            raise AnsibleError("The variable %s is not defined." % name)
        try:
            return _variables.joined({one: self._templar.template(variables[one]) for one in names})
        except TypeError as error:
            raise AnsibleError(str(error)) from error

    @contextmanager
    def _beside_inventory(self, variables: dict[str, Any]) -> Iterator[None]:
        """Resolve relative paths in variables from the inventory in the playbooks of this collection.

        By default Ansible would resolve them from the folder of the installed collection.
        """
        before = self._loader.get_basedir()
        if os.path.realpath(before) != _PLAYBOOKS:
            yield
            return
        folder = str(variables.get("inventory_dir") or os.getcwd())
        paths = variables.get("ansible_search_path")
        self._loader.set_basedir(folder)
        if isinstance(paths, list):
            paths.insert(0, folder)
        try:
            yield
        finally:
            self._loader.set_basedir(before)
            if isinstance(paths, list):
                paths.remove(folder)
