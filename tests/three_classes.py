"""A legend of three classes without names or crosswalks, for tests of what learns from a product."""

from kg.legend import LandClass, Legend

LEGEND = Legend(
    "urn:x",
    "three",
    tuple(LandClass(f"urn:x/{i}", str(i)) for i in range(3)),
    (1, 2, 3),
    ((0, 0, 0),) * 3,
)
