"""The IRIs that Landlore reads and writes, as plain strings: no RDF library is loaded for them."""

from __future__ import annotations

BASE = "https://w3id.org/landlore/"

CORE = BASE + "core#"
"""Core land ontology: covers, uses, objects, roles and data properties."""
RUN = BASE + "run#"
"""Explanation vocabulary: runs, corrections, contributions."""
SCENE = BASE + "scene#"
"""Scene concepts (airport, beach ...)."""
LEGEND = BASE + "legend/"
"""Legends: `<LEGEND>worldcover/10` is code 10 of WorldCover."""
RULE = BASE + "rule#"
"""Rules that ship with Landlore."""
GRAPH = BASE + "graph/"
"""Named graphs, one per source and one per run."""
ID = BASE + "id/"
"""Things found in data: cells, regions, runs."""

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
OWL = "http://www.w3.org/2002/07/owl#"
XSD = "http://www.w3.org/2001/XMLSchema#"
SKOS = "http://www.w3.org/2004/02/skos/core#"
PROV = "http://www.w3.org/ns/prov#"
DCAT = "http://www.w3.org/ns/dcat#"
DCT = "http://purl.org/dc/terms/"
GEO = "http://www.opengis.net/ont/geosparql#"
SF = "http://www.opengis.net/ont/sf#"
GEOF = "http://www.opengis.net/def/function/geosparql/"
UOM = "http://www.opengis.net/def/uom/OGC/1.0/"
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"

PREFIXES: dict[str, str] = {
    "ll": CORE,
    "run": RUN,
    "sc": SCENE,
    "rule": RULE,
    "rdf": RDF,
    "rdfs": RDFS,
    "owl": OWL,
    "xsd": XSD,
    "skos": SKOS,
    "prov": PROV,
    "dcat": DCAT,
    "dct": DCT,
    "geo": GEO,
    "sf": SF,
    "geof": GEOF,
    "uom": UOM,
}
"""Prefixes put in front of every query that a user types, unless the query declares its own."""

FINGERPRINT = CORE + "fingerprint"
FILE = CORE + "file"
"""What the content of a named graph depends on, as one SHA-256."""

# Weighted statement, one pattern everywhere:  ?s ?p [ ll:value ?o ; ll:weight 0.4 ] .
VALUE = CORE + "value"
WEIGHT = CORE + "weight"
SUPPORT = CORE + "support"

# What an annotation may say of a relation.
DISTANCE = CORE + "distance"
AT_LEAST = CORE + "atLeast"

# Where evidence comes from (classes), and the role that reaches it.
OSM_FEATURE = CORE + "OsmFeature"
COARSE_VIEW = CORE + "CoarseView"
PRODUCT_CELL = CORE + "ProductCell"
EXPERT_FACT = CORE + "ExpertFact"
COVERED_BY = CORE + "coveredBy"
RCC8 = tuple(
    CORE + "rcc8" + name for name in ("eq", "dc", "ec", "po", "tpp", "tppi", "ntpp", "ntppi")
)
EVIDENCE_ROLES = frozenset((COVERED_BY, *RCC8))
"""Roles that lead from a region to evidence, not to other regions."""

# Terms of an explanation that are neither a source nor an axiom.
NETWORK = RUN + "Network"
SMOOTHNESS = RUN + "Smoothness"
CALIBRATION = RUN + "Calibration"
LESSON = RUN + "Lesson"


def curie(iri: str) -> str:
    """Shorten an IRI with `PREFIXES` ("ll:Water"); returned unchanged when none fits.

    Example:
        >>> curie("https://w3id.org/landlore/core#Water")
        'll:Water'
    """
    fits = [(p, ns) for p, ns in PREFIXES.items() if iri.startswith(ns)]
    if not fits:
        return iri
    prefix, namespace = max(fits, key=lambda pair: len(pair[1]))
    return f"{prefix}:{iri[len(namespace) :]}"


def expand(name: str) -> str:
    """Turn "ll:Water" into its full IRI; full IRIs pass unchanged.

    Example:
        >>> expand("ll:Water")
        'https://w3id.org/landlore/core#Water'
    """
    prefix, found, local = name.partition(":")
    if found and prefix in PREFIXES and not local.startswith("//"):
        return PREFIXES[prefix] + local
    return name
