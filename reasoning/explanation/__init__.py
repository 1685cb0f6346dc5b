"""A corrected map comes in; reasons in RDF and in words, and answers to what-if and why-not, go out."""
