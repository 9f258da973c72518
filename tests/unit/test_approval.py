# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Saved plans: which can be used, and what differs between an approved plan and the current one."""

from __future__ import annotations

import json
import re
from calendar import timegm
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ansible_collections.mailinabox.admin.plugins.filter.plan import plan as saved_plan
from ansible_collections.mailinabox.admin.plugins.module_utils._model.approval import (
    Description,
    box_digest,
    compare,
    from_options,
    plan_digest,
)
from ansible_collections.mailinabox.admin.plugins.module_utils._model.plan import UNKNOWN, Call, Change, Plan
from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import (
    BoxError,
    InvalidPlan,
    PlanDiffers,
)

ROOT = Path(__file__).parents[2]

URL = "https://box.example.com/admin"
MADE_AT = "2026-11-27T12:00:00Z"
NOON = timegm((2026, 11, 27, 12, 0, 0))
HOUR = 3600


def change(key: str = "ann@example.org", action: str = "update", **parts: Any) -> dict[str, Any]:
    before = {"email": key, "state": "absent" if action == "create" else "present"}
    after = {"email": key, "state": "absent" if action == "remove" else "present"}
    return {
        "resource": "user",
        "key": key,
        "action": action,
        "before": {**before, **({"quota": "1G"} if action == "update" else {})},
        "after": {**after, **({"quota": "2G"} if action != "remove" else {})},
        "calls": [{"method": "POST", "path": "/mail/users/quota", "form": {"email": key, "quota": "2G"}}],
        **parts,
    }


def result(*changes: dict[str, Any], url: str = URL) -> dict[str, Any]:
    box: dict[str, Any] = {"url": url, "version": "v75", "warnings": ["mind the gap"], "unknown": [], "snapshot": None}
    box["digest"] = box_digest({**box, "changes": changes})
    return {"changes": list(changes), "plan": box}


def saved(**results: dict[str, Any]) -> dict[str, Any]:
    return saved_plan(results or {"box": result(change())}, made_at=MADE_AT)


def options(**given: Any) -> dict[str, Any]:
    return {"plan": None, "host": None, "digest": None, "max_age": None, **given}


def code(now: float = NOON, url: str = URL, **given: Any) -> str:
    """The code of the failure for these options."""
    with pytest.raises(BoxError) as caught:
        from_options(options(**given), url, lambda: now)
    assert len(caught.value.message) < 1500
    return caught.value.code


def test_a_saved_plan_is_used_as_text_as_data_and_in_part() -> None:
    plan = saved(box=result(change()), other=result(change("bob@example.org"), url="https://other.example.com/admin"))
    for given in (json.dumps(plan), json.dumps(plan, indent=4), plan, plan["boxes"][0]):
        found = from_options(options(plan=given), URL, lambda: NOON)
        assert found is not None
        assert found.changes == (change(),)
    assert from_options(options(plan=plan, host="box", digest=plan["digest"].upper()), URL, lambda: NOON)
    assert from_options(None, URL, lambda: NOON) is None


def test_parts_of_the_file_that_are_not_in_the_digest() -> None:
    """The order of changes and boxes, times, versions, and boxes that don't change."""
    first, second = result(change(), change("bob@example.org")), result(change("bob@example.org"), change())
    assert first["plan"]["digest"] == second["plan"]["digest"]
    unchanged = {"changes": [], "plan": {"url": "https://other.example.com/admin", "digest": "0"}}
    plans = [
        saved_plan({"box": first}, made_at=MADE_AT),
        saved_plan({"box": second, "other": unchanged}, made_at="2027-01-01T00:00:00Z"),
        saved_plan({"box": first, "down": {"failed": True, "msg": "down"}}),
    ]
    assert len({plan["digest"] for plan in plans}) == 1
    assert plan_digest([]) not in (plans[0]["digest"], plan_digest([{"host": "box", "changes": [1], "digest": "0"}]))


@pytest.mark.parametrize("part", ["resource", "key", "action", "before", "after", "calls"])
def test_every_part_of_a_change_is_in_the_digest(part: str) -> None:
    plan = saved()
    facts = plan["boxes"][0]["changes"][0]
    facts[part] = {
        "action": "remove",
        "before": {},
        "after": {},
        "calls": [{**facts["calls"][0], "path": "/mail/users/remove"}],
    }.get(part, "something else")
    assert code(plan=plan) == "plan_digest"


