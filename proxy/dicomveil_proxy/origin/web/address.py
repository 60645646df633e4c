"""Where things are on a DICOMweb origin server: its base URL, paths, queries, and BulkDataURIs.

No I/O. A path is built from validated UIDs; nothing that a user agent sent is forwarded as it came.
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
"""An original UID that needs no encoding in a query."""
_BELOW = "/studies/"


class BaseURL:
    """The origin server's base URL. Its credentials and itself stay out of representations and errors."""

    def __init__(self, text: str) -> None:
        """Raise ValueError unless it is an absolute http(s) URL without query and fragment."""
        try:
            url = httpx.URL(text)
        except (httpx.InvalidURL, TypeError, ValueError):
            url = httpx.URL("")
        if url.scheme not in ("http", "https") or not url.host or url.query or url.fragment:
            raise ValueError("the origin's URL is not one: write it as http://host:port/dicom-web, with no query")
        self.headers: dict[str, str] = {}
        """Its credentials, for each request."""
        if url.userinfo:
            credentials = b64encode(f"{url.username}:{url.password}".encode()).decode()
            self.headers["Authorization"] = f"Basic {credentials}"
        self.is_near = _is_near(url.host)
        """Whether it seems to be on this machine or in this network, where compressing costs more than sending."""
        self._base = str(url.copy_with(username=None, password=None)).rstrip("/")

    def __repr__(self) -> str:
        return "BaseURL(...)"

    def join(self, path: str) -> str:
        """The URL of a path below the base, such as `studies/1.2.3`."""
        return f"{self._base}/{path}"

    def bulk_path(self, uri: str) -> str:
        """The path of a BulkDataURI below the base; UnknownResource for anything that is not below it.

        Whatever host it names, a path that contains `/studies/` is taken to be ours: Orthanc writes the
        URL that it thinks it has, which behind another name or port is a dead link.
        """
        if not _URI.fullmatch(uri):
            raise UnknownResource("a BulkDataURI of the origin's is not legal")
        try:
            parts = urlsplit(uri)
        except ValueError:
            raise UnknownResource("a BulkDataURI of the origin's is not legal") from None
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
            # Some servers decode before they route (`%2e%2e%2f`), so what is decoded must be harmless too.
            plain = unquote(segment)
            if plain in ("", ".", "..") or not plain.isprintable() or any(c in plain for c in "/\\%"):
                raise UnknownResource("a BulkDataURI of the origin's is not legal")
        return f"{below}?{parts.query}" if parts.query else below


def _is_near(host: str) -> bool:
    """Whether a host is local; so is a name without a dot, as containers have them."""
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
    """The query of a search, in a form that asks at least for what was meant, however it is decoded.

    Debian's Orthanc does not percent-decode queries, other servers do, and URL libraries encode `^`. So
    nothing is written that would need encoding: such a character of a value becomes the wildcard `?`, and
    several of them, or one beyond ASCII, which Orthanc drops from its index, `*` (PS3.4 Section C.2.2.2.4).
    The answer may hold more than was asked for; the caller matches it again. A comma is left to stand in
    lists of UIDs only, since Orthanc takes it for a list everywhere.
    """
    written = [f"{_key(name)}={_value(name, value)}" for name, value in params]
    written += [f"limit={limit}"] if limit > 0 else []
    written += [f"offset={offset}"] if offset > 0 else []
    return "&".join(written)


def _key(name: str) -> str:
    if not _KEY.fullmatch(name):
        raise BadRequest("the name of a matching key is not legal")
    return name


def _value(name: str, value: str) -> str:
    if name == "includefield":
        return ",".join(_key(field) for field in value.split(","))
    if _vr(name) == "UI":
        uids = [_in_query(uid) for uid in re.split(r"[,\\]", value) if uid]
        return ",".join(uids)
    return _ENCODED.sub(lambda run: "?" if len(run[0]) == 1 and run[0].isascii() else "*", value)


def _vr(name: str) -> str:
    last = name.rsplit(".", 1)[-1]
    tag = int(last, 16) if re.fullmatch(r"[0-9A-Fa-f]{8}", last) else tag_of(last)
    return vr_of(tag or 0) or ""
