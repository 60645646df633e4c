"""Aborts unfinished multipart uploads in S3, which are invisible but cost money.

obstore cannot list them, so that this sends requests to S3 itself, with the credentials in the environment (AWS
Signature Version 4). With credentials from elsewhere (a role, a profile) nothing is done; use a lifecycle rule of the
bucket then.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

import httpx

_SECONDS = 30


def abort_uploads(url: str) -> int:
    """Abort the unfinished uploads below a prefix, and return their number. Errors are ignored."""
    parts = urlsplit(url)
    access, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if parts.scheme != "s3" or not access or not secret:
        return 0
    prefix = parts.path.strip("/")
    bucket = _Bucket(parts.netloc, access, secret)
    try:
        with httpx.Client(timeout=_SECONDS) as client:
            listed = bucket.send(client, "GET", "", {"uploads": "", "prefix": f"{prefix}/" if prefix else ""})
            uploads = _uploads(listed.content) if listed.is_success else []
            for key, upload in uploads:
                bucket.send(client, "DELETE", key, {"uploadId": upload})
            return len(uploads)
    except (httpx.HTTPError, ElementTree.ParseError):
        return 0


def _uploads(document: bytes) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for each in ElementTree.fromstring(document).iter():  # noqa: S314 - of the store that is trusted with the data
        if each.tag.endswith("}Upload") or each.tag == "Upload":
            values = {child.tag.rpartition("}")[2]: child.text or "" for child in each}
            found.append((values.get("Key", ""), values.get("UploadId", "")))
    return found


class _Bucket:
    """Signed requests to a bucket."""

    def __init__(self, name: str, access: str, secret: str) -> None:
        self._access, self._secret = access, secret
        self._region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        endpoint = endpoint or os.environ.get("AWS_ENDPOINT") or f"https://s3.{self._region}.amazonaws.com"
        self._base = f"{endpoint.rstrip('/')}/{name}"

    def send(self, client: httpx.Client, method: str, key: str, query: dict[str, str]) -> httpx.Response:
        """One request."""
        path = f"/{quote(key, safe='/-_.~')}" if key else ""
        parts = urlsplit(f"{self._base}{path}")
        asked = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in sorted(query.items()))
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        body = hashlib.sha256(b"").hexdigest()
        headers = {"host": parts.netloc, "x-amz-content-sha256": body, "x-amz-date": moment}
        if token := os.environ.get("AWS_SESSION_TOKEN"):
            headers["x-amz-security-token"] = token
        signed = ";".join(sorted(headers))
        lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        canonical = f"{method}\n{parts.path or '/'}\n{asked}\n{lines}\n{signed}\n{body}"
        scope = f"{moment[:8]}/{self._region}/s3/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key_bytes = f"AWS4{self._secret}".encode()
        for part in (moment[:8], self._region, "s3", "aws4_request"):
            key_bytes = hmac.digest(key_bytes, part.encode(), "sha256")
        signature = hmac.digest(key_bytes, text.encode(), "sha256").hex()
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self._access}/{scope}, SignedHeaders={signed}, Signature={signature}"
        )
        return client.request(method, f"{self._base}{path}?{asked}", headers=headers)
