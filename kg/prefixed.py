"""An IRI as people type it, full or with a prefix, comes in; the full IRI goes out, or which prefixes are known."""

from __future__ import annotations

import re

from kg import vocab
from kg.errors import QueryError, known_words

_IRI = re.compile(r'([A-Za-z][A-Za-z0-9+.-]*):[^\x00-\x20<>"{}|^`\\]+\Z')
_SCHEMES = ("did", "doi", "mailto", "tag", "urn", vocab.BASE.partition(":")[0])
"""Schemes of IRIs that may be written without "//", and that of our own."""


def full_iri(typed: str) -> str | None:
    """The full IRI that is meant by what was typed; None where it has not the form of one.

    A prefix that nobody declared is no scheme: "wkgs:House" would ask about an IRI that no graph holds.

    Args:
        typed: "ll:House", "http://example.org/House" or "<any:thing>"; what stands in <> is taken as it is.

    Raises:
        QueryError: A prefix that is not known.

    Example:
        >>> full_iri("ll:House"), full_iri("<ex:House>"), full_iri("House")
        ('https://w3id.org/landlore/core#House', 'ex:House', None)
    """
    bare = typed[1:-1] if typed.startswith("<") and typed.endswith(">") else ""
    name = bare or vocab.expand(typed)
    found = _IRI.match(name)
    if found is None:
        return None
    whole = bare or name != typed or "://" in name or found[1].lower() in _SCHEMES
    if not whole:
        known = known_words(found[1], vocab.PREFIXES)
        raise QueryError(
            f"{typed!r}: no prefix {found[1]!r} is known",
            f"{known} (or the whole IRI: http://...)",
        )
    return name
