"""The house style, measured: file length, body length, parameters, docstrings."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(
    p for top in ("kg", "fusion", "reasoning", "landlore") for p in (ROOT / top).rglob("*.py")
)
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_file_keeps_the_house_style(path):
    text = path.read_text()
    tree = ast.parse(text)
    assert len(text.splitlines()) <= 300
    assert ast.get_docstring(tree), "the module docstring says what comes in and what goes out"
    for node in ast.walk(tree):
        if isinstance(node, FUNCTION):
            assert node.end_lineno - node.body[0].lineno + 1 <= 50, node.name
            own = [
                a.arg
                for a in (*node.args.args, *node.args.kwonlyargs)
                if a.arg not in ("self", "cls")
            ]
            commands = path.parent.name == "cli"
            assert commands or len(own) <= 6, f"{node.name} has {len(own)} parameters"
        if isinstance(node, (*FUNCTION, ast.ClassDef)) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{node.name} has no docstring"
