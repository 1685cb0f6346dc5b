"""The bounds of an area come in; what public servers know of it goes out as files."""
