"""Scripts of the documentation, which tests load from where they are."""

import importlib.util
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def load(path):
    """Return a script below `docs` as a module, which has run but not its main part."""
    path = DOCS / path
    specification = importlib.util.spec_from_file_location(path.stem, path)
    script = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(script)
    return script
