# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Saved plans: their format, their digests, and the comparison of what was approved with what is planned now.

docs/saved-plans.md documents the format for users.
"""

from __future__ import annotations

import hashlib
import json
import re
from calendar import timegm
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Callable, Dict, FrozenSet, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .._values.errors import (
    InvalidOption,
    InvalidPlan,
    PlanAltered,
    PlanDiffers,
    PlanExpired,
    PlanOfAnotherBox,
    PlanOfAnotherFormat,
)
from .._values.secrets import masked_as_given
from . import shape
from .plan import UNKNOWN, Plan
from .wording import in_a_line

FORMAT = 1
"""The version of the format that this code reads and writes."""

TIME = "%Y-%m-%dT%H:%M:%SZ"
"""How times are written in saved plans and snapshots: UTC, to the second."""

_AGE = re.compile(r"(\d{1,6})([mhd])\Z")
_SECONDS = {"m": 60, "h": 3600, "d": 86400}
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_SHORT = 12
# More differences than anybody reads only hide the first ones.
_MOST_DIFFERENCES = 50

Json = Dict[str, Any]


@dataclass(frozen=True)
class Description:
    """Converts the plans of one box to the form that results and saved plans have.

    :param url: the URL of the admin API.
    :param secrets: the secrets of the run, which are masked.
    :param snapshot_made_at: when the snapshot was made that the plans are based on; None without a snapshot.
    """

    url: str
    secrets: FrozenSet[str] = frozenset()
    snapshot_made_at: Optional[str] = None

    def box_plan(self, plan: Plan) -> Json:
        """``{url, version, snapshot, changes, warnings, unknown, digest}``."""
        shown = self._shown(
            {
                "url": self.url,
                "version": plan.version,
                "snapshot": None if self.snapshot_made_at is None else {"made_at": self.snapshot_made_at},
                "changes": [change.as_result() for change in plan.changes if change.calls],
                "warnings": list(plan.warnings),
                "unknown": [
                    "%s %s: %s" % (change.resource, change.key, name)
                    for change in plan.changes
                    for name, value in change.before.items()
                    if value == UNKNOWN
                ],
            }
        )
        return {**shown, "digest": box_digest(shown)}

    def settled(self, plan: Plan) -> Json:
        """The current state of each object that needs no change, by its name."""
        rows = [["%s %s" % (change.resource, change.key), change.before] for change in plan.changes if not change.calls]
        return dict(self._shown(rows))

    def _shown(self, value: Any) -> Any:
        """A value with masked secrets, after a round trip through JSON."""
        return json.loads(json.dumps(masked_as_given(value, self.secrets)))


def box_digest(box: Mapping[str, Any]) -> str:
    """The digest of the plan of one box. It does not depend on the order of the changes."""
    changes = sorted(box["changes"], key=lambda change: (change["resource"], change["key"]))
    parts = ("resource", "key", "action", "before", "after", "calls")
    return _sha256(
        {
            "format": FORMAT,
            "url": box["url"],
            "changes": [{part: change[part] for part in parts} for change in changes],
            "warnings": box["warnings"],
        }
    )


def plan_digest(boxes: Sequence[Mapping[str, Any]]) -> str:
    """The digest of a whole plan. It covers only boxes with changes, because the others need no approval."""
    return _sha256({"format": FORMAT, "boxes": {box["host"]: box["digest"] for box in boxes if box["changes"]}})


def short(digest: str) -> str:
    """The short form of a digest, for people."""
    return digest[:_SHORT]


def _sha256(value: Any) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


@dataclass(frozen=True)
class Approval:
    """What was approved for one box: its changes, or only their digest."""

    changes: Optional[Tuple[Json, ...]] = None
    digest: Optional[str] = None

    def confirm(self, plan: Plan, description: Description) -> Tuple[str, ...]:
        """Compare the approved plan with the current one, before anything is written.

        :return: a note on each approved change that is already done.
        :raises PlanDiffers: if a planned change was not approved, or an approved change is no longer planned.
        """
        planned = description.box_plan(plan)
        if self.digest is not None and self.digest != planned["digest"]:
            raise PlanDiffers(
                [
                    "the approved digest is %s, but the digest of the current plan is %s"
                    % (self.digest, planned["digest"])
                ],
                planned,
            )
        if self.changes is None:
            return ()
        compared = compare(self.changes, planned["changes"], description.settled(plan))
        if compared.differences:
            raise PlanDiffers(
                [
                    "%(object)s: approved: %(approved)s; now: %(now)s" % difference
                    for difference in compared.differences[:_MOST_DIFFERENCES]
                ],
                planned,
                number=len(compared.differences),
            )
        return tuple("%s was approved and is already done." % label for label in compared.done)


def refusal_of_rest(planned: Json, approved: Sequence[Json]) -> PlanDiffers:
    """The error for unapproved changes that were planned only after some approved changes were made.

    :param planned: the plan of the rest.
    :param approved: the approved changes.
    """
    by_name = {_name(change): change for change in approved}
    lines = []
    for change in planned["changes"]:
        other = by_name.get(_name(change))
        if other is None:
            lines.append("%s: approved: nothing; now: %s" % (_name(change), in_a_line(change)))
        elif not _is_same(other, change):
            lines.append("%s: approved: %s; now: %s" % (_name(change), in_a_line(other), _now(other, change)))
    return PlanDiffers(
        lines, planned, what="The rest had to be planned again and was not approved. None of it was written"
    )


class Compared(NamedTuple):
    """How an approved plan and the current one differ.

    :ivar differences: ``{object, approved, now}``, all of them texts for people.
    :ivar done: the objects whose approved change is already done.
    """

    differences: List[Dict[str, str]]
    done: List[str]


def compare(approved: Sequence[Json], now: Sequence[Json], settled: Mapping[str, Json]) -> Compared:
    """Compare approved changes with those that are planned now.

    :param settled: the current state of each declared object that needs no change, by its name.
    """
    by_name = {_name(change): change for change in now}
    names = {_name(change) for change in approved}
    differences, done = [], []
    for change in approved:
        name = _name(change)
        other = by_name.get(name)
        if other is None:
            why_not_done = _why_not_done(change, settled.get(name))
            if why_not_done:
                differences.append({"object": name, "approved": in_a_line(change), "now": why_not_done})
            else:
                done.append(name)
        elif not _is_same(change, other):
            differences.append({"object": name, "approved": in_a_line(change), "now": _now(change, other)})
    for change in now:
        if _name(change) not in names:
            differences.append({"object": _name(change), "approved": "nothing", "now": in_a_line(change)})
    return Compared(differences, done)


def _why_not_done(change: Json, held: Optional[Json]) -> str:
    """Why an approved change that is no longer planned is not done; empty if it is done."""
    if held is None:
        # A purged object is not declared, so the plan does not mention it once it is removed.
        return "" if change["action"] == "remove" else "nothing, because it is no longer declared"
    if all(held.get(name) == value for name, value in change["after"].items()):
        return ""
    return "nothing, because something else is declared now"


def _now(approved: Json, now: Json) -> str:
    """Describe a change that differs from the approved one, with the difference."""
    words = in_a_line(now)
    if words != in_a_line(approved):
        return words
    for part in ("before", "after"):
        if approved[part] != now[part]:
            names = sorted(
                name for name in {**approved[part], **now[part]} if approved[part].get(name) != now[part].get(name)
            )
            return "%s, where %s differs: %s" % (words, " and ".join(names), "; ".join(_values(now[part], names)))
    return "%s, with other calls" % words


def _values(view: Json, names: Sequence[str]) -> List[str]:
    return ["%s is %s" % (name, json.dumps(view.get(name))) for name in names]


def _is_same(approved: Json, now: Json) -> bool:
    return all(approved[part] == now[part] for part in ("action", "before", "after", "calls"))


def _name(change: Json) -> str:
    return "%s %s" % (change["resource"], change["key"])


def from_options(options: Optional[Mapping[str, Any]], url: str, now: Callable[[], float]) -> Optional[Approval]:
    """The approval from the option ``approved``; None if the option is not set.

    :param url: the URL of the box.
    :param now: returns the time in seconds since 1970.
    :raises BoxError: for a plan that can't be used for this box. Nothing was sent.
    """
    if options is None:
        return None
    digest, plan, age = options["digest"], options["plan"], options["max_age"]
    if digest is not None:
        digest = digest.strip().lower()
        if not _DIGEST.match(digest):
            raise InvalidOption("approved.digest", options["digest"], "must have 64 hexadecimal digits")
    if plan is None:
        if digest is None:
            raise InvalidOption("approved", None, "set approved.plan or approved.digest")
        if age is not None:
            raise InvalidOption("approved.max_age", age, "only a plan has an age; set approved.plan as well")
        return Approval(digest=digest)
    saved = read(plan)
    if digest is not None and digest != saved["digest"]:
        raise PlanAltered(
            "The plan has the digest %s, and %s was approved. Nothing was sent. Use the plan that was approved, or have"
            " this one approved." % (saved["digest"], digest),
            approved=digest,
            found=saved["digest"],
        )
    box = saved if "boxes" not in saved else _box_of(saved, options["host"], url)
    if box["url"] != url:
        raise PlanOfAnotherBox(
            "The plan is for the box at %.300s, and this one is at %.300s. Nothing was sent. Use the plan of this box, or correct"
            " the host." % (box["url"], url),
            planned=box["url"],
            found=url,
        )
    if age is not None:
        _check_age(saved, age, now())
    return Approval(tuple(box["changes"]))


def _check_age(saved: Json, max_age: str, now: float) -> None:
    found = _AGE.match(max_age.strip())
    if not found:
        raise InvalidOption(
            "approved.max_age", max_age, "must be a number of minutes, hours or days, such as 30m, 12h or 7d"
        )
    if "made_at" not in saved:
        raise InvalidPlan("The plan of a single box does not contain when it was made. Use the whole plan.json.")
    age = now - timegm(datetime.strptime(saved["made_at"], TIME).timetuple())
    if age > int(found[1]) * _SECONDS[found[2]]:
        raise PlanExpired(
            "The plan was made at %s, which is more than %s ago. Nothing was sent. Make a new plan, and have it approved."
            % (saved["made_at"], max_age.strip()),
            made_at=saved["made_at"],
            max_age=max_age.strip(),
        )


def _box_of(saved: Json, host: Optional[str], url: str) -> Json:
    """The entry of a plan for a box."""
    boxes: List[Json] = saved["boxes"]
    found = [box for box in boxes if (box["host"] == host if host is not None else box["url"] == url)]
    if len(found) != 1:
        raise PlanOfAnotherBox(
            "The plan has %s for %.200s. It has entries for: %.500s. Nothing was sent. Make a plan that includes this box, and have it"
            " approved." % ("no entry" if not found else "several entries", host or url, _hosts(boxes)),
            found=[box["host"] for box in boxes],
        )
    box = found[0]
    if box["error"] is not None:
        raise InvalidPlan(
            "When the plan was made, this box could not be planned, so nothing was approved for it. Nothing was sent."
            " Make a new plan, and have it approved."
        )
    if box["snapshot"] is not None:
        raise InvalidPlan(
            "The plan of this box was made from a snapshot, which may be out of date. Nothing was sent. Make a plan from"
            " the box itself, and have it approved."
        )
    return box


def _hosts(boxes: Sequence[Json]) -> str:
    return ", ".join(sorted(box["host"] for box in boxes)) or "no box"


def read(plan: Any) -> Json:
    """Read a saved plan, or the entry of one box in it, and verify its digests.

    :param plan: the text of ``plan.json``, or its decoded JSON.
    :raises InvalidPlan: if it is not a plan.
    :raises PlanOfAnotherFormat: if this version of the collection doesn't know its format.
    :raises PlanAltered: if a digest doesn't match.
    """
    if isinstance(plan, (str, bytes)):
        try:
            plan = json.loads(plan)
        except (ValueError, RecursionError) as error:
            raise InvalidPlan(
                "The plan can't be read: it is not JSON, or a part of it is missing (%.200s). Nothing was sent. Get the"
                " file again or make a new plan." % error
            ) from error
    if not isinstance(plan, dict) or not ("format" in plan or "changes" in plan):
        raise InvalidPlan("The file is not a plan of mailinabox.admin. Nothing was sent. Use a plan.json.")
    if plan.get("format", FORMAT) != FORMAT or isinstance(plan.get("format"), bool):
        raise PlanOfAnotherFormat(
            "The plan has the format %.50r, and this version of mailinabox.admin reads the format %d. Nothing was sent."
            " Make a new plan with this version." % (plan["format"], FORMAT),
            found=plan["format"] if isinstance(plan["format"], (int, str)) else None,
        )
    try:
        return _checked(plan) if "boxes" in plan else _checked_box(plan)
    except (shape.WrongShapeError, RecursionError) as error:
        raise InvalidPlan(
            "The plan is damaged: something is missing or has another type than it should have (%s). Nothing was sent. Get"
            " the file again, or make a new plan." % error
        ) from error


def _checked(plan: Json) -> Json:
    boxes = []
    for box in shape.items(plan["boxes"]):
        failed = shape.text_or_none(box, "error") is not None
        shown: Json = {
            "host": shape.text(box, "host"),
            "error": shape.text_or_none(box, "error"),
            "changes": [],
            "url": None,
        }
        shown["snapshot"] = shape.part(box, "snapshot") if "snapshot" in box else None
        boxes.append(shown if failed else {**shown, **_checked_box(box)})
    hosts = [box["host"] for box in boxes]
    if len(set(hosts)) < len(hosts):
        raise shape.WrongShapeError("boxes: one host twice")
    made_at = shape.text(plan, "made_at")
    try:
        datetime.strptime(made_at, TIME)
    except ValueError as error:
        raise shape.WrongShapeError("made_at") from error
    digest = shape.text(plan, "digest")
    _compare_digest(digest, plan_digest(boxes))
    return {"boxes": boxes, "made_at": made_at, "digest": digest}


def _checked_box(box: Any) -> Json:
    changes = [_checked_change(change) for change in shape.items(shape.part(box, "changes"))]
    names = [_name(change) for change in changes]
    if len(set(names)) < len(names):
        raise shape.WrongShapeError("changes: one object twice")
    checked: Json = {
        "url": shape.text(box, "url"),
        "changes": changes,
        "warnings": shape.texts(shape.part(box, "warnings")),
        "digest": shape.text(box, "digest"),
    }
    _compare_digest(checked["digest"], box_digest(checked))
    return checked


def _checked_change(change: Any) -> Json:
    checked = {name: shape.text(change, name) for name in ("resource", "key", "action")}
    if checked["action"] not in ("create", "update", "remove"):
        raise shape.WrongShapeError("action")
    views = {name: shape.fields(shape.part(change, name)) for name in ("before", "after")}
    return {**checked, **views, "calls": [shape.fields(call) for call in shape.items(shape.part(change, "calls"))]}


def _compare_digest(written: str, computed: str) -> None:
    if written != computed:
        raise PlanAltered(
            "The plan was altered after it was made: its digest should be %s, and the file says %.80s. Nothing was sent."
            " Get the file again, or make a new plan." % (computed, written),
            approved=written,
            found=computed,
        )
