"""Scores of whole images and scene axioms come in; corrected scores and their reasons go out."""
