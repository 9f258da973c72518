# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter people: from a table to users and aliases."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.mailinabox.admin.plugins.filter.people import people
from ansible_collections.mailinabox.admin.plugins.module_utils._values.texts import printable
from ansible_collections.mailinabox.admin.plugins.plugin_utils import _people

TABLE = """\
Name,Email,State,Groups,Quota,Forward_to
Bob Burns,bob@example.org,present,"sales, support",2048M,
Ann Ames,Ann@Example.ORG,,sales,,
Carol Cole,carol@example.org,leaver,sales,,ann@example.org
"""
DECLARED = {
    "users": [
        {"email": "ann@example.org", "update_password": "on_create"},
        {"email": "bob@example.org", "update_password": "on_create", "quota": "2G"},
        {"email": "carol@example.org", "state": "absent"},
    ],
    "aliases": [
        {"address": "carol@example.org", "forwards_to": ["ann@example.org"]},
        {"address": "sales@example.org", "forwards_to": ["ann@example.org", "bob@example.org"]},
        {"address": "support@example.org", "forwards_to": ["bob@example.org"]},
    ],
    "present": ["ann@example.org", "bob@example.org"],
    "absent": ["carol@example.org"],
}


def mistakes(data: Any, **options: Any) -> list[str]:
    """The lines of the message, without the first."""
    with pytest.raises(AnsibleFilterError) as caught:
        people(data, **options)
    first, *lines = str(caught.value).splitlines()
    assert first == "Mistakes in the table of people: %d." % len(lines)
    return lines


def test_a_table_becomes_users_and_aliases() -> None:
    assert people(TABLE, domain="EXAMPLE.org") == DECLARED


