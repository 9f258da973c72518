# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records that a box needs at a DNS provider: as data, in the forms of other tools, and in Markdown."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.mailinabox.admin.plugins.filter.dns_markdown import dns_markdown
from ansible_collections.mailinabox.admin.plugins.filter.dns_wanted import dns_wanted
from ansible_collections.mailinabox.admin.plugins.filter.dns_zone_file import dns_zone_file
from ansible_collections.mailinabox.admin.plugins.plugin_utils import _dns_compare, _dns_export, _dns_model
from tests.hostile import BREAKS as HOSTILE

KEY = "v=DKIM1; h=sha256; k=rsa; s=email; p=" + "A" * 392
# The explanations of upstream.
EXPLANATIONS = {
    "website": "Required. May have a different value. Sets the IP address that example.org resolves to for web hosting ...",
    "mx": "Required. Specifies the hostname (and priority) of the machine that handles @example.org mail.",
    "spf": "Recommended. Specifies that only the box is permitted to send @example.org mail.",
    "dkim": "Recommended. Provides a way for recipients to verify that this machine sent @example.org mail.",
    "dmarc": "Recommended. Specifies that mail that does not originate from the box but claims to be from @example.org ...",
    "dane": "Recommended when DNSSEC is enabled. Advertises to mail servers connecting to the box that mandatory ...",
    "web_dane": "Optional. When DNSSEC is enabled, provides out-of-band HTTPS certificate validation for a few web clients",
    "none": "Provides email configuration autodiscovery support for Z-Push ActiveSync Autodiscover.",
    "custom": "(Set by user.)",
}


def row(name: str, rtype: str, value: str, explanation: str = "mx") -> dict[str, str]:
    return {"name": name, "type": rtype, "value": value, "explanation": EXPLANATIONS.get(explanation, explanation)}


BOX = [
    row("box.example.com", "A", "203.0.113.10", "Required. Sets the IP address of the box."),
    row("_25._tcp.box.example.com", "TLSA", "3 1 1 " + "AB" * 32, "dane"),
    row("_443._tcp.box.example.com", "TLSA", "3 1 1 " + "AB" * 32, "web_dane"),
    row("ns1.box.example.com", "A", "203.0.113.10", "none"),
    row("_dmarc.ns2.box.example.com", "TXT", "v=DMARC1; p=reject;", "spf"),
]
DOMAIN = [
    row("example.org", "A", "203.0.113.10", "website"),
    row("example.org", "NS", "ns1.box.example.com.", "none"),
    row("example.org", "MX", "10 box.example.com.", "mx"),
    row("example.org", "TXT", "v=spf1 mx -all", "spf"),
    row("mail._domainkey.example.org", "TXT", KEY, "dkim"),
    row("_dmarc.example.org", "TXT", "v=DMARC1; p=quarantine;", "dmarc"),
    row("_mta-sts.example.org", "TXT", "v=STSv1; id=1", "Optional. Part of the MTA-STS policy for incoming mail."),
    row("mta-sts.example.org", "A", "203.0.113.10", "none"),
    row("autoconfig.example.org", "A", "203.0.113.10", "none"),
    row("_caldavs._tcp.example.org", "SRV", "0 0 443 box.example.com.", "Recommended. Specifies the hostname of the server"),
    row("www.example.org", "TXT", "v=spf1 -all", "spf"),
    row("www.example.org", "MX", "0 .", "spf"),
    row("www.example.org", "AAAA", "2001:0DB8:0:0:0:0:0:1", "custom"),
    row("www.example.org", "AAAA", "2001:db8::1", "custom"),
    row("UP.example.org", "MX", "10 mail", "custom"),
    row("say.example.org", "TXT", 'a "quoted" \\ text', "custom"),
    row("example.org", "CAA", '0 issue "letsencrypt.org"', "custom"),
]  # fmt: skip
DUMP = [{"zone": "example.com", "records": BOX}, {"zone": "example.org", "records": DOMAIN}]


def sets(zones: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(record["name"], record["type"]): record for zone in zones for record in zone["records"]}


