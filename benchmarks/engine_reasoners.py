"""The five rules for reasoners that need Java or packages of another version: run by any Python that has them.

    python engine_reasoners.py hermit|pellet|psl FOLDER REPEATS

Reads `world.nt` (and, for PSL, the `*.psl` tables) in FOLDER; prints one JSON object: seconds of loading, seconds of
each reasoning, and [rule, region] pairs. Nothing of Landlore is imported, so that a throw-away environment with
owlready2 0.48 (the last whose Pellet starts) or pslpython can run it.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time
from pathlib import Path
from typing import Any

LL = "https://w3id.org/landlore/core#"
CLASSES = ("Water", "TreeCover", "Cropland", "HerbaceousWetland", "BuiltUp", "Vegetation")
EVIDENCE = ("OsmFeature", "Building")
NUMBERS = ("minWidth", "meanNdvi", "meanSlope")
LINKS = ("adjacentTo", "coveredBy")
SWRL = (
    "Water(?r), minWidth(?r, ?v), lessThan(?v, 6.0) -> Breaks0(?r)",
    "TreeCover(?r), meanNdvi(?r, ?v), lessThan(?v, 0.3) -> Breaks1(?r)",
    "Cropland(?r), meanSlope(?r, ?v), greaterThan(?v, 15.0) -> Breaks2(?r)",
    "HerbaceousWetland(?r), adjacentTo(?r, ?s), BuiltUp(?s) -> Breaks3(?r)",
    "Vegetation(?r), coveredBy(?r, ?b), OsmFeature(?b), Building(?b) -> Breaks4(?r)",
)


def world_of(folder: Path) -> Any:
    """A fresh owlready2 world with the schema and the regions."""
    import owlready2 as owl

    world = owl.World()
    onto = world.get_ontology(LL)
    with onto:
        for name in (*CLASSES, *EVIDENCE, *(f"Breaks{i}" for i in range(5))):
            type(name, (owl.Thing,), {"namespace": onto})
        for name in NUMBERS:
            type(name, (owl.DataProperty, owl.FunctionalProperty), {"range": [float]})
        for name in LINKS:
            type(name, (owl.ObjectProperty,), {})
    decimal = (folder / "world.nt").read_bytes().replace(b"XMLSchema#double", b"XMLSchema#decimal")
    world.get_ontology("urn:world#").load(fileobj=io.BytesIO(decimal))  # floats are decimals there
    return world, onto


def define(onto: Any) -> None:
    """The rules as class definitions."""
    import owlready2 as owl

    bounds = ((onto.minWidth, "max_exclusive", 6.0), (onto.meanNdvi, "max_exclusive", 0.3))
    bounds += ((onto.meanSlope, "min_exclusive", 15.0),)
    with onto:
        for i, (role, facet, value) in enumerate(bounds):
            within = owl.ConstrainedDatatype(float, **{facet: value})
            onto[f"Breaks{i}"].equivalent_to.append(onto[CLASSES[i]] & role.some(within))
        onto.Breaks3.equivalent_to.append(
            onto.HerbaceousWetland & onto.adjacentTo.some(onto.BuiltUp)
        )
        onto.Breaks4.equivalent_to.append(
            onto.Vegetation & onto.coveredBy.some(onto.OsmFeature & onto.Building)
        )


def reason(name: str, folder: Path) -> tuple[float, float, list[list[int]]]:
    """Seconds of loading, seconds of reasoning, broken rules."""
    import owlready2 as owl

    start = time.perf_counter()
    world, onto = world_of(folder)
    if name == "hermit":
        define(onto)
    else:
        with onto:
            for text in SWRL:
                owl.Imp().set_as_rule(text)
    loaded = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        if name == "hermit":
            owl.sync_reasoner_hermit(world, infer_property_values=False, debug=0)
        else:
            owl.sync_reasoner_pellet(
                world, infer_property_values=False, infer_data_property_values=False, debug=0
            )
    done = time.perf_counter()
    found = [
        [i, int(one.iri.rsplit(":", 1)[1])]
        for i in range(5)
        for one in onto[f"Breaks{i}"].instances()
    ]
    return loaded - start, done - loaded, found


def soft_logic(folder: Path) -> tuple[float, float, list[list[int]]]:
    """PSL: the rules push the truth of each region's label down; those pushed are the broken ones."""
    from pslpython.model import Model
    from pslpython.partition import Partition
    from pslpython.predicate import Predicate
    from pslpython.rule import Rule

    start = time.perf_counter()
    model = Model("landlore")
    for name, size in (("Broken", 1), ("Beside", 2), ("Wetland", 1), ("Town", 1), ("Keeps", 1)):
        predicate = Predicate(name, size=size)
        part = Partition.TARGETS if name == "Keeps" else Partition.OBSERVATIONS
        predicate.add_data_file(part, str(folder / f"{name.lower()}.psl"))
        model.add_predicate(predicate)
    model.add_rule(Rule("1.0: Broken(R) -> !Keeps(R) ^2"))
    model.add_rule(Rule("1.0: Wetland(R) & Beside(R, S) & Town(S) -> !Keeps(R) ^2"))
    model.add_rule(Rule("0.5: Keeps(R) = 1 ^2"))
    loaded = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        results = model.infer(psl_options={"runtime.log.level": "OFF"})
    done = time.perf_counter()
    kept = next(iter(results.values()))
    low = kept[kept["truth"] < 0.999]
    return loaded - start, done - loaded, [[0, int(r)] for r in low[0].tolist()]


def main() -> None:
    """Run one engine `repeats` times in this process."""
    name, folder, repeats = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    run = (lambda: soft_logic(folder)) if name == "psl" else (lambda: reason(name, folder))
    runs = [run() for _ in range(repeats)]
    print(
        json.dumps(
            {"load": [r[0] for r in runs], "fire": [r[1] for r in runs], "found": runs[-1][2]}
        )
    )


if __name__ == "__main__":
    main()
