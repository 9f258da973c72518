# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run all stages of the test suite, or those that you name, and print a summary at the end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from checkout import ROOT, environment

# The longest stage takes a few minutes on two cores. The limit ends stages that hang.
TIME_LIMIT = 20 * 60


# Tests of the stage coverage beside the unit tests: those that run most of plugins/ per second, through both doors.
# The stage integration leaves them out.
MEASURED = (
    "tests/integration/test_dns_modules.py",
    "tests/integration/test_doors.py",
    "tests/integration/test_four_folders.py",
)


@dataclass(frozen=True)
class Stage:
    """Commands, and patterns that prove that they ran something: most exit 0 even if they ran nothing."""

    name: str
    commands: tuple[str, ...]
    proof: str = ""
    vacuous: str = ""
    # The message of a stage that lacks a program that isn't in .venv. The stage is skipped then, not failed.
    lacking: str = ""
    # The part of the output that is printed even after success.
    shows: str = ""
    # The message of a transient failure. The command is run once more then.
    unlucky: str = ""
    # Whether it uses two cores.
    wide: bool = False
    # A figure to repeat in the summary at the end.
    figure: str = ""
    # Whether another stage runs the same tests when all stages run.
    repeated: bool = False


STAGES = (
    Stage("format", ("ruff format --check .",), proof=r"\b[1-9]\d* files? already formatted"),
    Stage("lint", ("ruff check .",), proof="All checks passed!", vacuous="No Python files found"),
    Stage("licenses", ("reuse lint",), proof="Congratulations! Your project is compliant"),
    Stage("types", ("mypy",), proof=r"no issues found in [1-9]"),
    Stage("pre-commit", ("pre-commit run --all-files",), proof="mypy.*Passed"),
    Stage("unit", ("pytest tests/unit",), proof=r"\b[1-9]\d* passed", repeated=True),
    Stage(
        "coverage",
        (
            "coverage erase",
            f"coverage run -m pytest -n 2 --dist worksteal tests/unit tests/dns/test_verify.py {' '.join(MEASURED)}",
            "coverage combine --quiet",
            # Incomplete files of processes that tests have killed.
            "find .cache/coverage -name data.* -delete",
            "coverage xml --fail-under=0 --quiet",
            "coverage report",
        ),
        proof=r"\b[1-9]\d* passed(?s:.*)\nTOTAL +[1-9]\d{3} ",
        shows=r"(?m)^TOTAL .*$",
        figure=r"(?m)^TOTAL .* ([\d.]+%)$",
        wide=True,
    ),
    Stage(
        "bad-input",
        ("pytest -n 2 tests/bad_input",),
        proof=r"\b[1-9]\d* inputs tried",
        shows=r"(?m)^.* inputs tried(?:\n +\d+ .*)*",
        wide=True,
    ),
    Stage(
        "contract",
        ("pytest tests/contract",),
        # Five versions and four forks. There is no recording of the second scenario for one of the forks.
        proof=r"(?:\nedges \S+: 122 of 122 .*){8}(?:\nscenario \S+: 205 of 205 .*){9}\n",
        shows=r"(?m)(?:^(?:edges|scenario) \S+: .* of .*\n)+",
    ),
    Stage(
        "transitions",
        ("pytest -n 2 --dist worksteal tests/transitions",),
        proof=r"\b10000 drifts in memory: .*plan: 0\n100 drifts with whole playbooks: .*plan: 0\n(?s:.*)"
        r"\b100000 declarations with scopes: .*scopes: 0\n400 runs with scopes: .*changed: 0\n(?s:.*)"
        r"\b[5-9]\d{3} transitions in memory: .*broken: 0\n(?s:.*)\b2\d\d transitions over HTTPS: .*broken: 0\n",
        shows=r"(?m)^\d+ drifts in memory(?s:.*?)^the zones were read by .*$",
        wide=True,
    ),
    Stage(
        "integration",
        (f"pytest -n 2 --dist worksteal tests/integration {' '.join(f'--ignore={path}' for path in MEASURED)}",),
        proof=r"\b[1-9]\d* texts searched for [1-9]\d* secrets, 0 found",
        shows=r"(?m)^.* texts searched for .*$",
        wide=True,
    ),
    Stage(
        "faults",
        ("pytest -n 2 --dist worksteal tests/faults",),
        # The last columns of the matrix count lost objects and unpublished zones.
        proof=r"\nall +[1-9]\d* +\d+ +\d+ +0 +0\n",
        shows=r"(?ms)^fault +tried .*?^all [^\n]*$",
        wide=True,
    ),
    Stage(
        "browser",
        ("pytest tests/browser",),
        proof=r"\b[1-9]\d* passed",
        lacking="there is no Chromium",
    ),
    Stage(
        "monitoring",
        ("pytest tests/monitoring",),
        proof=r"\b[1-9]\d* passed",
        lacking="there is no promtool",
    ),
    Stage(
        "dns",
        ("pytest -n 2 --dist worksteal tests/dns",),
        proof=r"100 changes of a box, [1-9]\d* changes of records, 300 record sets of others as before",
        lacking="there is no PowerDNS",
        shows=r"(?m)^100 changes of a box.*$",
        wide=True,
    ),
    Stage(
        "acme",
        ("pytest tests/acme",),
        proof=r"\b[1-9]\d* passed",
        lacking="there is no Pebble",
    ),
    Stage(
        "demo",
        ("python tools/demo.py", "python tools/picture.py --check"),
        proof="The changes matched the plan exactly(?s:.*)The picture is up to date",
    ),
    Stage(
        "artifact",
        ("python tools/artifact.py", "python tools/sbom.py", "python tools/try_installation.py"),
        proof=r"The changes matched the plan exactly(?s:.*?)\n(?:installed: .*\n){6}",
    ),
    Stage("sanity", ("python tools/ansible_test.py",), proof=r"\b[1-9]\d* sanity tests"),
    Stage(
        "ansible-lint",
        ("ansible-lint --profile production --offline",),
        proof=r"0 failure\(s\), 0 warning\(s\) in [1-9]\d* files processed",
    ),
    Stage(
        "docs",
        (
            "antsibull-docs lint-collection-docs --plugin-docs .",
            "antsibull-changelog lint",
            "python tools/build_docs.py",
        ),
        proof=r"[1-9]\d+ pages, [1-9]\d+ links",
        # The text that the linter parses contains its temporary folder. A name that ends in _ is parsed as a link.
        unlucky='Unknown target name: "antsibull-docs-',
    ),
    Stage("molecule", ("molecule test --all",), proof=r"\bok=[1-9]", vacuous="no hosts matched"),
)