@pytest.mark.parametrize(
    ("name", "rtype", "values", "level", "category"),
    [
        ("box.example.com", "A", ["203.0.113.10"], "required", "box"),
        ("_25._tcp.box.example.com", "TLSA", ["3 1 1 " + "ab" * 32], "recommended", "tlsa"),
        ("_443._tcp.box.example.com", "TLSA", ["3 1 1 " + "ab" * 32], "optional", "tlsa"),
        ("example.org", "A", ["203.0.113.10"], "required", "website"),
        ("example.org", "MX", ["10 box.example.com."], "required", "mail"),
        ("example.org", "TXT", ["v=spf1 mx -all"], "recommended", "spf"),
        ("mail._domainkey.example.org", "TXT", [KEY], "recommended", "dkim"),
        ("_dmarc.example.org", "TXT", ["v=DMARC1; p=quarantine;"], "recommended", "dmarc"),
        ("_mta-sts.example.org", "TXT", ["v=STSv1; id=1"], "optional", "mta-sts"),
        ("mta-sts.example.org", "A", ["203.0.113.10"], "optional", "mta-sts"),
        ("autoconfig.example.org", "A", ["203.0.113.10"], "optional", "autoconfig"),
        ("_caldavs._tcp.example.org", "SRV", ["0 0 443 box.example.com."], "recommended", "caldav"),
        ("www.example.org", "TXT", ["v=spf1 -all"], "recommended", "no-mail"),
        ("www.example.org", "MX", ["0 ."], "recommended", "no-mail"),
        # One address in two spellings.
        ("www.example.org", "AAAA", ["2001:db8::1"], "custom", "custom"),
        # A name without a final dot is relative to the zone, as for the name server of the box.
        ("up.example.org", "MX", ["10 mail.example.org."], "custom", "custom"),
    ],
)
def test_a_record_that_is_wanted(name: str, rtype: str, values: list[str], level: str, category: str) -> None:
    record = sets(dns_wanted(DUMP))[name, rtype]
    assert (record["values"], record["level"], record["category"]) == (values, level, category)
    assert record["consequence"] == _dns_model.CONSEQUENCES[category]
    assert record["may_differ"] == (category == "website")


def test_records_of_the_box_s_own_name_server_are_omitted() -> None:
    zones = dns_wanted(DUMP)
    assert [zone["box"] for zone in zones] == ["box.example.com"] * 2
    left_out = {(entry["name"], entry["type"]) for zone in zones for entry in zone["left_out"]}
    own = {("ns1.box.example.com", "A"), ("_dmarc.ns2.box.example.com", "TXT"), ("example.org", "NS")}
    assert left_out == own
    assert own.isdisjoint(sets(zones))


@pytest.mark.parametrize(
    ("pattern", "gone"),
    [
        ("website", {("example.org", "A")}),
        ("www.*", {("www.example.org", rtype) for rtype in ("TXT", "MX", "AAAA")}),
        ("example.org A", {("example.org", "A")}),
        ("*.example.org AAAA", {("www.example.org", "AAAA")}),
        ("no-mail", {("www.example.org", "TXT"), ("www.example.org", "MX")}),
        ("EXAMPLE.ORG. mx", {("example.org", "MX")}),
    ],
)
def test_records_that_are_left_out(pattern: str, gone: set[tuple[str, str]]) -> None:
    assert set(sets(dns_wanted(DUMP))) - set(sets(dns_wanted(DUMP, leave_out=[pattern]))) == gone


def test_a_pattern_that_can_match_nothing_is_an_error() -> None:
    with pytest.raises(AnsibleFilterError, match="neither a category"):
        dns_wanted(DUMP, leave_out=["websites"])


def test_the_zones_at_the_provider() -> None:
    dump = [{"zone": "box.example.com", "records": BOX}, DUMP[1]]
    zones = dns_wanted(dump, zones=["example.com", "box.example.com.", "mta-sts.Example.org"])
    assert {zone["zone"]: len(zone["records"]) for zone in zones} == {
        "example.com": 0,
        "box.example.com": 3,
        "mta-sts.example.org": 1,
    }
    # Without its own zone at the provider, the box is part of the larger zone.
    assert [len(zone["records"]) for zone in dns_wanted(dump, zones=["example.com"])] == [3]


