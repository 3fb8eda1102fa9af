"""What came of tests -> text, JSON, JUnit's XML."""
