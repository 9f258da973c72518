# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Push wanted records to a DNS provider, on the controller."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from ..module_utils._values.errors import BoxError, InvalidOption
from ..plugin_utils import _octodns
from ..plugin_utils._controller import ControllerAction

_MARKER = "_miab-owner."


class ActionModule(ControllerAction):
    options: ClassVar[Mapping[str, Any]] = {
        "zones": {"type": "list", "elements": "dict", "required": True},
        "provider": {"type": "dict", "required": True},
        "environment": {"type": "dict", "default": {}, "no_log": True},
        "owner": {"type": "str"},
        "take_over": {"type": "list", "elements": "str", "default": []},
        "create_zones": {"type": "bool", "default": False},
        "force": {"type": "bool", "default": False},
        "executable": {"type": "path", "default": ""},
        "timeout": {"type": "int", "default": 300},
    }

    def act(self, options: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
        owner = options["owner"] or next((zone["box"] for zone in options["zones"] if zone.get("box")), None)
        if owner is None:
            why = "the name of the box can't be determined, because it publishes no TLSA record; set owner"
            raise InvalidOption("owner", owner, why)
        push = _octodns.Push(**{**options, "owner": owner, "environment": _texts(options["environment"])})
        pushed = _octodns.plan(push) if check_mode else _octodns.apply(push)
        result = {
            "changed": bool(pushed.changes),
            "changes": pushed.changes,
            "kept": [*pushed.kept, *_octodns.not_pushed(push.zones)],
        }
        if self._task.diff:
            result["diff"] = list(_diff(pushed.changes))
        return result

    def after(self, error: BoxError) -> dict[str, Any]:
        planned, left = error.details.get("planned"), error.details.get("left")
        # A push that failed halfway counts as changed.
        return {"changed": planned is not None and (left is None or left < planned)}

    def secrets(self, options: Mapping[str, Any]) -> set[str]:
        return {value for value in _texts(options["environment"]).values() if value}


def _texts(environment: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in environment.items()}


def _diff(changes: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    for zone in dict.fromkeys(change["zone"] for change in changes):
        here = [change for change in changes if change["zone"] == zone]
        # Markers change together with the records that they mark, and are not shown.
        shown = [change for change in here if not change["name"].startswith(_MARKER)] or here
        sides = {
            side: "".join(
                "%s %s %s\n" % (change["name"], change["type"], value) for change in shown for value in change[side]
            )
            for side in ("before", "after")
        }
        yield {"before_header": zone, "after_header": zone, **sides}