@pytest.mark.parametrize(
    ("name", "rtype", "value", "reason"),
    [
        ("x.example.org", "MX", "no mx", "not a value of type MX"),
        ("x.example.org", "NONSENSE", "x", "not a value of type NONSENSE"),
        ("_dmarc.*.example.org", "TXT", "x", "as the first label"),
        ("a..example.org", "TXT", "x", "not a valid DNS name"),
        ("a b.example.org", "TXT", "x", "not a valid DNS name"),
        ("l" * 64 + ".example.org", "TXT", "x", "1 to 63 characters"),
        ("www.example.org", "CNAME", "example.net.", "a CNAME must be the only record"),
    ],
)
def test_records_that_name_servers_reject_are_omitted(name: str, rtype: str, value: str, reason: str) -> None:
    dump = [{"zone": "example.org", "records": [*DOMAIN, row(name, rtype, value, "custom")]}]
    (zone,) = dns_wanted(dump)
    (entry,) = [entry for entry in zone["left_out"] if entry["name"] == name]
    assert entry["type"] == rtype
    assert reason in entry["reason"]
    assert (name, rtype) not in sets([zone])


@pytest.mark.parametrize("zone", ["../../etc/passwd", "a/b.example", "example.org\n", "", "ex ample.org", "a..b"])
def test_an_invalid_zone_name_is_an_error(zone: str) -> None:
    """The names of zones are used as file names."""
    with pytest.raises(AnsibleFilterError, match="not a valid DNS name"):
        dns_wanted([{"zone": zone, "records": []}])


def test_octodns() -> None:
    zone = dns_wanted(DUMP)[1]
    data = yaml.safe_load(dns_zone_file(zone, "octodns"))
    assert data == _dns_export.octodns_zone(zone)
    assert {"type": "MX", "ttl": 3600, "values": [{"preference": 10, "exchange": "box.example.com."}]} in data[""]
    assert {"type": "CAA", "ttl": 3600, "values": [{"flags": 0, "tag": "issue", "value": "letsencrypt.org"}]} in data[
        ""
    ]
    (key,) = data["mail._domainkey"]
    assert key["values"] == [KEY.replace(";", "\\;")]
    # Some providers of octoDNS can't write such a text.
    assert "say" not in data
    assert "quotes" in _dns_export.unfit_for_octodns(sets([zone])["say.example.org", "TXT"])


def test_dnscontrol() -> None:
    text = dns_zone_file(dns_wanted(DUMP)[1], "dnscontrol")
    assert text.startswith('D_EXTEND("example.org",\n')
    for call in (
        'MX("@", 10, "box.example.com.", TTL(3600))',
        'SRV("_caldavs._tcp", 0, 0, 443, "box.example.com.", TTL(3600))',
        'CAA("@", "issue", "letsencrypt.org", TTL(3600))',
        'TXT("say", "a \\"quoted\\" \\\\ text", TTL(3600))',
    ):
        assert "  " + call in text
    assert text.endswith("\n);\n")


