"""Graphs of other people come in, with a file that says what their words mean; statements in our words go out."""