def execute(command: str, live: bool) -> tuple[int, str]:
    """Run a command until it ends or the time limit is reached. Return its exit code and its output."""
    try:
        process = subprocess.Popen(
            command.split(),
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        print(f"{error}; is .venv complete?", flush=True)
        return 127, ""
    lines: list[str] = []

    def read() -> None:
        for line in process.stdout or ():
            lines.append(line)
            if live:
                print(line, end="", flush=True)

    # Read in a thread: a server that is left running keeps the pipe open after the command has ended.
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        process.wait(TIME_LIMIT)
    except subprocess.TimeoutExpired:
        print(f"{command}: stopped after {TIME_LIMIT} s", flush=True)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    reader.join(timeout=5)
    return process.returncode, "".join(lines)


def fault(stage: Stage, output: str) -> str | None:
    """Return why a stage failed although all its commands exited 0, or an empty value if it passed."""
    if stage.vacuous and re.search(stage.vacuous, output):
        return f"did nothing: {stage.vacuous}"
    if not re.search(stage.proof, output):
        return f"exited 0, but printed nothing like {stage.proof!r}"
    return None


@dataclass(frozen=True)
class Result:
    """The result of a stage: passed, failed or skipped; its output, and the part of it to show."""

    stage: Stage
    ended: str
    seconds: float
    output: str
    shown: str


def run_stage(stage: Stage, live: bool) -> Result:
    """Run one stage."""
    started = time.monotonic()
    output, reason = "", None
    for command in stage.commands:
        code, printed = execute(command, live)
        if code and stage.unlucky and re.search(stage.unlucky, printed):
            code, again = execute(command, live)
            printed += f"\nagain, because of bad luck: {stage.unlucky}\n{again}"
        output += printed
        if code:
            reason = f"{command}: exit code {code}"
            break
    seconds = time.monotonic() - started
    if not reason and stage.lacking and stage.lacking in output:
        return Result(stage, "skipped", seconds, output, f"skipped: {stage.lacking}")
    reason = reason or fault(stage, output)
    if reason:
        return Result(stage, "failed", seconds, output, f"{'' if live else output}{stage.name}: {reason}")
    if live or not output.strip():
        return Result(stage, "passed", seconds, output, "")
    found = re.search(stage.shows, output) if stage.shows else None
    return Result(
        stage, "passed", seconds, output, "\n".join([*([found[0]] if found else []), output.rstrip().splitlines()[-1]])
    )


def run_all(stages: Sequence[Stage], live: bool) -> Iterator[Result]:
    """Run stages and yield each result as it arrives.

    If nobody watches, the stages for one core run beside the wide ones, and use the time in which these wait.
    """
    with ThreadPoolExecutor(1) as wide, ThreadPoolExecutor(1) as narrow:
        submitted = [(wide if live or stage.wide else narrow).submit(run_stage, stage, live) for stage in stages]
        for done in as_completed(submitted):
            yield done.result()


def slowest(results: Sequence[Result]) -> list[tuple[float, str]]:
    """The slowest tests of all stages, in seconds, parsed from pytest's output."""
    found = re.findall(
        r"^([\d.]+)s (?:call|setup|teardown) +(\S.*)$", "\n".join(one.output for one in results), re.MULTILINE
    )
    return sorted(((float(seconds), name) for seconds, name in found), reverse=True)[:10]


def main() -> int:
    names = sys.argv[1:]
    known = [stage.name for stage in STAGES]
    if not set(names) <= set(known):
        sys.exit(f"usage: run_stages.py [STAGE ...], of {', '.join(known)}")

    started = time.monotonic()
    results = []
    chosen = [stage for stage in STAGES if (stage.name in names if names else not stage.repeated)]
    for result in run_all(chosen, live=bool(names)):
        results.append(result)
        print(f"== stage {result.stage.name}", *filter(None, [result.shown]), sep="\n")
        print(f"== {result.stage.name} {result.ended} in {result.seconds:.1f} s\n", flush=True)

    if not names:
        print("The slowest tests:")
        for seconds, name in slowest(results):
            print(f"{seconds:>7.1f} s  {name}")
        print()
    for result in sorted(results, key=lambda one: known.index(one.stage.name)):
        figure = re.search(result.stage.figure, result.output) if result.stage.figure else None
        print(f"{result.stage.name:<14}{result.ended:<9}{result.seconds:>7.1f} s{f'  {figure[1]}' if figure else ''}")
        if result.ended == "skipped":
            print(f"{'':<14}NOT TESTED: {result.stage.name} needs a program that is not installed, see above")
    print(f"Total time: {time.monotonic() - started:.1f} s")
    counts = Counter(result.ended for result in results)
    skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
    print(f"{counts['passed']} passed, {counts['failed']} failed{skipped}")
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
