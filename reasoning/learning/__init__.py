"""Learning: labelled tiles come in; calibration, learned weights, reports on rules and proposed rules go out."""
