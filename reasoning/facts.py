"""What is known of each region besides its label: regions, evidence layers and side rasters come in, columns go out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class Facts:
    """Columns of facts, one value per region.

    Attributes:
        data: Data property IRI -> (region,) float64 in the property's unit; NaN where unknown.
        shares: (kind IRI, class IRI) -> (region,) float64 share of the region that evidence of this kind covers
            with this class, 0..1; class IRIs are core classes.
        relations: Role IRI -> (region, region) sparse matrix with values in 0..1, zero diagonal.
    """

    data: Mapping[str, NDArray[np.float64]]
    shares: Mapping[tuple[str, str], NDArray[np.float64]]
    relations: Mapping[str, csr_matrix]
