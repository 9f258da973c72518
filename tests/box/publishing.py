# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publish the stored state: automatic aliases, zone files, websites."""

from __future__ import annotations

import time
from dataclasses import replace

from . import names, zones
from .answers import BrokenError
from .certificates import Installed
from .domains import ServedCertificate, hand_made, listed_aliases, served
from .state import Alias, State, ZoneFile
from .zones import CustomRecord, Site, ZoneInputs

_KEPT_LOCAL_PARTS = ("abuse", "admin", "postmaster")


def required_aliases(state: State) -> frozenset[str]:
    """The required addresses: some for each mail domain, and one for the zones."""
    automatic = tuple(f"{local}@" for local in _KEPT_LOCAL_PARTS)
    real = {names.domain_of(address) for address in hand_made(state) if not address.startswith((*automatic, "@"))}
    real |= set(map(names.domain_of, state.users))
    return frozenset(
        {f"{local}@{state.hostname}" for local in state.capabilities.own_aliases}
        | {f"{local}@{domain}" for domain in real for local in _KEPT_LOCAL_PARTS}
    )


def _renew_automatic_aliases(state: State, required: frozenset[str]) -> None:
    aliases = dict.fromkeys(required - {state.administrator}, state.administrator)
    for domain in served(state).mail:
        readable = names.to_unicode(domain)
        if readable != domain:
            aliases["@" + readable] = "@" + domain
    state.automatic_aliases = aliases


def _add_required_aliases(state: State, required: frozenset[str]) -> list[str]:
    missing = sorted(required - state.users.keys() - state.aliases.keys() - {state.administrator})
    for address in missing:
        state.aliases[address] = Alias(address, [state.administrator])
    return [f"added alias {address} (=> {state.administrator})\n" for address in missing]


def _remove_needless_aliases(state: State, required: frozenset[str]) -> list[str]:
    """Aliases that look automatic, in domains that no longer need them."""
    needless = [
        address
        for address, (alias, automatic) in listed_aliases(state).items()
        if address.partition("@")[0] in _KEPT_LOCAL_PARTS
        and not automatic
        and address not in required
        and alias.forwards_to == [state.administrator]
    ]
    for address in needless:
        del state.aliases[address]
    what = "removed alias {} (was to {}; domain no longer used for email)\n"
    return [what.format(address, state.administrator) for address in needless]


def after_mail_change(state: State, result: str) -> str:
    """The update that follows each stored change of users or aliases."""
    required = required_aliases(state)
    said = [result + "\n"]
    if state.capabilities.automatic_aliases:
        _renew_automatic_aliases(state, required)
    else:
        said += _add_required_aliases(state, required)
    said += _remove_needless_aliases(state, required)
    said += [update_dns(state), update_web(state)]
    return "".join(said)


def _by_zone(zone_names: tuple[str, ...], members: frozenset[str]) -> dict[str, frozenset[str]]:
    known = set(zone_names)
    found: dict[str, set[str]] = {zone: set() for zone in zone_names}
    for name in members:
        zone = next((one for one in (name, *names.parents(name)) if one in known), None)
        if zone is not None:
            found[zone].add(name)
    return {zone: frozenset(inside) for zone, inside in found.items()}


def _announced(state: State, domains: ServedCertificate) -> frozenset[str]:
    """Domains whose MTA-STS policy can be published: only those with valid certificates."""
    installed = Installed(state)
    if not installed.is_good(state.hostname):
        return frozenset()
    return frozenset(domain for domain in domains.mail if installed.is_good("mta-sts." + domain))


def zone_inputs(state: State) -> list[ZoneInputs]:
    """The current input of each zone."""
    domains = served(state)
    site = Site(state.capabilities, state.hostname, state.ipv4, state.ipv6)
    nameservers = {f"ns1.{state.hostname}", f"ns2.{state.hostname}"}
    mail = _by_zone(domains.zones, domains.mail)
    users = _by_zone(domains.zones, domains.users)
    automatic = _by_zone(domains.zones, (domains.automatic - domains.elsewhere) | nameservers)
    announced = _by_zone(domains.zones, _announced(state, domains))
    custom: dict[str, list[CustomRecord]] = {zone: [] for zone in domains.zones}
    for record in state.dns_records:
        for zone in (record.qname, *names.parents(record.qname)):
            if zone in custom:
                custom[zone].append(record)
                break
    return [
        ZoneInputs(
            site=site,
            zone=zone,
            mail=mail[zone],
            users=users[zone],
            automatic=automatic[zone],
            custom=tuple(custom[zone]),
            secondary_nameservers=tuple(state.secondary_nameservers),
            announced=announced[zone],
        )
        for zone in domains.zones
    ]


def _next_serial(state: State, before: ZoneFile | None) -> int:
    today = int(time.strftime("%Y%m%d00", time.gmtime(state.clock())))
    return today if before is None or before.serial < today else before.serial + 1


def _stop_if_requested(state: State) -> None:
    if state.publishing_fails:
        raise BrokenError("The simulated box was told to fail.")


def update_dns(state: State, force: bool = False) -> str:
    """Write the changed zone files, and return their zones.

    Each zone is first written and then signed. If the signer can't read it, the box stops there: the
    other zones wait for the next update, and this zone is not processed again until it changes.
    """
    _stop_if_requested(state)
    written = []
    all_inputs = zone_inputs(state)
    state.zone_names = zone_names = tuple(inputs.zone for inputs in all_inputs)
    for inputs in all_inputs:
        before = state.zone_files.get(inputs.zone)
        if before is not None and before.was_signed and not force:
            if before.inputs == inputs:
                continue
            if zones.file_body(before.inputs) == zones.file_body(inputs):
                # The new record has no effect, because the box publishes its own instead.
                state.zone_files[inputs.zone] = replace(before, inputs=inputs)
                continue
        is_broken = zones.is_broken(inputs)
        was_signed = not is_broken or (before is not None and before.was_signed)
        state.zone_files[inputs.zone] = ZoneFile(inputs, _next_serial(state, before), was_signed)
        if is_broken:
            raise BrokenError(f"The zone {inputs.zone} could not be signed.")
        written.append(inputs.zone)

    nameserver_config = (zone_names, tuple(state.secondary_nameservers))
    if state.nameserver_config != nameserver_config:
        state.nameserver_config = nameserver_config
        written = written or ["DNS configuration"]
    mail = served(state).mail
    if state.signer_config != mail:
        state.signer_config = mail
        written = written or ["OpenDKIM configuration"]
    return f"updated DNS: {','.join(written)}\n" if written else ""


def update_web(state: State) -> str:
    """Write the web server's configuration if websites or their certificates have changed."""
    _stop_if_requested(state)
    installed = Installed(state)
    config = tuple((domain, installed.used(domain) or state.primary_certificate) for domain in served(state).web)
    if state.web_config == config:
        return ""
    state.web_config = config
    return "web updated\n"
