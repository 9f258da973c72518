# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the zones of a simulated box that a real name server would not load.

This uses the checker of an installed name server: ``named-checkconf`` (from bind9-utils), which checks many zones at
once, or ``nsd-checkzone`` (from nsd). If neither is installed, dnspython parses the zones. The simulated box itself uses
the rules in ``box/zones.py``.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import dns.exception
import dns.zone

from .box import zones
from .box.state import State
from .box.zones import ZoneInputs

PROGRAMS = ("named-checkconf", "nsd-checkzone")
DNSPYTHON = "dnspython"

# Turn off checks that only warn: the name server loads such zones anyway.
_LENIENT = """
    check-names primary ignore; check-mx ignore; check-mx-cname ignore; check-srv-cname ignore; check-spf ignore;
    check-dup-records ignore; check-integrity no; check-sibling no; check-wildcard no;
"""


def find() -> str:
    """The checker to use: an installed program, or dnspython."""
    return next((name for name in PROGRAMS if shutil.which(name)), DNSPYTHON)


def published(state: State) -> list[ZoneInputs]:
    """The inputs from which each zone of a box was last written."""
    return [state.zone_files[zone].inputs for zone in state.zone_names if zone in state.zone_files]


def refused(several: Iterable[ZoneInputs], program: str | None) -> list[ZoneInputs]:
    """The zones that a name server does not load.

    :param program: the checker; None for the rules of the simulated box.
    """
    several = list(dict.fromkeys(several))
    by_rules = [not zones.loads(inputs) for inputs in several]
    if program is None:
        found = by_rules
    elif program == DNSPYTHON:
        found = [not _is_read(inputs) for inputs in several]
    else:
        with tempfile.TemporaryDirectory() as folder:
            check = _by_named if program == "named-checkconf" else _by_nsd
            found = check(Path(folder), several)
    return [inputs for inputs, is_refused in zip(several, found, strict=True) if is_refused]


def _write(folder: Path, several: Sequence[ZoneInputs]) -> list[Path]:
    files = [folder / str(number) for number in range(len(several))]
    for file, inputs in zip(files, several, strict=True):
        file.write_text(zones.file_body(inputs).replace("{serial}", "1", 1), encoding="ascii")
    return files


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def _by_named(folder: Path, several: Sequence[ZoneInputs]) -> list[bool]:
    """Check all zones in one run. Each is in its own view, because several may have the same name."""
    views = [
        f'view "v{number}" {{ match-clients {{ any; }}; zone "{inputs.zone}" {{ type primary; file "{file}"; }}; }};\n'
        for number, (inputs, file) in enumerate(zip(several, _write(folder, several), strict=True))
    ]
    configuration = folder / "named.conf"
    configuration.write_text(f'options {{ directory "{folder}"; {_LENIENT} }};\n' + "".join(views), encoding="ascii")
    reported = _run("named-checkconf", "-z", str(configuration))
    output = reported.stdout + reported.stderr
    bad = {int(number) for number in re.findall(r"^v(\d+)/\S+/IN: ", output, re.MULTILINE)}
    loaded = len(re.findall(r"^zone \S+/IN: loaded serial", output, re.MULTILINE))
    assert loaded + len(bad) == len(several), output
    return [number in bad for number in range(len(several))]


def _is_read(inputs: ZoneInputs) -> bool:
    """Whether dnspython can parse a zone. It accepts a second CNAME of a name, so this is checked separately."""
    body = zones.file_body(inputs).replace("{serial}", "1", 1)
    try:
        dns.zone.from_text(body, inputs.zone, relativize=False)
    except (dns.exception.DNSException, ValueError):
        return False
    cnames = Counter(record.qname.lower() for record in inputs.custom if record.rtype == "CNAME")
    return max(cnames.values(), default=0) < 2


def _by_nsd(folder: Path, several: Sequence[ZoneInputs]) -> list[bool]:
    return [
        _run("nsd-checkzone", inputs.zone, str(file)).returncode != 0
        for inputs, file in zip(several, _write(folder, several), strict=True)
    ]
