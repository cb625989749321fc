"""Keys, sessions (RFC 7523) and requests: what the generated clients stand on.

A `Connection` logs in when a session is first needed, and again when it is over. A refusal is a `ServiceError` with the problem document (RFC 9457).
"""

from __future__ import annotations

import base64
import json
import pathlib
import secrets
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
WAIT_S = 60


class ServiceError(Exception):
    """The service refused. `code` is stable; `problem` is the whole document."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.problem = problem
        self.code: str = problem.get("code", "")
        super().__init__(f"{status} {self.code}: {problem.get('detail', '')}")


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Key:
    """A signing key, ES256 or Ed25519, from its 32 bytes."""

    def __init__(self, alg: str, seed: bytes) -> None:
        if alg == "es256":
            self._key: Any = ec.derive_private_key(int.from_bytes(seed, "big"), ec.SECP256R1())
        elif alg == "ed25519":
            self._key = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
        else:
            raise ValueError(f"{alg}: es256 or ed25519 is needed")
        self.alg = alg

    @classmethod
    def from_file(cls, path: str | pathlib.Path) -> Key:
        """Reads a file of `xiezhi account key`, or the first key of an account's file, that is not sealed with a passphrase."""
        file = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        file = file.get("keys", [file])[0]
        return cls(file["alg"], bytes.fromhex(file["seed"]))

    def sign(self, message: bytes) -> bytes:
        """The signature over `message`, 64 bytes."""
        if self.alg == "ed25519":
            return self._key.sign(message)
        r, s = utils.decode_dss_signature(self._key.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def assertion(self, client: str, audience: str) -> str:
        """A JSON Web Token that says who the client is, good for a minute and for one session."""
        now = int(time.time())
        header = {"alg": "ES256" if self.alg == "es256" else "EdDSA", "typ": "JWT"}
        claims = {"iss": client, "sub": client, "aud": audience, "iat": now, "exp": now + 60, "jti": secrets.token_hex(16)}
        message = ".".join(_base64(json.dumps(part).encode()) for part in (header, claims))
        return f"{message}.{_base64(self.sign(message.encode()))}"


class Connection:
    """Requests to the service at `url`, as `client` with `key` where a session is needed; problems come in `language` (`en`, `zh-CN`)."""

    def __init__(self, url: str, client: str = "", key: Key | None = None, language: str = "en") -> None:
        self.url = url.rstrip("/")
        self.client, self.key, self.language = client, key, language
        self._token, self._until = "", 0.0

    def token(self) -> str:
        """A session's token that is good for half a minute at least."""
        if time.monotonic() < self._until - 30:
            return self._token
        if self.key is None:
            raise ValueError("a session needs a client and its key")
        form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE, "client_assertion": self.key.assertion(self.client, f"{self.url}/v1/token")}
        granted = self.call("POST", "/v1/token", "json", body=form, content_type="application/x-www-form-urlencoded", session=False)
        self._token, self._until = granted["access_token"], time.monotonic() + granted["expires_in"]
        return self._token

    def call(
        self,
        method: str,
        target: str,
        kind: str,
        *,
        path: Mapping[str, Any] = {},
        query: Mapping[str, Any] = {},
        header: Mapping[str, Any] = {},
        body: Any = None,
        content_type: str = "",
        accept: str = "",
        session: bool = True,
    ) -> Any:
        """Sends a request; its answer as `kind` says: `json`, `bytes`, `text`, `headers`, `events` or `none`."""
        for name, value in path.items():
            target = target.replace(f"{{{name}}}", urllib.parse.quote(str(value), safe=""))
        said = {name: value for name, value in query.items() if value is not None}
        target = f"{self.url}{target}" + (f"?{urllib.parse.urlencode(said)}" if said else "")
        headers = {"Accept-Language": self.language} | {name: str(value) for name, value in header.items() if value is not None}
        if accept:
            headers["Accept"] = accept
        if session:
            headers["Authorization"] = f"Bearer {self.token()}"
        data = None
        if body is not None:
            headers["Content-Type"] = content_type
            if content_type == "application/x-www-form-urlencoded":
                data = urllib.parse.urlencode(body).encode()
            else:
                data = bytes(body) if isinstance(body, (bytes, bytearray)) else json.dumps(body).encode()
        request = urllib.request.Request(target, data=data, headers=headers, method=method)
        try:
            answer = urllib.request.urlopen(request, timeout=WAIT_S)
        except urllib.error.HTTPError as error:
            with error:
                text = error.read()
            try:
                problem = json.loads(text)
            except ValueError:
                problem = {}
            raise ServiceError(error.code, problem if isinstance(problem, dict) else {}) from None
        if kind == "events":
            return self._events(answer)
        with answer:
            if kind == "headers":
                return {name.lower(): value for name, value in answer.headers.items()}
            content = answer.read()
        return {"json": lambda: json.loads(content), "bytes": lambda: content, "text": content.decode, "none": lambda: None}[kind]()

    @staticmethod
    def _events(answer: Any) -> Iterator[Any]:
        """The data of server-sent events, until the stream ends."""
        with answer:
            data: list[str] = []
            for line in answer:
                text = line.decode().rstrip("\r\n")
                if text.startswith("data:"):
                    data.append(text[5:].removeprefix(" "))
                elif not text and data:
                    yield json.loads("\n".join(data))
                    data = []
