"""All of the SQL: one module per subject, and the transactions in which they are asked."""
