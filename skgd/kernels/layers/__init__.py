"""Kinds of layers, and how samples come in."""
