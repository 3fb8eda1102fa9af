"""Threads with images, for models that see none: told in words that there was one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_UNSEEN = "(There was an image here, which you cannot see.)"


def has_images(messages: Sequence[Mapping[str, Any]]) -> bool:
    return any(_is_image(part) for message in messages for part in _parts(message))


def without_images(messages: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [_in_words(message) for message in messages]


def _in_words(message: Mapping[str, Any]) -> Mapping[str, Any]:
    parts = _parts(message)
    if not any(map(_is_image, parts)):
        return message
    words = [_UNSEEN if _is_image(part) else str(part.get("text") or "") for part in parts]
    return {**message, "content": "\n\n".join(words)}


def _parts(message: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    content = message.get("content")
    return content if isinstance(content, list) else ()


def _is_image(part: Mapping[str, Any]) -> bool:
    return part.get("type") == "image_url"
