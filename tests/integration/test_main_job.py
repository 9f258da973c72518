# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tasks that most users need: users, aliases and DNS records, on four versions and through both doors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.box import Box
from tests.box.prepare import prepare

from .expected import Expected, State, check_tasks
from .playbooks import play

Check = Callable[[State], bool]

USERS = {
    "users": [
        {"email": "ann@example.org", "password": "ann-password-1"},
        {"email": "bob@example.org", "password": "bob-password-1", "privileges": ["admin"]},
    ]
}

USER_TASKS = """
- name: Create a mailbox for Ann
  mailinabox.admin.miab_user:
    email: ann@example.org
    user_password: ann-password-1

- name: Write the address in capitals
  mailinabox.admin.miab_user:
    email: Ann@Example.ORG
    user_password: ann-password-1

- name: Change the password
  mailinabox.admin.miab_user:
    email: ann@example.org
    user_password: ann-password-2

- name: Set a password only if the user is new
  mailinabox.admin.miab_user:
    email: ann@example.org
    user_password: ann-password-3
    update_password: on_create

- name: Make Ann an administrator
  mailinabox.admin.miab_user:
    email: ann@example.org
    privileges: [admin]

- name: Change the password of an administrator
  mailinabox.admin.miab_user:
    email: ann@example.org
    user_password: ann-password-4

- name: Take away all privileges
  mailinabox.admin.miab_user:
    email: ann@example.org
    privileges: []

- name: Limit the mailbox to two gigabytes, written in megabytes
  mailinabox.admin.miab_user:
    email: ann@example.org
    quota: 2048m

- name: Remove the limit of the mailbox
  mailinabox.admin.miab_user:
    email: ann@example.org
    quota: "0"

- name: Remove Ann
  mailinabox.admin.miab_user:
    email: ann@example.org
    state: absent

- name: Remove a user who does not exist
  mailinabox.admin.miab_user:
    email: nobody@example.org
    state: absent
"""


def ann(**expected: Any) -> Check:
    """Ann exists, with these properties."""

    def check(state: State) -> bool:
        found = state["users"].get("ann@example.org")
        return found is not None and {key: found[key] for key in expected} == expected

    return check


def test_user(box: Box, door: str, tmp_path: Path) -> None:
    has_quotas = box.state.capabilities.quotas
    expected = {
        "Create a mailbox for Ann": Expected(ann(password="ann-password-1", privileges=[])),
        "Write the address in capitals": Expected(ann(password="ann-password-1"), changed=False),
        "Change the password": Expected(ann(password="ann-password-2"), calls=1),
        "Set a password only if the user is new": Expected(ann(password="ann-password-2"), changed=False),
        "Make Ann an administrator": Expected(ann(privileges=["admin"])),
        "Change the password of an administrator": Expected(ann(password="ann-password-4", privileges=["admin"])),
        "Take away all privileges": Expected(ann(privileges=[])),
        "Limit the mailbox to two gigabytes, written in megabytes": Expected(ann(quota="2G")) if has_quotas else None,
        "Remove the limit of the mailbox": Expected(ann(quota="0")) if has_quotas else None,
        "Remove Ann": Expected(lambda state: "ann@example.org" not in state["users"]),
        "Remove a user who does not exist": Expected(lambda state: True, changed=False),
    }
    check_tasks(box, USER_TASKS, expected, tmp_path, door)
    # One failed login for each password that differed: one in the prediction, and one in the run. No others.
    assert len(box.failed_logins) == 4
    assert not box.state.sessions


def test_old_mail_of_a_new_user_gives_a_warning(box: Box, door: str, tmp_path: Path) -> None:
    box.state.deliver("ann@example.org")
    task = {
        "name": "Create a user whose address had a mailbox before",
        "mailinabox.admin.miab_user": {"email": "ann@example.org", "user_password": "ann-password-1"},
        "check_mode": True,
    }
    outcome = play(box, [task], tmp_path, door).outcomes[0]
    assert "gets the old mail" in outcome.result["warnings"][0]


