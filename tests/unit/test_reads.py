# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of any shape: each is a value of the declared type, or an unexpected answer. None causes another error."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.mailinabox.admin.plugins.filter.health_page import health_page
from ansible_collections.mailinabox.admin.plugins.filter.problems import problems
from ansible_collections.mailinabox.admin.plugins.module_utils._box.connection import Connection
from ansible_collections.mailinabox.admin.plugins.module_utils._engine.task import run
from ansible_collections.mailinabox.admin.plugins.module_utils._model import reads
from ansible_collections.mailinabox.admin.plugins.module_utils._model.forks import Box
from ansible_collections.mailinabox.admin.plugins.module_utils._model.plan import Read
from ansible_collections.mailinabox.admin.plugins.module_utils._resources import info
from ansible_collections.mailinabox.admin.plugins.module_utils._resources.certificates import _outcomes
from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import UnexpectedAnswer
from tests.tasks import CONNECTION, task, validated

DATA = Path(__file__).parents[1] / "contract" / "data"
ME = "me@box.example.com"

TYPES: dict[str, Any] = {
    "users": reads.Users,
    "aliases": reads.Aliases,
    "dns_records": reads.Records,
    "dns_zones": tuple[str, ...],
    "dns_dump": tuple[reads.Published, ...],
    "secondary_nameservers": tuple[str, ...],
    "domains": tuple[str, ...],
    "ssl_status": reads.SslStatus,
    "web_domains": list[dict[str, Any]],
    "backup_config": reads.BackupConfig,
    "backup_status": dict[str, Any],
    "privacy": bool,
    "reboot_required": bool,
    "updates": tuple[str, ...],
    "version": str,
    "latest_version": str,
    "status_checks": list[dict[str, Any]],
    "mfa of " + ME: reads.Mfa,
    "signing request of box.example.com": str,
    "zonefile of example.org": str,
}

READS = [value for value in vars(reads).values() if isinstance(value, Read)]
READS += [
    reads.mfa_status(ME),
    reads.signing_request("box.example.com", "DE"),
    reads.zone_file("example.org"),
]
BY_NAME = {read.name: read for read in READS}


def _recorded() -> Iterator[tuple[tuple[str, str], Any]]:
    for scenario, folder in (("scenario", "recordings"), ("edges", "edges")):
        steps = {step["id"]: step for step in yaml.safe_load((DATA / f"{scenario}.yml").read_text(encoding="utf-8"))}
        for path in sorted((DATA / folder).glob("*.json")):
            for step, answer in json.loads(path.read_text(encoding="utf-8")).items():
                if answer["status"] == 200 and step in steps:
                    yield (steps[step]["method"], steps[step]["path"]), answer["body"]


RECORDED: dict[tuple[str, str], list[Any]] = {}
for _key, _body in _recorded():
    if _body not in RECORDED.setdefault(_key, []):
        RECORDED[_key].append(_body)

# Numbers in JSON, including NaN and infinity.
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of a part of a JSON value."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


@st.composite
def almost_right(draw: st.DrawFn, recorded: list[Any]) -> Any:
    """A recorded answer in which one part is replaced or missing."""
    answer = copy.deepcopy(draw(st.sampled_from(recorded)))
    path = draw(st.sampled_from(list(places(answer))))
    new = draw(JSON)
    if not path:
        return new
    parent = answer
    for key in path[:-1]:
        parent = parent[key]
    if draw(st.booleans()):
        parent[path[-1]] = new
    else:
        del parent[path[-1]]
    return answer


def answers(read: Read) -> st.SearchStrategy[Any]:
    if not read.json:
        return st.text()
    recorded = RECORDED.get((read.method, read.path), [])
    return JSON | almost_right(recorded) if recorded else JSON


def fits(value: Any, hint: Any) -> bool:
    """Whether a nested value has the declared type."""
    if hint is Any:
        return True
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(fits(value, one) for one in inner)
    if origin is tuple and inner[1:] == (...,):
        return isinstance(value, tuple) and all(fits(item, inner[0]) for item in value)
    if origin is tuple:
        return isinstance(value, tuple) and all(map(fits, value, inner))
    if origin is list:
        return isinstance(value, list) and all(fits(item, inner[0]) for item in value)
    if origin is dict:
        pairs = value.items() if isinstance(value, dict) else [(value, value)]
        return isinstance(value, dict) and all(fits(key, inner[0]) and fits(item, inner[1]) for key, item in pairs)
    if dataclasses.is_dataclass(hint) or hasattr(hint, "_fields"):
        return isinstance(value, hint) and all(
            fits(getattr(value, name), kind) for name, kind in get_type_hints(hint).items()
        )
    # In Python, bool is a subclass of int.
    return isinstance(value, hint) and isinstance(value, bool) is (hint is bool)


def test_every_read_has_a_type() -> None:
    assert set(TYPES) == set(BY_NAME)


