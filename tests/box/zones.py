# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The published DNS of a box: the records of a zone, and its zone file.

The functions are pure, and their results are cached: most changes to a box affect few of its zones.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import dns.exception
import dns.name
import dns.rdata

from . import crypto, names
from .versions import Capabilities

_TAG = re.compile(r"[a-z0-9]{1,15}")


class CustomRecord(NamedTuple):
    """A stored custom DNS record."""

    qname: str
    rtype: str
    value: str


class Record(NamedTuple):
    """A record of a zone; its name relative to the zone, empty at the apex."""

    name: str
    rtype: str
    value: str
    # The box's explanation; empty for records that the control panel doesn't show.
    note: str = ""


@dataclass(frozen=True)
class Site:
    """The input that all zones of a box share."""

    capabilities: Capabilities
    hostname: str
    ipv4: str
    ipv6: str


@dataclass(frozen=True)
class ZoneInputs:
    """The complete input of a zone."""

    site: Site
    zone: str
    # The domains in the zone that receive mail, those with users, and the names that the box adds.
    mail: frozenset[str]
    users: frozenset[str]
    automatic: frozenset[str]
    custom: tuple[CustomRecord, ...]
    secondary_nameservers: tuple[str, ...]
    # Domains whose MTA-STS policy can be published, because their certificates are valid.
    announced: frozenset[str]

    @functools.cached_property
    def domains(self) -> tuple[str, ...]:
        """All names except those that only have custom records."""
        domains = set(self.mail)
        if names.is_within(self.site.hostname, self.zone):
            domains.add(self.site.hostname)
        if self.site.capabilities.automatic_domains:
            domains |= self.automatic
        return tuple(sorted(domains))


@dataclass
class _Draft:
    """Collects the records of a domain."""

    records: list[Record] = field(default_factory=list)
    _sets: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def add(self, name: str, rtype: str, value: str, note: str = "") -> None:
        self.records.append(Record(name, rtype, value, note))
        self._sets.setdefault((name, rtype), []).append(value)

    def has(self, name: str, rtype: str, start: str = "") -> bool:
        return any(value.startswith(start) for value in self._sets.get((name, rtype), ()))

    def taken(self) -> frozenset[tuple[str, str]]:
        return frozenset(self._sets)

    def names(self, *rtypes: str) -> set[str]:
        return {name for name, rtype in self._sets if rtype in rtypes}


def _joined(name: str, parent: str) -> str:
    return f"{name}.{parent}" if name and parent else name or parent


def _add_box_records(draft: _Draft, site: Site) -> None:
    """The records of the box's own hostname. They are added first, so custom records can't replace them."""
    if not site.capabilities.automatic_domains:
        for name in ("ns1", "ns2"):
            draft.add(name, "A", site.ipv4)
            draft.add(name, "AAAA", site.ipv6)
    draft.add("", "A", site.ipv4, "Required. The IP address of the box.")
    draft.add("", "AAAA", site.ipv6, "Required. The IPv6 address of the box.")
    association = "3 1 1 " + crypto.tlsa_digest()
    draft.add("_25._tcp", "TLSA", association, "Recommended when DNSSEC is enabled. Makes encryption mandatory.")
    draft.add("_443._tcp", "TLSA", association, "Optional. Lets web clients check the certificate.")


def _add_custom_records(draft: _Draft, inputs: ZoneInputs, domain: str) -> None:
    """Custom records. Several can share a name and type, unless the box has already set these."""
    taken = draft.taken()
    for qname, rtype, value in inputs.custom:
        if not names.is_within(qname, domain):
            continue
        name = qname.removesuffix(domain).removesuffix(".")
        if (name, rtype) in taken:
            continue
        if value == "local" and rtype in ("A", "AAAA"):
            value = inputs.site.ipv4 if rtype == "A" else inputs.site.ipv6
        draft.add(name, rtype, value, "(Set by user.)")


def _add_addresses(draft: _Draft, inputs: ZoneInputs, domain: str, is_zone: bool) -> None:
    """The box's addresses, unless a custom record replaces them."""
    site = inputs.site
    own_names = [""]
    if is_zone and not site.capabilities.automatic_domains and "www." + domain in inputs.automatic:
        own_names.append("www")
    # A custom A record also suppresses the AAAA record.
    taken = draft.taken()
    for name in own_names:
        for rtype, value in (("A", site.ipv4), ("AAAA", site.ipv6)):
            if taken.isdisjoint({(name, rtype), (name, "A"), (name, "CNAME")}):
                hidden = rtype == "A" and domain in (f"ns1.{site.hostname}", f"ns2.{site.hostname}")
                draft.add(name, rtype, value, "" if hidden else f"The address of {_joined(name, domain)}.")


def _repeat_addresses(draft: _Draft, site: Site) -> None:
    for label in site.capabilities.repeated_labels:
        draft.add(label, "A", site.ipv4, "The address, once more.")
        draft.add(label, "AAAA", site.ipv6, "The address, once more.")


