"""What an embedding is made of: triples as numbers, splits, models, training, ranks, new entities, neighbours."""
