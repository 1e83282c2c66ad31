"""README says what is: every setting, command, exit code and problem is in it, as the code has it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from indexer import errors
from indexer.settings import PROJECT, Settings
from service.cli import EPILOG, main_group
from service.serving import problems

README = (PROJECT / "README.md").read_text("utf-8")


def settings_table() -> str:
    """README's table of settings, from the settings themselves."""
    rows = ["| setting | default | what it is |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = field.default
        if isinstance(default, Path) and default.is_absolute():
            default = "the project's " + str(default.relative_to(PROJECT))
        shown = "" if default in (None, "") else f"`{str(default).rstrip('/') if name == 'arxiv_url' else default}`"
        rows.append(f"| `PAPERPATH_{name.upper()}` | {shown} | {field.description} |")
    return "\n".join(rows)


def test_every_setting_is_in_the_readme() -> None:
    assert settings_table() in README, f"README's table of settings should be:\n{settings_table()}"


def commands(group: click.Group = main_group, prefix: str = "") -> dict[str, click.Command]:
    """Every command by its words."""
    found = {}
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found |= commands(command, f"{prefix}{name} ")
        else:
            found[prefix + name] = command
    return found


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_has_help_and_is_in_the_readme(name: str) -> None:
    command = commands()[name]
    assert command.help and command.help.splitlines()[0].rstrip(" .")
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert parameter.help, f"{name} {parameter.opts} has no help"
    assert all(f"{word}" in README for word in name.split())


def test_every_reading_command_takes_json() -> None:
    for name, command in commands().items():
        if name not in ("serve", "library rollback", "library prune"):
            assert any("--json" in parameter.opts for parameter in command.params), name


def test_every_command_takes_the_library() -> None:
    for name, command in commands().items():
        if name == "text":  # it looks at one file and at no library
            continue
        assert any("--library" in parameter.opts for parameter in command.params), name


def test_exit_codes_are_documented() -> None:
    for code in re.findall(r"^  (\d)  ", EPILOG, re.MULTILINE):
        assert re.search(rf"^\| {code} \|", README, re.MULTILINE)


def problems_table() -> str:
    """README's table of problems, from the problems themselves."""
    rows = ["| status | code | what it says | what to do |", "|---|---|---|---|"]
    rows += [f"| {kind.status} | `{code}` | {kind.title} | {kind.cure} |" for code, kind in problems.KINDS.items()
             if code != "left"]  # fmt: skip
    return "\n".join(rows)


def test_every_problem_is_in_the_readme() -> None:
    assert problems_table() in README, f"README's table of problems should be:\n{problems_table()}"


def test_the_error_tree_is_drawn_as_it_is() -> None:
    drawn = set(re.findall(r"[├└]── (\w+)", errors.__doc__ or "")) | {"PaperpathError"}
    assert drawn == {name for name, value in vars(errors).items() if isinstance(value, type)}
    for name in drawn - {"PaperpathError", "UsageError", "LibraryError", "ModelError", "DocumentError", "FetchError",
                         "ExtractError"}:  # fmt: skip
        assert getattr(errors, name).__doc__


def test_help_is_quick_to_import() -> None:
    """No torch, no FAISS, no pydantic for `--help`."""
    code = (
        "import sys; sys.argv = ['paperpath', '--help']\n"
        "from service.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print(sorted({'torch', 'faiss', 'numpy', 'pydantic', 'fastapi', 'httpx', 'pypdf'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT)
    assert done.stdout.splitlines()[-1] == "[]", done.stdout + done.stderr
