# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The differences between versions of Mail-in-a-Box, as data.

The rules check capabilities and never versions, so that a version is a single entry of VERSIONS.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Capabilities:
    """The capabilities of a version."""

    name: str
    # POST /login and /logout with sessions; without: GET /me, and keys made from the user's password.
    sessions: bool
    # A refused login doesn't reveal whether the user or the password was wrong.
    discreet_refusals: bool
    # Automatic aliases have a separate table; without: they are stored with the others.
    automatic_aliases: bool
    # Custom records are listed with their zone and a sort order.
    sortable_records: bool
    # Custom records without a zone are listed, too; without: the list is empty as long as there is one.
    lists_orphans: bool
    # GET /dns/zonefile/<zone>.
    zone_files: bool
    # autoconfig., mta-sts. and so on are normal domains, and names without mail have a null MX.
    automatic_domains: bool
    # DMARC policies end with a semicolon, and secondary nameservers retry sooner.
    tidy_zones: bool
    # Backblaze is supported as a backup target.
    b2_backups: bool
    # Requests are answered one at a time.
    one_worker: bool
    # Users have quotas.
    quotas: bool

    # Capabilities of forks only. Their entries, and the rules that they replace, are in the folder "forks".

    # The name of the fork; empty for upstream.
    fork: str = ""
    # The version that the box reports, if it differs from the name.
    version_text: str = ""
    # Local parts that can't be mailboxes, and whose aliases can only forward to administrators.
    reserved: frozenset[str] = frozenset()
    # Local parts of automatic aliases that exist only at the box's own hostname.
    own_aliases: frozenset[str] = frozenset({"hostmaster"})
    # Prefixes of the websites that the box adds for each domain with mail, or with users.
    mail_prefixes: tuple[str, ...] = ("mta-sts.",)
    user_prefixes: tuple[str, ...] = ("autoconfig.", "autodiscover.")
    # Labels whose addresses are published again for each mail domain that isn't a zone.
    repeated_labels: tuple[str, ...] = ()
    # Published values: the end of SPF records, the local part for DMARC reports, the TLS key of each
    # website, a second key for mail signatures, the head of a zone file.
    spf_end: str = "-all"
    dmarc_reports: str = ""
    tlsa_for_all: bool = False
    second_dkim_key: bool = False
    zone_head: str = ""
    # Values that a handler can't parse are answered like a refused login; without: 500.
    errors_as_refusals: bool = False
    # A refused login reveals that the user doesn't exist.
    names_unknown_users: bool = False
    # Each used one-time code ends the other sessions of its user.
    codes_end_sessions: bool = False


_V051 = Capabilities(
    name="v0.51",
    sessions=False,
    discreet_refusals=False,
    automatic_aliases=False,
    sortable_records=False,
    lists_orphans=True,
    zone_files=False,
    automatic_domains=False,
    tidy_zones=False,
    b2_backups=False,
    one_worker=False,
    quotas=False,
)
_V55 = Capabilities(
    name="v55",
    sessions=True,
    discreet_refusals=True,
    automatic_aliases=True,
    sortable_records=True,
    lists_orphans=False,
    zone_files=True,
    automatic_domains=True,
    tidy_zones=False,
    b2_backups=True,
    one_worker=False,
    quotas=False,
)
_V60 = Capabilities(
    name="v60",
    sessions=True,
    discreet_refusals=True,
    automatic_aliases=True,
    sortable_records=True,
    lists_orphans=True,
    zone_files=True,
    automatic_domains=True,
    tidy_zones=True,
    b2_backups=True,
    one_worker=True,
    quotas=False,
)
_V75 = Capabilities(
    name="v75",
    sessions=True,
    discreet_refusals=True,
    automatic_aliases=True,
    sortable_records=True,
    lists_orphans=True,
    zone_files=True,
    automatic_domains=True,
    tidy_zones=True,
    b2_backups=True,
    one_worker=True,
    quotas=True,
)

# The same API as v75.
_V76 = replace(_V75, name="v76")

# Upstream's versions that differ in more than their name, and then all simulated versions.
VERSIONS = {version.name: version for version in (_V051, _V55, _V60, _V75)}
UPSTREAM = {**VERSIONS, _V76.name: _V76}
NEWEST = _V76.name
