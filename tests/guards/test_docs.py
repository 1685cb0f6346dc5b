"""Docs are tested: each command and setting is documented, links lead somewhere, Python blocks parse."""

import ast
import json
import re
from dataclasses import MISSING, fields
from pathlib import Path

import pytest
import typer.main

from landlore.cli import app
from landlore.settings import RunSettings

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands(group, above="landlore"):
    """Each command with the words that call it; a command of commands by its parts."""
    for name, command in group.commands.items():
        inner = getattr(command, "commands", None)
        yield from commands(command, f"{above} {name}") if inner else [(f"{above} {name}", command)]


def test_each_command_is_documented():
    text = (ROOT / "docs" / "commands.md").read_text()
    for words, _ in commands(typer.main.get_command(app)):
        assert f"`{words}`" in text, words


def test_each_setting_is_documented_with_its_default():
    text = (ROOT / "docs" / "settings.md").read_text()
    for field in fields(RunSettings):
        default = field.default if field.default is not MISSING else field.default_factory()
        shown = re.escape(json.dumps(default))
        assert re.search(rf"^{field.name} = {shown}\s", text, re.M), field.name


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        assert target.startswith("http") or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_python_blocks_parse_and_use_public_names(page):
    import landlore as ll

    for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.S):
        for node in ast.walk(ast.parse(block)):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id == "ll"
            ):
                assert node.attr in ll.__all__, node.attr


def test_readme_has_both_commands():
    text = (ROOT / "README.md").read_text()
    assert "pip install '.[vision]' && .venv/bin/landlore demo" in text
    assert "<!-- test-command -->" in text


def test_the_path_of_data_names_files_that_are_there():
    text = (ROOT / "docs" / "concepts.md").read_text()
    named = set(re.findall(r"(?<![\w/])((?:kg|fusion|reasoning|landlore)(?:/[a-z_]+)+)", text))
    assert len(named) > 30
    assert not [n for n in named if not (ROOT / n).is_dir() and not (ROOT / f"{n}.py").is_file()]
