"""The pure decision: what is declared and what is there -> a Plan of Changes. No I/O."""