def _policy(inputs: ZoneInputs, policy: str) -> str:
    return f"v=DMARC1; p={policy}" + (";" if inputs.site.capabilities.tidy_zones else "")


def _add_mail(draft: _Draft, inputs: ZoneInputs, domain: str) -> None:
    site = inputs.site
    if not draft.has("", "MX", "10 "):
        draft.add("", "MX", f"10 {site.hostname}.", f"Required. Where mail for {domain} goes.")
    if not draft.has("", "TXT", "v=spf1 "):
        draft.add(
            "", "TXT", f"v=spf1 mx {site.capabilities.spf_end}", f"Recommended. Only the box sends mail for {domain}."
        )
    if not draft.has("mail._domainkey", "TXT", "v=DKIM1; "):
        key = f"v=DKIM1; h=sha256; k=rsa; s=email; p={crypto.dkim_key()}"
        draft.add("mail._domainkey", "TXT", key, "Recommended. What the box signs mail with.")
    if not draft.has("_dmarc", "TXT", "v=DMARC1; "):
        policy = _policy(inputs, "quarantine")
        if site.capabilities.dmarc_reports:
            policy += f" rua=mailto:{site.capabilities.dmarc_reports}@{site.hostname}!2m"
        draft.add("_dmarc", "TXT", policy, "Recommended. What to do with forged mail.")
    if site.capabilities.second_dkim_key:
        key = f"v=DKIM1; s=email; k=ed25519; p={crypto.second_dkim_key()}"
        draft.add("box-ed25519._domainkey", "TXT", key, "Recommended. What the box signs mail with, too.")


def _add_web_key(draft: _Draft, inputs: ZoneInputs, domain: str) -> None:
    hostname = inputs.site.hostname
    websites = (inputs.automatic | inputs.mail) - {hostname, "ns1." + hostname, "ns2." + hostname}
    if inputs.site.capabilities.tlsa_for_all and domain in websites:
        draft.add("_443._tcp", "TLSA", "3 1 1 " + crypto.tlsa_digest(), "Optional. Lets web clients check it.")


def _add_user_services(draft: _Draft, inputs: ZoneInputs, domain: str) -> None:
    hostname = inputs.site.hostname
    if domain != hostname:
        for service in ("_carddavs._tcp", "_caldavs._tcp"):
            if not draft.has(service, "SRV"):
                draft.add(service, "SRV", f"0 0 443 {hostname}.", "Recommended. Where contacts and calendars are.")


def _add_old_automatic_names(draft: _Draft, inputs: ZoneInputs, domain: str) -> None:
    """Names that later versions treat as separate domains."""
    wanted = ["autodiscover", "autoconfig"] if domain in inputs.users else []
    if domain in inputs.mail:
        wanted.append("mta-sts")
    for name in wanted:
        for rtype, value in (("A", inputs.site.ipv4), ("AAAA", inputs.site.ipv6)):
            if not draft.has(name, rtype):
                draft.add(name, rtype, value, f"Where {name} of {domain} is.")


def _add_mta_sts(draft: _Draft, inputs: ZoneInputs, domain: str) -> None:
    if domain in inputs.announced and not draft.has("_mta-sts", "TXT"):
        policy = int(hashlib.sha256(inputs.site.hostname.encode()).hexdigest(), 16) % 10**20
        draft.add("_mta-sts", "TXT", f"v=STSv1; id={policy}", "Optional. Mail has to come encrypted.")


def _add_no_mail(draft: _Draft, inputs: ZoneInputs) -> None:
    """Names with an address but without mail: publish that they receive and send no mail."""
    says_with_mx = inputs.site.capabilities.automatic_domains
    candidates = draft.names("A", "AAAA")
    if says_with_mx:
        candidates -= draft.names("MX")
    for name in sorted(candidates):
        if not draft.has(name, "TXT", "v=spf1 "):
            draft.add(name, "TXT", "v=spf1 -all", "Recommended. Nobody sends mail from here.")
        policy_name = _joined("_dmarc", name)
        if not draft.has(policy_name, "TXT", "v=DMARC1; "):
            draft.add(policy_name, "TXT", _policy(inputs, "reject"), "Recommended. Nobody sends mail from here.")
        if says_with_mx:
            draft.add(name, "MX", "0 .", "Recommended. No mail is received here.")


