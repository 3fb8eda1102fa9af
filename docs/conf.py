"""The site that `make site` makes of these pages."""

import sys
from pathlib import Path

from pygments.lexers.data import JsonLexer
from sphinx.highlighting import lexers

from assistctl import __version__

sys.path.insert(0, str(Path(__file__).parent))

project = "assistctl"
project_copyright = "the authors of assistctl; MIT licence"
version = release = __version__

extensions = ["myst_parser", "making"]
source_suffix = {".md": "markdown"}
myst_heading_anchors = 4
nitpicky = True
smartquotes = False  # of `--prune` they make another word
lexers["jsonl"] = JsonLexer()

html_theme = "furo"
html_title = "assistctl"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_extra_path = ["assistctl.schema.json"]
html_copy_source = html_show_sourcelink = html_use_index = False
