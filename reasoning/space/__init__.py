"""Regions come in; how they lie to each other and to features goes out, as sparse matrices and columns with units."""
