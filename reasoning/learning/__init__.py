"""Learning: labelled tiles and rules come in; what maps held-out tiles better, and reports on rules, go out."""
