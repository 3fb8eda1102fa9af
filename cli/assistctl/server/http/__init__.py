"""HTTP, whatever is asked: the application, requests and their bodies, access, limits."""
