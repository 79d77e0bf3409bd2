"""Does a value change the filter or query into which it is put: LDAP, XPath, document stores?

Owns the judgement on query languages other than SQL. A filter expression typed into a search box stays inside its
literal; one that closes the literal's parenthesis, bracket or quote first does not.
"""

from __future__ import annotations

import re
from typing import Final

from waf.inspect.confirm.shape import is_document, is_no_script, prose_words
from waf.model import Confidence

# ----------------------------------------------------------------------------------------------- LDAP (RFC 4515)

_LDAP_NAMES: Final = (
    rb"(?:uid|cn|sn|ou|dc|mail|objectclass|objectcategory|userpassword|password|pass|user|username|login"
    rb"|member(?:of)?|givenname|department"
    rb"|description|homedirectory|samaccountname|userprincipalname|telephonenumber|name|displayname"
    rb"|gidnumber|uidnumber|o|c|l|title|manager|directory|security_level|owner|type|zone|attribute\d?"
    rb"|email|active|role|group)"
)
_LDAP_BREAK: Final = re.compile(
    rb"\)\s*+\(?\s*+[&|!]?\s*+\(\s*+[&|!]?\s*+\(?\s*+[A-Za-z][\w;.-]{0,40}\s*+(?:[~<>:]=|=)"
    rb"|\*\s*+\)+\s*+\(\s*+[&|!(]|\)\s*+\(\s*+[&|!]\s*+(?:[()]|$)|\)\)?\s*+(?:%00|\x00)|\*\)\s*+\(|\*\(\)?\|",
    re.I,
)
_LDAP_FILTER: Final = re.compile(
    rb"^\s*\(\s*[&|!]\s*\(\s*"
    + _LDAP_NAMES
    + rb"\s*[~<>]?=|^\s*[&|!]?\s*\(\s*[&|]\s*\(|\(\s*objectclass\s*=\s*\*?|^\s*\*\)\)*[(&|%\x00]|^\s*\("
    + _LDAP_NAMES
    + rb"=\*\)|^\s*\*?\(\|\(",
    re.I,
)
_LDAP_SIGN: Final = re.compile(
    _LDAP_NAMES + rb"\s*+[~<>:]?=|=\*|\*\)|\*\(\)\||\([&|!]\s*(?:[()]|$)|%00|\x00", re.I
)

_LDAP_RULE: Final = re.compile(
    rb"\)\s*+\(?\s*+[&|!]?\s*+\(\s*+[&|!]?\s*+\(?(?:[A-Za-z][\w;.-]{0,40}(?::dn)?:(?:\d[\d.]{2,60}|[a-z]\w{3,40}Match):="
    rb"|(?:[A-Za-z][\w;.-]{0,40})?:dn:(?:[\w.-]{1,60}:)?=)",
    re.I,
)
"""An assertion by a rule of matching, "(userAccountControl:1.2.840.113556.1.4.803:=2)" (RFC 4515, section 3)."""

# Stars in parentheses of their own, as people rate by them: nothing of the app's is closed, and no filter is without these signs.
_LDAP_STARS: Final = re.compile(rb"\s*\(\*\)[^=&|!\x00%]*")

_LDAP_SAID: Final = re.compile(rb"[A-Za-z\x80-\xff][A-Za-z\x80-\xff,.:'-]*\s[^()*%\x00&|!]*(?=\()")


def _is_shown(text: bytes) -> bool:
    """Words, then a filter with all of its parentheses: it is none as a whole, and as a value closes nothing of the app's."""
    said = _LDAP_SAID.match(text)
    if said is None or b"%" in text or b"\x00" in text:
        return False
    depth = 0
    for sign in _LDAP_PARENTHESIS.finditer(text, said.end()):
        depth += 1 if sign[0] == b"(" else -1
        if depth < 0:
            return False
    return depth == 0


_LDAP_PARENTHESIS: Final = re.compile(rb"[()]")

