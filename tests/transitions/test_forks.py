# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random sequences of declarations on forks: one run does what was predicted, and the zones can be loaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.module_utils._engine.task import run
from tests.box import FORKS, CustomRecord, State, answer, new_state, prepare
from tests.box.zones import ZoneInputs
from tests.tasks import CONNECTION, task, validated
from tests.unit.test_any_state import RulesClient

from .test_in_memory import runner
from .trial import check_zones, transition
from .world import Maker

SEEDS = 60
ME = "me@box.example.com"


def a_new_box(name: str) -> State:
    """A box whose changes are all published."""
    state = new_state(name)
    for method, path in (("GET", "/mail/aliases"), ("POST", "/dns/update")):
        assert answer(state, method, path).status == 200
    return state


def declaration(maker: Maker, name: str) -> dict[str, Any]:
    declared = maker.declaration()
    if FORKS[name].fork == "power":
        # This fork refuses all changes of records.
        del declared["dns_records"]
        declared["purge"] = [section for section in declared["purge"] if section in declared]
    return declared


@pytest.mark.parametrize("name", FORKS)
def test_any_declaration_after_any_other(name: str, record_property: Callable[[str, object], None]) -> None:
    ends: Counter[str] = Counter()
    whole: list[ZoneInputs] = []
    for seed in range(SEEDS):
        maker = Maker(seed)
        state = a_new_box(name)
        runner(state, declaration(maker, name))(False)
        declared = declaration(maker, name)
        try:
            # mailinabox-ldap makes zones anew only when a domain comes or goes.
            end, zones = transition(state, runner(state, declared), publishes=FORKS[name].fork != "ldap")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{name}, seed {seed}: {declared}") from error
        ends[end] += 1
        whole += zones
    record_property("transitions", {"how": "in memory, on forks", "ends": dict(ends), **check_zones(whole)})
    assert ends["changed"] > SEEDS / 3


@pytest.mark.parametrize("name", FORKS)
@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("miab_user", {"email": ME, "state": "absent"}),
        ("miab_user", {"email": ME, "privileges": []}),
        ("miab_alias", {"address": "ann@example.org", "forwards_to": [ME]}),
        ("miab_alias", {"address": "administrator@box.example.com", "state": "absent"}),
    ],
)
def test_nobody_is_locked_out(name: str, module: str, options: dict[str, Any]) -> None:
    state = a_new_box(name)
    prepare(state, {"users": [{"email": "ann@example.org", "password": "ann-password-1"}]})
    given = validated(module, {**CONNECTION, **options})
    for check_mode in (True, False):
        result = run(task(module), given, check_mode, connect=lambda _connection: RulesClient(state))
        assert result["failure"]["code"] == "guarded", result


@pytest.mark.parametrize(
    ("name", "cname"),
    [
        ("kiekerjan-v76", "_443._tcp.shop.example.org"),
        ("kiekerjan-v76", "_443._tcp.mta-sts.shop.example.org"),
        ("kiekerjan-v76", "box-ed25519._domainkey.shop.example.org"),
        ("power-v60.5", "_dmarc.openpgpkey.shop.example.org"),
    ],
)
def test_a_new_domain_takes_no_zone_down(name: str, cname: str) -> None:
    """Forks publish more beside the names of a domain."""
    state = a_new_box(name)
    prepare(state, {"users": [{"email": "ann@example.org", "password": "ann-password-1"}]})
    state.dns_records = [CustomRecord(cname, "CNAME", "h.example.net.")]
    given = validated("miab_user", {**CONNECTION, "email": "new@shop.example.org", "user_password": "new-password-1"})
    result = run(task("miab_user"), given, False, connect=lambda _connection: RulesClient(state))
    assert result.get("failed"), "this would break the zone"
    assert cname in result["msg"]
    assert not state.dropped_zones()
