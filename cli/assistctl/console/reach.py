"""What a session talks to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assistctl.apis.transport.client import Client
    from assistctl.surface import Surface


@dataclass(frozen=True)
class Reach:
    """The target's surface, and plain requests to the same API."""

    surface: Surface
    client: Client

    def close(self) -> None:
        """Close the connections."""
        self.surface.close()
        self.client.close()
