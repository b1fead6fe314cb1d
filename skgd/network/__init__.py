"""Networks in Python: their layers, their parameters, and their outputs."""
