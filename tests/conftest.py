"""For all tests: Ctrl-C means to the processes that they start what it means at a terminal."""

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A script without job control has started us in the background; children would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
