"""kg.sources: one module per kind of source; each turns files into RDF in a named graph of its own."""
