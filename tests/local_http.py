"""Local HTTP servers that stand in for what cannot be had."""

import sys
from http.server import ThreadingHTTPServer


class LocalServer(ThreadingHTTPServer):
    """Says nothing of clients that leave in the middle, as tests have them do."""

    daemon_threads = True

    def handle_error(self, request, client_address):
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)
