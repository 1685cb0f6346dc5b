"""How scenes are classified, and what comes of it: the settings and the result of `landlore.scenes.classify`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fusion.backbones.reading import ReadSettings
from fusion.prediction import SceneScores
from kg.reasons import SceneReason

if TYPE_CHECKING:
    from fusion.backbone import FeatureSet
    from kg.scenes import SceneKnowledge
    from reasoning.scenes.scene_axioms import SceneCorrection


@dataclass(frozen=True)
class ClassifySettings:
    """How scenes are classified.

    Attributes:
        blocks: Parts of the class vectors: "text", "graded", "kge".
        method: How classes are learned from seen ones: "prototypes", or "vae" (`fusion.aligned`).
        transductive: Also learn from the images that are asked about.
        model: Backbone for images: a model folder, a checkpoint file or hub:OWNER/NAME (`fusion.backbones.choice`); or
            its name in an .npz file with several.
        embedding: File that `landlore embed` wrote, for the block "kge"; made on the spot when None.
        concepts: Further Turtle files with scene concepts or class lists.
        classes: Data set whose class names are meant, e.g. "nwpu"; its classes are the candidates where none is named.
        seed: Seed of the embedding made on the spot.
        overwrite: Replace an output folder that Landlore wrote before.
        axioms: Rule files about scenes; with `parts` and none, those that ship (`ontologies/rules/scenes`).
        abstain: Say "none of these" where an image looks more like a seen class, as far as it costs no more than this
            share of right answers (rehearsed on the seen classes); None: never.
        add_axioms: Rule files beside those.
        map: Graph with map features (`landlore build --osm`): run folder, graph folder, RDF file or server; what it
            shows under georeferenced images counts for the classes that state it (`landlore.scene_places`).
        parts: JSON or CSV file that says what was found in each image (`landlore.scene_parts`).
        reading: What checkpoint and image files do not say themselves.
        top: Classes per image in answers.csv.
        lang: Language of the sentences in answers.csv, "en" or "zh".
    """

    blocks: tuple[str, ...] = ("text", "graded")
    method: str = "prototypes"
    transductive: bool = False
    model: str | None = None
    embedding: str | None = None
    concepts: tuple[str, ...] = ()
    classes: str = ""
    seed: int = 0
    overwrite: bool = False
    axioms: tuple[str, ...] = ()
    add_axioms: tuple[str, ...] = ()
    parts: str | None = None
    map: str | None = None
    abstain: float | None = None
    reading: ReadSettings = field(default_factory=ReadSettings)
    top: int = 3
    lang: str = "en"


@dataclass(frozen=True)
class Classified:
    """Ranked classes of images, and why.

    Attributes:
        scores: Probability of each class for each image.
        accuracy: Share of right answers where the features carry labels of these classes, else None.
        reasons: One per image: why its class and not the next best.
        knowledge: The scene concepts that were used.
        concepts: Files of further concepts.
        folder: Where the outputs are, or None.
        correction: What axioms did to the scores, or None.
        abstained: Whether "none of these" could be said (`SceneReason.outside`).
        vectors: Vectors of the images and which were left out, where images were read.
        borrowed: Class names that no concept has -> labels of the concepts whose statements stand in for its own.
    """

    scores: SceneScores
    accuracy: float | None
    reasons: tuple[SceneReason, ...]
    knowledge: SceneKnowledge
    concepts: tuple[str, ...] = ()
    folder: Path | None = None
    correction: SceneCorrection | None = None
    abstained: bool = False
    vectors: FeatureSet | None = None
    borrowed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
