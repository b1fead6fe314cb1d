"""Settings of the documentation; ``contributing.rst`` says how to build it."""

import sys
import tomllib
from pathlib import Path

from matplotlib import rc_params_from_file

from skgd import __version__

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_extensions"))

project = "skgd"
author = "The skgd developers"
copyright = "2026, The skgd developers"
version = release = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",
    "matplotlib.sphinxext.plot_directive",
    "sphinx_gallery.gen_gallery",
    "sphinx_design",
    "sphinx_copybutton",
    "myst_parser",  # for CHANGELOG.md
    "chapter_notebooks",
    "chinese_pages",
    "chinese_search",
    "inline_pictures",
    "live_descent",
    "exercises",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
# Docstrings, as scikit-learn's, put names of parameters in single backticks.
default_role = "literal"
smartquotes = False  # 'adam' is to be copied with its quotes

# A reference that leads nowhere is an error, except to other projects: the
# documentation is built offline, without their inventories.
nitpicky = True
nitpick_ignore_regex = [
    (r"py:.*", r"(sklearn|numpy|scipy|matplotlib|onnx)\b.*"),
    # numpydoc makes links of attributes that are properties.
    (r"py:obj", r"(coefs|intercepts)_"),
]

# Reference -------------------------------------------------------------------------

# _templates/autosummary/class.rst lists the methods.
numpydoc_show_class_members = False
toc_object_entries_show_parents = "hide"

# Pictures ---------------------------------------------------------------------------

# matplotlibrc says how they look, and inline_pictures.py what becomes of them.
picture_words = tomllib.loads((HERE / "zh/pictures.toml").read_text(encoding="utf-8"))
plot_formats = [("svg", 200)]
plot_html_show_formats = False
plot_html_show_source_link = False
plot_apply_rcparams = True
plot_rcparams = dict(
    rc_params_from_file(HERE / "matplotlibrc", use_default_template=False)
)
# One picture may have several figures, its panels.
plot_template = """
{{ source_code }}
{% if images %}
.. container:: pictures
{% endif %}
{% for img in images %}
   .. image:: {{ build_dir }}/{{ img.basename }}.{{ default_fmt }}
{%- for option in options %}
      {{ option }}
{%- endfor %}
{% endfor %}
"""

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"[\\/]plot_",
    "ignore_pattern": r"(^|[\\/])(?!plot_)[^\\/]*\.py$",
    "subsection_order": "gallery.SECTIONS",
    "within_subsection_order": "gallery.ORDER",
    "image_scrapers": ("gallery.save_pictures",),
    "remove_config_comments": True,
    "reset_modules": (
        "matplotlib",
        "gallery.draw_as_elsewhere",
        "gallery.turn_warnings_into_errors",
    ),
    "reset_modules_order": "both",
    "abort_on_example_error": True,
    "capture_repr": (),
    "doc_module": ("skgd",),
    "backreferences_dir": "generated/examples",
    "download_all_examples": False,
    "show_signature": False,
    "min_reported_time": 20,  # more than any example takes
    "write_computation_times": False,
    "junit": "../gallery.xml",  # the times, which .ci/documentation.py reads
}

# Pages ------------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = f"skgd {version}"
html_favicon = "_static/logo.svg"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_show_sourcelink = True
html_theme_options = {
    "logo": {
        "text": "skgd",
        "alt_text": "skgd",
        "image_light": "_static/logo.svg",
        "image_dark": "_static/logo_dark.svg",
    },
    "header_links_before_dropdown": 5,
    "navbar_persistent": ["language_switch", "search-button-field"],
    "show_toc_level": 2,
    "article_header_end": ["notebook_link"],
    "primary_sidebar_end": [],
    "footer_start": ["copyright"],
    "footer_end": [],
}
# Pages without others below them have nothing to show there.
html_sidebars = {
    page: [] for page in ("index", "architecture", "contributing", "changelog")
}

# Copied are the lines behind >>>, without it and without what they print.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
# No button beside what an example has printed.
copybutton_selector = "div:not(.highlight-none):not(.highlight-text) > .highlight > pre"
