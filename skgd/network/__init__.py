"""Networks as Python sees them: parameters as layers, and outputs."""
