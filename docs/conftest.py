"""Doctests of these pages are in their .rst files; nothing here is a test module."""

collect_ignore_glob = ["*.py", "_build/*", "gallery/*", "generated/*"]
