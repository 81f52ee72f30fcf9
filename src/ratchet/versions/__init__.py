"""Accepted models: named, and brought back."""