# What closes, then the first parenthesis that opens anything.
_LDAP_TIGHT: Final = re.compile(rb"\)++\((?:[&|!]\(|[&|]\)|[&|!]?\(?" + _LDAP_NAMES + rb"[~<>:]?=)", re.I)


def confirm_ldap(value: bytes, span: tuple[int, int]) -> Confidence | None:
    """HIGH where the value closes a filter and opens another, or is a whole filter with a wildcard."""
    document = is_document(value)
    if len(value) > 1024 and not document:
        return None
    text = value[: 65536 if document else 1024]
    if document or prose_words(value, span[0]) >= 3:
        # Words inside the filter's own value: its parenthesis ends at once.
        first = text.find(b"(")
        closing = len(text[:first].rstrip(b")")) if first > 0 else first
        return Confidence.HIGH if closing < first and _LDAP_TIGHT.match(text, closing) else None
    if _is_shown(text):
        return None
    matched = _LDAP_RULE.search(text)
    if matched and b"(" not in text[: matched.start()]:
        return Confidence.HIGH
    if _LDAP_FILTER.search(text) and re.search(rb"=\s*\*|\*\s*\)|[&|]\s*\(", text):
        return Confidence.HIGH
    if _LDAP_STARS.fullmatch(text):
        return None
    broken = _LDAP_BREAK.search(text)
    if broken and _LDAP_SIGN.search(text, max(0, broken.start() - 1)):
        opened = text.count(b"(", 0, broken.start())
        return Confidence.HIGH if opened == 0 or text.lstrip()[:1] in b"(*" else None
    return None


# --------------------------------------------------------------------------------------------------------- XPath

_XPATH: Final = re.compile(
    rb"['\"]?\s*+\]\s*(?:\||!|/|or\b|and\b|\[)\s*[^\n]{0,80}(?://|\[|::|node\(|text\(|\*)|(?:child|parent"
    rb"|ancestor|descendant|following|preceding|self|attribute)(?:-or-self|-sibling)?::(?:\*|node|text|\w)"
    rb"|\b(?:string-length|substring-before|count|name|local-name|contains|starts-with|substring"
    rb"|normalize-space|string|position|codepoints-to-string|doc|doc-available|unparsed-text|document|generate-id|namespace-uri|base-uri|document-uri"
    rb"|last)\s*\(\s*(?:/|\.|//|\w+::|@|\)|'|\"|concat|\w+\s*,)"
    rb"|\b(?:boolean|not|matches|translate|concat|sum|number|tokenize|exists|empty|data|string-join|upper-case|lower-case"
    rb"|replace|ends-with|min|max|avg|distinct-values|round|floor|ceiling|reverse|node-name|root|local-name|doc-available"
    rb"|encode-for-uri)\s*\(\s*(?:concat\s*\()?[^()]{0,60}//?[\w*@][\w*]{0,40}(?:[/\[,@]|\s*\))"
    rb"|['\"\]]\s*(?:or|and|,|\|)\s+(?:fn:)?(?:system-property|environment-variable|available-environment-variables|static-base-uri|current-date\w{0,4}"
    rb"|unparsed-text-lines|json-doc|serialize|parse-xml|element-available|function-available|(?:xdmp|cts|saxon|exslt|db):\w{2,24})\("
    rb"|['\"]\s*\]\s*(?:return\s+\$\w|,\s*//?\w)"
    rb"|\blast\(\)\s*[-+=<>]|['\"]\s*(?:or|and)\s+(?:lang|id|key|self|boolean)\s?(?:\(\s?['\"]|::)"
    rb"|/[^\[\]]{0,60}\[[^\[\]]{1,60}\bor\s+['\"]?(\w{1,8})['\"]?\s?=\s?['\"]?\1['\"]?\s?\]"
    rb"|['\"]\s*(?:or|and)\s*//\w|['\"\])]\s*\|\s*//\w|\b(?:or|and)\s+(?:true|false)\s?\(\)|\A\s*(?:true|false)\(\)\s+(?:or|and)\s+//?\w|\|\s*//?\*|['\"]\s*(?:or|and)\s+(?:processing-instruction|comment|text|node)\s?\(\s*\)|//user\b|/\*\s*\[",
    re.I,
)
_XPATH_CLOSES: Final = re.compile(
    rb"['\"\])](?=\s*(?:\]|\)|or\b|and\b|\||=|,\s*(?:fn|xdmp):|(?<=[\])])/))", re.I
)
_XPATH_BEGINS: Final = re.compile(
    rb"^\s*+(?:\d++\s++)?(?:or|and)\b|^\s*+\d*+\s*+[\])]|^\s*+(?:last|position|true|false)\s*\(\s*\)|^\s*+[a-z-]{2,20}\s*\(\s*//"
    rb"|^\s*+\||^\s*+//(?!(?:html|body|main|div|span|a|ul|ol|li|table|tr|t[dh]|h[1-6]|p|input|button|img|form|section|article|meta|link)\b)"
    rb"|^\s*+(?:count|string-length|doc)\s*\(|^\s*+(?:substring\s*\(\s*)?(?:local-)?name\s*\(\s*/|^\s*+substring\s*\(\s*name\s*\(|^\s*+[a-z-]{3,24}\(\s*//[\w*@]+[/\[]|^\s*+/{1,2}(?:child|descendant|ancestor|parent|self|following|attribute)[a-z-]*::|^\s*+last\(\)",
    re.I,
)


