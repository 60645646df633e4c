"""The URLs of a DICOMweb origin server: base URL, paths, queries and BulkDataURIs.

No I/O. Paths are built from validated UIDs; no part of a user agent's request is forwarded.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

import httpx

from dicomveil_engine.attributes.dictionary import tag_of, vr_of
from dicomveil_proxy.errors import BadRequest, UnknownResource
from dicomveil_proxy.request.resource import check_original, original_step

_KEY = re.compile(r"[0-9A-Za-z]{1,64}(\.[0-9A-Za-z]{1,64}){0,16}")
_ENCODED = re.compile(r"[^0-9A-Za-z*?._~-]+")
_URI = re.compile(r"[!-~]{1,2000}")  # visible ASCII, RFC 3986
_PLAIN = re.compile(r"[A-Za-z0-9._~-]{1,256}")
"""Original UIDs that need no encoding in a query."""
_BELOW = "/studies/"


class BaseURL:
    """The origin server's base URL. Neither it nor its credentials appear in `repr` or in errors."""

    def __init__(self, text: str) -> None:
        """Raises ValueError unless `text` is an absolute http(s) URL without query and fragment."""
        try:
            url = httpx.URL(text)
        except (httpx.InvalidURL, TypeError, ValueError):
            url = httpx.URL("")
        if url.scheme not in ("http", "https") or not url.host or url.query or url.fragment:
            raise ValueError("the origin's URL is not valid: write it as http://host:port/dicom-web, without a query")
        self.headers: dict[str, str] = {}
        """Authorization for each request, if the URL has credentials."""
        if url.userinfo:
            credentials = b64encode(f"{url.username}:{url.password}".encode()).decode()
            self.headers["Authorization"] = f"Basic {credentials}"
        self.is_near = _is_near(url.host)
        """Whether it seems to be on this machine or network, where compression costs more than it saves."""
        self._base = str(url.copy_with(username=None, password=None)).rstrip("/")

    def __repr__(self) -> str:
        return "BaseURL(...)"

    def join(self, path: str) -> str:
        """The URL of a path below the base, such as `studies/1.2.3`."""
        return f"{self._base}/{path}"

    def bulk_path(self, uri: str) -> str:
        """The path of a BulkDataURI below the base URL. Raises UnknownResource for any other URI.

        The host of a URI whose path contains `/studies/` is ignored: Orthanc writes the URL that it believes to have,
        which may not exist under another name or port.
        """
        if not _URI.fullmatch(uri):
            raise UnknownResource("a BulkDataURI of the origin's is not valid")
        try:
            parts = urlsplit(uri)
        except ValueError:
            raise UnknownResource("a BulkDataURI of the origin's is not valid") from None
        path = f"/{parts.path}" if parts.path.startswith("studies/") else parts.path
        if parts.scheme not in ("", "http", "https") or not path.startswith("/"):
            raise UnknownResource("a BulkDataURI of the origin's is not below its base URL")
        if _BELOW in path:
            below = path[path.index(_BELOW) + 1 :]
            check_original(unquote(below.split("/")[1]))
        elif uri.startswith(f"{self._base}/"):
            below = urlsplit(uri[len(self._base) + 1 :]).path
        else:
            raise UnknownResource("a BulkDataURI of the origin's is not below its base URL")
        for segment in below.split("/"):
            # Some servers decode before they route (`%2e%2e%2f`), so the decoded segment is checked as well.
            plain = unquote(segment)
            if plain in ("", ".", "..") or not plain.isprintable() or any(c in plain for c in "/\\%"):
                raise UnknownResource("a BulkDataURI of the origin's is not valid")
        return f"{below}?{parts.query}" if parts.query else below


def _is_near(host: str) -> bool:
    """Whether a host is local: a private address, or a name without dots, as containers have."""
    try:
        address = ip_address(host)
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal"))
    return address.is_loopback or address.is_private


def resource_path(study: str, series: str | None = None, instance: str | None = None) -> str:
    """The path of a study, series or instance."""
    path = f"studies/{original_step(study)}"
    if series is not None:
        path += f"/series/{original_step(series)}"
        if instance is not None:
            path += f"/instances/{original_step(instance)}"
    return path


def _in_query(uid: str) -> str:
    if not _PLAIN.fullmatch(uid):
        raise UnknownResource("there is no such resource")
    return uid


def query_string(params: Iterable[tuple[str, str]], limit: int, offset: int) -> str:
    """The query of a search, whose results include all matches whether or not the server percent-decodes it.

    Debian's Orthanc does not percent-decode queries, other servers do, and URL libraries encode `^`. Therefore no
    character is written that would need encoding. In a value, such a character becomes the wildcard `?`, and several,
    or one beyond ASCII, which Orthanc drops from its index, become `*` (PS3.4 Section C.2.2.2.4). The results may
    include others than matches; the caller matches them. Commas are kept in lists of UIDs only, since Orthanc
    interprets any comma as separating a list.
    """
    written = [f"{_key(name)}={_value(name, value)}" for name, value in params]
    written += [f"limit={limit}"] if limit > 0 else []
    written += [f"offset={offset}"] if offset > 0 else []
    return "&".join(written)


def _key(name: str) -> str:
    if not _KEY.fullmatch(name):
        raise BadRequest("the name of a matching key is not valid")
    return name


def _value(name: str, value: str) -> str:
    if name == "includefield":
        return ",".join(_key(field) for field in value.split(","))
    if _is_uid(name):
        uids = [_in_query(uid) for uid in re.split(r"[,\\]", value) if uid]
        return ",".join(uids)
    return _ENCODED.sub(lambda run: "?" if len(run[0]) == 1 and run[0].isascii() else "*", value)


def _is_uid(name: str) -> bool:
    last = name.rsplit(".", 1)[-1]
    tag = int(last, 16) if re.fullmatch(r"[0-9A-Fa-f]{8}", last) else tag_of(last)
    return tag is not None and vr_of(tag) == "UI"
