"""The code_interpreter tool: code in the thread's sandbox, and the files that go in and come out.

What earlier code has written goes into the thread's next interpreter, and answers may link to it:
a record keeps the results of calls for as long as the thread lives.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import PurePosixPath
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool

from assistctl.server import files
from assistctl.server.engine.builtin import argument, free_name, function
from assistctl.server.engine.citations import DATA
from assistctl.server.engine.interpreters import session_key
from assistctl.server.engine.record import CodeResult, PastCode, Run
from assistctl.server.sandbox import Execution, Given, Produced, Sandboxes, data_names
from assistctl.server.storage import Claim, Collection, Database, Transaction, contents
from assistctl.server.storage.documents import find
from assistctl.server.wire import FILE, Document

TYPE = "code_interpreter"

_DESCRIPTION = (
    "Run Python code. Variables, imports and files last for this conversation. Returns what the "
    "code prints and the value of its last expression. There is no network, no shell and no pip. "
    "{packages} Files are in "
    f"/mnt/data; to give the user a file written there, link to {DATA} followed by its name."
)
_NO_PACKAGES = "Of packages there is only the standard library."
_MOST_PACKAGES = 40
_CODE = {"type": "string", "description": "The Python code."}


def still_there(tx: Transaction, project: str, past: PastCode) -> PastCode:
    """Without the files that have been deleted since."""
    collection = Collection(FILE, project)
    files = {name: at for name, at in past.files.items() if find(tx, collection, at)}
    return PastCode(past.ran, files, [at for at in past.pictures if find(tx, collection, at)])


def paths(past: PastCode) -> dict[str, str]:
    """File ids by what an answer may say: the name as it is, or as in a URL."""
    return {DATA + spelt(name): at for name, at in past.files.items() for spelt in (quote, str)}


def inputs(
    tx: Transaction, project: str, file_ids: Sequence[str], past: PastCode
) -> dict[str, str]:
    """What /mnt/data should hold: the given files, and what the thread's code has made of it."""
    found = [find(tx, Collection(FILE, project), file_id) for file_id in dict.fromkeys(file_ids)]
    there = [file for file in found if file]
    names = data_names(file["filename"] for file in there)
    return {name: file["id"] for name, file in zip(names, there, strict=True)} | dict(past.files)


class CodeInterpreter:
    """`files` is what /mnt/data should hold (name -> file id); `continued` says that the thread
    has run code before."""

    type = TYPE

    def __init__(
        self,
        database: Database,
        sandboxes: Sandboxes,
        claim: Claim,
        run: Run,
        files: Mapping[str, str],
        continued: bool,
    ) -> None:
        self.name = free_name(run, TYPE, "run_python_code")
        self._database = database
        self._sandboxes = sandboxes
        self._claim = claim
        self._container = run.code.container if run.code else None
        self._files = dict(files)
        self._continued = continued

    def definition(self) -> Document:
        packages = self._sandboxes.packages()[:_MOST_PACKAGES]
        importable = f"Installed packages: {', '.join(packages)}." if packages else _NO_PACKAGES
        about = _DESCRIPTION.format(packages=importable)
        there = f" There now: {', '.join(self._files)}." if self._files else ""
        return function(self.name, about + there, code=_CODE)

    async def answer(self, arguments: str) -> CodeResult:
        code = argument(arguments, "code")
        if code is None:
            error = f"{self.name} takes a JSON object with a string `code`."
            return self._failed(arguments, error)
        # To ask, and to wait for a sandbox, may take long: neither in the event loop.
        if reason := await run_in_threadpool(self._sandboxes.available):
            missing = f"code_interpreter is not available on this server ({reason})"
            note = f"{missing}; the run goes on without it"
            return self._failed(arguments, f"{missing}; the code was not run.", note)
        own = session_key(self._claim.project, self._claim.thread_id)
        execution = await self._sandboxes.run(
            session_key(self._claim.project, self._container) if self._container else own,
            code,
            [
                Given(name, file_id, partial(contents.parts, self._database, file_id))
                for name, file_id in self._called(code).items()
            ],
            continued=self._continued,
            holder=own,
        )
        self._continued = True
        return await run_in_threadpool(self._result, code, execution)

    def _called(self, code: str) -> dict[str, str]:
        """The files, and by their ids those that the code calls so: at OpenAI they had no other
        name, so that instructions tell models /mnt/data/file-…"""
        return {
            file_id: file_id for file_id in self._files.values() if file_id in code
        } | self._files

    def _failed(self, arguments: str, error: str, note: str | None = None) -> CodeResult:
        return CodeResult(code_of(arguments), f"[{error}]\n", False, error, note=note)

    def _result(self, code: str, execution: Execution) -> CodeResult:
        """Store what came back. It is there before anybody is told of it, and stays whatever
        becomes of the run."""
        written = {file.name: self._stored(file) for file in execution.files}
        pictures = [self._stored(picture) for picture in execution.pictures]
        self._files |= written
        images = [
            *pictures,
            *(written[file.name] for file in execution.files if file.media_type is not None),
        ]
        return CodeResult(code, execution.output, True, execution.error, written, pictures, images)

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


def code_of(arguments: str) -> str:
    """The code of a call, or its arguments as they are if they hold none."""
    code = argument(arguments, "code")
    return arguments if code is None else code


def answered_text(result: CodeResult) -> str:
    """What the model gets back from a call."""
    output = result.output
    if result.files:
        output += f"[Written: {', '.join(DATA + name for name in result.files)}]\n"
    if result.pictures:
        output += f"[Shown to the user: {len(result.pictures)} image(s)]\n"
    if result.error:
        return json.dumps({"error": result.error, "output": output}, ensure_ascii=False)
    return output or "The code ran and printed nothing."
