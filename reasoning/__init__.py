"""reasoning: a prediction and the graph come in, a corrected prediction and its reasons go out."""
