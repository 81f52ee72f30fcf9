"""The model in production, taken to where it answers: proven first, then served."""
