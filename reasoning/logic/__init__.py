"""OWL axioms and facts come in; graded truths, penalties and their gradients go out."""
