"""Where does a URL in a value lead: into the server's own network, to a foreign script, off to another site?

Owns the reading of host notations that resolvers accept (decimal, octal, hexadecimal, short, IPv6-mapped, with
credentials in front) and of URLs that browsers repair. URLs are everyday data, so plain public ones mean nothing.
"""

from __future__ import annotations

import enum
import ipaddress
import re
from collections.abc import Iterator
from typing import Final

from waf.inspect.confirm.shape import is_document, prose_words, words_after
from waf.model import Confidence

_URL: Final = re.compile(
    rb"(?:^|[=\s\"'(<,\[:@]|(?<=url))([a-z][a-z0-9+.-]{1,20}):(?://|/|\\\\|\\/\\/)?([^\s\"'<>]{1,512})", re.I
)
_AUTHORITY: Final = re.compile(rb"[/\\]*(?:[^/\\?#]*@)?(\[[^\]]*\]?|[^/\\?#:@]+)(?::(\d{0,5}))?")
_LOCALHOST: Final = re.compile(rb"(?:^|\.)(?:localhost|localdomain|localhost6|ip6-localhost)\.?$", re.I)
_PRIVATE_NAMES: Final = re.compile(rb"\.(?:internal|svc|svc\.cluster\.local)\.?$", re.I)
"""Names that only a private network or a cluster resolves."""
_LOOPBACK_NAMES: Final = re.compile(
    rb"(?:^|\.)(?:localtest\.me|lvh\.me|vcap\.me"
    rb"|lacolhost\.com|localho\.st|rbndr\.us|1u\.ms|spoofed\.burpcollaborator\.net|"
    rb"(?:\d{1,3}[.-]){3}\d{1,3}\.(?:nip|xip|sslip)\.io|[0-9a-f]{8}\.nip\.io|fbi\.com"
    rb"|bugbounty\.dod\.network|customer1\.app\.localhost)\.?$",
    re.I,
)
_METADATA: Final = re.compile(
    rb"(?:^|\.)(?:metadata\.google\.internal|metadata\.goog|metadata|instance-data(?:\.[\w.-]+)?"
    rb"|metadata\.(?:tencentyun|packet|platformequinix)\.\w+|rancher-metadata"
    rb"|kubernetes\.default(?:\.svc.*)?|consul|1\.1\.1\.1\.metadata"
    rb"|(?:ip|instance)-[\w-]+\.[\w.-]+\.internal|(?:ec2|compute|google)\.internal"
    rb"|169\.254\.169\.254\.\w+\.\w+)\.?$",
    re.I,
)
_METADATA_ADDRESSES: Final = frozenset(("100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254"))
_METADATA_PATHS: Final = re.compile(
    rb"latest/(?:meta-data|user-data|dynamic|api/token)|computemetadata/v1|metadata/(?:instance|identity"
    rb"|v1)|opc/v[12]/|openstack/latest|/v1/(?:agent|kv|catalog)/|latest/fog",
    re.I,
)
_SOCKET: Final = re.compile(rb"/(?:docker|containerd|crio|podman)\.sock\b")
_SCHEMES: Final = frozenset(
    b"gopher dict ldap ldaps tftp netdoc jar sftp rmi imap imaps pop3 smtp smb telnet svn ssh2 file ogg expect "
    b"php".split()
)
_SPEAKING: Final = frozenset(b"gopher dict tftp netdoc ldap ldaps rmi smb".split())
_CALLBACK: Final = re.compile(rb"callback|oauth|auth|sign-?in|login|return|redirect|complete", re.I)


_TRANSLATED: Final = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")