def test_bind(tmp_path: Path) -> None:
    zones = dns_wanted(DUMP)
    text = dns_zone_file(zones[1])
    assert "@\t3600\tIN\tMX\t10 box.example.com.\n" in text
    assert f'mail._domainkey\t3600\tIN\tTXT\t"{KEY[:255]}" "{KEY[255:]}"\n' in text
    assert 'say\t3600\tIN\tTXT\t"a \\"quoted\\" \\\\ text"\n' in text
    if shutil.which("named-checkzone"):
        head = "$TTL 60\n@ IN SOA ns root 1 60 60 60 60\n@ IN NS ns\nns IN A 192.0.2.53\nmail IN A 192.0.2.25\n"
        (tmp_path / "zone").write_text(f"$ORIGIN example.org.\n{head}{text}", encoding="ascii")
        command = ["named-checkzone", "-i", "local", "example.org", str(tmp_path / "zone")]
        checked = subprocess.run(command, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout


def test_another_format() -> None:
    with pytest.raises(AnsibleFilterError, match="Use one of: bind, dnscontrol, octodns"):
        dns_zone_file(dns_wanted(DUMP)[1], "tinydns")


def test_box_texts_cannot_escape_their_record_or_cell() -> None:
    """A text can't add a record to a file, or a cell or heading to Markdown."""
    records = [row("x%d.example.org" % number, "TXT", text, "custom") for number, text in enumerate(HOSTILE)]
    records += [row("y%d.example.org" % number, "A", "192.0.2.1", text) for number, text in enumerate(HOSTILE)]
    (zone,) = dns_wanted([{"zone": "example.org", "records": records}])
    lines = dns_zone_file(zone, "bind").splitlines()
    assert len(lines) == len(records) + 2
    assert all(line.isprintable() for text in lines for line in text.split("\t"))
    assert len(json.loads(json.dumps(yaml.safe_load(dns_zone_file(zone, "octodns"))))) <= len(records)
    state = {
        "ok": False,
        "error": "<script>",
        "changes": [],
        "kept": [],
        "zones": [_dns_compare.compare(zone, [_dns_compare.Server("ns", _dns_compare.Answer())])],
    }
    text = dns_markdown({"box": state})
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == len(records) + 2
    assert {line.replace("\\|", "").count("|") for line in table} == {6}
    assert "<script>" not in text.replace("`<script>`", "")


def test_markdown_lists_problems_first() -> None:
    zone = dns_wanted(DUMP, leave_out=["custom"])[1]
    right = {key: _dns_compare.Answer(tuple(record["values"])) for key, record in sets([zone]).items()}
    good = _dns_compare.Server("ns1", _dns_compare.Answer(), 7, right)
    bad = _dns_compare.Server(
        "ns2", _dns_compare.Answer(), 6, {**right, ("example.org", "MX"): _dns_compare.Answer(("10 mx.example.net.",))}
    )
    states = {
        "a": {"ok": True, "error": "", "changes": [1], "kept": [], "zones": [_dns_compare.compare(zone, [good])]},
        "b": {
            "ok": False,
            "error": "",
            "changes": [],
            "kept": [
                {"name": "example.org", "type": "MX", "reason": "there is another value that this box does not own"}
            ],
            "zones": [_dns_compare.compare(zone, [good, bad])],
        },
    }
    text = dns_markdown(states)
    assert text.index("## `b`") < text.index("## `a`")
    assert "- `ns2`: has version 6 of the zone, but others have 7" in text
    assert (
        "**has another value**: `another value is there`<br>on `ns2`<br>not pushed: `there is another value that this box does not own`"
        in text
    )
    assert "`10 box.example.com.` | `10 mx.example.net.` | No mail arrives for the domain. |" in text
    assert text.endswith("1 changes at the provider.\n\nRight: `example.org`.\n")


def test_each_problem_is_listed_once_per_category() -> None:
    zone = dns_wanted(DUMP)[1]
    server = _dns_compare.Server("ns1", _dns_compare.Answer(), 7)
    server.answers.update({key: _dns_compare.Answer() for key in sets([zone])})
    told = _dns_compare.problems(_dns_compare.compare(zone, [server]))
    assert told[0] == {
        "zone": "example.org",
        "level": "required",
        "text": "example.org: example.org MX is missing. No mail arrives for the domain.",
    }
    assert len(told) == len({record["category"] for record in zone["records"]})
    assert any("(and 1 more of category no-mail)" in problem["text"] for problem in told)


def test_a_zone_whose_name_servers_are_unknown_is_one_problem() -> None:
    (zone, *_others) = dns_wanted(DUMP)
    result = _dns_compare.compare(zone, [], "no name server is known")
    assert [problem["text"] for problem in _dns_compare.problems(result)] == [
        f"{zone['zone']}: no name server is known."
    ]
    boxes = {"a": {"ok": False, "error": "", "changes": [], "kept": [], "zones": [result]}}
    assert "`no name server is known`" in dns_markdown(boxes)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"type": "LOC", "values": ["x"]}, "records of this type can't be pushed"),
        ({"type": "CNAME", "values": ["a.example.net.", "b.example.net."]}, "a CNAME can have only one value"),
        ({"type": "CNAME", "values": ["a.example.net."]}, ""),
    ],
)
def test_records_that_can_not_be_pushed(record: dict[str, Any], reason: str) -> None:
    found = _dns_export.unfit_for_octodns(record)
    assert found.startswith(reason)
    assert bool(found) == bool(reason)


@pytest.mark.parametrize(
    ("rtype", "value", "shown"),
    [
        ("MX", {"exchange": "box.example.com.", "preference": 10}, "10 box.example.com."),
        ("URLFWD", {"b": 2, "a": 1}, "1 2"),
        ("TXT", "v=DKIM1\\; p=A", "v=DKIM1; p=A"),
    ],
)
def test_values_of_octodns_as_in_a_zone_file(rtype: str, value: Any, shown: str) -> None:
    assert _dns_export.shown_value(rtype, value) == shown
