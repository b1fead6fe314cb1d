"""Descending: epochs, schedules, stopping, validation, history, interruption."""
