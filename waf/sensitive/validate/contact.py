"""Ways to reach a person: e-mail addresses and telephone numbers."""

from __future__ import annotations

import re
from typing import Final

from waf.sensitive.validate.bank import COUNTRIES
from waf.sensitive.validate.digits import one_digit, plain

# Generic top-level domains in wide use; country codes come from ISO 3166. A name that ends in one of them and
# follows an "@" is an address; "sprite@2x.png" is not.
TLDS: Final = frozenset(
    b"""com org net edu gov mil int info biz name pro aero coop museum mobi jobs travel tel cat asia post xxx
    arpa eu uk su app dev io ai cloud online site store shop tech xyz club space website fun live life world
    today news blog media agency company solutions services digital email group team work works center systems
    network software studio design academy education institute university school college health care clinic
    hospital dental doctor pharmacy fitness bank finance financial insurance capital fund investments money
    cash credit loans tax accountants legal law lawyer consulting international global community foundation
    social support help guide tips wiki top vip icu one link click host hosting domains zone expert energy
    engineering construction industries ltd llc gmbh inc limited enterprises management marketing partners
    ventures business city london berlin paris tokyo nyc africa swiss wien hamburg koeln bayern ruhr scot
    wales cymru gal eus bzh brussels vlaanderen amsterdam hotel restaurant cafe pizza bar coffee wine beer
    kitchen recipes photography photos gallery pictures video audio music band film art theater events tickets
    sport football golf hockey tennis yoga run bike car cars auto taxi flights holiday vacations cruises tours
    property properties estate house land apartments rentals immo realty rent sale deals discount gifts toys
    games game play bet casino poker dating singles family kids baby mom love gay eco green bio organic farm
    garden flowers earth fish pet pets dog plumbing cleaning repair parts supplies equipment tools glass
    lighting solar technology computer data codes directory download report review reviews science page press
    productions bid trade market exchange express delivery direct plus rocks ninja guru cool lol wtf sexy porn
    adult sex cam chat fail foo how new day page rip me tv cc ws fm localhost test example invalid local
    internal""".split()
) | {country.lower() for country in COUNTRIES}

_LOCAL: Final = re.compile(rb"[A-Za-z0-9_%+'-](?:[A-Za-z0-9._%+'-]{0,62}[A-Za-z0-9_%+'-])?")
_HOST: Final = re.compile(
    rb"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+(?:[A-Za-z]{2,24}|xn--[A-Za-z0-9-]{2,59})"
)


def email(value: bytes) -> float:
    """An address whose domain ends in a top-level domain that exists."""
    local, _, host = value.rpartition(b"@")
    if not _LOCAL.fullmatch(local) or b".." in local or not _HOST.fullmatch(host):
        return 0.0
    top = host.rpartition(b".")[2].lower()
    return 1.0 if top in TLDS or top.startswith(b"xn--") else 0.0


# Country calling codes (ITU-T E.164), by their first digits.
_CALLING: Final = re.compile(
    rb"1|7|2(?:0|1[1238]|[27-9]|[234569][0-9])|3(?:[0-469]|[578][0-9])|4(?:[013-9]|2[0-9])|5(?:[1-8]|0[0-9]|9[0-9])"
    rb"|6(?:[0-6]|[789][0-9])|8(?:[1246]|[0578][0-9])|9(?:[0-58]|6[0-8]|7[0-79]|9[2-68])"
)
_LENGTHS: Final[dict[bytes, tuple[int, int]]] = {
    b"1": (10, 10), b"7": (10, 10), b"44": (9, 10), b"33": (9, 9), b"34": (9, 9), b"39": (8, 11), b"31": (9, 9),
    b"32": (8, 9), b"41": (9, 9), b"43": (7, 13), b"45": (8, 8), b"46": (7, 10), b"47": (8, 8), b"48": (9, 9),
    b"49": (7, 12), b"55": (10, 11), b"61": (9, 9), b"81": (9, 10), b"86": (10, 11), b"91": (10, 10),
}  # fmt: skip


def _international(value: bytes) -> float:
    """ "+", a calling code that exists, and as many digits as its plan allows (E.164: fifteen in all)."""
    digits = plain(value[1:])
    code = _CALLING.match(digits)
    if code is None or not digits.isdigit():
        return 0.0
    rest = digits[code.end() :]
    if value[1:].replace(b" ", b"").find(b"(0)") >= 0 and rest[:1] == b"0":
        rest = rest[1:]  # +44 (0)20 …
    least, most = _LENGTHS.get(code[0], (6, 12))
    return 1.0 if least <= len(rest) <= most and not one_digit(rest) else 0.0


_NANP: Final = re.compile(rb"1?[2-9](?:[02-8][0-9]|1[02-9])[2-9][0-9]{6}")


def _american(value: bytes) -> float:
    """Area code and exchange of the North American plan, none of the form N11 as area."""
    digits = plain(value)
    return 1.0 if _NANP.fullmatch(digits) and not one_digit(digits[-7:]) else 0.0


def phone(value: bytes) -> float:
    """A number in international form, in the American one with its brackets, or any that its label calls one."""
    if value[:1] == b"+":
        return _international(value)
    if value[:1] == b"(" and value[4:5] == b")":
        return _american(value)
    digits = plain(value)
    decimal = value.count(b".") == 1 and digits == value.replace(b".", b"")
    return 1.0 if 7 <= len(digits) <= 13 and len(set(digits)) > 2 and not decimal else 0.0


def ipv4(value: bytes) -> float:
    """An address of a host: no version number, no network or loopback."""
    parts = [int(part) for part in value.split(b".")]
    return 1.0 if max(parts) <= 255 and 0 < parts[0] < 224 and parts[0] != 127 else 0.0
