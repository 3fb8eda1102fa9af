"""What runs within the sandbox; shown to it read-only, and started as `inside.agent.main()`.

Standard library only, and nothing newer than Python 3.9: it runs on whatever interpreter the
server was told to use.
"""