# How Ansible's lookup file returns the bytes of a file.
def read(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape").rstrip()


@pytest.mark.parametrize(
    "text",
    [
        TABLE.replace("\n", "\r\n"),
        TABLE.replace("\n", "\r"),
        TABLE.replace("\n", "\n\n") + ",,,,,\n",
        "\ufeff" + TABLE,
        "sep=,\n" + TABLE,
        "\ufeffsep=,\r\n" + TABLE,
        TABLE.replace(",", ";"),
        "sep=;\n" + TABLE.replace(",", ";"),
        TABLE.replace("sales, support", "sales\n support").replace("Groups", " GROUPS "),
        TABLE.replace('"sales, support"', "support|sales@example.org").replace(",", "\t"),
        # An ignored column may have anything.
        TABLE.replace("Bob Burns", '"{{ 1 }}\n=cmd()\0"'),
        read(TABLE.replace("Burns", "Bürns").encode("cp1252")),
        read(b"\xff\xfe" + TABLE.replace("Burns", "Bürns \u4e2d").encode("utf-16-le")),
        read(b"\xfe\xff" + TABLE.replace("Burns", "Bürns \u4e2d").encode("utf-16-be")),
        read(TABLE.encode("utf-8-sig")),
    ],
)
def test_forms_of_one_table(text: str) -> None:
    assert people(text, domain="example.org") == DECLARED


def test_another_delimiter() -> None:
    text = TABLE.replace(",", "|").replace("sales| ", "sales, ")
    assert people(text, domain="example.org", delimiter="|") == DECLARED


def test_columns_and_words_can_have_other_names() -> None:
    text = "Adresse;Status;Abteilung\nann@example.org;Aktiv;vertrieb\nbob@example.org;Ausgeschieden;\n"
    columns = {"email": "adresse", "state": "Status", "groups": "Abteilung"}
    found = people(text, columns, "example.org", ["aktiv"], ["ausgeschieden"], remove_from_aliases="shared")
    assert found["users"] == [
        {"email": "ann@example.org", "update_password": "on_create"},
        {"email": "bob@example.org", "state": "absent", "remove_from_aliases": "shared"},
    ]
    assert found["aliases"] == [{"address": "vertrieb@example.org", "forwards_to": ["ann@example.org"]}]


def test_rows_of_a_directory() -> None:
    rows = [
        {"mail": ["ann@example.org"], "teams": ["sales@example.org", "support@example.org"], "dn": "uid=ann"},
        {"mail": "bob@example.org", "teams": None, "dn": "uid=bob", "size": 1073741824},
        {"mail": ["carol@example.org"], "teams": []},
    ]
    found = people(rows, {"email": "mail", "groups": "teams", "quota": "size"})
    assert found["present"] == ["ann@example.org", "bob@example.org", "carol@example.org"]
    assert [alias["address"] for alias in found["aliases"]] == ["sales@example.org", "support@example.org"]
    assert found["users"][1]["quota"] == "1G"


def test_international_domains() -> None:
    found = people("email,groups\nann@Bücher.example,verkauf@BÜCHER.example\n")
    assert found["present"] == ["ann@xn--bcher-kva.example"]
    assert found["aliases"][0]["address"] == "verkauf@xn--bcher-kva.example"


def test_passwords_are_added_to_new_entries_only() -> None:
    passwords = {"ann@example.org": "first-password", "carol@example.org": "no-use", "eve@example.org": "no-use"}
    found = people(TABLE, passwords=passwords, domain="example.org")
    assert [user.get("user_password") for user in found["users"]] == ["first-password", None, None]


@pytest.mark.parametrize(
    ("second", "line"),
    [
        ("ann@example.org", "line 3: email: ann@example.org is also in line 2"),
        (" ANN@Example.org ", "line 3: email: ann@example.org is also in line 2"),
        ("ann@xn--bcher-kva.example", "line 4: email: ann@xn--bcher-kva.example is also in line 3"),
    ],
)
def test_a_person_can_be_in_the_table_only_once(second: str, line: str) -> None:
    before = "email,state\nann@example.org,\n" + ("ann@b\u00fccher.example,\n" if "xn--" in second else "")
    assert mistakes(before + second + ",absent\n") == [line]


def test_all_mistakes_are_reported_at_once_by_line() -> None:
    text = (
        "email,state,groups,quota,forward_to\n"
        "ann,,,,\n"
        ",present,,,\n"
        'bob@example.org,gone,,,"\n'
        'multi line"\n'
        "carol@example.org,,sales,lots,\n"
        "too,many,cells,in,this,row\n"
        "admin@example.org,,,,\n"
        "dan@example.local,,,,\n"
        "eve@example.org,absent,,,\u200beve@example.org\n"
        "fay@example.org,leaver,,,fay@example.org\n"
        "gus@example.org,leaver,,,eve@example.org\n"
    )
    no_domain = "it has no domain; write a whole address, or set the option domain"
    words = "it must be one of present, active, joiner, or for people who have left one of absent, inactive, leaver"
    assert mistakes(text) == [
        f"line 2: email: 'ann': {no_domain}",
        "line 3: email: the address is missing",
        f"line 4: state: 'gone': {words}",
        "line 4: forward_to: it is for people who have left; to forward the mail of others, declare an alias",
        f"line 6: groups: 'sales': {no_domain}",
        "line 6: quota: 'lots': a quota is a whole number of bytes, or a number followed by M or G; 0 means no limit",
        "line 7: the number of cells is 6, but the header has 5; put a text with a separator in quotes",
        "line 8: email: 'admin@example.org': boxes reserve admin for aliases to administrators",
        "line 9: email: 'dan@example.local': the top-level domain 'local' is reserved, and boxes reject addresses in it",
        "line 10: forward_to: '\\u200beve@example.org': '\\u200beve' is not valid before the @",
        "line 11: forward_to: the mail of fay@example.org would go back to the same address",
    ]


def test_mail_of_people_who_have_left_goes_to_somebody_who_is_there() -> None:
    text = "email,state,forward_to\neve@example.org,absent,\ngus@example.org,absent,eve@example.org\n"
    assert mistakes(text) == ["line 3: forward_to: eve@example.org has left, too"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "line 1: the table is empty; the first line needs the names of the columns"),
        (
            "email,Email\n",
            "line 1: two columns have the name 'Email'; rename one of them",
        ),
        ("mail\nann@example.org\n", "columns: the table has no column 'email' for email; did you mean 'mail'?"),
        ("x,y\n1,2\n", "columns: the table has no column 'email' for email; it has 'x', 'y'"),
        (
            'email\nann@example.org\n"bob@example.org\ncarol@example.org\n',
            "line 3: unexpected end of data; check the quotes from here on",
        ),
        ('email\n"ann"@example.org\n', "line 2: ',' expected after '\"'; check the quotes from here on"),
        (
            "e\0m\0a\0i\0l\0\n\0",
            "line 1: this is not CSV text (it has NUL characters, as UTF-16 has); save the table as CSV UTF-8",
        ),
        (
            "email,groups\nann@example.org,ann@example.org\n",
            "line 2: email: ann@example.org is also a group; one of them needs another address",
        ),
    ],
)
def test_a_table_that_cannot_be_read(text: str, line: str) -> None:
    assert mistakes(text) == [line]