def _leaves_predicate(value: bytes) -> bool:
    """The first quote, or a bracket that the value has not opened, is followed by what goes on in XPath."""
    for match in _XPATH_CLOSES.finditer(value, 0, 65):
        start = match.start()
        before = value[:start]
        if b"'" in before or b'"' in before or b"]" in before:
            return False
        mark = value[start : start + 1]
        opening = b"(" if mark == b")" else b"["
        if mark in b"'\"" or before.count(opening) <= before.count(mark):
            return True
    return False


def confirm_xpath(value: bytes, span: tuple[int, int]) -> Confidence | None:
    """HIGH where the value leaves a literal or predicate and goes on with axes, node tests or XPath functions."""
    if is_document(value) or len(value) > 1024:
        return None
    left = _XPATH_BEGINS.search(value) or _leaves_predicate(value)
    return Confidence.HIGH if left and _XPATH.search(value) else None


# ----------------------------------------------------------------------------------------------- document stores

_OPERATORS: Final = (
    rb"(?:ne|gte?|lte?|nin|in|eq|not|nor|or|and|where|regex|exists|elemmatch|expr|function|accumulator"
    rb"|jsonschema|comment|type|mod|all|size|text|func|slice|lookup|match|set|inc|push|unset|rename)"
)
_OBJECT: Final = re.compile(
    rb"[{\[,]\s*[\"']?\$" + _OPERATORS + rb"[\"']?\s*:|\[\s*[\"']?\$" + _OPERATORS + rb"[\"']?\s*\]", re.I
)
# Script of a store, by where it has to stand to be more than a line of code that people show:
# behind a quote that ends the app's literal …
_SCRIPT_BEHIND: Final = re.compile(
    rb"(['\"`])\s*\+\s*this\.\w|(['\"`])\s*[\])}]*\s*(?:;|\|\||&&|,|\})\s*(?:return\b|this\.|\$?where|\$or|\$and|\$ne|db\.|sleep\("
    rb"|while\s*\(|\(\s*function\s*\(|var\b|it\s*=|date\s*(?:;|=\s*new\b)|do\s*\{|throw\b|'?[a-z\d]{0,3}'?\s*={2,3}|'\w{0,8}'\.(?:length|match|substr)|true\b|\d\s*={2})",
    re.I,
)
# … at the beginning, behind no more than a word or number and what ends it …
_SCRIPT_FIRST: Final = re.compile(
    rb"^\s*+['\"]?[\w.@-]{0,40}['\"]?[\s)\]}|&;!,]*(?:return\s*+\(?\s*+)?!?(?:this\.[A-Za-z_]\w*\s*(?:\["
    rb"|\.(?:match|length|indexof|startswith|includes|substr|charat|constructor|tostring)\b|={2,3}|!=|<|>)"
    rb"|(?<=;)(?:return\b|sleep\(|while\s*\())"
    rb"|^\s*+(?:true|false|\d+)?+\s*+,\s*['\"]?\$(?:where|or|and|ne|gt|regex)['\"]?\s*:|^\s*+\{\s*['\"]?\$"
    + _OPERATORS
    + rb"\b|^\s*+return\s*+\(?\s*+(?:true|1\b|!)|^\s*+function\s*\(\s*\)\s*\{(?!\s*\})",
    re.I,
)
# … or anywhere, as no program but one for a store has it.
_SCRIPT: Final = re.compile(
    rb"\bthis\.[A-Za-z_]\w*\.match\(|(?<![\w.])db\.(?:(?:dropdatabase|shutdownserver|admincommand|runcommand)\s*\(|[A-Za-z_]\w*\.(?:insert|remove|update|drop|save|delete|findand)\w*\s*\()"
    rb"|(?:^|[^\w\s.:>]|\breturn)\s*db\.(?:get\w*|[A-Za-z_]\w*\.(?:find|aggregate|count)\w*)\s*\(|\bmapreduce\b|\bobject\.keys\(\s*this\b"
    rb"|\$where\s*['\"]?\s*:\s*|(?:\|\||&&)\s*(?:'\w{0,8}'?|\d+)\s*={2,3}\s*'?\w{0,8}"
    rb"|\bobjectid\(|\bnew\s+date(?:\(\))?;?\s*(?:do|while)\b|\bdo\s*\{[^}]{0,60}\}\s*while\s*\(|;\s*(?:sleep\(\s*\d|while\s*\(\s*(?:1|true)\s*\)|return\s*\(?\s*(?:true\b|1\s*==))"
    rb"|\bfunction\s*\(\)\s*\{[^}]{0,80}(?:sleep|while|do\s*\{|for\s*\([^)]{0,60}\)\s*;)"
    rb"|\A[^'\"]{0,80}['\"]\s*[\])}]*\s*(?:;|\|\||&&|\+|,)\s*(?:emit\s?\(\s?this\b|[\w.]{1,30}\(\s?this\s?[\[.,)]|if\s?\(\s?this\b)",
    re.I,
)


