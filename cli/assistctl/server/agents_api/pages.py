"""Pages of lists that are not stored as such, but made anew each time."""

from __future__ import annotations

from assistctl.server.http.call import Call
from assistctl.server.storage import documents
from assistctl.server.wire import ApiError, Document


def page_of(call: Call, every: list[Document]) -> Document:
    """The page that is asked for; `every` is the whole list, oldest first."""
    page = call.page()
    ordered = every if page.order == "asc" else every[::-1]
    if page.after is not None:
        names = [each["id"] for each in ordered]
        if page.after not in names:
            raise ApiError(
                f"Invalid 'after': nothing with id '{page.after}' is in this list.",
                param="after",
                code="invalid_value",
            )
        ordered = ordered[names.index(page.after) + 1 :]
    return documents.listing(ordered[: page.limit], len(ordered) > page.limit)