def _within_six(six: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """An address of this machine or of a private network that a gateway, or an old stack, takes out of `six`."""
    if six in _TRANSLATED or (six in _COMPATIBLE and int(six) > 0xFFFF):
        inner = ipaddress.IPv4Address(int(six) & 0xFFFFFFFF)
    elif six.sixtofour is not None:
        inner = six.sixtofour
    else:
        return None
    return inner if inner.is_private or inner.is_link_local else None


def host_address(host: bytes) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address a resolver makes of `host`, in all notations of inet_aton(3); None for a name."""
    text = host.strip(b"[]").rstrip(b".").split(b"%")[0].decode("latin-1").lower()
    if ":" in text:
        try:
            six = ipaddress.IPv6Address(text)
        except ValueError:
            return None
        return six.ipv4_mapped or _within_six(six) or six
    numbers = []
    parts = text.split(".")
    if not 1 <= len(parts) <= 4:
        return None
    for part in parts:
        try:
            if re.fullmatch(r"0x[0-9a-f]*", part):
                numbers.append(int(part, 16) if len(part) > 2 else 0)
            elif re.fullmatch(r"0[0-9]+", part):
                numbers.append(int(part, 8))
            elif part.isascii() and part.isdigit() and len(part) <= 12:
                numbers.append(int(part))
            else:
                return None
        except ValueError:
            return None
    last = numbers.pop()
    if len(numbers) == 3 and max(*numbers, last) < 1000:  # some take 425 for 169
        numbers, last = [number & 255 for number in numbers], last & 255
    if any(number > 255 for number in numbers) or last >= 256 ** (4 - len(numbers)):
        return None
    address = last
    for index, number in enumerate(numbers):
        address |= number << (8 * (3 - index))
    return ipaddress.IPv4Address(address)


class _Reach(enum.Enum):
    """Where a URL leads, as far as it matters."""

    DISGUISED = (
        enum.auto()
    )  # metadata, a host in another notation or behind another, a scheme that speaks to services
    SERVICE = enum.auto()  # another scheme, which a link may have
    LOCAL = enum.auto()  # plainly this machine or network: apps under development send such links, too


def confirm_ssrf(value: bytes, span: tuple[int, int]) -> Confidence | None:
    """HIGH for a URL as a whole value (or parameter in one) to metadata, with an odd scheme or a host in disguise."""
    best: Confidence | None = None
    for reach, _ in _inward_urls(value, span):
        if reach is _Reach.DISGUISED:
            return Confidence.HIGH
        if reach is _Reach.SERVICE:
            best = Confidence.MEDIUM
    if best is None and b":" not in value[:12] and not is_document(value):
        return _bare_host(value)
    return best


def confirm_local(value: bytes, span: tuple[int, int]) -> Confidence | None:
    """HIGH for a URL that plainly names this machine or a private network, unless it only tells where a page is."""
    for reach, start in _inward_urls(value, span):
        if reach is _Reach.LOCAL and not (
            _REPORTED.search(value, max(0, start - 64), start)
            or _TOLD.search(value, max(0, start - 40), start)
        ):
            return Confidence.HIGH
    return None


_REPORTED: Final = re.compile(
    rb"(?:\b|_|\$)(?:current_?url|page_?url|href|referr?er|initial_\w{1,20}|origin|landing(?:_?page|path)?"
    rb"|document-?ur[il]|source-?file|destination|assertionconsumerserviceurl|redirect_?uris?|issuer|audience"
    rb"|file_?name|stack)[\\\"']{0,4}\s{0,2}[:=]\s{0,2}[\\\"']{0,4}$",
    re.I,
)
"""What names a URL that nobody fetches, in JSON, in cookies, in attributes of XML."""


_TOLD: Final = re.compile(
    rb"\b(?:requests|axios|httpx|session|client|page|cy)\.(?:get|post|put|patch|delete|head|goto|visit)\(\s?[\"']$"
)
"""A call in a program that somebody shows; who reads an address from the value has none there."""
_FRAME: Final = re.compile(rb"/[^\s]*:\d{1,6}:\d{1,6}[),]*$")
"""A line and a column behind a path, as traces of JavaScript have them."""


def _inward_urls(value: bytes, span: tuple[int, int]) -> Iterator[tuple[_Reach, int]]:
    """Where the URLs around `span` lead inward, and where each begins; at most 8 of them, and none of a document's."""
    if is_document(value) or _has_blanks(value, 7):
        return
    for number, match in enumerate(_URL.finditer(value, max(0, span[0] - 32), span[1] + 256)):
        if number >= 8:
            break
        if prose_words(value, match.start(1)) or _is_followed(value, match.end()):
            continue
        found = _inward(match[1].lower(), match[2])
        if found is _Reach.LOCAL and _FRAME.search(match[2]):
            continue
        if found is not None:
            yield found, match.start(1)


def _has_blanks(value: bytes, many: int) -> bool:
    """No `count`: of a long text one is asked for each of its URLs."""
    at = -1
    for _ in range(many):
        at = value.find(b" ", at + 1)
        if at < 0:
            return False
    return True


def _is_followed(value: bytes, end: int) -> bool:
    """Words go on behind the URL. One of them is enough behind a bare host: no port or host has a blank."""
    bare = value[end : end + 1] == b" " and value.rfind(b"/", 0, end) < value.rfind(b"://", 0, end) + 3
    return words_after(value, end) >= (1 if bare else 2)


def _bare_host(value: bytes) -> Confidence | None:
    """A whole value such as "//127.0.0.1/" or "169.254.169.254/latest/meta-data"."""
    text = value.strip()
    if len(text) > 200 or b" " in text:
        return None
    match = _AUTHORITY.match(text)
    if match is None:
        return None
    if _METADATA_PATHS.search(text) or (_METADATA.search(match[1]) and b"." in match[1]):
        return Confidence.HIGH
    address = host_address(match[1])
    if address is None:
        local = _LOOPBACK_NAMES.search(match[1]) or _LOCALHOST.search(match[1])
        return Confidence.HIGH if local and text.startswith(b"//") else None
    if str(address) == "169.254.169.254":
        return Confidence.HIGH
    return Confidence.HIGH if text.startswith(b"//") and address.is_loopback else None


_HOST_BEHIND: Final = re.compile(rb"[/?\\]?#?@([^/\s@]{3,80}[^\s@]*)")


def _inward(scheme: bytes, rest: bytes) -> _Reach | None:
    if scheme in _SCHEMES and scheme not in (b"file", b"php", b"jar"):
        return _Reach.DISGUISED if scheme in _SPEAKING or b":" in rest or _is_near(rest) else _Reach.SERVICE
    if scheme == b"unix":
        return _Reach.DISGUISED if b"|http" in rest else None
    if scheme not in (b"http", b"https", b"ftp", b"ws", b"wss", b"url", b"h", b"proxy"):
        return None
    match = _AUTHORITY.match(rest)
    if match is None:
        return None
    host = re.split(rb"\x00|%00|%23|%2523", match[1])[0]
    behind = _HOST_BEHIND.match(rest, match.end())
    if behind is not None and _inward(scheme, behind[1]) in (_Reach.DISGUISED, _Reach.LOCAL):
        return _Reach.DISGUISED  # one that some readers take for the host
    path = rest[match.end() :]
    if _SOCKET.search(path) or _METADATA_PATHS.search(path) or _METADATA.search(host):
        return _Reach.DISGUISED
    address = host_address(host)
    if b"@" in rest[: match.start(1)] and address is not None:
        return _Reach.DISGUISED
    if address is None:
        if _LOOPBACK_NAMES.search(host) or (_LOCALHOST.search(host) and host != match[1]):
            return _Reach.DISGUISED
        return _local(path) if _LOCALHOST.search(host) or _PRIVATE_NAMES.search(host) else None
    if address.is_link_local or str(address) in _METADATA_ADDRESSES:
        return _Reach.DISGUISED
    if str(address).encode() != host.strip(b"[]"):
        return _Reach.DISGUISED
    return _local(path) if address.is_private or address.is_loopback or address.is_unspecified else None


def _is_near(rest: bytes) -> bool:
    """The host is this machine or in a private network."""
    match = _AUTHORITY.match(rest)
    address = host_address(match[1]) if match else None
    if match is None or address is None:
        return match is not None and _LOCALHOST.search(match[1]) is not None
    return address.is_private or address.is_loopback or address.is_link_local


def _local(path: bytes) -> _Reach | None:
    """Apps under development send people back to localhost; they say so in the path."""
    return None if _CALLBACK.search(path) else _Reach.LOCAL


_SCRIPT_FILE: Final = re.compile(
    rb"(?i)\.(?:php[3457]?|phtml|txt|asp|aspx|jsp|cgi|pl|py|sh|inc|gif|jpe?g|png|dat|log|cfm)(?:$"
    rb"|[?#%&;\x00])"
)
_SHELL_NAME: Final = re.compile(
    rb"(?i)(?:^|[/\\_.-])(?:c99|r57|shell|cmd|backdoor|web-?shell|evil|exploit|hack(?:ed)?|phpinfo|rfi|id"
    rb"|malware|payload|attack(?:er)?|b374k|wso|test_?rfi|rce|inject)[\w-]{0,12}\.\w{2,5}"
)


_NO_LINK: Final = re.compile(
    rb"(?!(?:https?|HTTPS?|Https?|ftps?|FTPS?|Ftps?):)(?i:https?|ftps?):|(?i:(?:https?:)?//[^\s?#]+(?:\.inc\Z|[?#]\.\w{2,5}\Z))|(?i://[^/\s]+/[^\s?#]+\.(?:php\d?|phtml|jsp|aspx?)\Z)"
)
"""A URL that nobody links to, though it ends in a script: a scheme in mixed case, none, a tail cut off."""


def confirm_rfi(value: bytes, span: tuple[int, int]) -> Confidence | None:
    """HIGH for a foreign script named so that an include runs it: cut by "?" or a null, from an address, by name."""
    text = value.strip()
    match = re.match(
        rb"(?i)(?:url=|[\w-]{1,16}=)?(?:(?:https?|ftps?|smb|webdav|dav):[/\\]{1,3}|\\\\"
        rb"|//)([^/\\\s?#]+)([^\s]*)",
        text,
    )
    if match is None or is_document(value) or b" " in text:
        return None
    host, path = match[1].rpartition(b"@")[2], match[2]
    if not _SCRIPT_FILE.search(path):
        return (
            Confidence.HIGH
            if re.search(rb"\?{1,2}$|%00$|\x00", path) and len(path) > 2 and not path.endswith(b"/?")
            else None
        )
    if (
        _NO_LINK.match(text)
        or text[:3].lower() == b"ftp"
        or re.search(rb"\.(?:php\d?|phtml|txt|aspx?|jsp|cgi)\?\w{1,24}=$", path, re.I)
    ):
        return Confidence.HIGH
    image = re.search(rb"(?i)\.(?:gif|jpe?g|png)(?:$|[?#])", path)
    if image and host_address(host.partition(b":")[0]) is not None and re.search(rb"\?\w{1,24}=$", path):
        return Confidence.HIGH
    if re.search(rb"\.\w{2,5}(?:\?{1,3}|#|%23|%3f|%00|\x00)$|(?:\?|&)(?:cmd|c|exec|command|x)=", path, re.I):
        return Confidence.HIGH
    if image:
        return None
    if _SHELL_NAME.search(path) or host_address(host.partition(b":")[0]) is not None:
        return Confidence.HIGH
    return None


# Without case where letters are, as all else is twice as dear so.
_INCLUDED: Final = re.compile(rb"\s*(?:(?i:https?|ftps?|smb):[/\\]{1,3}|\\\\|//)\S+$")


def confirm_include(value: bytes, span: tuple[int, int]) -> Confidence | None:
    """The same for parameters that name files to be included: any script from anywhere."""
    if _INCLUDED.match(value) is None or is_document(value):
        return None
    return Confidence.HIGH if _SCRIPT_FILE.search(value) or value.endswith(b"?") else None


_ODD_REDIRECT: Final = re.compile(
    rb"(?i)[\s\x00-\x20]*(?:/?\./\\(?:[\w-]+\.)+[a-z]{2,12}(?:/|\s*\Z)|/;@[\w-]+\.|/?\xe3\x80[\xb1\xb5]\w|;//(?:[\w-]+\.)+[a-z]{2,12}(?:/|\s*\Z)|//(?:\d{8,10}|\[[0-9a-f:]+(?:\d{1,3}(?:\.\d{1,3}){3})?\])(?:[/?#:]|\s*\Z)|/https?:/|[/\\]{3,};?[\w@.%-]|/?\\+/?[/\\]?(?![\w-]+\.(?:docx?|xlsx?|pptx?|odt|ods|pdf|txt|csv|jpe?g|png|gif|exe|dll|ini|log)\s*\Z)[\w-]+(?:\.[\w-]+)+(?=\.?(?:[/\\?#:\s@%&;]|\Z))"
    rb"|/[\x00-\x20]+[/\w]|//?%(?:09|0a|0d|5c|2f)|https?:(?:[\\]|/(?!/)|[\w.-]+\.[a-z]{2,}|https?:)|https?:/{3,}|https?://\.[\w-]|//https?:|//0x[0-9a-f]{6,8}\b"
    rb"|[/\\]{2}[\w.:;%~-]{0,64}@[\w\[]|//(?:[\w.-]|%[2-7][0-9a-f]){0,60}%(?:2e|3[0-9]|[46][1-9a-f]|[57][0-9a])(?:[\w.-]|%[2-7][0-9a-f]){0,60}(?:/|\s*\Z)|https?://[\w.-]+[?#]{1,2}@[\w-]+(?:\.[\w-]+)+|[a-z][a-z0-9+.-]{0,15}:@[\w-]+(?:\.[\w-]+)+"
    rb"|https?://(?![^\s/?#:@.]{1,64}:[^\s/?#@]{0,64}@|[\w-]{1,64}@[\w.-]+/[\w./-]+\.git/?\Z)[^/?#\s]{0,80}(?:@|%40|\\|\xe3\x80\x82|%e3%80%82|\xef\xbd\xa1|%00|%09|%5c|%23|%2f(?=[.@])"
    rb"|%3f)[\w@%\\/.]|//(?:[\w-]+\.)+[a-z]{2,}/?%2[ef]"
    rb"|//(?:[\w-]+\.)+[a-z]{2,}(?:%00|\x00)|/\.(?:[\w-]+\.)+[a-z]{2,}$|<>//"
    rb"|(?:(?:/[\w.~-]{1,64}(?=/\.\.//))?/?(?:\.{1,2}/){0,3}\.{1,2}/{2,4}|[\t\r\n\v\f]+//|https?:[\t\r\n]+)(?:[\w-]+\.)+(?!(?:html?|php|jsp|aspx?|m?js|ts|json|css|pdf|png|jpe?g|gif|svg|webp|ico|woff2?|md|txt|vue|xml|ya?ml|zip|mp\d)\b)[a-z]{2,12}(?=[/?#:]|\s*\Z)"
    rb"|(?=h[tps]{0,4}:?[\t\r\n])h[\t\r\n]*+t[\t\r\n]*+t[\t\r\n]*+p[\t\r\n]*+(?:s[\t\r\n]*+)?:[\t\r\n]*+[/\\][\t\r\n/\\]*+(?:[\w-]+\.)+(?:[a-z]{2,16}|\d{1,3})(?=[/?#:\\]|\s*\Z)"
    rb"|//[^/\s]{1,64}(?:%e3%80%82|\xe3\x80\x82)|\.?/{2,}%5c|x://|;//|//;@|/[/\\]*\[?[\w:]+\]?@)"
)
_RELATIVE_HOST: Final = re.compile(
    rb"(?i)\s*//(?:[\w-]+\.)+[a-z]{2,16}(?:[:/?#%].*)?$|\s*//\d{1,3}(?:\.\d{1,3}){3}"
    rb"|\s*//\[[0-9a-f:.]+\]|\s*//(?=[0-9a-f.]*:)[0-9a-f:.]+(?:[/?#]|$)|\s*//(?:\d{6,10}|0x[0-9a-f]+)"
)


_TWO_HOSTS: Final = re.compile(rb"(?i)\s*https?://[^/?#\s]{1,80}[;,]https?://")


_INNER: Final = re.compile(rb"/[^\s?]{0,80}\?(?:\S{0,80}&)?\w{1,16}=(?=//)")
"""A path of the site that takes the place to go to as a parameter of its own."""
_ASSET: Final = re.compile(rb"(?i)\.(?:js|css|png|jpe?g|gif|svg|webp|woff2?|ico|mp4)(?:\s.*)?$")


def confirm_redirect(value: bytes, span: tuple[int, int]) -> Confidence | None:
    """HIGH for a URL which is spelled so that a check takes it for a path of the site and a browser does not."""
    text = value[:1024]
    if b"\n" in text.strip() and is_document(value):
        return None
    return Confidence.HIGH if _ODD_REDIRECT.match(text) and len(text.split()) <= 2 else None


def confirm_away(value: bytes, span: tuple[int, int]) -> Confidence | None:
    """The same for parameters that name where to go next: "//host" too."""
    text = value[:1024]
    inner = _INNER.match(text)
    target = text[inner.end() :] if inner else text
    if (_RELATIVE_HOST.match(target) and not _ASSET.search(text)) or _TWO_HOSTS.match(text):
        return Confidence.HIGH
    return confirm_redirect(value, span)
