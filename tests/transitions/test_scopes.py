# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random declarations with random scopes: none does anything outside its scope, or shows what others have."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.module_utils._engine.task import run
from ansible_collections.mailinabox.admin.plugins.module_utils._model.plan import PasswordProof
from ansible_collections.mailinabox.admin.plugins.module_utils._model.reads import (
    ALIASES,
    DNS_DUMP,
    DNS_RECORDS,
    DNS_ZONES,
    PRIVACY,
    SECONDARY_NAMESERVERS,
    USERS,
    Alias,
    Record,
    User,
    by_name_and_type,
)
from ansible_collections.mailinabox.admin.plugins.module_utils._resources import whole_box
from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import Guarded, InvalidDeclaration
from ansible_collections.mailinabox.admin.plugins.modules.miab_config import TASK
from tests.box import Alias as BoxAlias
from tests.box import CustomRecord, State, new_state
from tests.box import User as BoxUser
from tests.box.publishing import after_mail_change, zone_inputs
from tests.tasks import CONNECTION, task, validated
from tests.unit.test_any_state import RulesClient

from ..integration.playbooks import VERSIONS
from .scopes import HOST, ME, VALUES, Bounds, Maker, World, judge, zones

SIZE = 2000
NUMBER = 50
SECTIONS = ("users", "aliases", "dns_records")
DEFAULTS: dict[str, Any] = {name: spec.get("default") for name, spec in TASK.options.items()}
ENTRIES: dict[str, dict[str, Any]] = {
    section: {name: spec.get("default") for name, spec in TASK.options[section]["options"].items()}
    for section in SECTIONS
}
ADMINISTRATOR = "administrator@" + HOST
ADDRESS = re.compile(r"[\w*.-]*@[\w.-]+")


def known(world: World) -> dict[str, Any]:
    """What was read of a box."""
    users = {email: User(email, ("admin",) if admin else (), True, "0", None) for email, admin in world.users.items()}
    aliases = {address: Alias(address, *pair) for address, pair in world.aliases.items()}
    aliases[ADMINISTRATOR] = Alias(ADMINISTRATOR, (ME,), ())
    for domain in world.domains:
        address = "abuse@" + domain
        aliases[address] = Alias(address, (ADMINISTRATOR,), (), automatic=True)
    return {
        "url": f"https://{HOST}/admin",
        "caller": ME,
        USERS.name: users,
        ALIASES.name: aliases,
        DNS_RECORDS.name: by_name_and_type(Record(name, rtype, VALUES[rtype]) for name, rtype in sorted(world.records)),
        DNS_ZONES.name: tuple(sorted(zones(world.domains))),
        SECONDARY_NAMESERVERS.name: (),
        PRIVACY.name: False,
    }


