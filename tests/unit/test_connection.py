# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the connection at their limits."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.module_utils._box.connection import Connection, admin_url
from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import InvalidOption
from tests.tasks import CONNECTION


@pytest.mark.parametrize(
    ("options", "option"),
    [
        # Too large for the timeout of a socket.
        ({"timeout": 86401}, "timeout"),
        ({"timeout": 0}, "timeout"),
        ({"password": " "}, "password"),
        ({"password": "x" * 4097}, "password"),
        ({"api_key": "x" * 4097}, "api_key"),
        ({"username": "x" * 255}, "username"),
        ({"host": "box_\x7f.example.com"}, "host"),
        ({"host": "box.example.com\\@other.example"}, "host"),
        ({"host": "box*.example.com"}, "host"),
        ({"host": "box%2eexample.com"}, "host"),
        ({"host": "\uff42ox.example.com"}, "host"),
        ({"host": "[fe80::1%25eth0]"}, "host"),
        ({"host": "x" * 64 + ".example.com"}, "host"),
    ],
)
def test_bad_options(options: dict[str, Any], option: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        Connection.from_options({**CONNECTION, **options})
    assert caught.value.details["option"] == option


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("b\u00fccher.example", "https://xn--bcher-kva.example/admin"),
        ("my--box.example.", "https://my--box.example/admin"),
        ("localhost:8443", "https://localhost:8443/admin"),
        ("[2001:db8::1]", "https://[2001:db8::1]/admin"),
    ],
)
def test_hosts(host: str, url: str) -> None:
    assert admin_url(host) == url