def _is_script(text: bytes) -> bool:
    if _SCRIPT_FIRST.search(text) or _SCRIPT.search(text):
        return True
    # Quotes of code that people show come in pairs: one that ends such a pair ends no literal of the app.
    return any(text.count(m[1] or m[2], 0, m.start()) % 2 == 0 for m in _SCRIPT_BEHIND.finditer(text))


_DECLARED: Final = re.compile(
    rb"\A\s*(?:query|mutation|subscription)(?:\s+\w+)?\s*\([^(){}'\"]*\)\s*(?=[{@])", re.I
)
"""The variables that an operation of GraphQL declares ("$where: Filter!")."""
_SCRIPT_LEFT: Final = re.compile(
    rb"['\"]\s*[\])}]*\s*(?:;|\|\||&&|,|\})\s*(?:return\s*\(?\s*(?:true|1\b|this\b)|this\.\w|\$where|db\.\w|sleep\(|while\s*\("
    rb"|var\s+\w+\s*=|do\s*\{)",
    re.I,
)


def _leaves_for_script(value: bytes) -> bool:
    """Behind its first quote, which ends the app's literal, the value goes on as script of a store."""
    positions = (value.find(quote, 0, 65536) for quote in (b"'", b'"'))
    return any(position >= 0 and _SCRIPT_LEFT.match(value, position) for position in positions)


