# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of playbooks and roles, and how lists are merged from parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

PREFIX = "miab_"

CONNECTION = (
    "miab_host",
    "miab_username",
    "miab_password",
    "miab_api_key",
    "miab_totp_secret",
    "miab_ca_path",
    "miab_validate_certs",
    "miab_timeout",
    "miab_unknown_box",
)
# Lists that can be split into parts, such as miab_users and miab_users__company.
LISTS = (
    "miab_users",
    "miab_aliases",
    "miab_dns_records",
    "miab_secondary_nameservers",
    "miab_purge",
    "miab_keep",
    "miab_domains",
)
# Variables that can't be split.
SETTINGS = (
    "miab_certificates",
    "miab_mfa",
    "miab_backup",
    "miab_privacy",
    "miab_purge_limit",
    "miab_purge_limits",
    "miab_remove_limit",
    "miab_show_undeclared",
    "miab_scope",
    "miab_scope_exclude",
)
PLAYBOOKS = (
    "miab_hosts",
    "miab_other_variables",
    "miab_export_folder",
    "miab_plan_folder",
    "miab_plan",
    "miab_plan_digest",
    "miab_plan_max_age",
    "miab_snapshot_folder",
    "miab_fail_on_drift",
    "miab_file_mode",
    "miab_health_folder",
    "miab_metrics_folder",
    "miab_metrics_each_mailbox",
    "miab_fail_on_problems",
    "miab_bootstrap_username",
    "miab_bootstrap_password",
    "miab_bootstrap_totp_secret",
)
HEALTH = (
    "miab_health_certificates",
    "miab_health_backup",
    "miab_health_mailboxes",
    "miab_health_reboot",
    "miab_health_status_checks",
    "miab_health_dns",
    "miab_health_published_dns",
    "miab_health_dns_hosting",
    "miab_health_drift",
    "miab_health_version",
    "miab_health_unknown",
    "miab_health_certificate_days",
    "miab_health_backup_days",
    "miab_health_mailbox_percent",
    "miab_health_status_types",
    "miab_health_status_except",
    "miab_health_gather",
    "miab_health_end",
)
DNS = (
    "miab_publish_dns",
    "miab_dns_folder",
    "miab_dns_zones",
    "miab_dns_leave_out",
    "miab_dns_ttl",
    "miab_dns_provider",
    "miab_dns_environment",
    "miab_dns_owner",
    "miab_dns_take_over",
    "miab_dns_create_zones",
    "miab_dns_force",
    "miab_dns_octodns",
    "miab_dns_verify",
    "miab_dns_servers",
    "miab_dns_resolvers",
    "miab_dns_timeout",
    "miab_dns_wait",
    "miab_dns_files",
    "miab_dns_file_formats",
    "miab_dns_fail_on_problems",
)
# Facts that the roles health and dns set for later tasks.
RESULTS = (
    "miab_health",
    "miab_health_gathered",
    "miab_health_problems",
    "miab_dns",
    "miab_dns_wanted",
)

KNOWN = frozenset((*CONNECTION, *LISTS, *SETTINGS, *PLAYBOOKS, *HEALTH, *DNS, *RESULTS))

# The separator between the name of a list and the name of its part.
_PART = "__"


def nearest(name: str, known: Iterable[str]) -> str:
    """The most similar known name; empty if none is similar."""
    near = get_close_matches(name, sorted(known), 1, 0.7)
    return near[0] if near else ""


def parts(name: str, variables: Iterable[str]) -> list[str]:
    """The names of the variables that form a variable: itself, then its parts by name; empty if undefined."""
    found = [name] if name in variables else []
    if name in LISTS:
        beginning = name + _PART
        found += sorted(one for one in variables if one.startswith(beginning) and len(one) > len(beginning))
    return found


def joined(values: Mapping[str, Any]) -> Any:
    """The value of a variable from those of its parts, by name.

    Equal entries of several parts are kept once. Conflicting entries are all kept, and the validation of the list
    reports them.

    :raises TypeError: if there are several parts and one is not a list.
    """
    given = {name: value for name, value in values.items() if value is not None}
    if len(given) < 2:
        return next(iter(given.values()), None)
    items: list[Any] = []
    for name, value in given.items():
        if not isinstance(value, (list, tuple)):
            raise TypeError("%s: must be a list, because it is one of several parts" % name)
        items += [item for item in value if item not in items]
    return items


def unknown(defined: Iterable[str], others: Iterable[str] = ()) -> list[dict[str, str]]:
    """Unknown variables that begin with ``miab_``, each as an error ``{where, why}``.

    :param defined: the names of all defined variables with this prefix.
    :param others: names or name patterns that are not for this collection.
    """
    mistakes = []
    for name in sorted(defined):
        base = name.partition(_PART)
        is_part = base[0] in LISTS and base[2]
        if name in KNOWN or is_part or any(fnmatchcase(name, pattern) for pattern in others):
            continue
        meant = nearest(base[0], LISTS if base[1] else KNOWN)
        hint = (
            "did you mean %s?" % meant
            if meant
            else "if it is your own variable, rename it or add it to miab_other_variables"
        )
        mistakes.append({"where": name, "why": "unknown variable; " + hint})
    return mistakes
