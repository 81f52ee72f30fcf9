"""A GitHub App that is installed in the repository: it trades a signed word for a token."""

from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

GRANTED = {"contents": "write", "pull-requests": "write", "issues": "write", "actions": "write"}


class App:
    """`client_id` and `private_key` are what its owner stores; `granted` what the owner allows."""

    slug = "ratchet-nights"
    login = "ratchet-nights[bot]"
    installation = 77

    def __init__(self, folder: Path) -> None:
        self.client_id = "Iv23liStandIn"
        path = folder / "app.pem"
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        self.private_key = path.read_text()
        self._public = key.public_key()
        self.granted = dict(GRANTED)

    def signed(self, word: str) -> bool:
        """Whether the App signed it, and it holds still."""
        try:
            claims: dict[str, Any] = jwt.decode(word, self._public, algorithms=["RS256"])
        except jwt.PyJWTError:
            return False
        return claims.get("iss") == self.client_id
