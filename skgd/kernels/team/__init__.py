"""Threads that share the tasks of a step."""
