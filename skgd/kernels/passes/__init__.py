"""Passes through a network, forward and backward, and their scratch memory."""
