# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unusual and invalid values for options."""

from __future__ import annotations

import datetime
from typing import Any

from hypothesis import strategies as st

# Values that YAML or templates can produce from words.
OTHER_TYPES: list[Any] = [
    True,
    False,
    0,
    1,
    -1,
    86400,
    65536,
    2**31,
    2**63,
    10**30,
    0.0,
    1.5,
    1e3,
    float("inf"),
    float("nan"),
    datetime.date(2026, 1, 1),
    datetime.datetime(2026, 1, 1, 12, 30, tzinfo=datetime.timezone.utc),
    b"bytes",
    [],
    [None],
    [True],
    [1.5],
    [[]],
    [{}],
    [""],
    ["a,b"],
    ["a\nb"],
    {},
    {"a": 1},
    {"": None},
    (1, 2),
]

# Texts with a meaning in YAML, shells, templates, paths, URLs, lists or terminals.
SNIPPETS = [
    *("", " ", "\t", "\n", "\r\n", "\0", "\x07", "\x1b[31m", "\x1f", "\x7f", "\x85", "\xa0", "\u2028", "\ufeff"),
    *("\u200b", "\u200d", "\u00ad", "\u202e", "\ud800", "\udc80", "\udfff", "\U0001f642", "\U000e0041"),
    *("true", "no", "null", "~", "1e3", "0x10", "010", "12:30", "-1", "1.0", "inf", "2026-01-01", "all", "local"),
    *(",", ",,", "a,b", ";", "|", "&", "=", "+", "&a=b", "%", "%00", "%0a", "%2e%2e%2f", "%2F", "%25", "%s", "%(a)s"),
    *("/", "//", "\\", "..", "../", "/../../mail/users", "/./", "?", "?a=b", "#", "#a", "*", "**", "*.", ".*", "."),
    *("@", "@@", "a@b", ":", "::", "[", "]", "{", "}", "{{ 1 }}", "{a: 1}", "$(id)", "`id`", "${HOME}", "$HOME"),
    *("'", '"', "' OR '1'='1", '"; --', "<b>", "<!--", "!", "^", "-", "--", "_", "~root", "(", ")", "\\n", "\\"),
    # Letters that look like others, or turn into others when the case changes.
    *("\u0430", "\u212a", "\u017f", "\u0131", "\u0130", "\u00df", "\u1e9e", "\ufb01", "\uff41", "\uff2d", "\u2024"),
    *("\u3002", "\uff0e", "\uff61", "\uff20", "\uff0f", "\u2215", "\u2044", "\u00b2", "\u0663", "\u2163", "\u2100"),
    # Texts with special rules in IDNA.
    *("\u00fc", "u\u0308", "xn--", "xn--a", "xn--bcher-kva", "xn--bcher-kvb", "XN--BCHER-KVA", "ab--c", "fa\u00df"),
    *("\u05d0a", "\u05d01", "\u0301", "\u4f8b", "\u00b7", "\u30fb", "\u0660\u06f0", "\u1fe1"),
    *("1.2.3.4", "::1", "::ffff:1.2.3.4", "fe80::1%eth0", "localhost", "xfr:", "invalid", "test", "file:///", "x" * 64),
]

# Texts longer than any limit, with and without structure, in ASCII and beyond.
HUGE = ["x" * 254, "x" * 100_000, "\u00fc" * 5_000, "a." * 5_000, "a@" * 5_000, "9" * 5_000, "," * 5_000]

TEXTS = [*SNIPPETS, *HUGE]
ANYTHING = [None, *OTHER_TYPES, *TEXTS]


@st.composite
def twisted(draw: st.DrawFn, right: str) -> str:
    """A valid value with a text inserted, or with a part replaced."""
    start = draw(st.integers(0, len(right)))
    end = draw(st.sampled_from([start, min(start + 1, len(right))]))
    what = draw(st.sampled_from(SNIPPETS) | st.characters(exclude_categories=()) | st.text(max_size=3))
    return right[:start] + what + right[end:]
