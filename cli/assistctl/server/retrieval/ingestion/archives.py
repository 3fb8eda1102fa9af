"""Untrusted zip files, and the XML in them, read within bounds.

What an archive says of its sizes bounds what zipfile will unpack of it, so that is what is checked.
XML is never given a document type: without one there are no entities to expand.
"""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Mapping
from typing import Any, BinaryIO, Protocol
from xml.etree.ElementTree import Element, TreeBuilder, XMLParser

from assistctl.server.retrieval.ingestion.failures import UnreadableFile

_MOST_MEMBERS = 20_000
_MOST_UNPACKED = 512 * 2**20
_BLOCK = 2**16


class Handler(Protocol):
    """What hears of the elements of an XML file; names come without their namespaces."""

    def start(self, name: str, attributes: Mapping[str, str]) -> None: ...
    def end(self, name: str) -> None: ...
    def data(self, text: str) -> None: ...


class Archive:
    """An opened zip file; UnreadableFile for one that is encrypted or unpacks to too much."""

    def __init__(self, content: BinaryIO) -> None:
        self._zip = zipfile.ZipFile(content)
        members = self._zip.infolist()
        size = sum(member.file_size for member in members)
        if len(members) > _MOST_MEMBERS or size > _MOST_UNPACKED:
            raise UnreadableFile(
                "invalid_file",
                f"The file unpacks to more than {_MOST_UNPACKED // 2**20} MB.",
            )
        if any(member.flag_bits & 0x1 for member in members):
            raise UnreadableFile("invalid_file", "The file is protected by a password.")
        self.names = frozenset(self._zip.namelist())

    def parse(self, name: str, handler: Handler) -> None:
        """Read an XML file piece by piece, however large it is."""
        self._feed(name, XMLParser(target=_Target(handler)))

    def tree(self, name: str) -> Element:
        """All of an XML file at once, for what has to look around in it."""
        root: Element = self._feed(name, XMLParser(target=_Tree()))
        return root

    def _feed(self, name: str, parser: XMLParser[Any]) -> Any:
        with self._zip.open(name) as member:
            while block := member.read(_BLOCK):
                parser.feed(block)
        return parser.close()

    def related(self, name: str) -> dict[str, tuple[str, str]]:
        """The members that a part of an Office file refers to: id -> (kind, name)."""
        folder, base = posixpath.split(name)
        relations = f"{folder}/_rels/{base}.rels"
        if relations not in self.names:
            return {}
        found = {}
        for each in self.tree(relations).iter():
            if local(each.tag) == "Relationship" and each.get("TargetMode") != "External":
                target = posixpath.join("/" + folder, each.get("Target", ""))
                kind = each.get("Type", "").rpartition("/")[2]
                found[each.get("Id", "")] = (kind, posixpath.normpath(target).lstrip("/"))
        return found


class _Target:
    """What the parser calls; a document type ends it."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self.data = handler.data

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._handler.start(local(tag), {local(name): it for name, it in attributes.items()})

    def end(self, tag: str) -> None:
        self._handler.end(local(tag))

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        _refuse_document_type()

    def close(self) -> None:
        return None


class _Tree(TreeBuilder):
    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        _refuse_document_type()


def _refuse_document_type() -> None:
    raise UnreadableFile("invalid_file", "The file declares XML entities, which are not read.")


def local(name: str) -> str:
    """A name of XML without its namespace."""
    return name.rpartition("}")[2]
