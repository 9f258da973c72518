# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file and line of each mistake in a declaration."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import InvalidDeclaration, Mistake
from ansible_collections.mailinabox.admin.plugins.plugin_utils import _origins
from ansible_collections.mailinabox.admin.plugins.plugin_utils._origins import Origin, annotate, command, find

REAL_ORIGIN = _origins._origin
PLACES = {"ann": 3, "2X": 4, "bob": 7, "users": 2, "miab_alias": 9}


class Text(str):
    """A text with a known file and line."""


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Make the origins of some texts known, as Ansible does."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)

    def origin(value: Any) -> Origin | None:
        return Origin(str(tmp_path / "mail.yml"), PLACES[value], 5) if isinstance(value, Text) else None

    monkeypatch.setattr(_origins, "_origin", origin)


USERS = [{"email": Text("ann"), "quota": Text("2X")}, {"email": Text("bob"), "privileges": ["x"]}]
ARGUMENTS = {"users": USERS, "dns_records": [{"values": Text("2X")}], "backup": {"rsync": {"host": Text("ann")}}}


@pytest.mark.parametrize(
    ("option", "line"),
    [
        ("users[0].quota", 4),
        ("users[1].email", 7),
        ("dns_records[0].value", 4),
        ("backup.rsync.host", 3),
        ("users[1].privileges", None),
        ("users[9].email", None),
        ("users[0].missing", None),
        ("nothing", None),
        ("", None),
        ("purge of users", None),
    ],
)
def test_the_place_of_an_option(option: str, line: int | None) -> None:
    found = find(ARGUMENTS, option)
    assert (found.line if found else None) == line


def failed(*mistakes: Mistake) -> dict[str, Any]:
    error = InvalidDeclaration(list(mistakes))
    error.message += " More."
    return {"failed": True, "msg": error.message, "failure": error.as_failure()}


def test_mistakes_name_their_places() -> None:
    result = failed(
        Mistake("users[0] ann", "quota: '2X': no quota"),
        Mistake("users[1] bob", "privileges: ['x']: none"),
        Mistake("miab_alias", "unknown variable"),
    )
    variables = {"miab_alias": Text("miab_alias")}
    commands = annotate(result, ARGUMENTS, variables)
    assert result["msg"].splitlines()[1:] == [
        "mail.yml:4:5: users[0].quota: '2X': no quota",
        "users[1] bob: privileges: ['x']: none",
        "mail.yml:9:5: miab_alias: unknown variable More.",
    ]
    assert result["failure"]["message"] == result["msg"]
    assert [one.get("origin") for one in result["failure"]["details"]["mistakes"]] == [
        "mail.yml:4:5",
        None,
        "mail.yml:9:5",
    ]
    assert commands == [
        "::error file=mail.yml,line=4,col=5::users[0].quota: '2X': no quota",
        "::error file=mail.yml,line=9,col=5::miab_alias: unknown variable",
    ]


def test_other_results_stay_as_they_are() -> None:
    for result in (
        {"changed": False},
        {"failed": True, "msg": "down", "failure": {"code": "connection", "details": {}}},
    ):
        before = dict(result)
        assert annotate(result, ARGUMENTS, {}) == []
        assert result == before


def test_a_command_for_github_holds_one_command() -> None:
    origin = Origin("/elsewhere/a,b:c%\n.yml", 1, None)
    assert command(origin, "50%\r\n::error::x") == (
        "::error file=/elsewhere/a%2Cb%3Ac%25%0A.yml,line=1::50%25\\r\\n\\x3a:error::x"
    )


def test_the_place_of_a_value_as_ansible_stores_it() -> None:
    """Releases before 2.19 store none."""
    try:
        from ansible._internal._datatag._tags import Origin as Tag
    except ImportError:
        assert REAL_ORIGIN("ann") is None
    else:
        assert REAL_ORIGIN(Tag(path="/mail.yml", line_num=3, col_num=5).tag("ann")) == Origin("/mail.yml", 3, 5)
        # A file without a line, such as one that a lookup reads.
        assert REAL_ORIGIN(Tag(path="/mail.yml").tag("ann")) is None
        assert REAL_ORIGIN("ann") is None
