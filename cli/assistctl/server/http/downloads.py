"""What a file holds, as an answer."""

from __future__ import annotations

from urllib.parse import quote

from starlette.responses import JSONResponse, Response, StreamingResponse

from assistctl.server.http import ranges
from assistctl.server.http.call import Call
from assistctl.server.storage import contents
from assistctl.server.wire import ApiError, Document


def answer(call: Call, file: Document) -> Response:
    """All of it, or the part that is asked for. It never changes: the file's id is its tag."""
    size, tag = file["bytes"], f'"{file["id"]}"'
    headers = {"accept-ranges": "bytes", "etag": tag}
    wanted = call.request.headers.get("range")
    if call.request.headers.get("if-range", tag) != tag:
        wanted = None
    try:
        part = ranges.asked(wanted, size)
    except ranges.Unsatisfiable:
        refusal = ApiError(f"The file has {size} bytes: none are at '{wanted}'.", status=416)
        headers["content-range"] = f"bytes */{size}"
        return JSONResponse(refusal.document(), refusal.status, headers)
    if part is not None:
        headers["content-range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
    sent = range(size) if part is None else part
    return StreamingResponse(
        call.server.lanes.downloads.each(contents.parts(call.database, file["id"], sent)),
        200 if part is None else 206,
        media_type="application/octet-stream",
        headers={
            **headers,
            "content-length": str(len(sent)),
            "content-disposition": f"attachment; filename*=UTF-8''{quote(file['filename'])}",
            "x-content-type-options": "nosniff",
        },
    )