ALIAS_TASKS = """
- name: Forward sales@ to two people
  mailinabox.admin.miab_alias:
    address: sales@example.org
    forwards_to:
      - ann@example.org
      - Bob@Example.NET

- name: Write the same addresses in another order and with other capitals
  mailinabox.admin.miab_alias:
    address: Sales@Example.org
    forwards_to:
      - bob@example.net
      - ann@example.org

- name: Let only Ann send from sales@
  mailinabox.admin.miab_alias:
    address: sales@example.org
    permitted_senders: [ann@example.org]

- name: Forward sales@ only to Ann, and keep the permitted senders
  mailinabox.admin.miab_alias:
    address: sales@example.org
    forwards_to: [ann@example.org]

- name: Remove the permitted senders
  mailinabox.admin.miab_alias:
    address: sales@example.org
    permitted_senders: []

- name: Let Ann send from an address that receives nothing
  mailinabox.admin.miab_alias:
    address: sales@example.org
    forwards_to: []
    permitted_senders: [ann@example.org]

- name: Create a catch-all
  mailinabox.admin.miab_alias:
    address: "@example.org"
    forwards_to: [ann@example.org]

- name: Forward a whole domain to another one
  mailinabox.admin.miab_alias:
    address: "@example.com"
    forwards_to: ["@example.org"]

- name: Use domains with non-ASCII letters
  mailinabox.admin.miab_alias:
    address: info@bücher.example
    forwards_to: [ann@bücher.example]

- name: Write the same domain in IDNA and in capitals
  mailinabox.admin.miab_alias:
    address: info@xn--bcher-kva.example
    forwards_to: [ann@BÜCHER.example]

- name: Remove the alias with the domain in IDNA
  mailinabox.admin.miab_alias:
    address: info@xn--bcher-kva.example
    state: absent

- name: Remove sales@
  mailinabox.admin.miab_alias:
    address: sales@example.org
    state: absent

- name: Remove an alias that does not exist
  mailinabox.admin.miab_alias:
    address: nobody@example.org
    state: absent
"""


def alias(address: str, forwards_to: list[str], permitted_senders: list[str] | None = None) -> Check:
    """An alias exists, with these receivers and permitted senders."""

    def check(state: State) -> bool:
        found = state["aliases"].get(address)
        return found is not None and (sorted(found["forwards_to"]), found["permitted_senders"]) == (
            sorted(forwards_to),
            permitted_senders,
        )

    return check


def no_alias(address: str) -> Check:
    return lambda state: address not in state["aliases"]


def test_alias(box: Box, door: str, tmp_path: Path) -> None:
    prepare(box.state, USERS)
    sales, idn = "sales@example.org", "info@xn--bcher-kva.example"
    ann, bob = "ann@example.org", "Bob@example.net"
    in_idn = alias(idn, ["ann@xn--bcher-kva.example"])
    expected = {
        "Forward sales@ to two people": Expected(alias(sales, [ann, bob])),
        "Write the same addresses in another order and with other capitals": Expected(
            alias(sales, [ann, bob]), changed=False
        ),
        "Let only Ann send from sales@": Expected(alias(sales, [ann, bob], [ann])),
        "Forward sales@ only to Ann, and keep the permitted senders": Expected(alias(sales, [ann], [ann])),
        "Remove the permitted senders": Expected(alias(sales, [ann])),
        "Let Ann send from an address that receives nothing": Expected(alias(sales, [], [ann])),
        "Create a catch-all": Expected(alias("@example.org", [ann])),
        "Forward a whole domain to another one": Expected(alias("@example.com", ["@example.org"])),
        "Use domains with non-ASCII letters": Expected(in_idn),
        "Write the same domain in IDNA and in capitals": Expected(in_idn, changed=False),
        "Remove the alias with the domain in IDNA": Expected(no_alias(idn)),
        "Remove sales@": Expected(no_alias(sales)),
        "Remove an alias that does not exist": Expected(no_alias("nobody@example.org"), changed=False),
    }
    check_tasks(box, ALIAS_TASKS, expected, tmp_path, door)


