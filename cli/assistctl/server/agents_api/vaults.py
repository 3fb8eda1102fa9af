"""/vaults, which only the service has"""

from __future__ import annotations

from assistctl.server.agents_api.elsewhere import refusing

_VAULT = "/vaults/{vault_id}"
ENDPOINTS = refusing(
    {
        "Vaults are": {
            "/vaults": "GET POST",
            _VAULT: "GET POST DELETE",
            f"{_VAULT}/credentials": "GET POST",
            f"{_VAULT}/credentials/{{credential_id}}": "GET POST DELETE",
        }
    }
)
