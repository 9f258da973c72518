# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Map requests to rules, and tell which requests are writes."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import parse_qsl, unquote

from . import auth
from .answers import Answer, BadValueError, BrokenError, RefusedError, Request, error_page, text
from .forks import FORK_ROUTES
from .route import Route, Rule
from .rules import aliases, backup, dns, mfa, system, tls, users, web
from .state import FIRST_USER, State
from .versions import Capabilities


def _has_sessions(capabilities: Capabilities) -> bool:
    return capabilities.sessions


def _has_no_sessions(capabilities: Capabilities) -> bool:
    return not capabilities.sessions


def _has_quotas(capabilities: Capabilities) -> bool:
    return capabilities.quotas


def _has_zone_files(capabilities: Capabilities) -> bool:
    return capabilities.zone_files


ROUTES = (
    Route("GET", "/me", auth.me, exists=_has_no_sessions, is_open=True),
    Route("POST", "/login", auth.login, exists=_has_sessions, only_asks=True, is_open=True),
    Route("POST", "/logout", auth.logout, exists=_has_sessions, only_asks=True, is_open=True),
    Route("GET", "/mail/users", users.listing),
    Route("POST", "/mail/users/add", users.add),
    Route("POST", "/mail/users/remove", users.remove),
    Route("POST", "/mail/users/password", users.set_password),
    Route("GET", "/mail/users/privileges", users.privileges),
    Route("POST", "/mail/users/privileges/add", users.add_privilege),
    Route("POST", "/mail/users/privileges/remove", users.remove_privilege),
    Route("GET", "/mail/users/quota", users.quota, exists=_has_quotas),
    Route("POST", "/mail/users/quota", users.set_quota, exists=_has_quotas),
    Route("GET", "/mail/domains", users.domains),
    Route("GET", "/mail/aliases", aliases.listing),
    Route("POST", "/mail/aliases/add", aliases.add),
    Route("POST", "/mail/aliases/remove", aliases.remove),
    Route("GET", "/dns/zones", dns.zone_names),
    Route("GET", "/dns/dump", dns.dump),
    Route("GET", "/dns/zonefile/<zone>", dns.zone_file, exists=_has_zone_files),
    Route("POST", "/dns/update", dns.update),
    Route("GET", "/dns/secondary-nameserver", dns.secondary_nameservers),
    Route("POST", "/dns/secondary-nameserver", dns.set_secondary_nameservers),
    Route("GET", "/dns/custom", dns.records),
    *(
        Route(method, path, rule)
        for path in ("/dns/custom/<qname>", "/dns/custom/<qname>/<rtype>")
        for method, rule in (
            ("GET", dns.record_set),
            ("POST", dns.add_record),
            ("PUT", dns.set_record),
            ("DELETE", dns.remove_record),
        )
    ),
    Route("GET", "/ssl/status", tls.status),
    # The signing request is generated for each call and not stored.
    Route("POST", "/ssl/csr/<domain>", tls.signing_request, only_asks=True),
    Route("POST", "/ssl/install", tls.install),
    Route("POST", "/ssl/provision", tls.provision),
    Route("GET", "/web/domains", web.domains),
    Route("POST", "/web/update", web.update),
    Route("GET", "/system/backup/status", backup.status),
    Route("GET", "/system/backup/config", backup.config),
    Route("POST", "/system/backup/config", backup.set_config),
    Route("GET", "/system/version", system.version),
    Route("POST", "/system/latest-upstream-version", system.upstream_version, only_asks=True),
    Route("POST", "/system/status", system.status, only_asks=True),
    Route("GET", "/system/updates", system.updates),
    Route("POST", "/system/update-packages", system.update_packages),
    Route("GET", "/system/privacy", system.privacy),
    Route("POST", "/system/privacy", system.set_privacy),
    Route("GET", "/system/reboot", system.reboot_required),
    Route("POST", "/system/reboot", system.reboot),
    Route("POST", "/mfa/status", mfa.status, only_asks=True),
    Route("POST", "/mfa/totp/enable", mfa.enable),
    Route("POST", "/mfa/disable", mfa.disable),
)


@functools.lru_cache(maxsize=4096)
def _routes_of(path: str, fork: str = "") -> dict[str, tuple[Route, dict[str, str]]]:
    """The routes of a path by method, each with its variable parts. Routes of a fork take precedence."""
    segments = path.split("/")
    routes = (*ROUTES, *FORK_ROUTES.get(fork, ()))
    return {route.method: (route, parts) for route in routes if (parts := route.match(segments)) is not None}


def is_write(method: str, path: str) -> bool:
    """Whether a request is a write, on a box that supports it."""
    found = _routes_of(path).get(method)
    return found[0].is_write if found else method not in ("GET", "HEAD", "OPTIONS")


def _apply(rule: Rule, state: State, request: Request) -> Answer:
    try:
        return rule(state, request)
    except RefusedError as error:
        return text(str(error), 400)
    except BadValueError as error:
        if state.capabilities.errors_as_refusals:
            return auth.refused(state, request, str(error))
        return error_page(500, str(error))
    except BrokenError as error:
        return error_page(500, str(error))


def _route(state: State, request: Request) -> tuple[Route, Request] | Answer:
    found = {
        method: (route, parts)
        for method, (route, parts) in _routes_of(request.path, state.capabilities.fork).items()
        if route.exists(state.capabilities)
    }
    if not found:
        return error_page(404, "The requested URL was not found on the server.")
    method = "GET" if request.method == "HEAD" else request.method
    if method not in found:
        return error_page(405, "The method is not allowed for the requested URL.")
    route, parts = found[method]
    return route, replace(request, parts=parts)


def respond(state: State, request: Request) -> Answer:
    """The box's answer to any client, including authentication."""
    found = _route(state, request)
    if isinstance(found, Answer):
        return found
    route, request = found
    if route.is_open:
        return _apply(route.rule, state, request)
    user = auth.admin_or_refusal(state, request)
    return user if isinstance(user, Answer) else _apply(route.rule, state, request.asked_by(user.email))


def answer(
    state: State,
    method: str,
    path: str,
    form: Mapping[str, str] | None = None,
    body: str | bytes | None = None,
    query: Mapping[str, str] | None = None,
    caller: str = FIRST_USER,
) -> Answer:
    """The box's answer to an administrator, without HTTP and credentials. The path can contain a query."""
    bare, _unused, query_text = path.partition("?")
    request = Request(
        method=method,
        path=unquote(bare),
        query={**dict(parse_qsl(query_text, keep_blank_values=True)), **(query or {})},
        form=form or {},
        body=body.encode() if isinstance(body, str) else body or b"",
        caller=caller,
    )
    found = _route(state, request)
    if isinstance(found, Answer):
        return found
    route, request = found
    return _apply(route.rule, state, request)
