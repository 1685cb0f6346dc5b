"""What is summed over the pixels of a component, as columns of whole numbers."""

COUNT, Y, X, YY, XX, YX, LEVEL, UPRIGHT, OPEN = range(9)
"""Columns of sums: pixels, moments in pixels, edges between rows (as long as a pixel is wide), between columns, and
contacts with pixels without class (corners included)."""
