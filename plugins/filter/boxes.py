# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts of an inventory are boxes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from ..module_utils._values.errors import Mistake
from ..plugin_utils import _boxes, _scopes

DOCUMENTATION = r"""
name: boxes
short_description: Find the hosts of an inventory that are boxes
version_added: 1.1.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - A host is a box if it has the variable C(miab_host), or is in the group C(boxes). All playbooks of this collection use
    this filter, so that they send nothing to other hosts.
  - If no host of the inventory has C(miab_host) and E(MIAB_HOST) is set, only the box of E(MIAB_HOST) is selected.
options:
  _input:
    description: The variable C(hostvars).
    type: dict
    required: true
  hosts:
    description: The hosts of the play.
    type: list
    elements: str
    required: true
  groups:
    description: The variable C(groups).
    type: dict
    required: true
  chosen:
    description: The hosts that C(miab_hosts) names. If it is defined, only these hosts are boxes.
    type: list
    elements: str
  environment:
    description: The value of E(MIAB_HOST).
    type: str
    default: ""
  apart:
    description: Whether to refuse several hosts with the same box. Use it if the play writes to the boxes.
    type: bool
    default: false
  scopes:
    description:
      - What to do with several hosts that have the same box, if some of them have the variable C(miab_scope).
      - V(share) accepts them in spite of O(apart). V(whole) leaves out the hosts with C(miab_scope) if the host without it
        is selected. Use it for plays about whole boxes.
    type: str
    choices: [ignore, share, whole]
    default: ignore
"""

EXAMPLES = r"""
- name: Find the boxes
  ansible.builtin.set_fact:
    found: "{{ hostvars | mailinabox.admin.boxes(ansible_play_hosts_all, groups) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description:
    - C(addresses) are the values of C(miab_host), or of E(MIAB_HOST), by the name of the box.
    - C(boxes) are the names of the hosts, each with the name of its box. They differ only for C(localhost).
    - C(note) explains why only one box was selected. C(error) explains why no box was selected. Both can be empty.
    - C(scopes) has, by the name of the host, what the hosts that share a box have to know of each other. C(exclude) lists the
      domains that a host must leave to others. C(mistakes) lists the errors in the scopes, each with C(where) and C(why).
  type: dict
"""


def _addresses(hostvars: Mapping[str, Mapping[str, Any]], hosts: Collection[str]) -> dict[str, str]:
    """The addresses of the hosts that have one. Empty if the value has an undefined variable: the error is reported where the value is used."""
    found = {}
    for host in hosts:
        if "miab_host" in hostvars[host]:
            try:
                found[host] = str(hostvars[host]["miab_host"])
            except Exception:
                found[host] = ""
    return found


def boxes(
    hostvars: Mapping[str, Mapping[str, Any]],
    hosts: Sequence[str],
    groups: Mapping[str, Sequence[str]],
    chosen: Sequence[str] | None = None,
    environment: str = "",
    apart: bool = False,
    scopes: str = "ignore",
) -> dict[str, Any]:
    """Which hosts of the play are boxes: ``{boxes, addresses, note, error, scopes}``."""
    inventory = list(groups["all"])
    # Ansible collects the variables of a host each time they are asked for.
    hostvars = {host: hostvars[host] for host in {*inventory, *hosts}}
    if chosen == "":
        # Before ansible-core 2.19, a template that returns None returns an empty string.
        chosen = None
    members = groups.get(_boxes.GROUP, ()) if chosen is None else chosen
    addresses = _addresses(hostvars, {*inventory, *hosts})
    # The implicit host is a box only if there is no other.
    candidates = list(hosts) if not inventory or list(hosts) == [_boxes.LOCAL] else []
    declared = [
        _declared(host, hostvars[host], _address(host, addresses, environment), host in addresses or host in members)
        for host in dict.fromkeys([*inventory, *candidates])
    ]
    shared = _scopes.have_scopes(declared)
    accepted = shared if scopes == "share" else ()
    found = _boxes.select(list(hosts), inventory, addresses, members, chosen is not None, environment, apart, accepted)
    if scopes == "whole":
        parts = _scopes.parts(declared, found.boxes)
        found = found._replace(boxes={host: name for host, name in found.boxes.items() if host not in parts})
    where = {
        name: addresses.get(host) or (environment if host == _boxes.LOCAL else "") for host, name in found.boxes.items()
    }
    return {
        **found._asdict(),
        "addresses": where,
        "scopes": {
            host: {"exclude": one.exclude, "mistakes": [mistake._asdict() for mistake in one.mistakes]}
            for host, one in _scopes.among(declared).items()
        },
    }


def _address(host: str, addresses: Mapping[str, str], environment: str) -> str | None:
    """The address of a host's box; None if it can't be read."""
    if host in addresses:
        return addresses[host] or None
    return environment if host == _boxes.LOCAL and environment else host


def _declared(host: str, variables: Mapping[str, Any], address: str | None, is_box: bool) -> _scopes.Declared:
    """The scope of a host. What can't be read is an error."""
    errors: list[Mistake] = []

    def value(name: str) -> tuple[str, ...] | None:
        if name not in variables:
            return None
        try:
            return _scopes.domains_of(name, variables[name])
        except Exception as error:
            errors.append(Mistake(name, str(error)))
            return ()

    scope, exclude = value(_scopes.VARIABLE), value(_scopes.EXCLUDE)
    return _scopes.Declared(host, address, scope, exclude or (), tuple(errors), is_box and host != _boxes.LOCAL)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"boxes": boxes}
