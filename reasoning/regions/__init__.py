"""A prediction comes in; regions with their shape, pieces and measures go out."""
