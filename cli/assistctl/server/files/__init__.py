"""Files and uploads: their documents and their bytes come and go together."""