@pytest.mark.parametrize("cell", ["a@b.example", "sales", "2G"])
@pytest.mark.parametrize("purpose", ["email", "state", "groups", "forward_to", "quota"])
def test_rows_with_wrong_types(purpose: str, cell: str) -> None:
    row: dict[str, Any] = {"email": "ann@example.org", "state": "", purpose: {"a": cell}}
    (line, *_others) = mistakes([row, "no row"])
    assert line == f"row 1: {purpose}: it must be a text"


def test_options_are_checked() -> None:
    assert mistakes(TABLE, columns={"mail": "Email", "quota": "Size"}, domain="example") == [
        "domain: 'example': a domain name needs at least one dot",
        "columns: 'mail' is none of email, state, groups, forward_to, quota",
        "columns: the table has no column 'Size' for quota; it has 'Name', 'Email', 'State', 'Groups', 'Quota', 'Forward_to'",
        *[
            f"line {number}: groups: '{group}': it has no domain; write a whole address, or set the option domain"
            for number, group in ((2, "sales"), (2, "support"), (3, "sales"))
        ],
    ]
    assert mistakes(TABLE, delimiter=";;") == ["delimiter: ';;' is not one character that separates cells"]
    assert mistakes('sep="\n' + TABLE) == ["delimiter: '\"' is not one character that separates cells"]
    assert "aliases: not a list of aliases" in mistakes(TABLE, domain="example.org", aliases=["x"])[0]


@pytest.mark.parametrize("name", ["columns", "passwords", "present", "absent", "groups", "aliases"])
def test_options_have_types(name: str) -> None:
    words = "a dictionary" if name in ("columns", "passwords") else "a list"
    with pytest.raises(AnsibleFilterError, match=f"^people: {name} must be {words}$"):
        people(TABLE, **{name: "secret"})
    with pytest.raises(AnsibleFilterError, match=r"^people: the table must be CSV text or a list of dictionaries$"):
        people({})


def test_a_misspelled_group_is_a_mistake_if_the_groups_are_listed() -> None:
    options = {"domain": "example.org", "groups": ["sales", "support@example.org"]}
    assert people(TABLE, **options) == DECLARED
    assert mistakes(TABLE.replace("support", "suport"), **options) == [
        "line 2: groups: suport@example.org is not in the option groups; did you mean support@example.org?"
    ]
    why = "would have no member; take it out of groups, and declare the alias with state: absent"
    assert mistakes(TABLE.replace(", support", ""), **options) == [f"groups: support@example.org {why}"]


def test_receivers_who_are_not_in_the_table_stay_in_their_groups() -> None:
    held = [
        {"address": "sales@example.org", "forwards_to": ["Agency@example.net", "carol@example.org"]},
        {"address": "support@example.org", "forwards_to": ["ann@example.org", "dan@example.org"]},
        {"address": "all@example.org", "forwards_to": ["@example.net"]},
    ]
    found = people(TABLE, domain="example.org", aliases=held)
    assert {alias["address"]: alias["forwards_to"] for alias in found["aliases"]} == {
        "carol@example.org": ["ann@example.org"],
        "sales@example.org": ["Agency@example.net", "ann@example.org", "bob@example.org"],
        "support@example.org": ["bob@example.org", "dan@example.org"],
    }
    assert people(TABLE.replace("support", ""), domain="example.org", groups=["sales", "support"], aliases=held)


