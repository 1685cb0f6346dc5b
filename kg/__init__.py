"""kg: geodata comes in, a knowledge graph and its vectors go out."""
