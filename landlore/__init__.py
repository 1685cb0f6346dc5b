"""Landlore: knowledge-graph-guided interpretation of remote-sensing images, with a reason for every correction."""
