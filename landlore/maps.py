"""The main job: a prediction or an image and what is known come in; a corrected map with its reasons goes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from fusion.prediction import Prediction
from kg.counted import counted
from kg.grid import Grid
from kg.legend import Legend, load_legend
from kg.raster import Raster, read_grid
from kg.rules import schema_of
from kg.store import KnowledgeGraph
from landlore.certainty import check_lesson, with_lesson
from landlore.graph import known_graph
from landlore.inputs import read_prediction
from landlore.outputs import keep_inputs, whole_folder
from landlore.progress import Paced
from landlore.reason import (
    Known,
    chosen_axioms,
    correct_settings,
    known_layers,
    read_beside,
    reason,
    run_name,
)
from landlore.report import write_run
from landlore.rerun import Inputs, write_inputs
from landlore.segmenting import legend_of, segment_known, taught_by
from landlore.settings import RunSettings
from landlore.sources import Sources, feature_layers, kept_graph, product_layers

if TYPE_CHECKING:
    from reasoning.correction import Corrected
    from reasoning.explanation.explain import Explanation

Progress = Callable[[str], None]
"""Called with one line when a stage begins."""
PLAIN = 1.0
"""Nats from which on a correction is shown as an example."""
BYTES, MANY = 60, 60_000_000
"""Of memory at most per pixel and class, as measured; from how many pixels times classes on it is said."""


@dataclass(frozen=True)
class Interpretation:
    """Everything of one run.

    Attributes:
        corrected: Prediction before and after, corrections, evidence.
        explanation: The same as RDF and sentences.
        known: The knowledge graph that was used.
        image: The image, or None.
        folder: Where the outputs are, or None.
    """

    corrected: Corrected = field(repr=False)
    explanation: Explanation = field(repr=False)
    known: KnowledgeGraph = field(repr=False)
    image: Raster | None = field(repr=False)
    folder: Path | None

    @cached_property
    def graph(self) -> KnowledgeGraph:
        """The knowledge graph with the run in it, in memory; the run is put there when this is first asked for.

        A graph that is only read stays as it is, and the run gets one of its own.
        """
        graph = KnowledgeGraph() if self.known.read_only else self.known
        graph.replace_graph(self.explanation.graph, self.explanation.ntriples())
        return graph


def correct(
    prediction: str | Path | Prediction,
    *,
    legend: str | Legend = "worldcover",
    sources: Sources | None = None,
    settings: RunSettings | None = None,
    out: str | Path | None = None,
    progress: Progress | None = None,
) -> Interpretation:
    """Correct anyone's prediction by evidence and rules; needs no torch.

    Args:
        prediction: GeoTIFF of class codes or of probabilities (`landlore.inputs.read_prediction`), or a `Prediction`.
        legend: Name or file of the legend of the codes.
        sources: What is known beside it.
        settings: How to correct.
        out: Folder for the outputs, which appears whole or not at all; None writes nothing.
        progress: Told of each stage.

    Raises:
        InputError: A file that cannot be read, does not overlap, has unknown codes, a broken rule ...
        OutputError: The folder exists or cannot be written.

    Example:
        >>> import landlore as ll
        >>> run = ll.correct("labels.tif", legend="worldcover", sources=ll.Sources(osm="town.osm"))  # doctest: +SKIP
        >>> run.corrected.corrections[0].after  # doctest: +SKIP
        'https://w3id.org/landlore/legend/worldcover/50'
    """
    sources, settings = sources or Sources(), settings or RunSettings()
    if out is not None:
        keep_inputs([out], (prediction, legend, *settings.files, *sources.paths))
    if isinstance(prediction, Prediction):
        told = Inputs("correct", None, prediction.legend)
    else:
        told = Inputs("correct", prediction, legend)
        legend = load_legend(legend) if isinstance(legend, str) else legend
        prediction = read_prediction(prediction, legend, confidence=settings.confidence)

    def predict(known: Known) -> Prediction:
        """The prediction as it is, with its lesson beside it."""
        return with_lesson(prediction, known.image, settings.lesson)

    return run_job(predict, prediction.grid, (sources, settings, told), (out, progress))


def interpret(
    image: str | Path,
    *,
    legend: str | Legend | None = None,
    sources: Sources | None = None,
    settings: RunSettings | None = None,
    out: str | Path | None = None,
    progress: Progress | None = None,
) -> Interpretation:
    """Make a map of an image without labels, learning from a land-cover product, then correct and explain it.

    Args:
        image: Image with named bands.
        legend: Legend of the map; default the legend of the first product.
        sources: What is known; at least one land-cover product.
        settings: How to do it.
        out: Folder for the outputs, which appears whole or not at all; None writes nothing.
        progress: Told of each stage.

    Raises:
        MissingExtraError: Torch is not installed.
        InputError: As `correct`; also when no product is given.
        OutputError: As `correct`.
    """
    sources, settings = sources or Sources(), settings or RunSettings()
    taught_by(sources, settings)
    if out is not None:
        keep_inputs([out], (image, legend, *settings.files, *sources.paths))
    chosen = legend_of(legend, sources)
    sources = replace(sources, image=str(image))

    def predict(known: Known) -> Prediction:
        """The map that the product teaches."""
        return segment_known(known, chosen, sources, (settings, progress))

    told = Inputs("interpret", None, legend if isinstance(legend, str) else chosen)
    return run_job(predict, read_grid(image), (sources, settings, told), (out, progress))


def run_job(
    predict: Callable[[Known], Prediction],
    grid: Grid,
    given: tuple[Sources, RunSettings, Inputs],
    where: tuple[str | Path | None, Progress | None],
) -> Interpretation:
    """Correct what a function predicts, and write it.

    Args:
        predict: Given what is known; returns the prediction.
        grid: Of the prediction.
        given: What is known, how to correct, and what is noted of it.
        where: Folder for the outputs, or None; who is told of each stage, or None.

    Raises:
        InputError: As `correct`.
        OutputError: As `correct`.
    """
    from reasoning.progress import heard_by

    (sources, settings, told), (out, progress) = given, where
    tell = Paced(progress)
    if out is None:
        with heard_by(tell.within):
            return _solve(predict, grid, (sources, settings, told), tell)
    with whole_folder(out, overwrite=settings.overwrite) as folder, heard_by(tell.within):
        done = _solve(predict, grid, (sources, settings, told), tell)
        tell("writing the outputs")
        known = kept_graph(done.known, sources)
        kept = write_inputs(folder, Path(out), told, (sources, settings), done.corrected.before)
        write_run(done.corrected, done.explanation, known, folder, image=done.image, inputs=kept)
    return replace(done, folder=Path(out).absolute())


def _solve(
    predict: Callable[[Known], Prediction],
    grid: Grid,
    given: tuple[Sources, RunSettings, Inputs],
    tell: Progress,
) -> Interpretation:
    from reasoning.explanation.explain import explain

    sources, settings, told = given
    made_here = told.job == "interpret"
    axioms = chosen_axioms(sources, settings)
    beside = read_beside(sources, grid)
    _check_learned(sources, settings, told, beside[0])
    tell("building the knowledge graph")
    graph = known_graph(sources, grid)
    products, features = product_layers(sources, grid), feature_layers(graph, grid)
    known = known_layers(products, features, axioms, beside, settings)
    if made_here and told.prediction is None:
        tell("learning a map from the product")
    prediction = predict(known)
    tell(f"reasoning over regions, evidence and rules{_size(prediction)}")
    corrected = reason(prediction, known, sources, settings, learned=made_here).corrected
    tell(f"explaining {counted(len(corrected.corrections), 'correction')}")
    explanation = explain(corrected, schema_of(axioms), run=run_name(corrected, settings))
    return Interpretation(corrected, explanation, graph, known.image, None)


def _size(prediction: Prediction) -> str:
    """What is said of the memory that a large map takes; nothing of others."""
    cells = prediction.probabilities.size
    if cells < MANY:
        return ""
    memory, classes = cells * BYTES / 1e9, len(prediction.legend)
    return f" ({classes} classes: some {memory:.0f} GB of memory; with --tiles 2048 less)"


def _check_learned(
    sources: Sources, settings: RunSettings, told: Inputs, image: Raster | None
) -> None:
    """Learned numbers that cannot be used are told before anything is made."""
    learned = correct_settings(sources, settings).calibration
    legend = told.legend if isinstance(told.legend, Legend) else load_legend(told.legend)
    if learned is not None:
        learned.biases(legend)
    if settings.lesson:
        check_lesson(settings.lesson, legend, image)


def telling_sentences(run: Interpretation, most: int = 3) -> list[str]:
    """One English sentence each for the largest corrections with different strongest reasons, plain ones first."""
    seen: dict[str, str] = {}
    plain: dict[str, str] = {}
    sentences = run.explanation.sentences_en
    for correction, sentence in zip(run.corrected.corrections, sentences, strict=True):
        reasons = [c for c in correction.contributions if c.kind != "network" and c.value > 0]
        if reasons:
            strongest = max(reasons, key=lambda c: c.value).term
            seen.setdefault(strongest, sentence)
            if correction.log_odds >= PLAIN:
                plain.setdefault(strongest, sentence)
    return list((plain | {term: seen[term] for term in seen if term not in plain}).values())[:most]
