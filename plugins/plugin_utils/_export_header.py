# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The comments at the top of an exported declaration, and those that release 1.0.0 wrote."""

from __future__ import annotations

HEADER = """\
# The configuration of a Mail-in-a-Box, as the playbook mailinabox.admin.export has read it.
# To apply this file to a box, run the playbook mailinabox.admin.apply.
"""
SECRETS_HEADER = """\
#
# A box never returns its secrets, so this file refers to the variables below. A box that already has these secrets
# keeps them. For a new box, define the variables in a file that ansible-vault encrypts:
#
"""
_OF_1_0_0 = {
    HEADER: """\
# What the box holds, as it was read from it. `ansible-playbook mailinabox.admin.apply` makes a box so.
""",
    SECRETS_HEADER: """\
#
# A box doesn't tell its secrets. One that has them already keeps them; one that is new needs them,
# from a file encrypted with ansible-vault:
#
""",
}


def updated(text: str) -> str:
    """An export with the header of release 1.0.0 replaced by the current one, so that it can be compared with a new export."""
    # A checkout on Windows has other line endings.
    text = text.replace("\r\n", "\n")
    for new, old in _OF_1_0_0.items():
        text = text.replace(old, new, 1)
    return text
