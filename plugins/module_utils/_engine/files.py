# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on the machine that runs the task."""

from __future__ import annotations

from .._values.errors import InvalidOption


def text(path: str) -> str | None:
    """The text of a file; None if there is no file.

    :raises InvalidOption: if the file can't be read, or the path is not a file.
    """
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InvalidOption("path", path, "can't be read: %s" % (getattr(error, "strerror", None) or error)) from error
