# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts of an inventory are boxes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from ..module_utils._box.connection import admin_url
from ..module_utils._values.errors import BoxError
from ..module_utils._values.names import host_of

# The group whose hosts are boxes.
GROUP = "boxes"
# Ansible's implicit host, which exists without an inventory.
LOCAL = "localhost"
# The number of names that are shown of a longer list.
_SHOWN = 5


class Selection(NamedTuple):
    """The hosts that are boxes, each with the name of its box; a note for the user; and an error that stops the run.

    Note and error can be empty.
    """

    boxes: dict[str, str]
    note: str = ""
    error: str = ""


def select(
    hosts: Sequence[str],
    inventory: Collection[str],
    addresses: Mapping[str, str],
    members: Collection[str],
    meant: bool = False,
    environment: str = "",
    apart: bool = False,
    shared: Collection[str] = (),
) -> Selection:
    """The boxes among the hosts of a play.

    :param hosts: the hosts of the play, including the implicit ``localhost`` if it can represent the only box.
    :param inventory: all hosts of the inventory.
    :param addresses: the variable ``miab_host`` of the hosts that have one; empty if it can't be resolved.
    :param members: the hosts of the group of boxes, or those that ``miab_hosts`` names.
    :param meant: whether the members are those of ``miab_hosts``.
    :param environment: ``MIAB_HOST`` from the environment, or empty.
    :param apart: whether to reject several hosts with the same box, because the play writes to it.
    :param shared: the canonical addresses of boxes that several hosts may have in spite of that, because each declares
        another part.
    """
    apart_from = shared if apart else None
    if meant:
        # The implicit host is in no group. If it was selected, it is the only host.
        chosen = [host for host in hosts if host in members or list(hosts) == [LOCAL]]
        if not chosen:
            return Selection({}, error="No host of this run is in miab_hosts. Check miab_hosts and --limit.")
        return _named(chosen, addresses, environment, apart_from)
    if environment and not any(host in addresses for host in inventory):
        return _of_environment(hosts, inventory, environment)
    if not inventory:
        return _named([LOCAL], addresses, environment, apart_from)
    boxes = [host for host in hosts if host in inventory and (host in addresses or host in members)]
    if not boxes:
        count = len([host for host in hosts if host in inventory])
        return Selection(
            {},
            error="No host of this run is known to be a box, so nothing was sent to %s. If they are boxes, add them to"
            " the group %s, set the variable miab_host for each, or select them for this run with -e miab_hosts=all."
            " For one box without an inventory, set MIAB_HOST." % (_counted(count), GROUP),
        )
    return _named(boxes, addresses, environment, apart_from)


def _of_environment(hosts: Sequence[str], inventory: Collection[str], environment: str) -> Selection:
    """The box of ``MIAB_HOST``: the host with that name, which has variables, or else ``localhost``."""
    name = host_of(environment)
    same = [host for host in hosts if host in inventory and host.rstrip(".").lower() == name and name]
    chosen = same[:1] or [host for host in hosts if host == LOCAL]
    if not chosen:
        return Selection(
            {},
            error="MIAB_HOST is set, and no host has the variable miab_host, so this run is for the box %s alone;"
            " but --limit leaves it out. Unset MIAB_HOST, or leave out --limit." % name,
        )
    others = len([host for host in inventory if host not in chosen])
    boxes = {chosen[0]: name if chosen[0] == LOCAL else chosen[0]}
    if not others:
        return Selection(boxes)
    return Selection(
        boxes,
        note="MIAB_HOST is set, and no host has the variable miab_host: this run is for the box %s alone. It leaves out %s."
        % (name, _counted(others)),
    )


def _named(
    boxes: list[str], addresses: Mapping[str, str], environment: str, shared: Collection[str] | None
) -> Selection:
    """These boxes with their names, or an error if several hosts would write to the same box at the same time.

    :param shared: boxes that several hosts may have; None if that doesn't matter.
    """
    if boxes == [LOCAL]:
        return Selection({LOCAL: host_of(addresses.get(LOCAL) or environment) or LOCAL})
    by_address: dict[str, list[str]] = {}
    for host in boxes:
        address = addresses.get(host, host)
        if address:
            by_address.setdefault(canonical(address), []).append(host)
    for address, hosts in by_address.items():
        if shared is not None and address not in shared and len(hosts) > 1:
            shown = ", ".join(hosts[:_SHOWN]) + (" and %d more" % (len(hosts) - _SHOWN) if len(hosts) > _SHOWN else "")
            return Selection(
                {},
                error="%s are all the same box, %s, and would write to it at the same time. Choose one of them with --limit,"
                " or give each its own miab_host. If each declares a part of the box, give each a miab_scope. For one box"
                " without its inventory: -e miab_hosts=%s."
                % (shown, host_of(addresses.get(hosts[0], hosts[0])), LOCAL),
            )
    return Selection(dict(zip(boxes, boxes, strict=True)))


def canonical(address: str) -> str:
    """The URL of a box, which is the same for all spellings of its address."""
    try:
        return admin_url(address)
    except BoxError:
        return address.strip().rstrip("/").lower()


def _counted(number: int) -> str:
    return "%d host%s of the inventory" % (number, "" if number == 1 else "s")
