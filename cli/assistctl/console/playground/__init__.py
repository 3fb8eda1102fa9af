"""Talking with an assistant from a page: whom it is about (`seats`), what its form says (`drafts`),
how that is made ready (`ready`), a turn as it happens (`turns`), and all of it (`table`)."""
