"""Scores, smoothness and penalties come in; marginals that agree (or the best labelling) go out."""
