"""The code_interpreter tool: code in the thread's sandbox, and the files that go in and come out.

Kept of a call: `ran` (whether the sandbox got it), `error` (in one line, None if there was none),
`files` (the name below /mnt/data -> file id, of what the code wrote) and `pictures` (the file ids
of what it showed). Steps keep these for as long as the thread lives: the files go into its next
interpreter, and answers may link to them.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool

from assistctl.server import files
from assistctl.server.engine.builtin import Outcome, argument, free_name, function
from assistctl.server.engine.citations import DATA
from assistctl.server.sandbox import Execution, Given, Produced, Sandboxes, data_names
from assistctl.server.storage import contents, threads
from assistctl.server.storage.database import Database, Transaction
from assistctl.server.storage.documents import Collection, find
from assistctl.server.storage.leases import Claim
from assistctl.server.wire import FILE, Document

TYPE = "code_interpreter"
SWITCHED_OFF = "code_interpreter is switched off on this server; the run goes on without it"

_DESCRIPTION = (
    "Run Python code. Variables, imports and files last for this conversation. Returns what the "
    "code prints and the value of its last expression. There is no network, no shell and no pip. "
    "{packages} Files are in "
    f"/mnt/data; to give the user a file written there, link to {DATA} followed by its name."
)
_NO_PACKAGES = "Of packages there is only the standard library."
_MOST_PACKAGES = 40
_CODE = {"type": "string", "description": "The Python code."}


@dataclass(frozen=True)
class Past:
    """What earlier calls on the thread have left: whether there were any, the files they wrote
    (name below /mnt/data -> file id), and the pictures that no message of the run shows yet."""

    ran: bool
    files: Mapping[str, str]
    pictures: Sequence[str]

    def paths(self) -> dict[str, str]:
        """File ids by what an answer may say: the name as it is, or as in a URL."""
        return {DATA + spelt(name): at for name, at in self.files.items() for spelt in (quote, str)}


def past(tx: Transaction, claim: Claim) -> Past:
    ran = False
    written: dict[str, str] = {}
    pictures: list[str] = []
    for step in threads.steps(tx, claim.project, claim.thread_id):
        if step["type"] == "message_creation":
            pictures = []
        for kept in step.get("_calls", {}).values():
            ran = ran or bool(kept.get("ran"))
            written |= kept.get("files", {})
            pictures += kept.get("pictures", []) if step["run_id"] == claim.run_id else []
    collection = Collection(FILE, claim.project)
    there = {name: file_id for name, file_id in written.items() if find(tx, collection, file_id)}
    return Past(ran, there, [file_id for file_id in pictures if find(tx, collection, file_id)])


def inputs(tx: Transaction, project: str, file_ids: Sequence[str], past: Past) -> dict[str, str]:
    """What /mnt/data should hold: the given files, and what the thread's code has made of it."""
    found = [find(tx, Collection(FILE, project), file_id) for file_id in dict.fromkeys(file_ids)]
    there = [file for file in found if file]
    names = data_names(file["filename"] for file in there)
    return {name: file["id"] for name, file in zip(names, there, strict=True)} | dict(past.files)


def session_key(project: str, thread_id: str) -> str:
    """Whose variables they are: each thread has an interpreter of its own."""
    return f"{project}/{thread_id}"


class CodeInterpreter:
    """`files` is what /mnt/data should hold (name -> file id); `continued` says that the thread
    has run code before."""

    type = TYPE

    def __init__(
        self,
        database: Database,
        sandboxes: Sandboxes,
        claim: Claim,
        run: Document,
        files: Mapping[str, str],
        continued: bool,
    ) -> None:
        self.name = free_name(run, TYPE, "run_python_code")
        self._database = database
        self._sandboxes = sandboxes
        self._claim = claim
        self._files = dict(files)
        self._continued = continued

    def definition(self) -> Document:
        packages = self._sandboxes.packages()[:_MOST_PACKAGES]
        importable = f"Installed packages: {', '.join(packages)}." if packages else _NO_PACKAGES
        about = _DESCRIPTION.format(packages=importable)
        there = f" There now: {', '.join(self._files)}." if self._files else ""
        return function(self.name, about + there, code=_CODE)

    def begun(self, arguments: str) -> Document:
        code = argument(arguments, "code")
        return {"input": arguments if code is None else code, "outputs": []}

    async def answer(self, arguments: str) -> Outcome:
        code = argument(arguments, "code")
        if code is None:
            error = f"{self.name} takes a JSON object with a string `code`."
            return self._failed(arguments, error)
        # To ask, and to wait for a sandbox, may take long: neither in the event loop.
        if reason := await run_in_threadpool(self._sandboxes.available):
            missing = f"code_interpreter is not available on this server ({reason})"
            note = f"{missing}; the run goes on without it"
            return self._failed(arguments, f"{missing}; the code was not run.", note)
        told = await self._sandboxes.run(
            session_key(self._claim.project, self._claim.thread_id),
            code,
            [Given(name, file_id, self._reader(file_id)) for name, file_id in self._files.items()],
            continued=self._continued,
        )
        self._continued = True
        return await run_in_threadpool(self._outcome, code, told)

    def _reader(self, file_id: str) -> Any:
        return partial(contents.parts, self._database, file_id)

    def _failed(self, arguments: str, error: str, note: str | None = None) -> Outcome:
        outputs = [{"type": "logs", "logs": f"[{error}]\n"}]
        kept = {"ran": False, "error": error, "files": {}, "pictures": []}
        return _answered(self.begun(arguments)["input"], outputs, kept, note)

    def _outcome(self, code: str, told: Execution) -> Outcome:
        """Store what came back. It is there before anybody is told of it, and stays whatever
        becomes of the run."""
        written = {file.name: self._stored(file) for file in told.files}
        pictures = [self._stored(picture) for picture in told.pictures]
        self._files |= written
        images = [
            *pictures,
            *(written[file.name] for file in told.files if file.media_type is not None),
        ]
        outputs: list[Document] = [{"type": "logs", "logs": told.output}] if told.output else []
        outputs += [{"type": "image", "image": {"file_id": file_id}} for file_id in images]
        kept = {"ran": True, "error": told.error, "files": written, "pictures": pictures}
        return _answered(code, outputs, kept)

    def _stored(self, produced: Produced) -> str:
        file_id = FILE.new_id()
        with (
            contents.staged(self._database, file_id, io.BytesIO(produced.data)) as content,
            self._database.write() as tx,
        ):
            files.create(
                tx,
                self._claim.project,
                content,
                filename=PurePosixPath(produced.name).name,
                purpose="assistants_output",
            )
        return file_id


def answered_text(call: Document, hidden: Mapping[str, Any]) -> str:
    """What the model gets back from a call."""
    logs = [output["logs"] for output in call[TYPE]["outputs"] if output["type"] == "logs"]
    said = "".join(logs)
    if hidden["files"]:
        said += f"[Written: {', '.join(DATA + name for name in hidden['files'])}]\n"
    if hidden["pictures"]:
        said += f"[Shown to the user: {len(hidden['pictures'])} image(s)]\n"
    if hidden["error"]:
        return json.dumps({"error": hidden["error"], "output": said}, ensure_ascii=False)
    return said or "The code ran and printed nothing."


def _answered(
    code: str, outputs: list[Document], kept: Document, note: str | None = None
) -> Outcome:
    numbered = [{"index": number, **output} for number, output in enumerate(outputs)]
    delta = {"outputs": numbered} if numbered else None
    return Outcome({"input": code, "outputs": outputs}, kept, delta, note)