@pytest.mark.parametrize("name", TYPES)
@settings(max_examples=60)
@given(data=st.data())
def test_an_answer_is_of_its_type_or_unexpected(name: str, data: st.DataObject) -> None:
    read = BY_NAME[name]
    try:
        value = read.parse(data.draw(answers(read)))
    except UnexpectedAnswer:
        return
    assert fits(value, TYPES[name]), value


@pytest.mark.parametrize("name", TYPES)
def test_recorded_answers_are_expected(name: str) -> None:
    read = BY_NAME[name]
    for answer in RECORDED.get((read.method, read.path), []):
        if isinstance(answer, str) == (not read.json):
            assert fits(read.parse(answer), TYPES[name])


class AnyBox:
    """A box with predefined answers to questions."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given
        self.reads = self.writes = 0
        self.keys: set[str] = set()
        self.box = Box()
        self.warnings: list[str] = []
        self.connection = Connection("https://box.example.com/admin", ME)

    def __enter__(self) -> AnyBox:
        return self

    def __exit__(self, *_exception: object) -> None:
        pass

    def now(self) -> float:
        return 0.0

    def ask(self, question: Read) -> Any:
        if question.path in self.given:
            return question.parse(self.given[question.path])
        recorded = RECORDED.get((question.method, question.path))
        return question.parse(recorded[0] if recorded else "text")


EVERYTHING = {
    "users": [{"email": ME, "user_password": "adminpass123", "update_password": "on_create"}],
    "aliases": [{"address": "info@box.example.com", "forwards_to": [ME]}],
    "dns_records": [{"name": "www.box.example.com", "type": "CNAME", "values": ["h.example.net."]}],
    "secondary_nameservers": ["ns2.example.net"],
    "purge": ["aliases", "dns_records"],
    "keep": ["none"],
    "purge_limit": 1000,
}
RUNS = {
    "miab_info": {"gather_subset": list(info.SUBSETS)},
    "miab_config": EVERYTHING,
    "miab_mfa": {"label": "phone"},
    "miab_ssl": {"domain": "box.example.com", "state": "provisioned"},
}


@pytest.mark.parametrize("module", RUNS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_no_answer_crashes_a_task(module: str, data: st.DataObject) -> None:
    wrong = data.draw(st.sampled_from([read for read in READS if read.json]))
    options = validated(module, {**CONNECTION, **RUNS[module]})
    result = run(task(module), options, True, lambda _connection: AnyBox({wrong.path: data.draw(answers(wrong))}))  # type: ignore[arg-type,return-value]
    json.dumps(result)


STATUS = [
    {"type": "heading", "text": "System", "extra": []},
    {"type": "error", "text": "It is down.", "extra": [{"text": "more", "monospace": True}]},
]
BACKUPS = {
    "backups": [{"date": "20261101T010000Z", "full": True, "size": 5, "volumes": 1}],
    "unmatched_file_size": 0,
}
JUDGED = {"status_checks": STATUS, "backup_status": BACKUPS}


@pytest.mark.parametrize("name", JUDGED)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_report_is_made_of_any_answer(name: str, data: st.DataObject) -> None:
    read = BY_NAME[name]
    answer = data.draw(almost_right([JUDGED[name]]))
    options = validated("miab_info", {**CONNECTION, "gather_subset": [name, "version"]})
    facts = run(task("miab_info"), options, True, lambda _connection: AnyBox({read.path: answer}))  # type: ignore[arg-type,return-value]
    if facts.get("failed"):
        assert facts["failure"]["code"] == "unexpected_answer"
        return
    assert facts[name] == answer
    health_page({"box": facts}, {"box": problems(facts)}, made="2026-11-27T00:00:00Z")


def test_a_record_of_an_unknown_type_is_shown() -> None:
    rows = [{"qname": "box.example.com", "rtype": "PTR", "value": "odd value"}]
    options = validated("miab_info", {**CONNECTION, "gather_subset": ["dns_records", "dns_problems"]})
    result = run(task("miab_info"), options, True, lambda _connection: AnyBox({"/dns/custom": rows}))  # type: ignore[arg-type,return-value]
    assert result["dns_records"] == [{"name": "box.example.com", "type": "PTR", "values": ["odd value"]}]
    assert result["dns_problems"] == []


@settings(max_examples=60)
@given(JSON | almost_right([{"requests": ["x", {"domains": ["a.example"], "result": "installed", "log": ["done"]}]}]))
def test_results_of_provisioning_have_their_type_or_are_unexpected(answer: Any) -> None:
    try:
        outcomes = _outcomes(json.dumps(answer))
    except UnexpectedAnswer:
        return
    for item in outcomes.items:
        assert fits(dict(item), dict[str, str | list[str]]), item


def test_what_is_known_has_the_type_of_its_question() -> None:
    """mypy checks that; at run time, an optional read that failed raises its error."""
    failure = UnexpectedAnswer("GET /mail/users: the box answered 500")
    assert reads.USERS.of({reads.USERS.name: {}}) == {}
    with pytest.raises(UnexpectedAnswer):
        reads.USERS.of({reads.USERS.name: failure})
