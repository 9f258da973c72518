# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random values for every option of every module: a clear error before any write, or exactly this value on the box.

The options come from the modules' specifications, so new options are tested automatically.
"""

from __future__ import annotations

import copy
import datetime
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.mailinabox.admin.plugins.filter.plan import plan as saved_plan
from ansible_collections.mailinabox.admin.plugins.module_utils._model.approval import Description
from ansible_collections.mailinabox.admin.plugins.module_utils._model.plan import Call, Change, Plan
from tests.box import State, Totp, crypto, new_state
from tests.box.names import is_dns_name
from tests.box.prepare import prepare
from tests.box.routes import ROUTES
from tests.box.state import FIRST_USER
from tests.tasks import task

from . import holds
from .trial import BY_THE_BOX, CONNECTION, MODULES, REFUSED, STORED, call, held
from .values import ANYTHING, twisted

# The number of mutated values for each option.
EXAMPLES = 25

SECRET = "JBSWY3DPEHPK3PXP" * 2
Options = dict[str, Any]


def certificate(name: str) -> str:
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    return crypto.sign([name], crypto.box_key().public_key(), now - day, now + 60 * day)


def nothing(_options: Options, _before: holds.Held, _now: holds.Held) -> None:
    """No further check: the content of the box is compared anyway."""


@dataclass
class Kind:
    """How to test a module.

    :param right: sets of valid options; each option occurs in at least one of them.
    :param changes: the sections of a box that it can change.
    :param holds: compares the content of the box before and after with the options.
    :param writes: the routes that it uses for writes.
    """

    right: Sequence[Options]
    changes: frozenset[str] = frozenset()
    holds: Callable[[Options, holds.Held, holds.Held], None] = nothing
    writes: frozenset[str] = frozenset()


USER_WRITES = {
    "POST /mail/users/" + what for what in ("add", "remove", "password", "quota", "privileges/add", "privileges/remove")
}
ALIAS_WRITES = {"POST /mail/aliases/add", "POST /mail/aliases/remove"}
RECORD_WRITES = {method + " /dns/custom/<qname>/<rtype>" for method in ("POST", "PUT", "DELETE")}
NAMESERVER_WRITES = {"POST /dns/secondary-nameserver"}
BACKUP_WRITES = {"POST /system/backup/config"}
PRIVACY_WRITES = {"POST /system/privacy"}

NEW_USER = {
    "email": "eve@example.org",
    "user_password": "eve-password-1",
    "update_password": "always",
    "privileges": ["admin"],
    "quota": "2G",
    "state": "present",
    "force": False,
}
USERS = [
    NEW_USER,
    {**NEW_USER, "update_password": "on_create", "quota": "500M", "privileges": []},
    {"email": "ann@example.org", "user_password": "ann-password-2", "privileges": ["admin"], "quota": "1G"},
    {"email": "ann@example.org", "state": "absent"},
]
ALIASES = [
    {
        "address": "info@example.org",
        "forwards_to": ["ann@example.org", "zoe@b\u00fccher.example"],
        "permitted_senders": ["ann@example.org"],
        "state": "present",
        "force": False,
    },
    {"address": "@shop.example", "forwards_to": ["@example.org"]},
    {"address": "sales@example.org", "forwards_to": ["Bob+tag@Example.org"]},
    {"address": "sales@example.org", "state": "absent"},
]
RECORDS = [
    {"name": "new.example.org", "type": "A", "value": "192.0.2.9", "state": "present"},
    {"name": "www.example.org", "type": "TXT", "values": ["one, two", 'say "three"']},
    {"name": "v6.example.org", "type": "AAAA", "values": ["2001:db8::1", "local"]},
    {"name": "m.example.org", "type": "MX", "values": ["10 mail.example.net."]},
    {"name": "_x._tcp.example.org", "type": "SRV", "value": "0 5 5269 xmpp.example.net."},
    {"name": "c.example.org", "type": "CAA", "value": '0 issue "letsencrypt.org"'},
    {"name": "h.example.org", "type": "SSHFP", "value": "4 2 " + "ab" * 32},
    {"name": "blog.example.org", "type": "CNAME", "value": "host.example.net"},
    {"name": "sub.example.org", "type": "NS", "value": "ns.b\u00fccher.example."},
    {"name": "www.example.org", "type": "A", "values": ["192.0.2.1"], "state": "absent"},
    {"name": "www.example.org", "type": "A", "state": "absent"},
]
BACKUPS = [
    {"target": "rsync://ann@backup.example.net/mail", "min_age_in_days": 7},
    {"target": "b2://keyid:key@bucket"},
    {"rsync": {"user": "ann", "host": "backup.example.net", "path": "/srv/mail", "port": 2222}},
    {
        "s3": {"region": "eu-central-1", "bucket": "mail", "path": "a/b"},
        "target_user": "key",
        "target_password": "s3cret",
        "update_credentials": "on_change",
    },
    {
        "s3": {"region": "r", "host": "s3.example.net", "bucket": "mail"},
        "target_user": "key",
        "target_password": "s3cret",
    },
    {"b2": {"key_id": "0011", "application_key": "K001/+", "bucket": "mail"}},
]
NAMESERVERS = ["ns2.example.net", "xfr:192.0.2.53", "xfr:192.0.2.0/24"]

# The saved plan of a box on which only the privacy changes.
_CALL = Call("POST", "/system/privacy", {"value": "off"})
_PLAN = Plan((Change("system", "as a whole", {"privacy": True}, {"privacy": False}, (_CALL,)),))
_BOX_PLAN = Description("https://box.example.com/admin").box_plan(_PLAN)
APPROVED = saved_plan({"box": {"changes": _BOX_PLAN["changes"], "plan": _BOX_PLAN}})

KINDS: Mapping[str, Kind] = {
    "miab_user": Kind(
        USERS,
        frozenset({"users"}),
        lambda options, before, now: _equal(holds.users([options], before), holds.users([], now)),
        frozenset(USER_WRITES),
    ),
    "miab_alias": Kind(
        ALIASES,
        frozenset({"aliases"}),
        lambda options, before, now: _equal(holds.aliases([options], before), holds.aliases([], now)),
        frozenset(ALIAS_WRITES),
    ),
    "miab_dns_record": Kind(
        [{**record, "exclusive": exclusive} for record, exclusive in zip(RECORDS, [False, True] * 6, strict=False)],
        frozenset({"dns_records"}),
        lambda options, before, now: _equal(holds.records([options], before), holds.records([], now)),
        frozenset(RECORD_WRITES),
    ),
    "miab_secondary_nameserver": Kind(
        [{"hostnames": NAMESERVERS}],
        frozenset({"secondary_nameservers"}),
        lambda options, _before, now: _equal(
            holds.nameservers(options["hostnames"]), holds.nameservers(now["secondary_nameservers"])
        ),
        frozenset(NAMESERVER_WRITES),
    ),
    "miab_ssl": Kind(
        [
            {"domain": "example.org", "certificate": certificate("example.org"), "chain": "", "state": "installed"},
            {"domain": "www.example.org", "state": "provisioned", "wait": 5, "new_domains": ["example.org"]},
        ],
        frozenset({"certificates"}),
        holds.certificate,
        frozenset({"POST /ssl/install", "POST /ssl/provision"}),
    ),
    "miab_ssl_csr": Kind([{"domain": "example.org", "country_code": "GB", "path": "/no/such/file"}]),
    "miab_backup_config": Kind(BACKUPS, frozenset({"backup"}), holds.backup, frozenset(BACKUP_WRITES)),
    "miab_mfa": Kind(
        [
            {"label": "phone", "secret": SECRET, "state": "present", "user": FIRST_USER},
            {"label": "tablet", "user": "bob@example.org", "state": "absent"},
        ],
        frozenset({"users"}),
        holds.scheme,
        frozenset({"POST /mfa/totp/enable", "POST /mfa/disable"}),
    ),
    "miab_system": Kind(
        [{"privacy": False, "packages": "latest"}, {"reboot": "if_required", "reboot_timeout": 60}],
        frozenset({"privacy", "updates"}),
        lambda options, _before, now: _equal(options["privacy"] in (None, now["privacy"]), True),
        frozenset({*PRIVACY_WRITES, "POST /system/update-packages", "POST /system/reboot"}),
    ),
    "miab_dns_update": Kind([{"force": False}], writes=frozenset({"POST /dns/update"})),
    "miab_web_update": Kind([{}], writes=frozenset({"POST /web/update"})),
    "miab_session": Kind([{"state": "present"}]),
    "miab_info": Kind(
        [
            {"gather_subset": ["config", "zonefiles"]},
            {"gather_subset": ["config"], "scope": ["example.org"], "scope_exclude": ["shop.example.org"]},
        ]
    ),
    "miab_config": Kind(
        [
            # Each has few sections, because many declarations are tried.
            {"users": [NEW_USER], "aliases": [ALIASES[0]]},
            # No alias names this user.
            {"users": [{"email": "nobody@example.org", "state": "absent", "remove_from_aliases": "shared"}]},
            {"dns_records": [RECORDS[0]]},
            {"dns_records": [RECORDS[1]], "secondary_nameservers": NAMESERVERS, "privacy": False},
            *({"backup": backup} for backup in BACKUPS),
            {
                "users": [{"email": "bob@example.org"}],
                "dns_records": [],
                "aliases": [{"address": "sales@example.org", "forwards_to": ["bob@example.org"]}],
                "purge": ["users", "aliases", "dns_records"],
                "keep": ["*@example.com", "www.example.org"],
                "purge_limit": 3,
            },
            {"dns_records": [RECORDS[0]], "scope": ["example.org"], "scope_exclude": ["shop.example.org"]},
            {
                "privacy": False,
                "purge_limits": {"users": 3, "aliases": 3, "dns_records": 3},
                "remove_limit": 3,
                "domains": ["example.org"],
                "show_undeclared": True,
                "approved": {"plan": APPROVED, "host": "box", "digest": APPROVED["digest"], "max_age": "30d"},
                "return_version": True,
                "snapshot": None,
                "validate_only": False,
            },
        ],
        frozenset({"users", "aliases", "dns_records", "secondary_nameservers", "backup", "privacy"}),
        holds.config,
        frozenset({*USER_WRITES, *ALIAS_WRITES, *RECORD_WRITES, *NAMESERVER_WRITES, *BACKUP_WRITES, *PRIVACY_WRITES}),
    ),
}

# An action and not a state, so a second run repeats it.
REPEATS = {"miab_dns_update", "miab_web_update"}


def _equal(expected: object, found: object) -> None:
    assert found == expected


class Reachable(set[str]):
    """Backup targets of all kinds that a box supports."""

    def __contains__(self, target: object) -> bool:
        parts = urlsplit(str(target))
        return parts.scheme in ("rsync", "s3", "b2") and bool(parts.netloc)


class Resolvable(set[str]):
    """Name servers that the box can resolve: every host name."""

    def __contains__(self, host: object) -> bool:
        return is_dns_name(str(host).rpartition(".")[0]) and str(host) == str(host).lower()


def box(version: str = "v75") -> State:
    state = new_state(version)
    state.known_hosts = Resolvable()
    prepare(
        state,
        {
            "users": [
                {"email": "ann@example.org", "password": "ann-password-1"},
                {"email": "bob@example.org", "password": "bob-password-1", "privileges": ["admin"]},
                {"email": "cat@example.com", "password": "cat-password-1"},
            ],
            "aliases": [{"address": "sales@example.org", "forwards_to": ["ann@example.org"]}],
            "dns_records": [
                {"qname": "www.example.org", "rtype": "A", "value": "192.0.2.1"},
                {"qname": "www.example.org", "rtype": "A", "value": "192.0.2.2"},
            ],
            "secondary_nameservers": ["ns3.example.net"],
        },
    )
    state.users["bob@example.org"].totp.append(Totp(7, SECRET, "tablet"))
    state.backup_targets = Reachable()
    return state


BOX = box()

Path = tuple[str, ...]


def paths(spec: Mapping[str, Any], prefix: Path = ()) -> Iterator[Path]:
    """Every option, including nested ones."""
    for option, rule in spec.items():
        yield (*prefix, option)
        yield from paths(rule.get("options") or {}, (*prefix, option))


def parent(options: Options, path: Path) -> Options | None:
    """The dictionary that contains an option; the first one of a list."""
    found: Any = options
    for step in path[:-1]:
        found = found.get(step)
        found = found[0] if isinstance(found, list) and found else found
        if not isinstance(found, dict):
            return None
    return found


def bases(module: str, path: Path) -> list[Options]:
    """Valid options into which a value can be inserted: those that have the option or its parent."""
    places = [(base, parent(base, path)) for base in KINDS[module].right]
    having = [base for base, place in places if place is not None and path[-1] in place]
    return having or [base for base, place in places if place is not None][:1]


def with_value(base: Options, path: Path, value: Any) -> Options:
    options = copy.deepcopy(base)
    place = parent(options, path)
    assert place is not None
    place[path[-1]] = value
    return options


OPTIONS = [(module, path) for module in MODULES for path in paths(task(module).options)]


def test_every_option_has_a_place() -> None:
    assert sorted(KINDS) == MODULES
    assert not [(module, path) for module, path in OPTIONS if not bases(module, path)]
    assert not [
        (module, path) for module, path in OPTIONS if path[-1] not in (parent(bases(module, path)[0], path) or {})
    ]


WRITES = {f"{route.method} {route.path}" for route in ROUTES if route.is_write}


def attempt(module: str, options: Options, state: State, path: Path) -> str:
    """The result of an input on a box. Raises ``AssertionError`` if the result is wrong."""
    kind = KINDS[module]
    before = held(state)
    arguments = {**CONNECTION, **options}
    predicted = call(module, arguments, True, state).result
    assert held(state) == before
    called = call(module, arguments, False, state)
    real, wire, now = called.result, called.wire, held(state)
    if real.get("failed"):
        assert now == before, real["msg"]
        if wire.writes and real["failure"]["code"] == "refused":
            return BY_THE_BOX
        assert wire.writes == 0, real["msg"]
        assert predicted.get("msg") == real["msg"]
        assert any(option in real["msg"] for option in _names(options) | {path[-1].rstrip("s")}), real["msg"]
        # Ansible's own message quotes the whole value.
        assert "failure" not in real or len(real["msg"]) < 3000, real["msg"][:3000]
        return REFUSED
    assert not predicted.get("failed"), predicted["msg"]
    for key in ("changed", "calls", "diff", *([task(module).name] if task(module).many else [])):
        assert predicted.get(key) == real.get(key)
    assert {one for one in wire.log if one in WRITES} <= kind.writes
    assert all(now[section] == before[section] for section in now if section not in kind.changes)
    assert called.options is not None
    kind.holds(called.options, before, now)
    assert state.broken_zones() == state.dropped_zones() == []
    codes = state.users[FIRST_USER].totp
    again = call(module, {**arguments, **({"totp_secret": codes[-1].secret} if codes else {})}, False, state)
    if module not in REPEATS:
        assert not again.result.get("failed"), again.result["msg"]
        assert not again.result["changed"], again.result
        assert again.wire.writes == 0
        assert held(state) == now
    return STORED


def _names(options: Any) -> set[str]:
    """The given options, including nested ones."""
    if isinstance(options, list):
        return {name for item in options for name in _names(item)}
    if not isinstance(options, dict):
        return set()
    return {str(name) for key, item in options.items() for name in (key, *_names(item))} - {""}


@pytest.mark.parametrize(
    ("module", "path"), OPTIONS, ids=lambda value: value if isinstance(value, str) else ".".join(value)
)
def test_option(module: str, path: Path, record_property: Callable[[str, object], None]) -> None:
    ends: Counter[str] = Counter()

    def feed(base: Options, value: Any) -> None:
        options = with_value(base, path, value)
        try:
            ends[attempt(module, options, BOX.copy(), path)] += 1
        except Exception as error:
            raise AssertionError(f"{module}: {ascii(options)[:600]}: {type(error).__name__}: {error}") from error

    known = bases(module, path)
    for value in ANYTHING:
        feed(known[0], value)
    right = [(base, text) for base in known for text in _texts((parent(base, path) or {}).get(path[-1]))]

    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None)
    @given(st.data())
    def twist(data: st.DataObject) -> None:
        base, text = data.draw(st.sampled_from(right))
        value = data.draw(twisted(text))
        place = parent(base, path) or {}
        feed(base, [value] if isinstance(place[path[-1]], list) else value)

    if right:
        twist()
    record_property("bad input", {"module": module, "ends": dict(ends)})


def _texts(value: Any) -> list[str]:
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str)]
