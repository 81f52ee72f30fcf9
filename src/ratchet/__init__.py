"""Nightly model retraining that can only turn forward."""
