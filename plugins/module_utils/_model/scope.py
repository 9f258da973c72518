# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scopes: the domains of a box that one of several declarations manages.

The API of a box knows only administrators of the whole box. So a declaration checks its own limits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, FrozenSet, Iterable, List, Mapping, NamedTuple, Optional, Sequence

from .._values import names
from .._values.errors import Mistake

EMPTY = "the list is empty, most likely because a variable is empty; list domains, or leave it out for the whole box"
"""Why a scope without domains is refused."""


@dataclass(frozen=True)
class Scope:
    """The domains that a declaration manages. The most exact domain decides.

    :ivar limited: whether the declaration manages only the domains in ``inside``. Otherwise it is the owner's, which
        manages everything except the domains in ``outside``.
    :ivar inside: canonical domains that it manages, with their subdomains.
    :ivar outside: canonical domains that others manage, with their subdomains.
    :ivar box: host names of the box, which only the owner's declaration manages.
    """

    limited: bool = False
    inside: FrozenSet[str] = frozenset()
    outside: FrozenSet[str] = frozenset()
    box: FrozenSet[str] = frozenset()

    @property
    def is_unrestricted(self) -> bool:
        """Whether the declaration manages everything on the box."""
        return not (self.limited or self.outside)

    def with_box(self, hostnames: Iterable[str]) -> Scope:
        """The same scope on a box with these host names."""
        return replace(self, box=self.box | {name for name in hostnames if name})

    def contains(self, name: str) -> bool:
        """Whether it contains a canonical domain, address or DNS name."""
        return not self.refusal(name)

    def refusal(self, name: str) -> str:
        """Why it does not contain a name, as text after the name; empty if it contains it."""
        nearest = self._nearest(name)
        if nearest in self.box:
            return _OF_BOX % names.display(nearest) if self.limited else ""
        if nearest in self.outside:
            return _OF_OTHERS % names.display(nearest)
        if nearest or not self.limited:
            return ""
        return _OUTSIDE % ", ".join(map(names.display, sorted(self.inside)))

    def hidden_below(self, name: str) -> str:
        """A domain of others at or below a name; empty if there is none."""
        return next((other for other in sorted(self.outside) if names.zone_of(other, (name,))), "")

    def needs_zone(self, zone: str) -> bool:
        """Whether a name that it contains can be in a zone."""
        return self.contains(zone) or any(
            names.zone_of(domain, (zone,)) for domain in (self.inside if self.limited else self.box)
        )

    def _nearest(self, name: str) -> str:
        """The most exact domain that has a rule for a name; empty if there is none."""
        domain = name.rpartition("@")[2]
        while domain:
            if domain in self.inside or domain in self.outside or domain in self.box:
                return domain
            domain = domain.partition(".")[2]
        return ""


_OUTSIDE = "is outside the scope of this declaration (miab_scope: %s)"
_OF_OTHERS = "belongs to %s, which another declaration of this box manages"
_OF_BOX = "belongs to %s, the host name of the box, which only a declaration without miab_scope can manage"

WHOLE = Scope()
"""The scope of a declaration without one."""


class Parsed(NamedTuple):
    """A scope, and the mistakes in the options that it comes from."""

    scope: Scope
    mistakes: List[Mistake]


def from_options(options: Mapping[str, Any]) -> Parsed:
    """The scope from the options ``scope``, ``scope_exclude`` and ``host``."""
    given: Optional[Sequence[str]] = options.get("scope")
    mistakes: List[Mistake] = []
    inside = domains("scope", given or (), mistakes)
    outside = domains("scope_exclude", options.get("scope_exclude") or (), mistakes)
    if given is not None and not given:
        mistakes.append(Mistake("scope", EMPTY))
    for domain in sorted(inside & outside):
        why = "%s is also in scope_exclude; only one declaration of a box can manage a domain"
        mistakes.append(Mistake("scope", why % names.display(domain)))
    host = names.host_of(str(options.get("host") or ""))
    scope = Scope(given is not None, inside, outside - inside)
    if scope.is_unrestricted:
        return Parsed(scope, mistakes)
    mistakes += of_box(scope, [host])
    return Parsed(scope.with_box([host]), mistakes)


def of_box(scope: Scope, hostnames: Iterable[str]) -> List[Mistake]:
    """The mistakes of a scope that names the box itself."""
    return [
        Mistake(
            "scope",
            "%s is the host name of the box; only a declaration without miab_scope can manage it" % name,
        )
        for name in sorted(scope.inside & set(hostnames))
    ]


def domains(option: str, given: Iterable[str], mistakes: List[Mistake]) -> FrozenSet[str]:
    """The canonical domains of an option.

    :param mistakes: gets a mistake for each text that is not a domain.
    """
    found = []
    for text in dict.fromkeys(given):
        try:
            found.append(names.scope_domain(text))
        except ValueError as error:
            mistakes.append(Mistake(option, "%.200r: %s" % (text, error)))
    return frozenset(found)
