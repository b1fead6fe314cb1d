"""Settings of the documentation; build with ``sphinx-build docs docs/_build/html``."""

from skgd import __version__

project = "skgd"
author = "The skgd developers"
copyright = "2026, The skgd developers"
version = release = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "matplotlib.sphinxext.plot_directive",
]
exclude_patterns = ["_build"]

# api.rst lists the methods itself.
numpydoc_show_class_members = False

html_theme = "pydata_sphinx_theme"

plot_formats = ["png"]
plot_html_show_formats = False
plot_html_show_source_link = False
plot_rcparams = {"figure.facecolor": "white"}
plot_apply_rcparams = True