def confirm_nosql(value: bytes, span: tuple[int, int]) -> Confidence | None:
    """HIGH for query operators as keys, and for script that leaves its literal inside $where."""
    if is_document(value):
        return Confidence.HIGH if _leaves_for_script(value) else None
    if len(value) > 4096:
        return None
    text = _DECLARED.sub(b"", value[:2048], 1)
    if prose_words(value, span[0]) >= 3:
        return Confidence.HIGH if _leaves_for_script(text) else None
    found = _OBJECT.search(text)
    if found and (text.lstrip()[:1] in (b"{", b"[", b"'", b'"') or len(text[: found.start()].split()) <= 2):
        return Confidence.HIGH  # deep within a line of code it is that code's
    return Confidence.HIGH if len(text) < 600 and _is_script(text) and not is_no_script(value) else None


# ------------------------------------------------------------------------------------ header lines (RFC 9112, 5322)

_HEADER: Final = re.compile(
    rb"(?:[\r\n]|\xe5\x98[\x8a\x8d]|\xc4[\x8a\x8d])[ \t]{0,2}(?:"
    rb"(?P<sure>set-cookie2?\s*:\s*[\w%-]{1,60}=|location\s*:\s*(?:https?:|/|javascript|\.|[\w-]+\.\w)"
    rb"|refresh\s*:\s*\d"
    rb"|content-(?:type|length|disposition|security-policy|encoding)\s*:\s*[\w*]|access-control-[\w-]+\s*:"
    rb"|transfer-encoding\s*:|http/\d|(?:get|post|put|delete|head)\s+[/h]\S*\s+http/\d"
    rb"|x-xss-protection\s*:|clear-site-data|strict-transport-security\s*:|last-modified\s*:\s*[a-z]{3},|etag\s*:\s*[\"w]"
    rb"|content-(?:location|language|range)\s*:|proxy-authenticate\s*:|www-authenticate\s*:|(?P<page>\r?\n\s{0,4}<(?:!doctype|html|script|svg|body|iframe)\b))"
    rb"|(?P<likely>x-[\w-]{1,40}|link|host|cookie|authorization|user-agent|referer|connection|via|server"
    rb"|status|p3p|expires"
    rb"|cache-control|pragma|vary|age|allow|retry-after|upgrade|trailer|origin|forwarded|keep-alive|[a-z-]{0,16}(?:header|crlf|inject\w*|custom|test|evil|poc)[\w-]{0,24})\s*[:=])",
    re.I,
)
_PART: Final = re.compile(rb"[\w%./=&?-]{0,60}")
_PAIR: Final = re.compile(rb"(?:^|\n)[ \t]*[A-Za-z][\w -]{0,40}: ")


def confirm_crlf(value: bytes, span: tuple[int, int]) -> Confidence | None:
    """HIGH where a short value breaks off its line and goes on with a header; a posted mail or document does not."""
    if is_document(value) or len(value) > 2048:
        return None
    match = _HEADER.search(value, max(0, span[0] - 8))
    if match is None:
        return None
    before = value[: match.start()]
    if _PAIR.search(before) or before.count(b"\n") > 2 or (b"\n" in before.strip() and len(before) > 80):
        return None
    if match[
        "page"
    ]:  # no headers, and the answer itself: behind what may be a part of an address, and no greeting
        return Confidence.HIGH if _PART.fullmatch(before) else None
    if match["sure"]:
        return Confidence.HIGH if len(before.split()) <= 8 else None
    return (
        Confidence.HIGH
        if len(before.split()) <= 3
        and value.count(b"\n") <= 3
        and value[match.end() - 1 : match.end()] == b":"
        else None
    )


