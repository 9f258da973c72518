# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the hosts of an inventory share one box: their scopes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..module_utils._model.scope import Scope, domains, from_options
from ..module_utils._values import names
from ..module_utils._values.errors import Mistake
from ._boxes import canonical

VARIABLE = "miab_scope"
EXCLUDE = "miab_scope_exclude"


class Declared(NamedTuple):
    """What a host of an inventory says about its scope.

    :ivar address: of its box; None if it can't be read.
    :ivar scope: the value of ``miab_scope``; None if it isn't defined.
    :ivar exclude: the value of ``miab_scope_exclude``.
    :ivar errors: what is wrong with these variables, by the name of the variable.
    :ivar is_box: whether the host certainly is a box.
    """

    host: str
    address: str | None
    scope: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    errors: tuple[Mistake, ...] = ()
    is_box: bool = True


class Shared(NamedTuple):
    """What the declarations of other hosts mean for one host.

    :ivar exclude: domains that this host must leave to others.
    """

    exclude: list[str]
    mistakes: list[Mistake]


def domains_of(variable: str, value: Any) -> tuple[str, ...]:
    """The value of ``miab_scope`` or ``miab_scope_exclude`` as a list of texts, as Ansible converts it.

    :raises TypeError: with the reason, if it is no list.
    """
    if isinstance(value, str) and value.strip():
        value = value.split(",")
    if not isinstance(value, (list, tuple)) or not all(isinstance(one, str) for one in value):
        raise TypeError("a list of domains is needed; to manage the whole box, remove the variable %s" % variable)
    return tuple(map(str, value))


def among(declared: Sequence[Declared]) -> dict[str, Shared]:
    """What the hosts of an inventory have to know of each other. Hosts that share no box are left out."""
    boxes: dict[str, list[Declared]] = {}
    for one in declared:
        if one.address is not None:
            boxes.setdefault(canonical(one.address), []).append(one)
    # One of these may have the same box, and its objects must not be purged.
    lost = [
        "it is unknown whether the host %s, which has a scope, has the same box" % one.host
        for one in declared
        if one.address is None and one.scope is not None
    ]
    found = {}
    for hosts in boxes.values():
        for one in hosts:
            mistakes = [*one.errors, *_mistakes(one, hosts), *(Mistake(VARIABLE, why) for why in lost)]
            exclude = list(dict.fromkeys([*one.exclude, *_of_others(one, hosts)]))
            if exclude or mistakes:
                found[one.host] = Shared(exclude, mistakes)
    return found


def have_scopes(declared: Iterable[Declared]) -> set[str]:
    """The canonical addresses of the boxes of which a host declares only a part."""
    return {canonical(one.address) for one in declared if one.address is not None and one.scope is not None}


def parts(declared: Sequence[Declared], hosts: Iterable[str]) -> set[str]:
    """The hosts that declare a part of a box whose rest another one of these hosts declares."""
    chosen = [one for one in declared if one.host in set(hosts) and one.address is not None]
    whole = {canonical(str(one.address)) for one in chosen if one.scope is None}
    return {one.host for one in chosen if one.scope is not None and canonical(str(one.address)) in whole}


def _of_others(one: Declared, hosts: Sequence[Declared]) -> Iterator[str]:
    """The domains in the scopes of others that this host would manage otherwise. It doesn't have to know more of them."""
    own = _valid(one.scope)
    for other in hosts:
        if other is not one:
            for domain in sorted(_valid(other.scope) - own):
                if one.scope is None or names.zone_of(domain, tuple(own)):
                    yield domain


def _mistakes(one: Declared, hosts: Sequence[Declared]) -> Iterator[Mistake]:
    others = [other for other in hosts if other is not one]
    own = _valid(one.scope)
    for other in others:
        for mistake in other.errors:
            yield Mistake(
                VARIABLE, "the host %s has the same box, and its %s can't be used: %s" % (other.host, *mistake)
            )
        for domain in sorted(own & _valid(other.scope)):
            why = "%s is also in the scope of the host %s, and only one declaration of a box can manage a domain"
            yield Mistake(VARIABLE, why % (names.display(domain), other.host))
    owners = sorted(other.host for other in others if other.scope is None and other.is_box)
    if one.scope is None and one.is_box and owners and any(other.scope is not None for other in others):
        yield Mistake(
            VARIABLE,
            "other hosts have parts of this box as their scope, and neither this host nor %s has a scope; only one host"
            " can manage the rest of a box. Give the others a scope" % ", ".join(owners),
        )


def _valid(scope: Iterable[str] | None) -> frozenset[str]:
    """The valid domains of a scope. The others are reported for the host itself."""
    return domains("", scope or (), [])


def outside(
    declared: Mapping[str, Any], scope: Sequence[str] | None, exclude: Sequence[str], host: str, account: str
) -> list[Mistake]:
    """The mistakes in variables that only the role ``box`` applies.

    :param declared: the values of ``miab_certificates``, ``miab_mfa`` and ``miab_publish_dns``, the last one as a boolean.
    :param host: the address of the box.
    :param account: the account that signs in.
    """
    found = from_options({"scope": scope, "scope_exclude": exclude, "host": host}).scope
    # Without a domain, the scope itself is the mistake.
    if found.is_unrestricted or (found.limited and not found.inside):
        return []
    return [
        *_outside_certificates(declared.get("miab_certificates") or (), found),
        *_outside_mfa(declared.get("miab_mfa") or (), found, account),
        *_publishing(bool(declared.get("miab_publish_dns")), found),
    ]


def _outside_certificates(entries: Sequence[Any], scope: Scope) -> Iterator[Mistake]:
    for number, entry in enumerate(entries):
        text = str(entry.get("domain", "")) if isinstance(entry, Mapping) else ""
        try:
            why = scope.refusal(names.scope_domain(text))
        except ValueError:
            # The module reports it.
            continue
        if why:
            yield Mistake("miab_certificates[%d] %s" % (number, text), "domain: %s %s" % (text, why))


def _outside_mfa(entries: Sequence[Any], scope: Scope, account: str) -> Iterator[Mistake]:
    for number, entry in enumerate(entries):
        given = entry.get("user") if isinstance(entry, Mapping) else None
        where = "miab_mfa[%d]" % number
        if given is None:
            if scope.limited:
                why = "user is missing, so this is about the account that signs in, which is an administrator. Set user"
                yield Mistake(where, why)
            continue
        try:
            user = names.address(str(given))
        except ValueError:
            continue
        if scope.limited and user == account.strip().lower():
            yield Mistake(where, "user: %s is the account that signs in, which is an administrator" % user)
        elif scope.refusal(user):
            yield Mistake("%s %s" % (where, user), "user: %s %s" % (user, scope.refusal(user)))


def _publishing(value: bool, scope: Scope) -> Iterator[Mistake]:
    if scope.limited and value:
        yield Mistake(
            "miab_publish_dns",
            "only a declaration without miab_scope can publish the zones of a box; remove this variable",
        )