def _domain_records(inputs: ZoneInputs, domain: str, is_zone: bool) -> list[Record]:
    """The records of a domain, in the order in which the box generates them."""
    site = inputs.site
    newer = site.capabilities.automatic_domains
    draft = _Draft()
    if is_zone:
        others = [host + "." for host in inputs.secondary_nameservers if not host.startswith("xfr:")]
        for nameserver in [f"ns1.{site.hostname}.", *(others or [f"ns2.{site.hostname}."])]:
            draft.add("", "NS", nameserver)
    if domain == site.hostname:
        _add_box_records(draft, site)
    if is_zone:
        for child in inputs.domains:
            if child != domain:
                label = child.removesuffix("." + domain)
                for record in _domain_records(inputs, child, is_zone=False):
                    draft.add(_joined(record.name, label), *record[1:])
    _add_custom_records(draft, inputs, domain)
    _add_addresses(draft, inputs, domain, is_zone)
    if domain in inputs.mail and not is_zone:
        _repeat_addresses(draft, site)
    if domain in inputs.mail or not newer:
        _add_mail(draft, inputs, domain)
    if not newer:
        _add_no_mail(draft, inputs)
    _add_web_key(draft, inputs, domain)
    if domain in inputs.users:
        _add_user_services(draft, inputs, domain)
    if not newer:
        _add_old_automatic_names(draft, inputs, domain)
    _add_mta_sts(draft, inputs, domain)
    if newer and is_zone:
        _add_no_mail(draft, inputs)
    return draft.records


@functools.lru_cache(maxsize=1024)
def records(inputs: ZoneInputs) -> tuple[Record, ...]:
    """All records of a zone except its SOA, sorted by labels from right to left."""
    found = _domain_records(inputs, inputs.zone, is_zone=True)
    return tuple(sorted(found, key=lambda record: record.name.split(".")[::-1] if record.name else []))


def _quoted(value: str) -> str:
    """A text as in the box's zone files: in quoted parts of 255 characters."""
    pieces = [value[start : start + 255] for start in range(0, len(value), 255)]
    return "".join('"' + piece.replace("\\", "\\\\").replace('"', '\\"') + '" ' for piece in pieces)


_SOA = """
$ORIGIN {zone}.
$TTL 86400          ; default time to live

@ IN SOA ns1.{hostname}. hostmaster.{hostname}. (
           {{serial}}     ; serial number
           7200     ; Refresh (secondary nameserver update interval)
           {retry} ; Retry ({hint})
           1209600  ; Expire (when refresh fails, how long secondary nameserver will keep records around anyway)
           86400    ; Negative TTL (how long negative responses are cached)
           )
"""


@functools.lru_cache(maxsize=1024)
def file_body(inputs: ZoneInputs) -> str:
    """The zone file. It contains {serial} for the serial number, which alone is no reason to rewrite it."""
    site = inputs.site
    retry, hint = ("86400   ", "when refresh fails, how often to try again")
    if site.capabilities.tidy_zones:
        retry, hint = ("3600    ", "when refresh fails, how often to try again, should be lower than the refresh")
    lines = [
        (site.capabilities.zone_head or _SOA).format(zone=inputs.zone, hostname=site.hostname, retry=retry, hint=hint)
    ]
    for name, rtype, value, _unused in records(inputs):
        lines.append(f"{name}\tIN\t{rtype}\t{_quoted(value) if rtype == 'TXT' else value}\n")
    keys = hashlib.sha1(inputs.zone.encode(), usedforsecurity=False).hexdigest()
    lines.append(f"\n; DNSSEC signing keys hash: {keys}\n")
    return "".join(lines)


@functools.lru_cache(maxsize=65536)
def _can_be_signed(rtype: str, value: str) -> bool:
    """Whether the zone signer can parse a value."""
    if rtype == "TXT":
        value = _quoted(value)
    if "\n" in value:
        return False
    try:
        dns.rdata.from_text("IN", rtype, value, origin=dns.name.root)
    except dns.exception.DNSException:
        return False
    return True


def is_readable(rtype: str, value: str) -> bool:
    """Whether a zone with this value can be published, regardless of its other records."""
    return _can_be_signed(rtype, value) and not _has_bad_tag(rtype, value)


@functools.lru_cache(maxsize=1024)
def is_broken(inputs: ZoneInputs) -> bool:
    return not all(_can_be_signed(record.rtype, record.value) for record in records(inputs))


def _has_bad_tag(rtype: str, value: str) -> bool:
    """Whether it is a CAA record with a tag that the signer accepts, but the name server doesn't."""
    fields = value.split()
    return rtype == "CAA" and len(fields) > 1 and _TAG.fullmatch(fields[1]) is None


@functools.lru_cache(maxsize=1024)
def is_dropped(inputs: ZoneInputs) -> bool:
    """Whether the signer accepts the zone, but the name server doesn't load it."""
    found = records(inputs)
    return has_cname_conflict(found) or any(_has_bad_tag(record.rtype, record.value) for record in found)


def loads(inputs: ZoneInputs) -> bool:
    """Whether the name server serves the written version of the zone."""
    return not is_broken(inputs) and not is_dropped(inputs)


def has_cname_conflict(found: Iterable[Record]) -> bool:
    """Whether a CNAME has the same name as another record: name servers don't load such a zone."""
    cnames: dict[str, set[str]] = {}
    others: set[str] = set()
    for name, rtype, value, _unused in found:
        if rtype == "CNAME":
            cnames.setdefault(name.lower(), set()).add(value.lower())
        else:
            others.add(name.lower())
    return not others.isdisjoint(cnames) or any(len(targets) > 1 for targets in cnames.values())