_MAIL: Final = re.compile(
    rb"\s-OQueueDirectory=(?P<option>)|\r?\n\.\r?\n(?:mail from|rcpt to|ehlo|helo|quit|rset|data)\b(?P<ended>)|[\r\n][ \t]{0,2}(?:(?P<sure>b?cc\s*:|rcpt to|mail from|[av]\d{1,4}\s+[a-z]{4,10}\b|[a-z]\d{1,4}\s+(?:logout|login|create|select|fetch|capability|list|delete|rename|copy|search|store|examine|noop|append)(?:[ \t]+[^\s]+){0,2}[ \t]*(?:[\r\n]|\Z)"
    rb"|(?:dele|retr|uidl)\s+\d{1,6}\s*(?:[\r\n]|\Z)|user\s+\S{1,60}[\r\n]{1,2}\s*pass\s|top\s\d{1,6}\s\d{1,6}\s*(?:[\r\n]|\Z)|apop\s\S{1,60}\s\S{1,60}\s*(?:[\r\n]|\Z)|(?:stat|noop|capa)\r?\n|mime-version\s*:"
    rb"|content-\w+\s*:"
    rb"|x-(?:mailer|priority|originating-ip|sender)\s*:|reply-to\s*:|return-path\s*:|(?:disposition-notification|errors|envelope|delivered|apparently|resent)-to\s*:|resent-(?:cc|bcc|from)\s*:"
    rb"|list-unsubscribe\s*:|in-reply-to\s*:|(?:ehlo|helo|vrfy|expn)\s|(?:quit|rset|data)\s*[\r\n]"
    rb"|(?:quit|rset|data)$)"
    rb"|(?:to|from|subject|date|sender|message-id|references|received|importance|priority|organization|x-[a-z][a-z-]{1,24})\s*:)",
    re.I,
)


def confirm_mail(value: bytes, span: tuple[int, int]) -> Confidence | None:
    """The same for mails and mail servers: a name or address breaks off and goes on with headers or commands."""
    if is_document(value) or len(value) > 2048:
        return None
    match = _MAIL.search(value, max(0, span[0] - 8))
    if match is None:
        return None
    before = value[: match.start()]
    if match["ended"] is not None:  # the line that ends a mail, then a command
        return Confidence.HIGH
    if len(before.split()) > 4 or _PAIR.search(before) or before.count(b"\n") > 1:
        return None
    if match["option"] is not None:
        return Confidence.HIGH
    rest = value[match.end() : match.end() + 200]
    addressed = b"@" in rest.split(b"\n")[0] or (b"@" in before and b"\n\n" not in before.replace(b"\r", b""))
    whole = b"\n" in rest.strip() and len(before.split()) <= 1 and b"\n" not in before
    return Confidence.HIGH if match["sure"] or addressed or whole else None


# ------------------------------------------------------------------------------------------------ cells of a sheet

_TO_A_CELL: Final = re.compile(
    rb"\s*=\s*HYPERLINK\s*\(\s*\"#[^\"\r\n]{0,200}\"\s*(?:[,;]\s*\"[^\"\r\n]{0,200}\"\s*)?\)\s*", re.I
)
_CHANGED: Final = re.compile(
    rb"(?:diff --git [^\n]{1,200}\n(?:[^\n]{1,200}\n){0,4})?--- [^\n]{1,200}\n\+\+\+ [^\n]{1,200}\n@@ -\d"
)
_ADDED_CALL: Final = re.compile(rb"[+-]\s{0,60}(?:exec|call|register)\w{0,20}\s?\(")


def confirm_csv(value: bytes, span: tuple[int, int]) -> Confidence | None:
    """HIGH but for a link to another cell of the same sheet, and for a line that a patch adds or takes away."""
    if len(value) <= 1024 and _TO_A_CELL.fullmatch(value):
        return None
    start = span[0] + (value[span[0] : span[0] + 1] == b"\n")
    return None if _ADDED_CALL.match(value, start) and _CHANGED.match(value) else Confidence.HIGH
