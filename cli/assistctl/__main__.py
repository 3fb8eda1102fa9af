"""`python -m assistctl`."""

from assistctl.main import main

main()