def test_url_and_warnings_are_in_the_digest() -> None:
    for edit in ({"url": "https://other.example.com/admin"}, {"warnings": []}):
        plan = saved()
        plan["boxes"][0].update(edit)
        assert code(plan=plan) == "plan_digest"


def test_a_change_that_is_taken_out_along_with_its_digest_is_noticed() -> None:
    plan = saved(box=result(change(), change("bob@example.org")))
    box = plan["boxes"][0]
    box["changes"] = []
    assert code(plan=plan) == "plan_digest"
    box["digest"] = box_digest(box)
    assert code(plan=plan) == "plan_digest"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        "[1]",
        '"format"',
        "{}",
        '{"a": 1}',
        "\0",
        "[" * 100_000,
        '{"format": 1}',
        '{"format": 1, "boxes": []}',
        '{"format": 1, "boxes": {}, "digest": "", "made_at": ""}',
        '{"format": 1, "boxes": [1], "digest": "", "made_at": ""}',
        '{"format": 1, "boxes": [{"host": "box", "changes": [{}]}], "digest": "", "made_at": ""}',
        json.dumps({**saved(), "made_at": "yesterday"}),
        json.dumps({**saved(), "boxes": saved()["boxes"] * 2}),
        json.dumps(saved())[:-40],
    ],
)
def test_texts_that_are_not_plans(text: str) -> None:
    assert code(plan=text) == "plan_invalid"
    assert code(plan=text.encode("utf-8")) == "plan_invalid"


@pytest.mark.parametrize("value", [1, True, 1.5, [], ["x"], {}, {"changes": None}, {"changes": [{"resource": 1}]}])
def test_data_that_is_not_a_plan(value: Any) -> None:
    assert code(plan=value) == "plan_invalid"


@pytest.mark.parametrize("number", [0, 2, 10, "1", None, True, [], {"a": 1}])
def test_another_format(number: Any) -> None:
    assert code(plan={**saved(), "format": number}) == "plan_format"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"url": "https://other.example.com/admin"}, "plan_other_box"),
        ({"host": "other"}, "plan_other_box"),
        ({"host": "box", "url": "https://other.example.com/admin"}, "plan_other_box"),
        ({"digest": 64 * "0"}, "plan_digest"),
        ({"digest": "abc123"}, "invalid_option"),
        ({"digest": 64 * "x"}, "invalid_option"),
        ({"max_age": "1h", "now": NOON + HOUR + 1}, "plan_expired"),
        ({"max_age": "60m", "now": NOON + HOUR + 1}, "plan_expired"),
        ({"max_age": "1d", "now": NOON + 24 * HOUR + 1}, "plan_expired"),
        ({"max_age": "3600"}, "invalid_option"),
        ({"max_age": "soon"}, "invalid_option"),
    ],
)
def test_plans_that_are_refused(given: dict[str, Any], expected: str) -> None:
    assert code(**{"plan": saved(), **given}) == expected


def test_ages_that_are_allowed() -> None:
    for now in (NOON - HOUR, NOON, NOON + HOUR):
        assert from_options(options(plan=saved(), max_age=" 1h "), URL, partial(float, now))


def test_an_approval_of_nothing_and_the_age_of_a_digest() -> None:
    assert code() == "invalid_option"
    assert code(digest=64 * "0", max_age="1h") == "invalid_option"
    assert code(plan=saved()["boxes"][0], max_age="1h") == "plan_invalid"


def test_boxes_without_an_approved_plan() -> None:
    failed = saved(box={"failed": True, "msg": "down"})
    assert code(plan=failed, host="box") == "plan_invalid"
    snapshot = result(change())
    snapshot["plan"]["snapshot"] = {"made_at": MADE_AT}
    assert code(plan=saved(box=snapshot)) == "plan_invalid"
    assert code(plan=saved(box=result(change()), again=result(change()))) == "plan_other_box"


ANN = change()
ANN_HELD = ANN["after"]
BOB_GOES = change("bob@example.org", "remove")
CAT_COMES = change("cat@example.org", "create")


