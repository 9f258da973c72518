# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of features and supported boxes. The tests run its tasks, and docs/supported-boxes.md is generated from it.

python -m tests.contract.supported_boxes writes the page.
"""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.mailinabox.admin.plugins.module_utils._model import forks

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "supported-boxes.md"

KINDS = {"kiekerjan-v76": forks.KIEKERJAN, "geseidl-v76": forks.GESEIDL}
KINDS |= {"power-v60.5": forks.POWER, "ldap-v75": forks.LDAP}
# The columns of the table, by simulated box.
BOXES = {"v0.51": "v0.51", "v55": "v55", "v60": "v60", "v75": "v75", "v76": "v76", **KINDS}

POWER, LDAP = ("power-v60.5",), ("ldap-v75",)
NO_QUOTAS = ("v0.51", "v55", "v60")

ME = "me@box.example.com"
ANN = {"email": "ann@example.org"}
SALES = {"address": "sales@example.org"}
WWW = {"name": "www.example.org", "type": "A"}
STATE = {
    "users": [{**ANN, "password": "ann-password-1"}],
    "aliases": [{**SALES, "forwards_to": ["ann@example.org"]}],
}
# Stored directly in the simulated box, because power-mailinabox expects values in another form.
RECORDS = [{"qname": "many.example.org", "rtype": "TXT", "value": value} for value in ("one", "two", "three")]
TOTP_SECRET = "JBSWY3DPEHPK3PXP" * 2


class Row(NamedTuple):
    """A feature, and the boxes on which it doesn't work.

    :ivar tasks: modules without their prefix, and their options.
    :ivar loses: the boxes on which the task is refused because it would lose data.
    :ivar lacks: the boxes that don't have the feature.
    """

    what: str
    tasks: Sequence[tuple[str, Mapping[str, Any]]]
    loses: Sequence[str] = ()
    lacks: Sequence[str] = ()


ROWS = (
    Row("read everything", [("info", {}), ("info", {"gather_subset": ["config"]})]),
    Row(
        "users: add, change password and privileges, remove",
        [
            ("user", {"email": "new@example.org", "user_password": "new-password-1", "privileges": ["admin"]}),
            ("user", {**ANN, "user_password": "ann-password-2", "privileges": ["admin"]}),
            ("user", {**ANN, "privileges": []}),
            ("user", {"email": "new@example.org", "state": "absent"}),
        ],
    ),
    Row("users: quota", [("user", {**ANN, "quota": "2G"})], lacks=NO_QUOTAS),
    Row(
        "aliases: add, change receivers and senders, remove",
        [
            ("alias", {"address": "info@example.org", "forwards_to": ["ann@example.org"]}),
            ("alias", {**SALES, "forwards_to": [ME], "permitted_senders": ["ann@example.org"]}),
            ("alias", {**SALES, "state": "absent"}),
        ],
    ),
    Row("aliases of a whole domain", [("alias", {"address": "@example.net", "forwards_to": ["@example.org"]})]),
    Row(
        "aliases: stop forwarding, and only permit senders",
        [("alias", {**SALES, "forwards_to": [], "permitted_senders": ["ann@example.org"]})],
        loses=LDAP,
    ),
    Row(
        "aliases: replace an automatic one, and remove that again",
        [
            ("alias", {"address": "abuse@example.org", "forwards_to": [ME, "postmaster@example.org"]}),
            ("alias", {"address": "abuse@example.org", "state": "absent"}),
        ],
        loses=LDAP,
    ),
    Row(
        "addresses with a star",
        [("alias", {"address": "b*@example.org", "forwards_to": ["ann@example.org"]})],
        loses=LDAP,
    ),
    Row(
        "DNS records: add",
        [("dns_record", {**WWW, "values": ["192.0.2.1", "192.0.2.2"]})],
        loses=POWER,
    ),
    Row(
        "DNS records: remove a value",
        [("dns_record", {"name": "many.example.org", "type": "TXT", "value": "two", "state": "absent"})],
        loses=POWER,
    ),
    Row("secondary name servers", [("secondary_nameserver", {"hostnames": ["ns2.example.net"]})]),
    Row(
        "certificates: provision, and request for signing",
        [
            ("ssl", {"domain": "example.org", "state": "provisioned"}),
            ("ssl_csr", {"domain": "example.org", "country_code": "DE"}),
        ],
    ),
    Row("backup settings", [("backup_config", {"target": "off"}), ("backup_config", {"min_age_in_days": 7})]),
    Row(
        "second factors (MFA)",
        [
            ("mfa", {"label": "phone", "secret": TOTP_SECRET}),
            ("mfa", {"label": "phone", "state": "absent", "totp_secret": TOTP_SECRET}),
        ],
    ),
    Row("privacy and package updates", [("system", {"privacy": False, "packages": "latest"})]),
    Row("publish DNS and web", [("dns_update", {"force": True}), ("web_update", {})]),
    Row(
        "a whole box without DNS records",
        [
            (
                "config",
                {
                    "users": [{**ANN, "privileges": ["admin"]}],
                    "aliases": [{**SALES, "forwards_to": [ME]}],
                    "privacy": False,
                    "backup": {"target": "off"},
                },
            )
        ],
    ),
    Row("a whole box with DNS records", [("config", {"dns_records": [{**WWW, "values": ["192.0.2.1"]}]})], loses=POWER),
)

_HEAD = """# Supported boxes

