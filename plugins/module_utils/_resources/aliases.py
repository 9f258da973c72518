# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Aliases: their options, and the calls that create, update and remove them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Mapping, Optional, Sequence, Tuple

from .._model import forks, publishing
from .._model.delivery import without_mail
from .._model.objects import may_be_automatic
from .._model.plan import Call, Change, Known, Planner, Question, View
from .._model.publishing import REBUILD_DNS, REBUILD_WEB
from .._model.reads import ALIASES, USERS, Alias, Aliases, Users, canonical_address, stored_receiver
from .._values import names
from .._values.errors import Guarded, InvalidOption

OPTIONS = {
    "address": {"type": "str", "required": True},
    "forwards_to": {"type": "list", "elements": "str"},
    "permitted_senders": {"type": "list", "elements": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "force": {"type": "bool", "default": False},
}
"""The options of one alias."""


_KEPT_LOCAL_PARTS = ("abuse", "admin", "postmaster")


@dataclass(frozen=True)
class WantedAlias:
    """The declared state of one alias, with canonical addresses. None leaves a property unchanged.

    :ivar forwards_to: receivers, each with a canonical domain.
    """

    address: str
    present: bool = True
    forwards_to: Optional[Tuple[str, ...]] = None
    permitted_senders: Optional[Tuple[str, ...]] = None
    force: bool = False


def check(options: Mapping[str, Any]) -> WantedAlias:
    """The options of ``miab_alias`` in canonical form.

    :raises InvalidOption: for a value that no box accepts.
    """
    address = _address("address", options["address"], catch_all=True)
    if options["state"] == "absent":
        # The box may have such an alias from a time when it still accepted these addresses.
        return WantedAlias(address, present=False, force=options["force"])
    _check_accepted("address", address)
    receivers = options["forwards_to"]
    if receivers is not None:
        spelled: dict[str, str] = {}
        for receiver in map(_receiver, receivers):
            spelled.setdefault(receiver.lower(), receiver)
        receivers = tuple(spelled.values())
        for receiver in receivers:
            _check_accepted("forwards_to", receiver)
        domains = [receiver for receiver in receivers if receiver.startswith("@")]
        if domains and len(receivers) > 1:
            raise InvalidOption(
                "forwards_to",
                options["forwards_to"],
                "an alias forwards to one whole domain (%s) or to addresses, not to both; remove one of them"
                % domains[0],
            )
        if domains and names.is_dcv(address):
            raise InvalidOption(
                "forwards_to",
                options["forwards_to"],
                "%s can't forward to a whole domain, only to administrators of the box" % address,
            )
        if _folded(receivers) == [address]:
            raise InvalidOption("forwards_to", options["forwards_to"], "the alias would forward only to itself")
    senders = options["permitted_senders"]
    if senders is not None:
        senders = _unique(_address("permitted_senders", sender) for sender in senders)
    if receivers == () and senders == ():
        raise InvalidOption(
            "forwards_to",
            [],
            "an alias needs a receiver or a permitted sender; to remove the alias, set state: absent",
        )
    return WantedAlias(address, True, receivers, senders, options["force"])


def needs(wanted: WantedAlias, known: Known) -> Sequence[Question]:
    """Return the questions that :func:`plan` still needs answered."""
    if ALIASES.name not in known:
        return [ALIASES]
    if not wanted.present or USERS.name in known or _is_as_wanted(wanted, ALIASES.of(known).get(wanted.address)):
        return []
    return [USERS]


def needs_alone(wanted: WantedAlias, known: Known) -> Sequence[Question]:
    """Like :func:`needs`, for a task with no other changes: also covers a domain that is added or removed with the alias."""
    open_questions = needs(wanted, known)
    if open_questions:
        return open_questions
    aliases: Aliases = ALIASES.of(known)
    alias = aliases.get(wanted.address)
    goes = not wanted.present
    is_there = alias is not None and not alias.automatic
    if is_there != goes or (goes and wanted.force):
        return []
    others = [address for address, other in aliases.items() if not other.automatic and address != wanted.address]
    domain = wanted.address.partition("@")[2]
    if domain in {address.partition("@")[2] for address in others}:
        return []
    if USERS.name not in known:
        return [USERS]
    others += [email for email, user in USERS.of(known).items() if user.active]
    return publishing.questions(known, domain, {address.partition("@")[2] for address in others}, goes)


def plan_alone(wanted: WantedAlias, known: Known) -> Change:
    """Like :func:`plan`, for a task with no other changes: also checks the effects on DNS zones.

    :raises InvalidOption: also if a CNAME conflicts with a new domain.
    :raises Guarded: also if custom records would be left behind without a zone.
    """
    change = plan(wanted, known)
    if change.calls and publishing.content_is_known(known):
        before = publishing.content(known)
        aliases = dict(ALIASES.of(known))
        apply_change(aliases, USERS.of(known), change)
        after = publishing.content({**known, ALIASES.name: aliases}, before)
        publishing.refuse_harm(before, after, "address", wanted.address, wanted.force)
    return publishing.warn_if_unlisted(_warn_of_mailbox(change, known), known)


def _warn_of_mailbox(change: Change, known: Known) -> Change:
    """Warn if the alias takes all mail of a mailbox, which ``force`` allows."""
    if not change.calls or USERS.name not in known or not _is_user(USERS.of(known), change.key):
        return change
    aliases = dict(ALIASES.of(known))
    apply_change(aliases, USERS.of(known), change)
    warning = without_mail(change.key, aliases)
    return replace(change, warnings=(*change.warnings, warning)) if warning else change


def plan(wanted: WantedAlias, known: Known) -> Change:
    """Plan the change from the current alias to the declared one.

    :raises Guarded: if a user or the administrator would lose mail, and ``force`` isn't set.
    :raises InvalidOption: for values that are invalid in the current state of the box.
    """
    aliases: Aliases = ALIASES.of(known)
    alias = aliases.get(wanted.address)
    if not wanted.present:
        return _plan_removal(wanted, alias, aliases)
    before = view(alias) if alias else _absent(wanted.address)
    if alias and _is_as_wanted(wanted, alias):
        return Change("alias", wanted.address, before, before, tuple(map(_removal, alias.others)))

    receivers = wanted.forwards_to if wanted.forwards_to is not None else alias.forwards_to if alias else ()
    senders = (
        wanted.permitted_senders if wanted.permitted_senders is not None else alias.permitted_senders if alias else ()
    )
    if not receivers and not senders:
        raise InvalidOption(
            "forwards_to",
            list(wanted.forwards_to or ()),
            "%s would have no receiver and no permitted sender; add at least one of them" % wanted.address,
        )
    if not receivers:
        _guard_administrator(wanted, aliases)
    users: Users = USERS.of(known)
    _check_senders(wanted, senders, users)
    _check_stays(Alias(wanted.address, receivers, senders), users, aliases)
    box = forks.of(known)
    _check_receivers(wanted, receivers, users, aliases, box)
    receivers = tuple(_as_sent(receiver, wanted, users, box) for receiver in receivers)
    # A box updates only a row in lower case. For an address with capitals it would keep the old row and add another.
    stale = [row for row in ((alias.address, *alias.others) if alias else ()) if _is_in_capitals(row)]
    form = {
        # Adding an alias that exists, even one hidden by an automatic alias, is an error. Updating one that doesn't
        # exist would silently overwrite what another administrator has just created.
        "update_if_exists": "1" if alias and alias.address not in stale else "0",
        "address": wanted.address,
        "forwards_to": ",".join(_latest_first(receivers) if may_be_automatic(wanted.address) else receivers),
        "permitted_senders": ",".join(users[sender].spelling for sender in senders),
    }
    if alias and alias.description is not None and not alias.automatic:
        # A box with descriptions erases the description if the form has none.
        form["description"] = alias.description
    elif box.needs_descriptions and (alias or wanted.address.startswith("@")):
        form["description"] = "Mail alias " + wanted.address
    # A box refuses to add an alias that somebody else has added in the meantime, but not to update a changed one.
    rests_on = ALIASES if form["update_if_exists"] == "1" else None
    call = Call("POST", "/mail/aliases/add", form, rebuild=(REBUILD_DNS, REBUILD_WEB), rests_on=rests_on)
    after = view(Alias(wanted.address, tuple(map(stored_receiver, receivers)), senders))
    return Change("alias", wanted.address, before, after, (call, *map(_removal, stale)))


def _plan_removal(wanted: WantedAlias, alias: Alias | None, aliases: Aliases) -> Change:
    after = _absent(wanted.address)
    if alias is None:
        return Change("alias", wanted.address, after, after)
    if alias.automatic:
        warning = (
            "%s is an automatic alias and can't be removed: the box creates it as long as its domain has mail."
            % (names.display(wanted.address))
        )
        return Change("alias", wanted.address, after, after, warnings=(warning,))
    _guard_administrator(wanted, aliases)
    calls = tuple(map(_removal, (alias.address, *alias.others)))
    return Change("alias", wanted.address, view(alias), after, calls)


def _removal(stored: str) -> Call:
    """The call that removes an alias. A box finds it only by the exact text that it stores."""
    return Call(
        "POST", "/mail/aliases/remove", {"address": stored}, rebuild=(REBUILD_DNS, REBUILD_WEB), rests_on=ALIASES
    )


def _is_in_capitals(stored: str) -> bool:
    # Given an address in Unicode, a box would remove the row of its ASCII form.
    return stored.isascii() and stored != stored.lower()


def _as_sent(receiver: str, wanted: WantedAlias, users: Users, box: forks.Box) -> str:
    """A receiver in the form that the box accepts. If only administrators may receive, it must match the user exactly."""
    if not _leads_to_administrators(wanted.address, box):
        return receiver
    folded = receiver.lower()
    return users[folded].spelling if folded in users else folded


def _guard_administrator(wanted: WantedAlias, aliases: Aliases) -> None:
    if not wanted.force and any(other.automatic and other.receivers == (wanted.address,) for other in aliases.values()):
        raise Guarded(
            "address: every automatic alias of the box forwards to %s, so their mail would be lost."
            " To do it anyway, set force: true." % wanted.address,
            option="address",
            value=wanted.address,
        )


def _check_senders(wanted: WantedAlias, senders: tuple[str, ...], users: Users) -> None:
    strangers = [sender for sender in senders if not _is_user(users, sender)]
    if strangers and wanted.permitted_senders is None:
        raise InvalidOption(
            "permitted_senders",
            None,
            "the alias permits %s, which is no longer a user, so the box would refuse the update; set permitted_senders"
            % ", ".join(strangers),
        )
    if strangers:
        raise InvalidOption(
            "permitted_senders",
            list(senders),
            "only users of the box can be permitted senders; not a user: %s" % ", ".join(strangers),
        )


def _leads_to_administrators(address: str, box: forks.Box) -> bool:
    """Whether a box lets an alias of this address forward to administrators only."""
    return names.is_dcv(address) or address.partition("@")[0].partition("+")[0] in box.reserved


def _check_receivers(
    wanted: WantedAlias, receivers: tuple[str, ...], users: Users, aliases: Aliases, box: forks.Box
) -> None:
    folded = _folded(receivers)
    if receivers and wanted.address not in folded and _is_user(users, wanted.address) and not wanted.force:
        raise Guarded(
            "address: %s is a user, and its mailbox would no longer receive mail. Add the address to forwards_to,"
            " or set force: true." % wanted.address,
            option="address",
            value=wanted.address,
        )
    if not _leads_to_administrators(wanted.address, box):
        return
    why = (
        "is an address by which certificate authorities check the owner of a domain"
        if names.is_dcv(wanted.address)
        else "is reserved for reports to this box"
    )
    for receiver in folded:
        if not _leads_to_administrators(receiver, box) and not _is_admin(users, names.without_tag(receiver)):
            raise InvalidOption(
                "forwards_to",
                list(receivers),
                "%s %s, so it can forward only to administrators of the box; not an administrator: %s"
                % (wanted.address, why, receiver),
            )
    hiding = next((",".join(other.forwards_to) for other in aliases.values() if other.automatic and other.apart), "")
    if may_be_automatic(wanted.address) and ",".join(_latest_first(receivers)) <= hiding:
        raise InvalidOption(
            "forwards_to",
            list(receivers),
            "the task could not read this alias back: of two aliases with the same address, the box lists only the one"
            " whose receivers come last in the alphabet, which would be its automatic alias (to %s); add a receiver that"
            " comes later, such as an alias webmaster@" % hiding,
        )


def _check_stays(alias: Alias, users: Users, aliases: Aliases) -> None:
    """Refuse an alias that the box would take for an obsolete automatic alias and remove immediately."""
    domain = alias.address.partition("@")[2]
    if not is_kept(alias.address) or alias.receivers != (_administrator(aliases),):
        return
    by_hand = [address for address, other in aliases.items() if not other.automatic and _brings_mail(address)]
    if any(other.endswith("@" + domain) for other in (*by_hand, *(user for user in users if _is_user(users, user)))):
        return
    raise InvalidOption(
        "forwards_to",
        list(alias.forwards_to),
        "the box would remove %s immediately, because %s has no other address; leave this alias out: the box creates"
        " it when the domain gets another address" % (names.display(alias.address), names.display(domain)),
    )


def is_kept(address: str) -> bool:
    """Whether boxes create and remove this alias automatically when its domain gains or loses other mail."""
    return address.partition("@")[0] in _KEPT_LOCAL_PARTS


def _brings_mail(address: str) -> bool:
    """Whether a manually created alias of this address counts as other mail for :func:`is_kept`."""
    return not (address.startswith("@") or is_kept(address))


def _is_user(users: Users, email: str) -> bool:
    return email in users and users[email].active


def _is_admin(users: Users, email: str) -> bool:
    return _is_user(users, email) and "admin" in users[email].privileges


def _latest_first(receivers: tuple[str, ...]) -> list[str]:
    """Receivers in an order that makes a box list this alias instead of an automatic one. Order has no other meaning."""
    return sorted(receivers, reverse=True)


def _folded(receivers: Sequence[str]) -> list[str]:
    """Receivers in the form that is used for comparison."""
    return [receiver.lower() for receiver in receivers]


def _is_as_wanted(wanted: WantedAlias, alias: Alias | None) -> bool:
    return (
        alias is not None
        and (wanted.forwards_to is None or set(_folded(wanted.forwards_to)) == set(alias.receivers))
        and (wanted.permitted_senders is None or set(wanted.permitted_senders) == set(alias.permitted_senders))
    )


def view(alias: Alias) -> View:
    """An alias in the form of the module's options."""
    return {
        "address": names.display(alias.canonical),
        "state": "present",
        "forwards_to": sorted(names.display(receiver) for receiver in alias.forwards_to),
        "permitted_senders": sorted(names.display(sender) for sender in alias.permitted_senders),
    }


def _absent(address: str) -> View:
    return {"address": names.display(address), "state": "absent"}


def _address(option: str, text: str, catch_all: bool = False) -> str:
    try:
        return names.address(text, catch_all=catch_all)
    except ValueError as error:
        raise InvalidOption(option, text, str(error)) from error


def _check_accepted(option: str, address: str) -> None:
    try:
        names.check_accepted(address)
    except ValueError as error:
        raise InvalidOption(option, address, str(error)) from error


def _receiver(text: str) -> str:
    try:
        return names.receiver(text)
    except ValueError as error:
        raise InvalidOption("forwards_to", text, str(error)) from error


def _unique(addresses: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(addresses))


def apply_change(aliases: Aliases, users: Users, change: Change) -> None:
    """Update ``aliases`` in place to their state after a change."""
    if not change.calls:
        return
    after = change.after
    if after["state"] == "absent":
        aliases.pop(change.key, None)
        return
    receivers = tuple(map(stored_receiver, after["forwards_to"]))
    senders = tuple(map(canonical_address, after["permitted_senders"]))
    aliases[change.key] = Alias(change.key, receivers, senders)
    if _brings_mail(change.key):
        apply_automatic(aliases, users, change.key)


def apply_automatic(aliases: Aliases, users: Users, address: str) -> None:
    """Add the automatic aliases that a box creates when the domain of an address gets mail."""
    administrator = _administrator(aliases)
    if administrator is None:
        return
    apart = all(alias.apart for alias in aliases.values() if alias.automatic)
    domain = address.partition("@")[2]
    for kept in ("%s@%s" % (local, domain) for local in _KEPT_LOCAL_PARTS):
        if kept not in aliases and not _is_user(users, kept):
            aliases[kept] = Alias(kept, (administrator,), (), automatic=True, apart=apart)


def _administrators(aliases: Aliases) -> set[str]:
    """The receivers of automatic aliases: one address, unless the box was renamed."""
    return {other.receivers[0] for other in aliases.values() if other.automatic and other.receivers}


def _administrator(aliases: Aliases) -> str | None:
    found = [address for address in sorted(_administrators(aliases)) if address.startswith("administrator@")]
    return found[0] if len(found) == 1 else None


def needed_by_the_box(aliases: Aliases) -> set[str]:
    """The addresses that receive the mail of the box itself: its administrator's, and the contact of its zones."""
    administrators = _administrators(aliases)
    domains = {address.partition("@")[2] for address in administrators}
    if not domains:
        # Without automatic aliases, the host name of the box is unknown.
        domains = {address.partition("@")[2] for address in aliases}
    return {local + domain for local in ("administrator@", "hostmaster@") for domain in domains}


PLANNER = Planner(check, needs, plan, needs_alone, plan_alone)