@pytest.mark.parametrize(
    ("approved", "now", "held", "differences", "done"),
    [
        ([ANN], [ANN], {}, [], []),
        ([ANN, BOB_GOES], [BOB_GOES, ANN], {}, [], []),
        ([], [ANN], {}, [("nothing", "change (quota: 1G → 2G)")], []),
        ([ANN], [], {"user ann@example.org": {**ANN_HELD, "used": "1M"}}, [], ["user ann@example.org"]),
        (
            [ANN],
            [],
            {"user ann@example.org": {**ANN_HELD, "quota": "3G"}},
            [("change (quota: 1G → 2G)", "nothing, because something else is declared now")],
            [],
        ),
        ([ANN], [], {}, [("change (quota: 1G → 2G)", "nothing, because it is no longer declared")], []),
        ([BOB_GOES], [], {}, [], ["user bob@example.org"]),
        ([BOB_GOES], [], {"user bob@example.org": BOB_GOES["after"]}, [], ["user bob@example.org"]),
        (
            [CAT_COMES],
            [change("cat@example.org")],
            {},
            [("create (quota: 2G)", "change (quota: 1G → 2G)")],
            [],
        ),
        (
            [ANN],
            [
                {
                    **ANN,
                    "before": {**ANN["before"], "privileges": ["admin"]},
                    "after": {**ANN["after"], "privileges": []},
                }
            ],
            {},
            [("change (quota: 1G → 2G)", "change (quota: 1G → 2G; privileges: \u2212 admin)")],
            [],
        ),
        (
            [ANN],
            [{**ANN, "before": {**ANN["before"], "note": 1}, "after": {**ANN["after"], "note": 1}}],
            {},
            [("change (quota: 1G → 2G)", "change (quota: 1G → 2G), where note differs: note is 1")],
            [],
        ),
        (
            [ANN],
            [{**ANN, "calls": []}],
            {},
            [("change (quota: 1G → 2G)", "change (quota: 1G → 2G), with other calls")],
            [],
        ),
    ],
)
def test_comparing_plans(
    approved: list[Any], now: list[Any], held: dict[str, Any], differences: list[tuple[str, str]], done: list[str]
) -> None:
    compared = compare(approved, now, held)
    assert [(one["approved"], one["now"]) for one in compared.differences] == differences
    assert compared.done == done


def test_a_plan_of_a_box_names_what_is_unknown_and_no_secret() -> None:
    call = Call("POST", "/x", {"email": "zoe@secret-word.example"})
    plan = Plan(
        (
            Change("user", "a", {"state": "present", "user_password": UNKNOWN}, {"state": "present"}),
            Change("user", "b", {"state": "absent"}, {"state": "present"}, (call,), ("secret-word in a warning",)),
        ),
        version="v75",
    )

    planned = Description(URL, frozenset({"secret-word"})).box_plan(plan)
    assert planned["unknown"] == ["user a: user_password"]
    assert planned["version"] == "v75"
    assert [one["key"] for one in planned["changes"]] == ["b"]
    assert "secret-word" not in json.dumps(planned)
    # The file contains the masked values, and the digest is computed from the file.
    assert planned["digest"] == box_digest(planned)
    assert from_options(options(plan=planned), URL, lambda: NOON)


PAGE = (ROOT / "docs" / "saved-plans.md").read_text(encoding="utf-8")
SCHEMA = json.loads((ROOT / "docs" / "schemas" / "plan.json").read_text(encoding="utf-8"))
CODES = {error.code for error in (InvalidPlan, *InvalidPlan.__subclasses__(), PlanDiffers)}


def violations(plan: Any) -> list[str]:
    """The errors that the schema finds in a plan."""
    return [error.message for error in jsonschema.Draft202012Validator(SCHEMA).iter_errors(plan)]


def test_the_example_of_the_documentation_is_a_saved_plan() -> None:
    example = json.loads(re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[0])
    assert violations(example) == []
    assert example["boxes"][0]["digest"] == box_digest(example["boxes"][0])
    assert example["digest"] == plan_digest(example["boxes"])
    assert from_options(options(plan=example), URL, lambda: NOON)


def test_every_code_of_a_refused_plan_is_documented() -> None:
    assert set(re.findall(r"^\| `(plan_\w+)` \| ", PAGE, re.MULTILINE)) == CODES


def test_the_schema_takes_plans_and_nothing_else() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    plan = saved(box=result(change()), down={"failed": True, "msg": "down"}, same=result())
    assert violations(plan) == []
    for edit in ({"format": 2}, {"made_at": "now"}, {"digest": "abc"}, {"more": 1}):
        assert violations({**plan, **edit})
    for box in ({"changes": [{}]}, {"changes": [change(calls=[])]}, {"error": "down"}, {"url": None}, {"more": 1}):
        assert violations({**plan, "boxes": [{**plan["boxes"][0], **box}]})
