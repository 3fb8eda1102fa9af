"""All of the SQL: one module per subject, and the transactions in which they are asked.

What every subject is asked with stands here, too.
"""

from assistctl.server.storage.database import Database, Transaction
from assistctl.server.storage.documents import Collection
from assistctl.server.storage.leases import Claim

__all__ = ["Claim", "Collection", "Database", "Transaction"]
