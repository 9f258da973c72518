# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kiekerjan: upstream v76 with more records in its zones, and more reserved names."""

from __future__ import annotations

from dataclasses import replace

from ..answers import Answer, Request, data
from ..route import Route
from ..rules import dns
from ..state import State
from ..versions import NEWEST, UPSTREAM

_ZONE_HEAD = """
$ORIGIN {zone}.
$TTL 1d          ; default time to live

@ IN SOA ns1.{hostname}. hostmaster.{hostname}. (
\t\t   {{serial}}     ; serial number
\t\t   4h     ; Refresh (secondary nameserver update interval)
\t\t   1h    ; Retry (when refresh fails, how often to try again)
\t\t   14d  ; Expire (when refresh fails, how long secondary nameserver will keep records around anyway)
\t\t   12h    ; Negative TTL (how long negative responses are cached)
\t\t   )
"""

CAPABILITIES = replace(
    UPSTREAM[NEWEST],
    name="kiekerjan-v76",
    version_text="v76-kj",
    fork="kiekerjan",
    reserved=frozenset({"dmarc-reports", "tls-reports"}),
    own_aliases=frozenset({"dmarc-reports", "hostmaster", "root", "tls-reports"}),
    spf_end="~all",
    dmarc_reports="dmarc-reports",
    tlsa_for_all=True,
    second_dkim_key=True,
    zone_head=_ZONE_HEAD,
)


def _remove_record(state: State, request: Request) -> Answer:
    """Always succeeds, even if the item doesn't exist."""
    return dns.remove(state, request, checks=False)


def _advanced_dns(state: State, request: Request) -> Answer:
    return data({"hiddenmaster_enabled": False, "hiddenmaster_selected": False, "short_ttl_selected": False})


ROUTES = (
    Route("DELETE", "/dns/custom/<qname>", _remove_record),
    Route("DELETE", "/dns/custom/<qname>/<rtype>", _remove_record),
    Route("GET", "/dns/advanced-dns", _advanced_dns),
)
