"""What lists are searched for in the query of a request."""

from __future__ import annotations

import re

from assistctl.server.http import bodies
from assistctl.server.http.call import Call
from assistctl.server.wire import invalid

_METADATA = re.compile(r"metadata\[([^\]]*)\]")


def metadata(call: Call) -> dict[str, str]:
    """The pairs that are asked for, each as `metadata[user]=42`."""
    pairs = [
        (_METADATA.fullmatch(name), value)
        for name, value in call.request.query_params.multi_items()
        if name.startswith("metadata")
    ]
    wanted = {name[1]: value for name, value in pairs if name}
    if len(wanted) < len(pairs):
        raise invalid("metadata", "expected each pair once, as 'metadata[key]=value'.")
    bodies.METADATA(wanted, "metadata")
    return wanted
