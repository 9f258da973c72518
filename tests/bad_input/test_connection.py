# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random values for the connection options: a task connects to exactly the given box, or fails with a clear error."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import dns.exception
import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.mailinabox.admin.plugins.module_utils._engine.module import CONNECTION_OPTIONS
from tests.box.state import FIRST_PASSWORD, FIRST_USER

from . import holds
from .test_options import BOX, EXAMPLES, SECRET
from .trial import CONNECTION, REFUSED, call, held
from .values import ANYTHING, twisted

RECORD = {"name": "new.example.org", "type": "A", "value": "192.0.2.9"}
SIGNED_IN = "went to the box that was named, and to no other"
ELSEWHERE = "would have gone to another host, which was named"

# Valid values of each option.
RIGHT: dict[str, list[Any]] = {
    "host": ["box.example.com", "https://box.example.com:443/admin", " BOX.example.com/ "],
    "username": [FIRST_USER, "Me@Box.Example.com"],
    "password": [FIRST_PASSWORD],
    "api_key": ["0" * 64],
    "totp_secret": [SECRET],
    "ca_path": ["/"],
    "validate_certs": [True],
    "timeout": [120],
    "unknown_box": ["stop", "write"],
}


def test_every_option_has_right_values() -> None:
    assert sorted(RIGHT) == sorted(CONNECTION_OPTIONS)


def named(host: Any) -> str | None:
    """The host in a value, parsed more strictly than in the collection; None if it isn't a plain name."""
    found = re.fullmatch(r"\s*(?:https://)?([^/:@?#\s]+|\[[0-9a-fA-F:.]+\])(?::\d{0,5})?(?:/admin)?/*\s*", str(host))
    if found is None:
        return None
    try:
        return found[1].strip("[]").lower() if found[1].isascii() else holds.name(found[1])
    except dns.exception.DNSException:
        return None


class Elsewhere:
    """Handles requests to other hosts than the box: refuses the connection and records the host."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.hosts: list[str] = []
        prepare = requests.Session.send

        def send(session: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
            host = requests.compat.urlparse(request.url).hostname
            self.hosts.append(host)
            if host != "box.example.com":
                raise requests.ConnectionError("nobody is there")
            return prepare(session, request, **options)

        monkeypatch.setattr(requests.Session, "send", send)


@pytest.mark.parametrize("option", CONNECTION_OPTIONS)
def test_option(option: str, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]) -> None:
    ends: Counter[str] = Counter()
    asked = Elsewhere(monkeypatch)

    def feed(value: Any) -> None:
        asked.hosts.clear()
        state = BOX.copy()
        before = held(state)
        arguments = {**CONNECTION, **RECORD, option: value}
        predicted = call("miab_dns_record", arguments, True, state).result
        called = call("miab_dns_record", arguments, False, state)
        real = called.result
        host = named(arguments["host"])
        assert set(asked.hosts) <= {host}, (ascii(value)[:300], asked.hosts)
        assert len(state.failed_logins) <= 2, "a wrong credential is tried once a run"
        if not real.get("failed"):
            assert predicted["calls"] == real["calls"]
            assert len(held(state)["dns_records"]) == len(before["dns_records"]) + 1
            ends[SIGNED_IN] += 1
            return
        assert held(state) == before
        assert called.wire.writes == 0
        assert predicted["msg"] == real["msg"]
        assert len(real["msg"]) < 3000 or "failure" not in real
        if asked.hosts and host != "box.example.com":
            ends[ELSEWHERE] += 1
            return
        assert option in real["msg"], (ascii(value)[:300], real["msg"])
        ends[REFUSED] += 1

    for value in ANYTHING:
        feed(value)

    @settings(max_examples=2 * EXAMPLES, deadline=None, derandomize=True, database=None)
    @given(st.sampled_from([value for value in RIGHT[option] if isinstance(value, str)] or [""]).flatmap(twisted))
    def twist(value: str) -> None:
        feed(value)

    twist()
    record_property("bad input", {"module": "the connection", "ends": dict(ends)})
