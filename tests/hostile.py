# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts of a hostile box that try to become a template, a line of YAML, or a command."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

COMMANDS = (
    '{{ lookup("pipe", "touch CANARY") }}',
    "{{ lookup('pipe', 'touch CANARY') }}",
    '{{ query("pipe", "touch CANARY") | first }}',
    '{% set x = lookup("pipe", "touch CANARY") %}{{ x }}',
    '{{ cycler.__init__.__globals__.os.system("touch CANARY") }}',
    'lookup("pipe","touch CANARY")',
    "$(touch CANARY)",
    "; touch CANARY #",
    "!!python/object/apply:os.system ['touch CANARY']",
)
# Ways out of quotes, comments, scalars and lines.
BREAKS = (
    "", "'", '"', "\\", "\\'", '\\"', "'] ", '"] ', "'] is defined or ", "\"'] is defined or ", "\\'] is defined or ",
    "'] }}", '"] }}', "\n", "\r\n", "\u2028", "\x85", "\t", "\n  x: ", "\n---\n", "\n...\n", "# ", ": ", "- ", "&a ", "*a ",
    "!unsafe ", "!vault |\n", "| \n", "> ", "%YAML 1.1\n", "<<: ", "{#", "#}", "{% raw %}", "{% endraw %}", "\x1b[2J", "\x07",
    "\u202e", "\ufeff", "\u00e9", "\U0001f40e", "#jinja2:variable_start_string:'[%',variable_end_string:'%]'\n[% ",
    " }}", " %}", "@x.org", "@", "..", "../../", "/", "%2f", "::error::", "<script>", "`",
)  # fmt: skip
_CHARACTERS = "'\"\\{}%#[]()|$`:;,.@-_!&*<>?~^=+/ \n\r\tabcxyz019\u00e9\u2028\U0001f40e"


def values(count: int, canary: Path) -> Iterator[str]:
    """This number of texts, always the same. Rendering or executing one of them creates the file."""
    chosen = random.Random(11)  # noqa: S311 - nothing is kept secret by it
    yield """"'] is defined or lookup("pipe","touch CANARY") }}@x.org""".replace("CANARY", str(canary))
    for _number in range(count - 1):
        parts = [chosen.choice(BREAKS), chosen.choice(COMMANDS), chosen.choice(BREAKS)]
        if chosen.random() < 0.3:
            parts.insert(chosen.randrange(4), "".join(chosen.choices(_CHARACTERS, k=chosen.randrange(1, 12))))
        if chosen.random() < 0.5:
            parts.append("@x.org")
        yield "".join(parts).replace("CANARY", str(canary))


# Fields that name something, or say of what kind a row is. With hostile texts there, tasks and filters stop early.
IDENTIFIERS = frozenset(
    {
        *("email", "address", "address_display", "forwards_to", "permitted_senders", "qname", "rtype", "zone", "domain"),
        *("hostnames", "type", "status", "privileges", "quota", "target", "file_target_directory", "date"),
    }
)  # fmt: skip
# Without these fields, nobody can sign in.
_SHAPE = frozenset({"api_key", "secret"})


def spread(answer: Any, texts: Sequence[str], spared: frozenset[str]) -> Any:
    """An answer with hostile texts in its fields: the last row of each list comes once more for each text.

    :param spared: fields that stay as they are.
    """
    if isinstance(answer, dict):
        return {key: item if key in spared | _SHAPE else spread(item, texts, spared) for key, item in answer.items()}
    if not isinstance(answer, list) or not answer:
        return _filled(answer, texts[0], spared)
    rows = [*answer, *(_filled(answer[-1], text, spared) for text in texts)]
    return list({json.dumps(row): row for row in rows}.values())


def _filled(value: Any, text: str, spared: frozenset[str]) -> Any:
    """A value in which each text is replaced by the same hostile text."""
    if isinstance(value, dict):
        return {key: item if key in spared | _SHAPE else _filled(item, text, spared) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, text, spared) for item in value]
    return text if isinstance(value, str) else value
