# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a hostile box says: texts that try to become a template, a line of YAML, or a command."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

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
    """As many texts, the same each time; to fill in one of them, or to run it, makes the file."""
    chosen = random.Random(11)  # noqa: S311 - nothing is kept secret by it
    yield """"'] is defined or lookup("pipe","touch CANARY") }}@x.org""".replace("CANARY", str(canary))
    for _number in range(count - 1):
        parts = [chosen.choice(BREAKS), chosen.choice(COMMANDS), chosen.choice(BREAKS)]
        if chosen.random() < 0.3:
            parts.insert(chosen.randrange(4), "".join(chosen.choices(_CHARACTERS, k=chosen.randrange(1, 12))))
        if chosen.random() < 0.5:
            parts.append("@x.org")
        yield "".join(parts).replace("CANARY", str(canary))
