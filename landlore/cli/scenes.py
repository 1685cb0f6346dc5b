"""Commands about scenes: images and class names come in, ranked classes with reasons go out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kg.counted import counted
from kg.errors import InputError
from landlore.cli.options import MOST, AddRules, AsJson, Lang, Overwrite
from landlore.cli.printing import need_vision, say, teller

if TYPE_CHECKING:
    from landlore.classified import Classified

_NUMBERS = {
    "en": "(a / b): how much the class states that, and its rival; then what it adds to the log-odds",
    "zh": "(a / b):该类别与其对手各自陈述该项的权重;其后为它对对数几率的贡献",
}


def classify(
    images: Annotated[
        list[str], typer.Argument(help="One .npz of embeddings, or images and folders.")
    ],
    label: Annotated[
        list[str], typer.Option("--label", "-l", help="Class name. May be repeated.")
    ] = [],
    classes: Annotated[
        list[str],
        typer.Option(help="All classes of a data set: eurosat, ucm, aid, nwpu, whu-rs19 ..."),
    ] = [],
    model: Annotated[
        str | None,
        typer.Option(help="Model folder, checkpoint file, hub:OWNER/NAME, or name in the .npz."),
    ] = None,
    activation: Annotated[
        str | None, typer.Option(help="quick_gelu or gelu, for a checkpoint file in doubt.")
    ] = None,
    tokenizer: Annotated[
        str | None, typer.Option(help="CLIP's byte pairs, for a checkpoint file.")
    ] = None,
    bands: Annotated[
        str, typer.Option(help="Names of the images' bands in file order, comma-separated.")
    ] = "",
    white: Annotated[
        float | None, typer.Option(help="Value of full brightness, above 8 bits, e.g. 3000.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at an image that cannot be used.")
    ] = False,
    seen: Annotated[
        str | None,
        typer.Option(
            help="Seen classes: names, comma-separated, labelled .npz, or a folder per class."
        ),
    ] = None,
    blocks: Annotated[
        str, typer.Option(help="Class-vector blocks: text,graded,kge.")
    ] = "text,graded",
    embedding: Annotated[
        Path | None, typer.Option(help="File of `landlore embed`, for the block kge.")
    ] = None,
    transductive: Annotated[
        bool, typer.Option("--transductive", help="Also learn from the queries.")
    ] = False,
    concepts: Annotated[
        list[str],
        typer.Option(help="Turtle with scene concepts or statements about them. May be repeated."),
    ] = [],
    method: Annotated[
        str, typer.Option(help="How classes are learned from seen ones: prototypes, vae.")
    ] = "prototypes",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for scores and explanations.")
    ] = None,
    rules: Annotated[
        list[str], typer.Option("--rules", help="Rules about scenes; default those that ship.")
    ] = [],
    add_rules: AddRules = [],
    parts: Annotated[
        Path | None, typer.Option(help="JSON or CSV: what was found in each image.")
    ] = None,
    place: Annotated[
        str | None,
        typer.Option("--map", help="Graph with map features that lie under georeferenced images."),
    ] = None,
    abstain: Annotated[
        float | None,
        typer.Option(
            help="Say 'none of these' at the cost of this share of right answers, e.g. 0.05."
        ),
    ] = None,
    top: Annotated[
        int,
        typer.Option(min=1, max=MOST, help="Classes per image, in answers.csv and with --json."),
    ] = 3,
    lang: Lang = "en",
    show: Annotated[int, typer.Option(min=0, help="How many images to print.")] = 10,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Classify scenes into any classes without training images of them, with reasons."""
    need_vision("landlore classify")
    from fusion.backbones.reading import ReadSettings
    from landlore.classified import ClassifySettings
    from landlore.scenes import classify as run

    settings = ClassifySettings(
        blocks=tuple(b.strip() for b in blocks.split(",") if b.strip()),
        classes=_one_list(classes),
        method=method,
        transductive=transductive,
        model=model,
        embedding=str(embedding) if embedding else None,
        concepts=tuple(concepts),
        overwrite=overwrite,
        axioms=tuple(rules),
        add_axioms=tuple(add_rules),
        parts=str(parts) if parts else None,
        map=place,
        abstain=abstain,
        reading=ReadSettings(
            activation,
            tokenizer,
            tuple(b.strip().lower() for b in bands.split(",")) if bands else None,
            white,
            strict,
        ),
        top=top,
        lang=lang,
    )
    named = seen is not None and not seen.endswith(".npz") and not Path(seen).is_dir()
    known = [name.strip() for name in seen.split(",")] if seen is not None and named else seen
    given = images[0] if len(images) == 1 else images
    done = run(given, label, seen=known, settings=settings, out=out, progress=teller(as_json))
    if as_json:
        say(json.dumps(_ranked(done, top), ensure_ascii=False))
        return
    _report(done, show, lang)


def _one_list(classes: list[str]) -> str:
    if len(classes) > 1:
        raise InputError(
            f"--classes named {len(classes)} times ({', '.join(classes)}), expected one data set",
            "ask once for each data set, or name the classes one by one with -l",
        )
    return classes[0] if classes else ""


def _report(done: Classified, show: int, lang: str = "en") -> None:
    from landlore.scene_outputs import LANGUAGES
    from reasoning.scenes.scene import scene_sentences

    for reason in done.reasons[:show]:
        say(scene_sentences(reason, done.knowledge)[LANGUAGES.index(lang)])
    if show:
        say(_NUMBERS[lang])
    more = len(done.reasons) - show
    if done.folder is not None:
        say(f"all {len(done.reasons)} in {done.folder / 'answers.csv'}")
    elif more > 0:
        say(f"... and {more} more; --show N prints more, a folder named with --out keeps all")
    if done.abstained:
        strange = sum(reason.outside for reason in done.reasons)
        say(f"none of these: {strange} of {counted(len(done.reasons), 'image')}")
    if done.vectors is not None and done.vectors.left_out:
        (_, why), *others = done.vectors.left_out
        count = counted(1 + len(others), "image")
        say(
            f"{count} left out, listed in left_out.csv with --out; "
            f"{'the first: ' if others else ''}{why.partition(chr(10))[0]}"
        )
    if done.accuracy is not None:
        say(
            f"accuracy against the labels in the file: {done.accuracy:.4f} ({counted(len(done.reasons), 'image')})"
        )


def _ranked(done: Classified, top: int) -> dict[str, Any]:
    from landlore.scene_outputs import ranked

    scores = done.scores
    return {
        "model": scores.model,
        "accuracy": done.accuracy,
        **({} if done.vectors is None else {"left_out": len(done.vectors.left_out)}),
        "borrowed": done.borrowed,
        "answers": [
            {"item": item, "classes": best}
            | ({"none of these": reason.outside} if done.abstained else {})
            for item, best, reason in zip(
                scores.items, ranked(scores, top), done.reasons, strict=True
            )
        ],
    }
