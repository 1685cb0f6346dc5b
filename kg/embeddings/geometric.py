"""torch_geometric's layers, without the warnings that come with its first import."""

from __future__ import annotations

import warnings
from typing import Any

from kg.errors import MissingExtraError


def graph_layers(what: str) -> Any:
    """The module `torch_geometric.nn`, which compiles with a call that torch has deprecated when it is loaded first.

    Args:
        what: What needs it, for the message.

    Raises:
        MissingExtraError: torch or torch_geometric is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import torch_geometric.nn as layers
    except ImportError as error:
        raise MissingExtraError(what, "vision", error) from error
    return layers
