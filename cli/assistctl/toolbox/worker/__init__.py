"""What imports and calls a tool, in this process or in one of the project's own interpreter.

There assistctl is not installed: the modules here need nothing but the standard library of Python
3.8 (pydantic where the tool has it), and import each other relatively.
"""
