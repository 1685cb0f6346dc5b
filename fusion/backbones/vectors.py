"""Image files and a backbone come in; image vectors go out, kept on the way so that a killed run goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusion.backbone import FeatureSet, unit_rows
from fusion.backbones.kept import KeptVectors, Seen
from fusion.backbones.protocol import Backbone, fingerprint
from fusion.backbones.reading import ReadSettings, read_pixels_of
from kg.errors import InputError

BATCH = 32


@dataclass(frozen=True)
class EmbedProgress:
    """How far the images are.

    Attributes:
        done: Images that are done.
        total: Images in all.
        kept: How many of those done were kept from a run that was interrupted.
        left_out: How many of those done cannot be used.
        fault: What is wrong with the first of these, two lines; "" as long as there is none.
    """

    done: int
    total: int
    kept: int
    left_out: int
    fault: str


def embed_files(
    paths: Sequence[str | Path],
    backbone: Backbone,
    reading: ReadSettings | None = None,
    *,
    keep: Path | None = None,
    batch: int = BATCH,
    progress: Callable[[EmbedProgress], None] | None = None,
) -> FeatureSet:
    """Vectors of image files.

    Files go in batches of fixed place in the list, so that a run that was killed and went on gives the same bytes as
    one that was not.

    Args:
        paths: Image files.
        backbone: What makes vectors of them.
        reading: Names of bands, full brightness, and whether an image that cannot be used stops the run.
        keep: Folder for vectors on the way; what is in it of the same files is taken from there.
        batch: Images per pass.
        progress: Told after each batch.

    Raises:
        InputError: No image, none that can be used (or one, when strict), or `keep` is of another backbone.
    """
    if not paths:
        raise InputError("no image to classify", "give image files or a folder that holds some")
    how = reading or ReadSettings()
    kept = KeptVectors(keep, {"backbone": fingerprint(backbone), "reading": how.facts()})
    found: list[Seen] = []
    again, faults = 0, list[str]()
    with kept:
        for start in range(0, len(paths), batch):
            chunk = [str(path) for path in paths[start : start + batch]]
            known = {path: seen for path in chunk if (seen := kept.find(path))}
            again += len(known)
            new = list(_embedded([p for p in chunk if p not in known], backbone, how))
            kept.add(new)
            known |= {seen.path: seen for seen in new}
            found += [known[path] for path in chunk]
            faults += (fault for path in chunk if (fault := known[path].fault) is not None)
            if progress:
                first = next(iter(faults), "")
                progress(EmbedProgress(len(found), len(paths), again, len(faults), first))
    return _feature_set(found, backbone)


def _embedded(chunk: list[str], backbone: Backbone, reading: ReadSettings) -> Iterator[Seen]:
    """Each file of a chunk with its vector, or with what is wrong with it."""
    images: list[NDArray[Any]] = []
    faults: list[str | None] = []
    for path in chunk:
        try:
            images.append(read_pixels_of(path, backbone.preprocessing.bands, reading))
            faults.append(None)
        except InputError as error:
            if reading.strict:
                raise
            faults.append(str(error))
    vectors = iter(backbone.images(images)) if images else iter(())
    for path, fault in zip(chunk, faults, strict=True):
        yield Seen.of(path, None if fault else next(vectors), fault)


def _feature_set(found: list[Seen], backbone: Backbone) -> FeatureSet:
    good = [seen for seen in found if seen.vector is not None]
    if not good:
        first, _, hint = str(found[0].fault).partition("\n")
        many = f"none of {len(found)} images can be used; the first: " if len(found) > 1 else ""
        raise InputError(f"{many}{first}", hint)
    vectors = unit_rows(np.stack([np.asarray(seen.vector) for seen in good]), "image vectors")
    return FeatureSet(
        tuple(seen.path for seen in good),
        vectors,
        backbone.name,
        made_by=fingerprint(backbone),
        left_out=tuple((seen.path, str(seen.fault)) for seen in found if seen.fault is not None),
    )
