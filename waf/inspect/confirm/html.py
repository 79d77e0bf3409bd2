"""Would a value, put into a page, run script, load a frame or take over a form?

Owns the judgement on tags, attributes, URLs and styles. Formatting is data: a CMS takes paragraphs, links, images
and tables all day. Script elements, handlers, script URLs, documents within documents and the attributes by which a
quote is left are not. Tags are read as browsers read them: slashes and controls part attributes, entities are
decoded, names are matched without case, a tag needs no end.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import Final

from waf.inspect.confirm import js, stands
from waf.inspect.confirm.guarded import Guarded
from waf.inspect.confirm.html_attributes import Attributes
from waf.inspect.confirm.html_idle import is_idle, is_idle_within
from waf.inspect.confirm.html_unrun import is_shown, never_runs
from waf.inspect.confirm.shape import WINDOW, for_lower_case, is_document, of_value, prose_words, words_after
from waf.model import Confidence

_TAGS_MAX: Final = 48
_ATTRIBUTES_ALL: Final = 192  # of all tags, which begin at most 256 bytes before the match: no junk hides it
_URLS_MAX: Final = 8
_TAG: Final = re.compile(rb"<[\s\x00]{0,3}(?:[/!?%][\s\x00/]*)?([A-Za-z][\w:.-]{0,40})", re.S)
_LOOSE: Final = re.compile(rb"[\s/]*(?:>|src|[\w-]+\s*=)", re.I)  # "< script >", which filters repair
_HANDLER: Final = re.compile(rb"(?:\w*:)?on[a-z][a-z0-9_]{2,40}", re.I)
_NOT_HANDLERS: Final = frozenset((b"once", b"online", b"onboarding", b"ongoing", b"only", b"onward"))
_EVENTS: Final = re.compile(
    rb"on(?:abort|activate|afterprint|afterscriptexecute|animation\w+|auxclick|before\w+|begin|blur|bounce"
    rb"|cancel|canplay\w*|change|click"
    rb"|close|content\w+|contextmenu|copy|cuechange|cut|dblclick|drag\w*|drop|durationchange|emptied|end|ended|error"
    rb"|finish|focus\w*|formdata"
    rb"|fullscreen\w*|gotpointercapture|hashchange|input|invalid|key\w+|load\w*|lostpointercapture"
    rb"|message\w*|mouse\w+|offline|page\w+"
    rb"|paste|pause|play\w*|pointer\w+|popstate|progress|propertychange|ratechange|readystatechange|repeat"
    rb"|reset|resize|scroll\w*|search"
    rb"|securitypolicyviolation|seek\w+|select\w*|show|slotchange|stalled|start|storage|submit|suspend"
    rb"|timeupdate|toggle|touch\w+"
    rb"|transition\w+|unhandledrejection|unload|volumechange|waiting|webkit\w+|wheel|zoom)$",
    re.I,
)
_URL_ATTRIBUTES: Final = frozenset(
    b"href src action formaction data xlink:href background dynsrc lowsrc from to values by poster code codebase "
    b"cite content ping manifest archive classid longdesc profile usemap srcset handler value target url path "
    b"folder fallback".split()
)
_SCRIPT_URL: Final = re.compile(rb"(?:\w{1,12}:)?(?:javascript|vbscript|livescript|mocha|jscript):", re.I)
_DATA_URL: Final = re.compile(
    rb"data:(?:text/html|text/xml|text/xsl|application/x?html|application/xml|image/svg\+xml"
    rb"|text/javascript|application/javascript|,|;|\*)",
    re.I,
)
_HARMLESS: Final = re.compile(
    rb"javascript:\s*+(?:void\s*+\(?\s*+0?\s*+\)?|//|#|history\.(?:back|go)\([-\d]*\)|window\.print\(\)|;"
    rb"|return false|print\(\)|$)[;\s]*+$",
    re.I,
)
_CONTROLS: Final = bytes(range(0x21))
_STYLE: Final = Guarded(
    for_lower_case(
        rb"expression\s*\((?!s\))|-moz-binding|behaviou?r\s*:\s*url|(?:javascript|vbscript)\s*:|@import|-o-link\s*:"
        rb"|\\65\s*xpression|filter\s*:\s*progid|data:text",
    )
)
_FRAMES: Final = frozenset(b"iframe frame embed object applet layer ilayer portal fencedframe".split())
_STRANGE: Final = frozenset(b"isindex bgsound keygen xss multicol nextid listing plaintext".split())
_EMBED_SIGNS: Final = frozenset(
    b"width height allowfullscreen title frameborder allow loading sandbox class style type".split()
)


def confirm(value: bytes, span: tuple[int, int]) -> Confidence | None:
    """How sure it is that `value` brings active content into a page. At most `_TAGS_MAX` tags around `span`."""
    start = max(0, span[0] - 256)
    piece = value[start : max(span[1] + 512, start + WINDOW)][: WINDOW * 2]
    best: Confidence | None = None
    left = _ATTRIBUTES_ALL
    within = Attributes(piece)
    for number, tag in enumerate(_TAG.finditer(piece)):
        if number >= _TAGS_MAX or left <= 0:
            break
        attributes, read = within.of(tag.end())
        left -= read
        found = _tag(piece, tag, attributes)
        if found is not None:
            if found is Confidence.HIGH and is_shown(value, start + tag.start()):
                found = None
            elif found is Confidence.HIGH:
                return found
        best = found or best
    if is_document(value):
        ended = best is not Confidence.HIGH and any(
            js.is_code(match[1])
            for position in (value.find(quote, 0, 65536) for quote in (b"'", b'"'))
            if position >= 0 and (match := _ENDED.match(value, position + 1))
        )
        return Confidence.HIGH if ended else best
    if _leaves(value, span) or confirm_url(value, span) is Confidence.HIGH:
        return Confidence.HIGH
    return best


def _tag(piece: bytes, tag: re.Match[bytes], attributes: dict[bytes, bytes]) -> Confidence | None:
    name = tag[1].lower().rpartition(b":")[2]
    closing = piece[tag.start() + 1 : tag.start() + 2] == b"/"
    if name == b"script":
        if piece[tag.start() + 1 : tag.start() + 2].isspace() and not _LOOSE.match(piece, tag.end()):
            return None
        # in SVG its source is told by other names
        foreign = b"href" in attributes or b"xlink:href" in attributes
        return _script(piece, tag, closing, b"" if foreign else attributes.get(b"src", b""))
    if name == b"style":
        rest = piece[tag.end() : tag.end() + 1024]
        if _STYLE.search(rest.lower()):
            return Confidence.HIGH
    for attribute, content in attributes.items():
        if attribute.startswith(b"on") or b":on" in attribute:
            if content.startswith(b"{") and not js.acts(content):  # a component's property
                continue
            if (
                _HANDLER.fullmatch(attribute)
                and attribute not in _NOT_HANDLERS
                and not content.strip().isdigit()
                and content.strip()
                and not is_idle(attribute, name, content)
            ):
                return Confidence.HIGH
        elif attribute == b"srcdoc":
            return Confidence.HIGH
        elif attribute == b"style":
            if _STYLE.search(content.lower()):
                return Confidence.HIGH
        elif content and attribute in _URL_ATTRIBUTES and _active_url(content, name):
            return Confidence.HIGH
    if name in _STRANGE:
        return Confidence.HIGH if name == b"xss" else Confidence.MEDIUM
    return None if closing else _element(name, attributes)


def _script(piece: bytes, tag: re.Match[bytes], closing: bool, source: bytes) -> Confidence | None:
    rest = piece[tag.end() : tag.end() + 400]
    if rest[:1] and rest[:1] not in b" \t\r\n\f\v>/\x00\"'=+;" and rest[:1].isalnum():
        return None
    if closing:
        # One that closes the page's own script, rather than one of the value's.
        left = (
            re.match(rb"[^>]{0,20}>\s*<", rest)
            and not is_document(piece)
            and _SCRIPT_OPENED.search(piece, 0, tag.start()) is None
        )
        return Confidence.HIGH if left else None
    if re.match(
        rb"[^>]{0,80}type\s*=\s*[\"']?(?:application/(?:ld\+)?json|text/(?:x-)?(?:template|handlebars|math))",
        rest,
        re.I,
    ):
        return None
    if (own := _OWN_SCRIPT.match(rest) if _OWN_SOURCE.fullmatch(source) else None) and (
        is_document(piece)
        or len(_PLAIN_WORDS.findall(piece, 0, tag.start())) + len(_PLAIN_WORDS.findall(rest, own.end())) >= 6
    ):
        return None  # a page that shows how a script of the site is loaded
    if (
        rest[:1] == b">"
        and (
            words_after(rest, 1) >= 2
            or (rest[1:2] in b",.;:)" and not _ASSIGNS.search(rest))
            or _ONE_WORD.match(rest)
        )
        and b"</script" not in rest.lower()
        and b"(" not in rest
    ):
        return None  # a sentence about the tag
    return None if rest[:1] == b">" and never_runs(piece, tag.start(), rest) else Confidence.HIGH


_ASSIGNS: Final = re.compile(rb"[=`\[]")
_ONE_WORD: Final = re.compile(rb">\s+[A-Za-z]+[.!?]?\s*$")
_SCRIPT_OPENED: Final = re.compile(rb"<script[\s>]", re.I)
_PLAIN_WORDS: Final = re.compile(rb"(?<![^\s])[A-Za-z]{2,}(?=[\s,.:;!?])")
_OWN_SOURCE: Final = re.compile(rb"(?!//)(?:\.{0,2}/)*[A-Za-z0-9_][\w./-]*")
_OWN_SCRIPT: Final = re.compile(
    rb"(?![^>]*[\s/\"']on)\s[^>]{0,80}\bsrc\s*=\s*[\"']?(?:\.{0,2}/)*[A-Za-z0-9_][\w./-]*[\"']?[^>:]{0,80}>\s*(?:</script|$)",
    re.I,
)


def _element(name: bytes, attributes: dict[bytes, bytes]) -> Confidence | None:
    if name == b"meta" and b"http-equiv" in attributes:
        kind = attributes[b"http-equiv"].lower()
        return (
            Confidence.HIGH
            if kind in (b"refresh", b"set-cookie", b"link")
            or b"url" in attributes.get(b"content", b"").lower()
            else None
        )
    if name == b"base":
        return (
            Confidence.HIGH
            if re.match(rb"(?:https?:)?//|javascript|data", attributes.get(b"href", b""), re.I)
            else None
        )
    if name == b"link" and attributes.get(b"rel", b"").lower() in (b"import", b"preload", b"modulepreload"):
        return Confidence.HIGH
    if name in (b"embed", b"object", b"applet") and (
        b"allowscriptaccess" in attributes or b"classid" in attributes or b"code" in attributes
    ):
        return Confidence.HIGH
    if name in (b"set", b"animate", b"animatetransform", b"animatemotion") and re.search(
        rb"href|^on", attributes.get(b"attributename", b""), re.I
    ):
        return Confidence.HIGH
    if name in _FRAMES:
        source = attributes.get(b"src") or attributes.get(b"data") or b""
        if not source or _EMBED_SIGNS & attributes.keys() or (name == b"iframe" and _PLAYER.match(source)):
            return None
        return Confidence.HIGH  # what editors embed has a size, or an address for that
    return None


_PLAYER: Final = re.compile(
    rb"https://(?:player\.(?:[\w-]{1,40}\.){1,3}[a-z]{2,12}/(?:video/|embed/)|(?:[\w-]{1,40}\.){1,4}[a-z]{2,12}/(?:maps/)?embed[/?])[\w./?=&%!:;,+-]{1,400}\Z"
)


def _active_url(content: bytes, tag: bytes) -> bool:
    url = content[:512].translate(None, _CONTROLS)
    if b"%" in url[:40]:
        url = re.sub(rb"%([0-9a-fA-F]{2})", lambda m: bytes([int(m[1], 16)]), url)
    if b"\\" in url[:40]:
        url = re.sub(rb"\\(?:x|u00)([0-9a-fA-F]{2})", lambda m: bytes([int(m[1], 16)]), url).replace(
            b"\\", b""
        )
    for piece in (url, url.rpartition(b"url=")[2].strip(b"'\"")):
        if _SCRIPT_URL.match(piece):
            return not _HARMLESS.match(piece)
        if _DATA_URL.match(piece):
            return (
                not (
                    tag in (b"img", b"image", b"source", b"picture", b"use")
                    and piece[:14].lower() == b"data:image/svg"
                )
                or tag == b"use"
            )
    return False


_ENDED: Final = re.compile(rb"[\s/]*on[a-z]{3,20}\s*=\s*[\"'`]?([^>]{1,200})", re.I)
_STYLED: Final = re.compile(rb"[\"'`]\s*style\s*=", re.I)
_HANDLED: Final = rb"on([a-z]{3,40})[\s\x00]*=[\s\x00]*([\"'`]?)([^>\"'`\s][^>]{0,400}|[^>]{1,400})"
# In one expression `re` would try both at every byte.
_BEGINS: Final = re.compile(_HANDLED, re.I)
_BREAKOUT: Final = re.compile(rb"[\s\"'`/>;\x00]" + _HANDLED, re.I)


def _ends_attribute(value: bytes, position: int) -> bool:
    """The first quote of the value stands right before `position`, so it ends an attribute, whatever words come before."""
    before = value[:position].rstrip()
    return before[-1:] in (b'"', b"'") and value.find(before[-1:]) == len(before) - 1


_SIGN: Final = re.compile(rb"[\"'`>]")
_THIRD_WORD: Final = re.compile(rb"\s*\S++\s++\S++\s++\S")

_OWN_FUNCTION: Final = re.compile(
    rb"(?:return\s+)?(?!(?:alert|confirm|prompt|print|eval|fetch|open|close|stop|write|settimeout|setinterval|execscript|function|import)\b)[A-Za-z_]\w*\(\s*(?:this|event)?\s*\)\s*;?\s*(?:[\"']|\Z)",
    re.I,
)


_PROPERTY: Final = re.compile(rb"\{[\w$.]{1,60}\}(?=[\s/])")


def _is_property(code: bytes) -> bool:
    """Of a component, "{save}", which runs nothing where it is not called; no other handler follows."""
    named = _PROPERTY.match(code)
    return named is not None and _BREAKOUT.search(code, named.end()) is None


def _breaks_out(value: bytes) -> Confidence | None:
    """A handler (or a style with script) follows a quote that closes an attribute, or begins the value."""
    value = value[: WINDOW * 2]
    if b"=" not in value:
        return None
    sign, third = _SIGN.search(value), _THIRD_WORD.match(value)
    left = sign.start() if sign else len(value)  # from where on a handler may have left an attribute …
    many = third.end() - 1 if third else len(value)  # … and from where on there are more than two words
    first = _BEGINS.match(value)
    harmless: set[bytes] = set()
    for match in chain((first,) if first else (), _BREAKOUT.finditer(value, first.end() if first else 0)):
        known = _EVENTS.match(b"on" + match[1])
        code = match[3]
        if not known or (code.split(b"&")[0].isalnum() and len(code) < 24 and not match[2]):
            continue
        if match.start() < left and match.start() >= many:
            continue
        if code[:1] == b"{" and not match[2] and (_is_property(code) or not js.acts(code)):
            continue
        if value[match.start() : match.start() + 1] == b"`" and is_shown(value, match.start() + 1):
            continue
        if prose_words(value, match.start()) >= 3 and not _ends_attribute(value, match.start() + 1):
            continue
        if match.start() < left and value[: match.start()].strip():
            own = _OWN_FUNCTION.match(code)
            if own and not _BREAKOUT.search(code, own.end() - 1):
                continue  # a page's own function, named where no attribute was left
        if is_idle_within(value, match) and not _BREAKOUT.search(code):
            continue
        if code not in harmless and js.is_code(code):
            return Confidence.HIGH
        harmless.add(code)
    styled = _STYLED.search(value)
    return Confidence.HIGH if styled and _STYLE.search(value[styled.end() :].lower()) else None


_leaves: Final = of_value(_breaks_out)


_URL: Final = re.compile(
    rb"(?:^/?|[\s(\"'=\[<,;\x00-\x20])((?:\w{1,12}:)?(?:java|vb|live|j)script[\s\x00]*:|data:(?:text/html|application/xhtml\+xml)"
    rb"|mocha:)",
    re.I,
)


def confirm_url(value: bytes, span: tuple[int, int]) -> Confidence | None:
    """The same for a script URL anywhere in a value: a link parameter, a Markdown link."""
    start = max(0, span[0] - 64)
    if value.find(b":", start, span[1] + 512) < 0:
        return None
    for number, match in enumerate(_URL.finditer(value, start, span[1] + 512)):
        if number >= _URLS_MAX:
            break
        rest = value[match.start(1) : match.start(1) + 512]
        if _HARMLESS.match(rest.split(b'"')[0].split(b"'")[0].split(b"<")[0].rstrip(b")\\")):
            continue
        if rest[:4].lower() == b"data":
            if re.match(rb"data:(?:text/html|application/xhtml\+xml)[\w;=-]*(?:;base64)?,", rest, re.I):
                return Confidence.HIGH
            continue
        colon = rest.find(b":")
        code = rest[colon + 1 :]
        if code[:1] == b" " and prose_words(value, match.start(1)) >= 1:
            continue
        if js.is_code(code.split(b"\n")[0]) or (
            code[:1] in b"/%'\"\\" and re.search(rb"\n|%0a|\\n|[(`]", code, re.I)
        ):
            if is_document(value) and not re.search(
                rb"(?:href|src|action)\s*=\s*[\"']?\s*$|\]\(\s*$",
                value[max(0, match.start(1) - 24) : match.start(1)],
                re.I,
            ):
                continue
            return Confidence.HIGH
    return None


def confirm_css(value: bytes, span: tuple[int, int]) -> Confidence | None:
    """The same for style text: expressions, bindings, script URLs."""
    if is_document(value) or stands.confirm(value, span) is None:
        return None
    return Confidence.HIGH if _STYLE.search(value[max(0, span[0] - 32) : span[1] + 128].lower()) else None
