"""Rules that could not act come in; lines for people go out: how many, by cause, and what to give."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from kg import vocab
from kg.counted import counted

_GIVES = {
    "--dem": "elevation",
    "--image": "an image",
    "--bands": "what its bands are called",
    "--osm": "mapped features",
    "--landcover": "a land-cover product",
}
_CAUSES = (
    (r"\((--[\w-]+)\)$", "for want of {0}"),
    (r"no band of the image is named (\w+)$", "for want of a band named {0} in the image"),
    (r"^no label of the legend (\S+) can be ", "the legend {0} has no class that they are about"),
    (r"^no region of this run can break it", "no region here can break them, whatever its class"),
    (r"^(this run has no [\w ]+)", "{0}"),
)
"""What a why matches, and what it is told as; the order is that of the lines."""


def told_idle(inactive: Sequence[tuple[str, str]]) -> Iterator[str]:
    """How many rules could not act, and by cause which ones; of a missing input, the option that gives it.

    Args:
        inactive: (axiom IRI, why) of rules; the option that would help stands in brackets at the end of a why.
    """
    if not inactive:
        return
    yield f"{counted(len(inactive), 'rule')} could not act here:"
    causes: dict[tuple[int, str], list[str]] = {}
    for iri, why in inactive:
        causes.setdefault(_cause(why), []).append(iri.removeprefix(vocab.RULE))
    for (_, cause), names in sorted(causes.items()):
        yield f"  {cause}: {', '.join(names)}"


def _cause(why: str) -> tuple[int, str]:
    """Place among the causes, and the cause in words."""
    for place, (pattern, phrase) in enumerate(_CAUSES):
        if found := re.search(pattern, why):
            given = [f"{one} ({_GIVES[one]})" if one in _GIVES else one for one in found.groups()]
            return place, phrase.format(*given)
    return len(_CAUSES), why
