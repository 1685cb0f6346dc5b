"""Where the text and data files that ship with Landlore are: beside the checkout first, then in the wheel."""

from __future__ import annotations

from pathlib import Path


def shipped(name: str) -> Path:
    """Path of a shipped file or folder, e.g. `shipped("ontologies/core.ttl")`."""
    root = Path(__file__).resolve().parent.parent
    beside = root / name
    return beside if beside.exists() else root / "landlore" / "_files" / name


def core_files() -> tuple[Path, ...]:
    """The files of the core ontology: `ontologies/core.ttl`, then those that it imports, sorted."""
    folder = shipped("ontologies")
    return (folder / "core.ttl", *sorted((folder / "core").glob("*.ttl")))
