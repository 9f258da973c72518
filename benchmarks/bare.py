# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A minimal script, as a baseline: send given requests over one connection, without using the collection.

It reads a JSON object from standard input: url, username, password, cacert, and requests (method, path and data).
"""

from __future__ import annotations

import json
import sys

import requests


def main() -> None:
    given = json.load(sys.stdin)
    with requests.Session() as session:
        session.auth = (given["username"], given["password"])
        for method, path, data in given["requests"]:
            reported = session.request(method, given["url"] + path, data=data, verify=given["cacert"], timeout=60)
            if reported.status_code != 200:
                sys.exit(f"{method} {path}: {reported.status_code} {reported.text[:200]}")


if __name__ == "__main__":
    main()
