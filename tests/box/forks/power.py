# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""power-mailinabox: v60 with quotas, and with different request formats for DNS records and backups."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from ..answers import Answer, Request, data, text
from ..route import Route, Rule
from ..rules import aliases, backup, dns, users
from ..state import State
from ..versions import UPSTREAM
from ..zones import CustomRecord

_ZONE_HEAD = """
$ORIGIN {zone}.
$TTL 86400          ; default time to live

@ IN SOA ns1.{hostname}. hostmaster.{hostname}. (
\t\t{{serial}}     ; serial number
\t\t7200     ; Refresh (secondary nameserver update interval)
\t\t3600     ; Retry (when refresh fails, how often to try again, should be lower than the refresh)
\t\t1209600  ; Expire (when refresh fails, how long secondary nameserver will keep records around anyway)
\t\t86400    ; Negative TTL (how long negative responses are cached)
\t\t)
"""
_MIN_TTL, _MAX_TTL = 30, 2_592_000
_RSYNC_PORT = 22

CAPABILITIES = replace(
    UPSTREAM["v60"],
    name="power-v60.5",
    version_text="v60.5",
    fork="power",
    quotas=True,
    tidy_zones=False,
    mail_prefixes=("mta-sts.", "openpgpkey."),
    repeated_labels=("openpgpkey",),
    zone_head=_ZONE_HEAD,
    errors_as_refusals=True,
)


def _users(state: State, request: Request) -> Answer:
    answer = users.listing(state, request)
    if request.query.get("format") != "json":
        return answer
    rows = answer.json()
    for user in (user for row in rows for user in row["users"] if user["status"] == "active"):
        user["box_count"] = "?"
    return data(rows)


def _default_quota(state: State, request: Request) -> Answer:
    return data({"default-quota": state.of_fork.get("default_quota", "0")})


def _set_default_quota(state: State, request: Request) -> Answer:
    state.of_fork["default_quota"] = users.checked_quota(request.form.get("default_quota", ""))
    return text("OK")


def _add_user(state: State, request: Request) -> Answer:
    quota = request.form.get("quota", state.of_fork.get("default_quota", "0"))
    return users.add(state, replace(request, form={**request.form, "quota": quota}))


def _adding_noreply(rule: Rule) -> Rule:
    """The first change of users or aliases adds an address for bounces that no list contains."""

    def changed(state: State, request: Request) -> Answer:
        answer = rule(state, request)
        if state.of_fork.get("noreply"):
            return answer
        state.of_fork["noreply"] = True
        return replace(answer, body=f'added noreply address "noreply-daemon@{state.hostname}"\n{answer.body}')

    return changed


def _ttls(state: State) -> dict[CustomRecord, int]:
    found: dict[CustomRecord, int] = state.of_fork.setdefault("ttls", {})
    return found


def _ttl(request: Request) -> int | None:
    with contextlib.suppress(ValueError):
        return min(max(int(request.form.get("ttl", "")), _MIN_TTL), _MAX_TTL)
    return None


def _with_ttls(rule: Rule) -> Rule:
    def listed(state: State, request: Request) -> Answer:
        rows = rule(state, request).json()
        for row in rows:
            row["ttl"] = _ttls(state).get(CustomRecord(row["qname"], row["rtype"], row["value"]))
        return data(rows)

    return listed


def _by_form(rule: Rule) -> Rule:
    """The value is a form field. Plain text, which upstream's clients send, counts as no value."""

    def changed(state: State, request: Request) -> Answer:
        before = set(state.dns_records)
        answer = rule(state, replace(request, body=request.form.get("value", "").encode()))
        ttl = _ttl(request)
        for record in set(state.dns_records) - before:
            if ttl is not None:
                _ttls(state)[record] = ttl
        for gone in _ttls(state).keys() - set(state.dns_records):
            del _ttls(state)[gone]
        return answer

    return changed


def _backup_config(state: State, request: Request) -> Answer:
    told = backup.config(state, request).json()
    return data({**told, "target_rsync_port": state.of_fork.get("target_rsync_port", _RSYNC_PORT)})


def _set_backup_config(state: State, request: Request) -> Answer:
    """Without a port, the default port is set."""
    answer = backup.set_config(state, request)
    if answer.json() == "OK":
        state.of_fork["target_rsync_port"] = int(request.form.get("target_rsync_port", _RSYNC_PORT))
    return answer


ROUTES = (
    Route("GET", "/mail/users", _users),
    Route("POST", "/mail/users/add", _adding_noreply(_add_user)),
    Route("POST", "/mail/users/remove", _adding_noreply(users.remove)),
    Route("POST", "/mail/aliases/add", _adding_noreply(aliases.add)),
    Route("POST", "/mail/aliases/remove", _adding_noreply(aliases.remove)),
    Route("GET", "/system/default-quota", _default_quota),
    Route("POST", "/system/default-quota", _set_default_quota),
    Route("GET", "/dns/custom", _with_ttls(dns.records)),
    *(
        Route(method, path, rule)
        for path in ("/dns/custom/<qname>", "/dns/custom/<qname>/<rtype>")
        for method, rule in (
            ("GET", _with_ttls(dns.record_set)),
            ("POST", _by_form(dns.add_record)),
            ("PUT", _by_form(dns.set_record)),
            ("DELETE", _by_form(dns.remove_record)),
        )
    ),
    Route("GET", "/system/backup/config", _backup_config),
    Route("POST", "/system/backup/config", _set_backup_config),
)
