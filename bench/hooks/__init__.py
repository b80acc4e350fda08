"""Definitions under measurement."""