def test_receivers_of_the_box_keep_their_mark_as_no_templates() -> None:
    class Unsafe(str):
        """As Ansible marks strings of a module before 2.19."""

    receiver = Unsafe("{{vault}}@example.net")
    held = [{"address": "sales@example.org", "forwards_to": [receiver]}]
    found = people("email,groups\nann@example.org,sales@example.org\n", aliases=held)
    assert any(one is receiver for one in found["aliases"][0]["forwards_to"])


HOSTILE = [
    "{{ lookup('ansible.builtin.pipe', 'id') }}",
    "{{vault_box_password}}@example.org",
    "{%raw%}@example.org",
    "{#x#}@example.org",
    "#jinja2:variable_start_string:'[['",
    "=cmd|'/C calc'!A0",
    "=1+1@example.org",
    "@SUM(1)@example.org",
    "+1@example.org",
    "-1@example.org",
    "ann\0@example.org",
    "ann\u0000",
    "ann\x1b[2J@example.org",
    "ann@example.org\u202e",
    "ann @example.org",
    "ann@example.org bob@example.org,",
    "Ann <ann@example.org>",
    "ann@exam\nple.org",
    "\u212aate@example.org",
    "ann@\u212aate.example",
    "::error::x@example.org",
    "../../etc/passwd",
    "ann@example.org/../x",
    "a" * 5000 + "@example.org",
    "\udcffann@example.org",
    "!unsafe x",
    "$(id)@example.org",
    "`id`@example.org",
]


@pytest.mark.parametrize("cell", HOSTILE)
@pytest.mark.parametrize("purpose", ["email", "state", "groups", "forward_to", "quota"])
def test_a_hostile_cell_is_a_mistake_and_never_a_template(cell: str, purpose: str) -> None:
    if cell == "ann@example.org bob@example.org," and purpose in ("groups", "forward_to"):
        return
    row = {"email": "zoe@example.org", "state": "absent" if purpose == "forward_to" else "", purpose: cell}
    written = io.StringIO()
    table = csv.DictWriter(written, list(_people.COLUMNS), lineterminator="\n")
    table.writeheader()
    table.writerow(row)
    for data in (written.getvalue(), [row]):
        for domain in ("", "example.org"):
            lines = mistakes(data, domain=domain)
            assert lines
            for line in lines:
                assert line.startswith(("line 2: ", "row 1: "))
                assert line == printable(line)
                assert len(line) < 1000
                assert "{" not in line
                assert "#" not in line


@settings(max_examples=300, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(list(_people.COLUMNS)), st.text(max_size=30)), max_size=3), st.text())
def test_any_table_gives_canonical_values_or_mistakes(rows: list[dict[str, str]], text: str) -> None:
    for data in (rows, text, "email,state,groups,quota,forward_to\n" + text):
        try:
            found = people(data, domain="example.org")
        except AnsibleFilterError:
            continue
        addresses = [*found["present"], *found["absent"]]
        addresses += [one for alias in found["aliases"] for one in (alias["address"], *alias["forwards_to"])]
        assert all(_people._ADDRESS.match(address) for address in addresses)


def test_the_order_of_rows_does_not_matter() -> None:
    header, *rows = TABLE.splitlines(keepends=True)
    for turned in (rows[::-1], rows[1:] + rows[:1]):
        assert people(header + "".join(turned), domain="example.org") == DECLARED


def test_a_thousand_joiners_and_a_hundred_leavers() -> None:
    rows = [f"joiner{number}@example.org,,team{number % 20}" for number in range(1000)]
    rows += [f"leaver{number}@example.org,absent," for number in range(100)]
    found = people("email,state,groups\n" + "\n".join(rows), domain="example.org")
    assert (len(found["present"]), len(found["absent"]), len(found["aliases"])) == (1000, 100, 20)