AUTOMATIC_ALIAS_TASKS = """
- name: Declare an automatic alias as the box creates it
  mailinabox.admin.miab_alias:
    address: abuse@example.org
    forwards_to: [administrator@box.example.com]

- name: Create an alias of our own in its place
  mailinabox.admin.miab_alias:
    address: abuse@example.org
    forwards_to: [bob@example.org]
"""


def test_automatic_aliases(box: Box, tmp_path: Path) -> None:
    prepare(box.state, USERS)
    address = "abuse@example.org"
    # Older boxes store automatic aliases together with the others.
    unchanged = no_alias(address) if box.state.capabilities.automatic_aliases else lambda state: True
    expected = {
        "Declare an automatic alias as the box creates it": Expected(unchanged, changed=False),
        "Create an alias of our own in its place": Expected(alias(address, ["bob@example.org"])),
    }
    check_tasks(box, AUTOMATIC_ALIAS_TASKS, expected, tmp_path, "in-process")
    removal = {
        "name": "Remove the alias, after which the automatic one is back",
        "mailinabox.admin.miab_alias": {"address": address, "state": "absent"},
    }
    removed, again = play(box, [removal, removal], tmp_path).outcomes
    assert removed.result["changed"]
    assert removed.result["alias"] == again.result["alias"] == {"address": address, "state": "absent"}
    assert not again.result["changed"]
    assert "automatic alias" in again.result["warnings"][0]
    as_it_is, _own = AUTOMATIC_ALIAS_TASKS.split("\n\n")
    name = "Declare an automatic alias as the box creates it"
    check_tasks(box, as_it_is, {name: Expected(lambda state: True, changed=False)}, tmp_path, "in-process")


DNS_TASKS = """
- name: Point www to an address
  mailinabox.admin.miab_dns_record:
    name: www.example.org
    type: A
    value: 192.0.2.1

- name: Add another address, and write the name in capitals and with a dot
  mailinabox.admin.miab_dns_record:
    name: WWW.EXAMPLE.ORG.
    type: a
    values: [192.0.2.2]

- name: Replace all addresses with one
  mailinabox.admin.miab_dns_record:
    name: www.example.org
    type: A
    value: 192.0.2.3
    exclusive: true

- name: Declare the complete list of addresses
  mailinabox.admin.miab_dns_record:
    name: www.example.org
    type: A
    values:
      - 192.0.2.3
      - 192.0.2.4
      - 192.0.2.5
    exclusive: true

- name: Remove one address
  mailinabox.admin.miab_dns_record:
    name: www.example.org
    type: A
    value: 192.0.2.4
    state: absent

- name: Remove all addresses
  mailinabox.admin.miab_dns_record:
    name: www.example.org
    type: A
    state: absent

- name: Publish a text with commas
  mailinabox.admin.miab_dns_record:
    name: _dmarc.example.org
    type: TXT
    values: v=DMARC1; p=none; rua=mailto:a@example.org,mailto:b@example.org

- name: Write an IPv6 address with zeros and capitals
  mailinabox.admin.miab_dns_record:
    name: www.example.org
    type: AAAA
    value: 2001:0DB8::1

- name: Point www to the box itself
  mailinabox.admin.miab_dns_record:
    name: www.example.org
    type: AAAA
    value: local
    exclusive: true

- name: Create a CNAME
  mailinabox.admin.miab_dns_record:
    name: blog.example.org
    type: CNAME
    value: Host.example.net

- name: Replace the CNAME
  mailinabox.admin.miab_dns_record:
    name: blog.example.org
    type: CNAME
    value: b.example.net
    exclusive: true
"""

