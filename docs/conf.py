"""The site that `make site` makes of these pages."""

from pygments.lexers.data import JsonLexer
from sphinx.highlighting import lexers

from assistctl import __version__

project = "assistctl"
project_copyright = "the authors of assistctl; MIT licence"
version = release = __version__

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
myst_heading_anchors = 4
nitpicky = True
lexers["jsonl"] = JsonLexer()

html_theme = "furo"
html_title = "assistctl"
html_extra_path = ["assistctl.schema.json"]
html_copy_source = html_show_sourcelink = html_use_index = False
