# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the versions of Mail-in-a-Box do differently, as data.

The rules ask for a capability and never for a version, so that a version is one entry of VERSIONS.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Capabilities:
    """What one version can do, and how it does it."""

    name: str
    # POST /login and /logout with sessions; without: GET /me, and keys made from the user's password.
    sessions: bool
    # A refused login does not tell whether the user or the password was wrong.
    discreet_refusals: bool
    # Automatic aliases have a table of their own; without: they are written among the others.
    automatic_aliases: bool
    # Custom records are listed with their zone and an order to sort by.
    sortable_records: bool
    # Custom records whose zone is gone are listed, too; without: nothing is, as long as there is one.
    lists_orphans: bool
    # GET /dns/zonefile/<zone>.
    zone_files: bool
    # autoconfig., mta-sts. and the like are domains like others, and names without mail say so with an MX.
    automatic_domains: bool
    # DMARC policies end with a semicolon, and secondary nameservers retry sooner.
    tidy_zones: bool
    # Backblaze is a target for backups.
    b2_backups: bool
    # Requests are answered one at a time.
    one_worker: bool
    # Users have quotas.
    quotas: bool

    # What only forks have. Their entries, and the rules that they replace, are in the folder "forks".

    # The fork; nothing: upstream.
    fork: str = ""
    # What the box calls itself, if that isn't the name.
    version_text: str = ""
    # Local parts that can't be a mailbox in any domain, and as aliases lead only to administrators.
    reserved: frozenset[str] = frozenset()
    # Local parts of the automatic aliases that are only at the box's own name.
    own_aliases: frozenset[str] = frozenset({"hostmaster"})
    # What stands before each domain with mail, or with users, in the names of websites that the box makes up.
    mail_prefixes: tuple[str, ...] = ("mta-sts.",)
    user_prefixes: tuple[str, ...] = ("autoconfig.", "autodiscover.")
    # Labels whose addresses are published a second time with each domain with mail that is no zone.
    repeated_labels: tuple[str, ...] = ()
    # What is published: the end of SPF records, the local part that gets DMARC reports, the TLS key of each
    # website, a second key that mail is signed with, the head of a zone file.
    spf_end: str = "-all"
    dmarc_reports: str = ""
    tlsa_for_all: bool = False
    second_dkim_key: bool = False
    zone_head: str = ""
    # A value that a handler can't read is answered as a refused login; without: 500.
    errors_as_refusals: bool = False
    # A refused login says that there is no such user.
    names_unknown_users: bool = False
    # Each one-time code that is used ends the other sessions of its user.
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

# The same as v75, for all that can be asked.
_V76 = replace(_V75, name="v76")

# Upstream's versions that differ in more than their name, and then all that are simulated.
VERSIONS = {version.name: version for version in (_V051, _V55, _V60, _V75)}
UPSTREAM = {**VERSIONS, _V76.name: _V76}
NEWEST = _V76.name
