# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""miab_secondary_nameserver as playbooks use it: four versions, both doors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.box import Box
from tests.box.faults import Fault

from .expected import Expected, check_tasks
from .playbooks import play


def listed(*expected: str) -> Any:
    return lambda state: state["secondary_nameservers"] == list(expected)


def task(*hostnames: str) -> dict[str, Any]:
    return {"mailinabox.admin.miab_secondary_nameserver": {"hostnames": list(hostnames)}}


TASKS = """
- name: Use two secondary name servers
  mailinabox.admin.miab_secondary_nameserver:
    hostnames:
      - ns2.example.net
      - ns3.example.net

- name: Write the same list in another order, with capitals, a dot and a duplicate
  mailinabox.admin.miab_secondary_nameserver:
    hostnames:
      - NS3.example.net.
      - ns2.example.net
      - ns2.example.net

- name: Let an address and a network transfer the zones
  mailinabox.admin.miab_secondary_nameserver:
    hostnames:
      - ns2.example.net
      - XFR:2001:0DB8::1
      - xfr:198.51.100.0/24

- name: Keep only the network
  mailinabox.admin.miab_secondary_nameserver:
    hostnames:
      - xfr:198.51.100.0/24

- name: Remove all secondary name servers
  mailinabox.admin.miab_secondary_nameserver:
    hostnames: []
"""


def test_list(box: Box, door: str, tmp_path: Path) -> None:
    both = listed("ns2.example.net", "ns3.example.net")
    expected = {
        "Use two secondary name servers": Expected(both, calls=1),
        "Write the same list in another order, with capitals, a dot and a duplicate": Expected(both, changed=False),
        "Let an address and a network transfer the zones": Expected(
            listed("ns2.example.net", "xfr:2001:db8::1", "xfr:198.51.100.0/24")
        ),
        "Keep only the network": Expected(listed("xfr:198.51.100.0/24")),
        "Remove all secondary name servers": Expected(listed(), calls=1),
    }
    check_tasks(box, TASKS, expected, tmp_path, door)


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
