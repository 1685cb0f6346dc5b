"""fusion: pixels and class vectors come in, a prediction goes out."""
