"""What a page says."""

import re


def words(html):
    """Without its markup, in one line."""
    main = re.search(r"<main.*?</main>", html, re.DOTALL)
    return " ".join(
        re.sub(
            r"<(?!/?(?:b|bdi|ins|del)\b)[^>]*>",
            " ",
            re.sub(r"</?(?:b|bdi|ins|del)\b[^>]*>", "", main[0]),
        ).split()
    )