<!-- Written by "make supported-boxes" from tests/contract/supported_boxes.py, which the tests run. Edit that file. -->

The collection works with Mail-in-a-Box v0.51 or newer, and with four forks. This table shows what works on each. The
tests run each row on a simulated box of each kind. The simulated boxes are compared with the recorded answers of real
ones.

To see what works on your own box, run [`mailinabox.admin.doctor`](playbooks.md). It only reads.

- **yes**: works.
- **refused**: this request would lose data on the fork, so the task fails before it sends anything, also in
  check mode.
- **no**: this version of Mail-in-a-Box doesn't have this feature.

"""


def cell(row: Row, box: str) -> str:
    return "refused" if box in row.loses else "no" if box in row.lacks else "yes"


def page() -> str:
    lines = ["| | %s |" % " | ".join(BOXES.values()), "|---|%s" % ("---|" * len(BOXES))]
    lines += ["| %s | %s |" % (row.what, " | ".join(cell(row, box) for box in BOXES)) for row in ROWS]
    parts = [_HEAD + "\n".join(lines)]
    for name, kind in KINDS.items():
        box = forks.Box(kind)
        if box.refused:
            reasons = "\n".join("- **%s**: %s" % refused for refused in box.refused)
            parts.append("## What is refused on %s, and why\n\n%s" % (kind, reasons))
        assert name in BOXES
    return "\n\n".join([*parts, _TAIL])


_TAIL = """## How a box is recognized

A task recognizes a fork by marks in its answers that upstream doesn't have. It sends no extra requests for that, with
one exception: before it adds the first custom DNS record of a box, it reads the list of users.

| fork | marks |
|---|---|
| kiekerjan | the version `v76-kj`; the automatic aliases `dmarc-reports@` and `tls-reports@` |
| geseidl | the version `geseidl-v76-...` |
| power-mailinabox | `box_count` of users, `ttl` of DNS records, `target_rsync_port` of the backup settings |
| mailinabox-ldap | `display_name` of users, `description` of aliases |

`mailinabox.admin.miab_info` returns the kind of a box as `box`, and the playbook `mailinabox.admin.health` shows it.

## Unknown boxes

A box can have marks that neither upstream nor a known fork has, such as a new field in an answer, or a version number
in an unknown form. You can read from it as usual. Before the first write to it, a task fails and names the mark. If
you are sure that the write does no harm, set `unknown_box: write`, or `MIAB_UNKNOWN_BOX=write` in the environment.
[How to add a version](../CONTRIBUTING.md#how-to-add-a-version) explains how to make it a known box.

Naust has a different API and is not supported.
"""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.exit(0)
