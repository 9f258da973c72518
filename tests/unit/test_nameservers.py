# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secondary name servers: the canonical form of each entry, and the call that replaces the list."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.module_utils._model.reads import SECONDARY_NAMESERVERS
from ansible_collections.mailinabox.admin.plugins.module_utils._resources import nameservers
from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import InvalidOption, UnexpectedAnswer


def known(*stored: str) -> dict[str, Any]:
    return {"caller": "me", SECONDARY_NAMESERVERS.name: stored}


@pytest.mark.parametrize(
    ("entry", "canonical"),
    [
        ("ns2.example.net", "ns2.example.net"),
        (" NS2.Example.NET. ", "ns2.example.net"),
        ("ns.bücher.example", "ns.xn--bcher-kva.example"),
        ("xfr:192.0.2.60", "xfr:192.0.2.60"),
        ("XFR: 2001:0DB8::1", "xfr:2001:db8::1"),
        ("xfr:198.51.100.0/24", "xfr:198.51.100.0/24"),
        ("xfr:2001:0db8::/32", "xfr:2001:db8::/32"),
    ],
)
def test_canonical(entry: str, canonical: str) -> None:
    assert nameservers.canonical(entry) == canonical


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("", "set an empty list"),
        ("ns2", "at least one dot"),
        ("ns2.example.net ns3.example.net", "can't be part"),
        ("ns_2.example.net", "can't be part"),
        ("192.0.2.60", "use xfr:192.0.2.60"),
        ("2001:db8::1", "use xfr:2001:db8::1"),
        ("xfr:ns2.example.net", "an address or a network"),
        ("xfr:192.0.2.60/24", "host bits set"),
        ("xfr:fe80::1%eth0", "zone index"),
        ("xfr:", "an address or a network"),
    ],
)
def test_no_entry(entry: str, words: str) -> None:
    with pytest.raises(InvalidOption, match=words) as caught:
        nameservers.check({"hostnames": ["ns2.example.net", entry]})
    assert caught.value.details == {"option": "hostnames", "value": entry}


@pytest.mark.parametrize(
    ("declared", "stored", "sent"),
    [
        (["ns2.example.net"], [], "ns2.example.net"),
        (["ns3.example.net", "ns2.example.net"], ["ns2.example.net", "ns3.example.net"], None),
        (["ns2.example.net"], ["NS2.example.net."], None),
        (["ns2.example.net"], ["ns2.example.net", "ns2.example.net"], None),
        (["ns2.example.net"], ["ns2.example.net", "not a name"], "ns2.example.net"),
        (["b.example.net", "a.example.net"], ["a.example.net"], "b.example.net,a.example.net"),
        ([], ["ns2.example.net"], ""),
        ([], [], None),
    ],
)
def test_calls(declared: list[str], stored: list[str], sent: str | None) -> None:
    change = nameservers.plan(nameservers.check({"hostnames": declared}), known(*stored))
    assert [call.form for call in change.calls] == ([] if sent is None else [{"hostnames": sent}])
    assert (change.before != change.after) == bool(change.calls)


@pytest.mark.parametrize("answer", [[], {}, {"hostnames": "ns2"}, {"hostnames": [1]}, None])
def test_another_shape(answer: Any) -> None:
    with pytest.raises(UnexpectedAnswer, match="unexpected format"):
        SECONDARY_NAMESERVERS.parse(answer)
