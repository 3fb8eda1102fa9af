"""The database: transactions, documents, contents, and what was learnt."""
