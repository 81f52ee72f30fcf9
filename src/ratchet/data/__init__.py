"""Batches as they come in: manifest, source, discover, schema."""
