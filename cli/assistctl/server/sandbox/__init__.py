"""Running Python that nobody has read: confined by bubblewrap, within limits, never without."""

from assistctl.server.sandbox.limits import Limits
from assistctl.server.sandbox.names import data_names
from assistctl.server.sandbox.returned import Produced
from assistctl.server.sandbox.sessions import Execution, Given, Sandboxes

__all__ = ["Execution", "Given", "Limits", "Produced", "Sandboxes", "data_names"]
