# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits on how many objects one run of a declaration removes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Mapping, Optional, Sequence

from .._model.plan import Change
from .._values.errors import Guarded

# The default limit for a purge: this many objects, or this percentage of all purgeable objects, whichever is more.
_PURGE_OBJECTS = 5
_PURGE_PERCENT = 20

# A message names at most this many objects. Its details name all.
_SHOWN = 20
_UNDECLARED = "%d objects that are not declared"
_ABSENT = "%d objects with state=absent"
_KEEP = " To keep some, declare them, or list them in keep (in playbooks miab_keep)."


@dataclass(frozen=True)
class Limits:
    """The declared limits.

    :ivar purge: the maximum number of purged objects, in all sections without their own limit.
    :ivar sections: the maximum number of purged objects by section.
    :ivar remove: the maximum number of objects that are removed because of ``state: absent``.
    """

    purge: Optional[int] = None
    sections: Mapping[str, int] = field(default_factory=dict)
    remove: Optional[int] = None

    def check(
        self, purged: Mapping[str, Sequence[Change]], purgeable: Mapping[str, int], removed: Sequence[Change]
    ) -> None:
        """Refuse to remove more objects than the limits allow. Most likely, the declaration is incomplete.

        :param purged: the removals of undeclared objects by section.
        :param purgeable: by section, the number of objects that a purge could remove.
        :param removed: all removals.
        :raises Guarded: with the names of the objects.
        """
        for name, changes in purged.items():
            if name in self.sections:
                option, variable = "purge_limits.%s" % name, "miab_purge_limits.%s" % name
                _check(changes, self.sections[name], option, variable, _UNDECLARED, _KEEP)
        others = [name for name in purged if name not in self.sections]
        limit = self.purge
        if limit is None:
            limit = max(_PURGE_OBJECTS, sum(purgeable[name] for name in others) * _PURGE_PERCENT // 100)
        together = [change for name in others for change in purged[name]]
        _check(together, limit, "purge_limit", "miab_purge_limit", _UNDECLARED, _KEEP)
        if self.remove is not None:
            undeclared = {id(change) for changes in purged.values() for change in changes}
            absent = [change for change in removed if change.calls and id(change) not in undeclared]
            _check(absent, self.remove, "remove_limit", "miab_remove_limit", _ABSENT, "")


def _check(changes: Sequence[Change], limit: int, option: str, variable: str, which: str, instead: str) -> None:
    labels = [change.label for change in changes]
    if len(labels) <= limit:
        return
    shown = ", ".join(labels[:_SHOWN]) + (" and %d more" % (len(labels) - _SHOWN) if len(labels) > _SHOWN else "")
    raise Guarded(
        "%s: %s would be removed, and the limit is %d. Nothing was changed. To be removed: %s. If that is right, set"
        " %s (in playbooks %s) to %d.%s"
        % (option, which % len(labels), limit, shown, option, variable, len(labels), instead),
        option=option,
        value=limit,
        would_go=labels,
    )
