# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Query name servers for wanted records, from the controller."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, ClassVar

from ..module_utils._values.errors import InvalidOption
from ..plugin_utils import _dns_ask, _dns_compare
from ..plugin_utils._controller import ControllerAction
from ..plugin_utils._dns_model import CONSEQUENCES, canonical

# The time to wait before a zone is queried again.
_PAUSE_SECONDS = 5.0


class ActionModule(ControllerAction):
    options: ClassVar[Mapping[str, Any]] = {
        "zones": {"type": "list", "elements": "dict", "required": True},
        "servers": {"type": "list", "elements": "str", "default": []},
        "resolvers": {"type": "list", "elements": "str", "default": []},
        "timeout": {"type": "float", "default": 3.0},
        "wait": {"type": "int", "default": 0},
    }

    def act(self, options: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
        _dns_ask.check()
        if not 0 < options["timeout"] <= 60:
            raise InvalidOption("timeout", options["timeout"], "must be a number of seconds from 0 to 60")
        deadline = time.monotonic() + options["wait"]
        wanted = [_complete(zone) for zone in options["zones"]]
        results = {zone["zone"]: _verify(zone, options) for zone in wanted}
        while not all(result["ok"] for result in results.values()):
            left = deadline - time.monotonic()
            if left <= 0:
                break
            time.sleep(min(_PAUSE_SECONDS, left))
            for zone in wanted:
                if not results[zone["zone"]]["ok"]:
                    results[zone["zone"]] = _verify(zone, options)
        zones = list(results.values())
        return {
            "zones": zones,
            "ok": all(zone["ok"] for zone in zones),
            "problems": [problem for zone in zones for problem in _dns_compare.problems(zone)],
        }


# Defaults for records that users write themselves.
_BY_HAND = {"level": "custom", "category": "custom", "may_differ": False, "consequence": CONSEQUENCES["custom"]}


def _complete(zone: Mapping[str, Any]) -> dict[str, Any]:
    """A zone with defaults for its records and with values in canonical form.

    :raises InvalidOption: if it is not a zone with records.
    """
    try:
        records = [{**_BY_HAND, **record} for record in zone["records"]]
        for record in records:
            name, rtype = record["name"].rstrip(".").lower(), record["type"]
            values = [canonical(rtype, value, zone["zone"]) for value in record["values"]]
            record.update(name=name, values=values)
        return {"zone": zone["zone"].rstrip("."), "records": records}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        why = "expected a zone with records, each with name, type and values: %s" % error
        raise InvalidOption("zones", zone, why) from error


def _verify(zone: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    servers = [_dns_ask.address("servers", server) for server in options["servers"]]
    resolvers = [_dns_ask.address("resolvers", resolver) for resolver in options["resolvers"]]
    try:
        servers = servers or _dns_ask.find_servers(zone["zone"], resolvers, options["timeout"])
    except _dns_ask.ZoneNotFound as error:
        return _dns_compare.compare(zone, [], error.message)
    return _dns_compare.compare(zone, _dns_ask.ask(zone, servers, options["timeout"]))
