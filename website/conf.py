"""How Sphinx builds the site; read by it."""

from pathlib import Path

import rayal

HERE = Path(__file__).parent

project = "rayal"
author = "The rayal developers"
project_copyright = "The rayal developers, Apache-2.0"
version = release = rayal.__version__

extensions = [
    "myst_parser",
    "sphinx_design",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "website.cross_references",
]
myst_enable_extensions = ["colon_fence", "deflist", "strikethrough"]
myst_heading_anchors = 3
# Strikethrough is said in HTML alone, and HTML is all that is built.
suppress_warnings = ["myst.strikethrough"]
default_role = "code"  # docstrings write names as `name`
highlight_language = "none"
smartquotes = False
nitpicky = True
# Types in signatures that are aliases, or other libraries' without pages here.
nitpick_ignore_regex = [("py:.*", r".*")]

autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_preserve_defaults = True

html_theme = "furo"
html_title = "rayal"
html_static_path = [str(HERE / "static")]
html_css_files = ["site.css"]
html_extra_path = [str(HERE.parent / "docs" / "evidence.csv")]
html_show_sphinx = False
html_copy_source = False
html_show_search_summary = False  # it would be fetched, which a page on a disk may not