def declared(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as the doors hand them on."""
    given = {**DEFAULTS, "host": HOST, **options}
    for section in SECTIONS:
        if given[section] is not None:
            given[section] = [{**ENTRIES[section], **entry} for entry in given[section]]
    return given


def outside(options: Mapping[str, Any], bounds: Bounds) -> set[str]:
    """The entries that are certainly outside."""
    return {
        f"{section}[{number}]"
        for section, name in (("users", "email"), ("aliases", "address"), ("dns_records", "name"))
        for number, entry in enumerate(options.get(section) or ())
        if not bounds.contain(entry[name].lower())
    } | {name for name in ("privacy", "secondary_nameservers") if name in options and bounds.scope is not None}


def check_texts(texts: list[str], world: World, bounds: Bounds, options: Mapping[str, Any]) -> None:
    """No text for the readers of a plan has an address or a record of others that the declaration doesn't have itself."""
    told = str(options).lower()
    # The plan may show the addresses in the declaration's own aliases.
    own = {
        one
        for address, lists in world.aliases.items()
        if bounds.contain(address)
        for addresses in lists
        for one in addresses
    }
    for text in texts:
        for found in ADDRESS.findall(text.lower()):
            address = found.rstrip(".")
            is_of_others = address in world.users or address in world.aliases
            assert not is_of_others or bounds.contain(address) or address in told or address in own | {ME}, text
        for name, _rtype in world.records:
            assert (
                bounds.contain(name) or name in told or not re.search(rf"(?<![\w.-]){re.escape(name)} [A-Z]", text)
            ), text


def check_labels(labels: list[str], bounds: Bounds) -> None:
    """A limit counts and names only objects of the scope."""
    for label in labels:
        name = label.split()[2 if label.startswith("dns record ") else 1]
        assert bounds.contain(name), label


def attempt(maker: Maker) -> tuple[str, int]:
    """How one declaration ends, and the number of its calls."""
    world, bounds = maker.world(), maker.bounds()
    options = maker.options(world, bounds)
    beyond = outside(options, bounds)
    wanted = whole_box.check(declared(options))
    held = known(world)
    questions = whole_box.needs(wanted, held)
    while questions:
        for question in questions:
            if question.name == DNS_DUMP.name:
                held[question.name] = ()
                continue
            assert isinstance(question, PasswordProof), question
            assert bounds.contain(question.email), "the password of a stranger is tried"
            assert bounds.scope is None or not world.users[question.email], "the password of an administrator is tried"
            held[question.name] = maker.knows_password()
        questions = whole_box.needs(wanted, held)
    try:
        plan = whole_box.plan(wanted, held)
    except InvalidDeclaration as error:
        mistakes = error.details["mistakes"]
        names = [mistake["where"] for mistake in mistakes]
        assert not beyond - {name.partition(" ")[0] for name in names}, "not every entry outside is named"
        for mistake in mistakes:
            label = mistake["where"].partition(" ")[0]
            assert re.fullmatch(r"(users|aliases|dns_records)\[\d+\]|purge|keep|privacy|secondary_nameservers", label)
        check_texts([f"{mistake['where']}: {mistake['why']}" for mistake in mistakes], world, bounds, options)
        return ("outside" if beyond else "refused"), 0
    except Guarded as error:
        check_labels(error.details["would_go"], bounds)
        return "too many removals", 0
    assert not beyond, "what is outside was planned"
    calls = [call.as_result() for call in plan.calls]
    bad = judge(world, bounds, calls)
    assert not bad, bad
    check_texts([*(note.text for note in plan.notes), *plan.warnings], world, bounds, options)
    return ("calls" if calls else "nothing to do"), len(calls)


@pytest.mark.parametrize("number", range(NUMBER))
def test_no_declaration_leaves_its_scope(number: int, record_property: Callable[[str, object], None]) -> None:
    ends: Counter[str] = Counter()
    calls = 0
    for seed in range(number * SIZE, (number + 1) * SIZE):
        try:
            end, made = attempt(Maker(seed))
        except AssertionError as error:
            raise AssertionError(f"{error}\nseed {seed}") from error
        ends[end] += 1
        calls += made
    # A test in which all are refused would show nothing.
    assert ends["calls"] > SIZE / 10
    assert ends["outside"] > SIZE / 10
    record_property("scopes", {"ends": dict(ends), "calls": calls})


RUNS = 100


@pytest.mark.parametrize("version", VERSIONS)
def test_a_run_changes_nothing_of_others(version: str, record_property: Callable[[str, object], None]) -> None:
    """The same, on simulated boxes: what they hold of others is as before, and so are the zones."""
    ends: Counter[str] = Counter()
    for seed in range(RUNS):
        maker = Maker(seed)
        world, bounds = maker.world(), maker.bounds()
        state = state_of(world, version)
        options = validated("miab_config", {**CONNECTION, **maker.options(world, bounds)})
        before = of_others(state, bounds)
        done = run(task("miab_config"), options, False, connect=lambda _connection, state=state: RulesClient(state))
        assert of_others(state, bounds) == before, f"seed {seed}"
        ends["refused" if done.get("failed") else "changed" if done["changed"] else "nothing to do"] += 1
    assert ends["changed"] > RUNS / 10
    record_property("scopes on boxes", dict(ends))


def state_of(world: World, version: str) -> State:
    """A simulated box that has the same."""
    state = new_state(version)
    for email, is_admin in world.users.items():
        if email != ME:
            state.users[email] = BoxUser(email, "some-password-1", ["admin"] if is_admin else [])
    for address, (receivers, senders) in world.aliases.items():
        state.aliases[address] = BoxAlias(address, list(receivers), list(senders) or None)
    state.dns_records = [CustomRecord(name, rtype, VALUES[rtype]) for name, rtype in sorted(world.records)]
    # The aliases that the box makes itself.
    after_mail_change(state, "")
    return state


def of_others(state: State, bounds: Bounds) -> dict[str, Any]:
    """What a box holds beyond the bounds of a declaration."""
    limited = bounds.scope is not None
    return {
        "users": {
            email: (user.password, tuple(user.privileges), user.quota)
            for email, user in state.users.items()
            if not bounds.contain(email) or (limited and "admin" in user.privileges)
        },
        "aliases": {
            address: (tuple(alias.forwards_to), alias.permitted_senders)
            for address, alias in state.aliases.items()
            # The box itself makes and removes these.
            if not bounds.contain(address) and not address.startswith(("abuse@", "postmaster@", "admin@"))
        },
        "records": [record for record in state.dns_records if not bounds.contain(record.qname)],
        "zones": sorted(inputs.zone for inputs in zone_inputs(state) if not bounds.contain(inputs.zone)),
        "settings": (state.privacy, list(state.secondary_nameservers)) if limited else None,
    }