OTHER_RECORD_TASKS = """
- name: Let only one authority issue certificates
  mailinabox.admin.miab_dns_record:
    name: example.org
    type: CAA
    value: 0 issue letsencrypt.org

- name: Deliver the mail of a subdomain to another server
  mailinabox.admin.miab_dns_record:
    name: lists.example.org
    type: MX
    value: 10 mx.example.net.

- name: Announce a chat server
  mailinabox.admin.miab_dns_record:
    name: _xmpp._tcp.example.org
    type: SRV
    value: 5 0 5269 x.example.net.

- name: Publish the fingerprint of an SSH key
  mailinabox.admin.miab_dns_record:
    name: ssh.example.org
    type: SSHFP
    value: 4 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef

- name: Delegate a subdomain to another name server
  mailinabox.admin.miab_dns_record:
    name: sub.example.org
    type: NS
    value: ns.example.net

- name: Answer for all other names
  mailinabox.admin.miab_dns_record:
    name: "*.example.org"
    type: A
    value: 192.0.2.9

- name: Set the address of the box itself, which the box ignores
  mailinabox.admin.miab_dns_record:
    name: box.example.com
    type: A
    value: 203.0.113.10
"""


def records(name: str, rtype: str, *values: str) -> Check:
    """A name and type has exactly these values."""

    def check(state: State) -> bool:
        found = [row["value"] for row in state["dns_records"] if (row["qname"], row["rtype"]) == (name, rtype)]
        return sorted(found) == sorted(values)

    return check


def test_dns_record(box: Box, door: str, tmp_path: Path) -> None:
    prepare(box.state, USERS)
    www, blog = "www.example.org", "blog.example.org"
    expected = {
        "Point www to an address": Expected(records(www, "A", "192.0.2.1")),
        "Add another address, and write the name in capitals and with a dot": Expected(
            records(www, "A", "192.0.2.1", "192.0.2.2")
        ),
        "Replace all addresses with one": Expected(records(www, "A", "192.0.2.3"), calls=1),
        "Declare the complete list of addresses": Expected(records(www, "A", "192.0.2.3", "192.0.2.4", "192.0.2.5")),
        "Remove one address": Expected(records(www, "A", "192.0.2.3", "192.0.2.5")),
        "Remove all addresses": Expected(records(www, "A")),
        "Publish a text with commas": Expected(
            records("_dmarc.example.org", "TXT", "v=DMARC1; p=none; rua=mailto:a@example.org,mailto:b@example.org")
        ),
        "Write an IPv6 address with zeros and capitals": Expected(records(www, "AAAA", "2001:db8::1")),
        "Point www to the box itself": Expected(records(www, "AAAA", "local")),
        "Create a CNAME": Expected(records(blog, "CNAME", "host.example.net.")),
        "Replace the CNAME": Expected(records(blog, "CNAME", "b.example.net.")),
    }
    check_tasks(box, DNS_TASKS, expected, tmp_path, door)
    assert box.state.broken_zones() == box.state.dropped_zones() == []


def test_dns_records_of_other_types(box: Box, door: str, tmp_path: Path) -> None:
    prepare(box.state, USERS)
    expected = {
        "Let only one authority issue certificates": Expected(
            records("example.org", "CAA", '0 issue "letsencrypt.org"')
        ),
        "Deliver the mail of a subdomain to another server": Expected(
            records("lists.example.org", "MX", "10 mx.example.net.")
        ),
        "Announce a chat server": Expected(records("_xmpp._tcp.example.org", "SRV", "5 0 5269 x.example.net.")),
        "Publish the fingerprint of an SSH key": Expected(
            records("ssh.example.org", "SSHFP", "4 2 " + "0123456789abcdef" * 4)
        ),
        "Delegate a subdomain to another name server": Expected(records("sub.example.org", "NS", "ns.example.net.")),
        "Answer for all other names": Expected(records("*.example.org", "A", "192.0.2.9")),
        "Set the address of the box itself, which the box ignores": Expected(
            records("box.example.com", "A", "203.0.113.10"), warning="ignores this record"
        ),
    }
    check_tasks(box, OTHER_RECORD_TASKS, expected, tmp_path, door)
    assert box.state.broken_zones() == box.state.dropped_zones() == []
