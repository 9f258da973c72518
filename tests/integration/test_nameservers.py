# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""miab_secondary_nameserver as playbooks use it: four versions, both doors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.box import Box
from tests.box.faults import Fault

from .playbooks import play
from .wishes import Wish, converge


def listed(*expected: str) -> Any:
    return lambda state: state["secondary_nameservers"] == list(expected)


def task(*hostnames: str) -> dict[str, Any]:
    return {"mailinabox.admin.miab_secondary_nameserver": {"hostnames": list(hostnames)}}


def test_list(box: Box, door: str, tmp_path: Path) -> None:
    both = listed("ns2.example.net", "ns3.example.net")
    wishes = [
        Wish({"hostnames": ["ns2.example.net", "ns3.example.net"]}, both, calls=1),
        Wish({"hostnames": ["NS3.example.net.", "ns2.example.net", "ns2.example.net"]}, both, changed=False),
        Wish(
            {"hostnames": ["ns2.example.net", "XFR:2001:0DB8::1", "xfr:198.51.100.0/24"]},
            listed("ns2.example.net", "xfr:2001:db8::1", "xfr:198.51.100.0/24"),
        ),
        Wish({"hostnames": ["xfr:198.51.100.0/24"]}, listed("xfr:198.51.100.0/24")),
        Wish({"hostnames": []}, listed(), calls=1),
    ]
    converge(box, "miab_secondary_nameserver", wishes, tmp_path, door)


def test_refusals(box: Box, door: str, tmp_path: Path) -> None:
    box.state.secondary_nameservers = ["ns2.example.net"]
    run = play(box, [task("ns2.example.net", "ns9.example.invalid"), task("xfr:ns2.example.net")], tmp_path, door)
    unresolved, malformed = run.outcomes
    assert unresolved.result["failure"]["code"] == "refused"
    assert "Could not resolve the IP address of ns9.example.invalid." in unresolved.result["msg"]
    assert unresolved.result["calls"] == []
    assert malformed.result["failure"]["details"] == {"option": "hostnames", "value": "xfr:ns2.example.net"}
    assert malformed.result["requests"] == {"reads": 0, "writes": 0}
    assert box.state.secondary_nameservers == ["ns2.example.net"]


def test_an_answer_that_is_lost(newest_box: Box, door: str, tmp_path: Path) -> None:
    newest_box.faults.append(Fault("504", "POST /dns/secondary-nameserver", after=True))
    outcome = play(newest_box, [task("ns2.example.net")], tmp_path, door).outcomes[0]
    assert outcome.result["changed"]
    assert outcome.result["secondary_nameserver"] == {"hostnames": ["ns2.example.net"]}
    assert "stored anyway" in outcome.result["warnings"][0]
    assert [entry.path for entry in newest_box.log if entry.is_write] == ["/dns/secondary-nameserver", "/dns/update"]
