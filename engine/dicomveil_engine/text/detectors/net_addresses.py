"""IP_ADDRESS, in versions 4 and 6, and MAC_ADDRESS."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import AddressValueError, IPv6Address

from dicomveil_engine.text.analysed_text import AnalysedText
from dicomveil_engine.text.finding import Finding, Infotype, Likelihood
from dicomveil_engine.text.patterns import late_pattern

_IPV4 = late_pattern(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.]*\d)(?::\d{1,5})?(?:/\d{1,2})?")
_IPV6 = late_pattern(r"(?<![\w:.])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?:%\w{1,16})?(?:/\d{1,3})?(?![\w:])")
_MAC = late_pattern(
    r"(?<![\w:\-])(?:[0-9a-f]{2}([:\-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4})(?![\w:\-])"
)
_DIGITS = late_pattern(r"\d+")
_CUE = late_pattern(r"(?<![^\W_])(?:ip|ipv4|host|address|addr|server|gateway|://)[ :=@]{0,3}\Z")
_REACH = 12


def find(reading: AnalysedText) -> Iterator[Finding]:
    """The IP and MAC addresses in a text."""
    text = reading.plain
    if max(text.count("."), text.count(":"), text.count("-")) < 2:
        return
    for match in _MAC.finditer(text):
        yield Finding(*match.span(), Infotype.MAC_ADDRESS, Likelihood.VERY_LIKELY, "written like a MAC address")
    for match in _IPV4.finditer(text):
        # One number of four may be mistyped and too large; with more, it is a version or a measurement.
        parts = [int(part) for part in _DIGITS.findall(match[0])[:4]]
        # Versions begin with one digit, addresses in hospitals usually with 10, 172 or 192.
        is_version = parts[0] < 10 and not _CUE.search(text, max(0, match.start() - _REACH), match.start())
        if sum(part > 255 for part in parts) <= 1 and not is_version:
            yield Finding(*match.span(), Infotype.IP_ADDRESS, Likelihood.VERY_LIKELY, "written like an IP address")
    if ":" in text:
        for match in _IPV6.finditer(text):
            if _is_ipv6(match[0]):
                yield Finding(
                    *match.span(), Infotype.IP_ADDRESS, Likelihood.VERY_LIKELY, "written like an IPv6 address"
                )


def _is_ipv6(text: str) -> bool:
    address = text.partition("/")[0].partition("%")[0]
    try:
        IPv6Address(address)
    except AddressValueError:
        return False
    # "::" and "1::2" may be punctuation; an address has more digits.
    return len(address) >= 6
