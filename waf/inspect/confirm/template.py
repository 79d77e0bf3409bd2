"""Is an expression between template delimiters meant for the engine, or is it text of a template?

Owns the judgement on template and expression languages: Jinja2, Twig, Nunjucks, Liquid, Handlebars, Vue, AngularJS,
Freemarker, Velocity, Thymeleaf, Smarty, Mako, ERB, Slim, Pug, Razor, EL, SpEL, OGNL, MVEL. Mail templates, wiki text,
workflow files and shell scripts hold names between such delimiters; they do not hold arithmetic of literals (the
probe), reach into an object's insides, or call what starts a process.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from waf.inspect.confirm.guarded import Guarded
from waf.inspect.confirm.shape import WINDOW, for_lower_case, has_times, is_document
from waf.model import Confidence


class _Delimited(NamedTuple):
    """A way in which engines mark expressions: what opens one, what closes it, and what must not stand between."""

    first: bytes  # what the opening may begin with
    opening: re.Pattern[bytes]
    closing: bytes
    longest: int  # bytes between
    without: bytes = b""
    dash: bool = False  # a "-" or "_" before the closing belongs to it


def _delimited(
    first: bytes, opening: bytes, closing: bytes, longest: int, without: bytes = b"", dash: bool = False
) -> _Delimited:
    return _Delimited(first, re.compile(opening, re.I), closing, longest, without, dash)


_WAYS: Final = (
    _delimited(b"{", rb"\{\{\{?", b"}}", 600),
    _delimited(b"$#*@~%_!", rb"(?:\$!?|[#*@~%!]|__\$)\{", b"}", 600, b"\n"),
    _delimited(b"<", rb"<%[-=#!@_]?", b"%>", 600, dash=True),
    _delimited(b"[", rb"\[\[", b"]]", 300, b"[]"),
    _delimited(b"{", rb"\{%-?", b"%}", 600, dash=True),
    _delimited(b"<", rb"<#", b">", 300),
    _delimited(b"#", rb"#(?:set|if|elseif)\s?\(", b")", 400),
    _delimited(b"@", rb"@\(", b")", 200, b"\n"),
    _delimited(
        b"{",
        rb"\{(?=php|system|exec|passthru|self::|\$smarty|@math |math |fetch |include |literal|if |eval |var_dump"
        rb"|phpinfo|constant|smarty|['\"]\w{1,16}['\"]\|@?\w{2,24}[:}]|\$\w{1,24}\|@?(?:system|exec|passthru|shell_exec|eval|assert|phpinfo)\b)",
        b"}",
        300,
        b"\n{",
    ),
    _delimited(b"{", rb"(?<![\w\\^_])\{(?:#|\$\w{1,16}=)?(?=\d{1,9}\s?[*+-]\s?\d{1,9}\})", b"}", 40),
    _delimited(b"{", rb"\{!!", b"!!}", 300),
    _delimited(b"#@", rb"[#@]\{", b"}", 300),
    _delimited(b"$", rb"\$\{\{", b"}}", 300),
    _delimited(b"[", rb"\[[#=]", b"]", 300),
)
"""In the order in which they are tried at one place."""
_BY_FIRST: Final = {
    byte: tuple(way for way in _WAYS if byte in way.first)
    for byte in frozenset(b"".join(w.first for w in _WAYS))
}

_UNCLOSED: Final = (
    (
        re.compile(
            rb"@(?=(?:System|DateTime|Environment\.|Html|Model|Context|Request|code|functions|using)\b)", re.I
        ),
        b"\n",
        200,
    ),
    (re.compile(rb"\{\{|\$\{|<%=?"), b"", 600),
)
"""What needs no end: the opening, what ends it, and how much is taken at most."""

_OPENER: Final = re.compile(
    rb"\{(?:[{%\dpsefilmvc$@'\"]|[#!](?=[\d!]))|[$#*@~%!]!?\{|__\$\{|<[%#]|\[[\[#=]|#(?:set|if|elseif)\s?\(|@[(sdhmcrfue]",
    re.I,
)
_BLANKS: Final = b" \t\r\n\f\v\0"
_OPENERS_MAX: Final = 64
"""Openings that are tried from one start; those that nothing closes are cheap, but a text may be full of them."""


def _expressions(value: bytes, start: int, stop: int) -> Iterator[tuple[int, int, bytes]]:
    """Where expressions begin and end within the bounds, in order and apart, and what stands between the delimiters."""
    stop = min(stop, len(value))
    within = iter(range(_OPENERS_MAX))  # those that are tried behind the others that nothing closes, together
    for _ in range(_OPENERS_MAX):
        opener = _OPENER.search(value, start, stop)
        if opener is None:
            return
        start = opener.start()
        closed = _closed(value, start, stop)
        found = closed or _open(value, start, stop)
        if found is None:
            start += 1
            continue
        end, inside = found
        yield start, end, inside
        start = end if closed else _next_closed(value, start + 1, end, within)


def _next_closed(value: bytes, start: int, end: int, tries: Iterator[int]) -> int:
    """Where the first expression that something closes begins within one that nothing does; its end if there is none."""
    for _, opener in zip(tries, _OPENER.finditer(value, start, end), strict=False):
        if _closed(value, opener.start(), end) is not None:
            return opener.start()
    return end


def _closed(value: bytes, start: int, stop: int) -> tuple[int, bytes] | None:
    for way in _BY_FIRST.get(value[start], ()):
        opening = way.opening.match(value, start, stop)
        if opening is None:
            continue
        begin = opening.end()
        end = value.find(way.closing, begin + 1, min(begin + way.longest + len(way.closing), stop))
        if end < 0:
            continue
        inside = value[begin:end]
        if way.without and inside.translate(None, way.without) != inside:
            continue
        if way.dash and inside[1:].endswith((b"-", b"_")):
            inside = inside[:-1]
        return end + len(way.closing), inside.lstrip(_BLANKS)
    return None


def _open(value: bytes, start: int, stop: int) -> tuple[int, bytes] | None:
    for opening, ending, longest in _UNCLOSED:
        match = opening.match(value, start, stop)
        if match is not None:
            inside = value[match.end() : min(match.end() + longest, stop)]
            inside = inside.partition(ending)[0] if ending else inside
            if inside:
                return match.end() + len(inside), inside
    return None


_PROBE: Final = for_lower_case(
    rb"[\s(]*(?:(?:set|assign|var|print|echo|puts|return|(?:else\s?)?if|elif|unless|when)\s+)?(?:\$?[a-z_]\w{0,16}\s*=\s*)?-?(?:\d{1,12}|'[^'{}]{0,20}'"
    rb"|\"[^\"{}]{0,20}\")\)?\s*(?:[*/%^+-]|\*\*|//|<<|[=!]=|&&|\|\|)\s*\(?(?:'\d{1,12}'|\"\d{1,12}\"|-?\d{1,12})[\s)]*(?:$"
    rb"|[}|,;%*+/-])"
    rb"|[\s(]*['\"][\w]{0,20}['\"]\s*\.\s*(?:join|concat|upper|repeat|length|getbytes|to_?upper\w*|to_?lower\w*|charat|substring|hashcode|equals|matches|split|strip|trim|title|capitalize)\("
    rb"|[\s(]*['\"]\w{0,20}['\"]\s*\.\s*(?:upcase|downcase|reverse|length|size|swapcase)\s*$"
    rb"|\s*(?:range|max|min|random|cycle|abs|sum|pow|round)\(\s*[\[\d][\d\s,.\[\]]{0,40}\)\s*$"
    rb"|\s*\[?\s*(?:['\"]\w{1,16}['\"]\s*,?\s*){1,8}\]\s*\|\s*(?:join|length|first|last|sort|reverse|size|min|max)\b"
    rb"|\s*(?:true|false|\d{1,9})\s*\?\s*\d{1,9}\s*:\s*\d{1,9}\s*$|\s*(?:puts|print|echo|p)\s+\d{1,9}\s*$"
    rb"|\s*=?\s*\d{1,9}\s*\*\s*\d{1,9}"
    rb"|(?:(?:else\s?)?if|elif|unless|when)\s+\(?\d{1,9}\s*[*+-]\s*\d{1,9}\)?\s*[=!<>]|\s*\d{1,9}\s+if\s+\d{1,9}\s+else\s|list\s+\d{1,6}\s?\.\.\s?\d{1,6}\s"
    rb"|\s*\d{1,9}\s*\?\s*(?:c|string|abs|round|int|length)\s*$|\s*\d{1,6}\.(?:times|upto)\b"
    rb"|\s*(?:len|slice|eq|ne|lt|gt|le|ge|add|mul|sub|div|upper|lower|repeat|b64enc|b64dec|sha256sum)\s+(?:['\"]\w{1,16}['\"]|\d{1,9})(?:\s+(?:['\"]\w{1,16}['\"]|\d{1,9})){0,2}\s*$"
    rb"|\s*['\"][\w, ]{1,20}['\"]\s*\|\s*split\s*[:(]\s*['\"]"
    rb"|\s*['\"]\w{1,16}['\"]\s*\|\s*(?:upper|lower|upcase|downcase|length|size|reverse|title|capitalize|md5|base64|b64encode|list|strto(?:upper|lower)|strrev|strlen|count_characters|ucfirst)(?:\s*\|\s*\w{2,16}){0,3}\s*$"
    rb"|\s*['\"]\w{1,16}['\"]\s*\|\s*(?:append|prepend|remove|concat|add|cat)\s*[:(]\s*['\"]\w{1,16}['\"]"
    rb"|\s*['\"]?\d{1,9}['\"]?\s*\|\s*(?:(?:times|plus|minus|divided_by|modulo|int|float|abs|add|mul|sub|div|mod)\b|\w{2,16}\s*:\s*\d{1,9}\s*$)|\s*[\[(]?[\d\s,]{1,24}[\])]\s*\|\s*(?:length|sum|first|last|join|list|min|max|sort|reverse)\s*$"
    rb"|\s*range\(\s*\d{1,6}\s*\)\s*$|[\s(]*['\"][^'\"{}]{0,20}['\"]\s*[~+]\s*['\"][^'\"{}]{0,20}['\"][\s)]*$"
    rb"|\s*['\"]\w{1,16}['\"]\s*\?\s*(?:upper_case|lower_case|length|eval|cap_first|reverse|html)\s*$",
    re.S,
)
_PROBE_SIGN: Final = re.compile(rb"[\d'\"\[]")  # each of its branches has one
_REACH: Final = Guarded(
    for_lower_case(
        rb"__(?:class|mro|base|bases|subclasses|globals|builtins|init|import|file|dir|dict|getattribute|getitem|code"
        rb"|reduce|proto|name|self)__|__proto__|\\x5f\\x5f|\\137\\137|\\u005f"
        rb"|\bconstructor\b|getclass\s*\(|\bclass\s*\.\s*(?:forname|getclassloader|classloader|module"
        rb"|getmethod|resource|protectiondomain)|\.class\.|forname\s*\("
        rb"|getruntime|processbuilder|scriptengine|\.getdeclared|\.getmethod|newinstance\s*\(|\bT\s*\(\s*\w+"
        rb"|#_memberaccess|#context|#(?:application|session|request|response|parameters|attr)\b\s*[.\[=]"
        rb"|@java\.|@org\.|@com\.|java\.(?:lang|util|io|net|nio)|javax?\.|ognl|\bxwork\b|#\w+\s*=\s*"
        rb"|pagecontext|\b(?:session|application|request)\.[sg]etattribute\s*\(|(?:session|application|request|param|header|cookie)scope|\bfacescontext"
        rb"|\b(?:popen|subprocess|os\.system|os\.environ|check_output|import\s+os|import\s+subprocess|import\s+[\"'](?:os|subprocess|sys|socket)[\"']"
        rb"|child_process|execsync|spawnsync|process\.(?:mainmodule|env|binding|exit)|global\.process"
        rb"|root\.process)"
        rb"|\b(?:system|exec|passthru|shell_exec|phpinfo|eval|assert|file_get_contents|readfile|call_user_func"
        rb"|proc_open|unserialize|create_function|fopen|include|require|var_dump|print_r)\s*\("
        rb"|\b(?:lipsum|cycler|joiner|namespace|url_for|get_flashed_messages|config|self|_self|request|g|app"
        rb"|app\.request|settings|settings\.secret_key|dump|get_env|loop)\s*(?:\.\s*(?:__|env|items"
        rb"|from_object|"
        rb"getfilter|registerundefined|getcontext|_context|application|environ|values|update|class|iteritems"
        rb"|server|meta|query|get|cookies|headers|args|form|secret_key|displaytemplate|displayblock)|\[|\()"
        rb"|\|\s*attr\s*\(|\|\s*(?:filter|map|sort"
        rb"|reduce)\s*\(\s*['\"\[]|\|\s*(?:system|exec|passthru|shell_exec|e\s*\(|join\s*\(|format\s*\(|xmlatt"
        rb"r|safe\b.*system)|registerundefinedfiltercallback"
        rb"|\?\s*new\s*\(|\?\s*(?:api|eval|interpret)\b|freemarker\.template|objectconstructor|jythonruntime"
        rb"|\$\w+\.(?:getclass|class|forname)|\bsmarty\.(?:version|template|const|server|get|cookies|env"
        rb"|current)"
        rb"|getstreamvariable|self::|\{php\}|writefile|\bfile\.(?:open|read|new)|\bdir\.(?:entries|glob|pwd"
        rb"|foreach)|\bio\.(?:popen|read|sysopen)|\bkernel\.|\benv\[|`[^`]{1,100}`|%x[\[({]"
        rb"|system\s*['\"(]|\bopen3\b|#evaluate|\$class\.|inspect\(|\bstring\.fromcharcode|\[\s*['\"]\s*(?:__"
        rb"|constructor|\\x)|'constructor'|alert\s*[(`]|\bdebug\b\s*$|_context\b|template_name|\$eval|\$on\b"
        rb"|\$parent"
        rb"|tojsonstring|range\s*\(\s*\d+\s*,\s*\d{5,}|system\.(?:diagnostics|io|reflection|environment|web)|\benvironment\.(?:machinename|username|osversion|commandline|currentdirectory|getenv)"
        rb"|diagnostics\.process|activator\.createinstance|datetime\.now|\blookup\s+['\"]|split\s+\"\""
        rb"|with\s+\"\w+\"\s+as|utl_file"
        rb"|toString\(\)\.(?:constructor|replace|charat)|\bgroovy|new\s+java|#runtime|#cmd|#a\s*=|\(\s*#"
        rb"|@\w+(?:\.\w+)+@|exec\s*\(|getsystemresource|&exec|\*\{T\(|\|\s*(?:dump|inspect)\b|\bout\.print|get_admin_log|\bmessages\.storages\b|\bself\.(?:template|module|context)\.|^\s*@?math\s+(?:equation|key)\s*=|\bsend\s*\(\s*:"
        rb"|\b(?:lipsum|cycler|joiner|get_flashed_messages)\s*\||\|\s*(?:filter|map|sort|reduce)\s*\(\s*\w+\s*\||\bconstant\s*\(\s*['\"]php_"
        rb"|\bself\.(?:instance_variable|methods)|\benv\.(?:to_h|to_a|to_s|inspect|each|keys|values|map)\b|\bsystem(?:properties|environment)\s*$"
        rb"|^for\s+\w+(?:\s*,\s*\w+)?\s+in\s+(?:config|self|lipsum)\b|^@import\s+['\"]|^functions\s*\{"
        rb"|\brange\s*\(\s*\d{6,}|\bindex\s+\.env\b|\bapp\.config\s*$|\bsession\.items\s*\(|\bdjango\.version|\brails\.(?:application|env|root|configuration)\b|\bobjectspace\b"
        rb"|\bsmarty::|@(?:environment|systemproperties|systemenvironment)\.|^#ctx\.|\.inspect\s*$"
        rb"|\bsession\.invalidate\s*\(|\bresponse\.sendredirect\s*\(|\brequest\.getsession\s*\(|\bgetservletcontext\s*\("
        rb"|\bdir\.(?:glob|children)|(?:^|\s)\.(?:data_model|globals|main|vars)\b"
        rb"|\bconfig\.(?:from_\w|root_path)|\bhandler\.(?:settings|application|request|get_\w+)\b|\b(?:lookup|query|q)\s*\(\s*['\"](?:[\w.]{1,24}\.)?(?:pipe|url|lines|file['\"]\s*,\s*['\"]/)"
        rb"|^(?:call\s+)?\.(?:file|readfile|exec|system|run|open|command|shell)\s+[\"'`]|\bsalt\s*(?:\.|\[\s*['\"])(?:cmd|file|http|environ|network|ssh)\b|int3rpr3t3r"
        rb"|\b(?:artisan|schema)::\w+\s*\(|\bprocess::(?:run|start|fromshell)|\bdb::(?:select|statement|unprepared|table|raw|connection)\s*\(|\bfile::(?:get|put|delete|files)\s*\(|^\s*beans\s*[.\[]"
        rb"|\btemplate_from_string\b|\bfile=['\"]?(?:string|eval):"
        rb"|^(?:config|settings|app|application|handler|craft|container|kernel|current_app|self|request\.app)\b[\w.\[\]'\"() ]{0,60}[.\['\"]\w{0,16}(?:security_?key|secret_?key|cookie_secret|app_?secret|jwt_?secret|private_?key|passw\w{1,8})\W*$",
        re.S,
    )
)
_BARE: Final = re.compile(
    rb"^\s*(?:handler(?:\.application)?\.settings|(?:call|html|js|urlquery|printf?|println|env|expandenv|readfile|readdir|exec|shell)\s+[\"'.][^{}]{0,60}|self|this|current_app|config|settings|request|dump|_self|app|_context|debug|env|\$smarty\.\w+|class"
    rb"|application|session|phpinfo\(\)|constructor|lipsum|cycler|joiner|url_for|get_flashed_messages|__\w+__|\.|\$context|environment"
    rb"|php|@root|(?:global\.)?process\.(?:version|versions|platform|arch|title|argv|pid|cwd\(\)))"
    rb"(?:\s*\|\s*\w+)*[\s})]*$",
    re.I,
)
_ITEMS: Final = (b".", b"this")
_LISTED: Final = re.compile(rb"\{\{[#/]\w|\{\{-?\s*range\s")
"""A block over a list, whose items have these names: Mustache, Handlebars, Go."""
_CI: Final = re.compile(
    rb"\$\{\{\s*+(?=[\w.-])[\w-]*+(?:\.[\w*-]*+)*+(?:\s*+(?:==|!=|\|\||&&)\s*+[\w.'\"/-]++)*+\s*+\}\}"
)


_DEEP: Final = (
    rb"(?:__(?:class|mro|subclasses|globals|builtins|import)__|getruntime|forname\(|freemarker\.template|#_memberaccess"
    rb"|constructor\s*(?:\(|\.\s*constructor)|\bt\s*\(\s*java[.x])"
)
_STARTS: Final = (
    rb"(?:registerundefinedfiltercallback|\|\s*(?:filter|map|sort|reduce)\s*\(\s*['\"](?:system|exec|passthru|shell_exec|popen|assert)['\"]"
    rb"|\b(?:system|passthru|shell_exec|popen|phpinfo)\s*\(|\|\s*attr\s*\(\s*['\"](?:__|\\x5f)|\|\s*file_excerpt\b)"
)
_OPENED: Final = rb"(?:\{\{|[$#*@~%]\{|\{%|\[\[|<#)"
_DEEPLY: Final = Guarded(re.compile(_OPENED + rb"[^}>][^}>]*" + _DEEP, re.I))
_AT_ONCE: Final = Guarded(re.compile(_OPENED + _DEEP, re.I))
"""In one expression, with `[^}>]*` between, the engine would miss what stands right behind the opening."""
_STARTED: Final = Guarded(
    re.compile(
        rb"\{[{%!][^}]*" + _STARTS
        + rb"|<%=?[^%]{0,200}(?:\b(?:system|exec|popen|spawn)\s*\(?['\"]|`[^`%]{1,80}`\s*-?%>|\bfile\.(?:read|open)\s*\(?['\"]/)"
        rb"|\{(?:system|passthru|shell_exec|exec)\(['\"][^'\"}]{1,80}['\"]\)\}|\{if\s+(?:system|passthru|shell_exec|phpinfo)\s*\("
        rb"|\$\w{1,16}\.getclass\(\)\.",
        re.I,
    )
)  # fmt: skip
"""What starts a program, reads a file or leads to either, behind an opening that nothing has closed."""
_STARTED_MAX: Final = 16_384  # bytes of a document, as the engine takes 40 ns for each of hostile ones
_PLACES_MAX: Final = 16
_NESTED: Final = re.compile(rb"[@~*]\{")
_PREPROCESSED: Final = b"__${"
"""What Thymeleaf runs before the expression around it."""


def confirm(value: bytes, span: tuple[int, int]) -> Confidence | None:
    """How sure it is that `value` carries an expression for a template engine.

    In a document the answer depends on the value alone; elsewhere on at most 16 expressions near `span`.
    """
    if is_document(value):
        return _in_document(value)
    start = max(0, span[0] - 64)
    best: Confidence | None = None
    about: bool | None = None  # whether the text is about templates or code, where that was asked
    for number, (begin, end, between) in enumerate(_expressions(value, start, start + WINDOW)):
        if number >= _PLACES_MAX:
            break
        first, preprocessed, rest = between.partition(_PREPROCESSED)
        told = rest if preprocessed else first
        inside, mark = told[1 if _NESTED.match(told) else 0 :].lstrip(b"${#[:= "), value[begin : begin + 2]
        lowered = inside.lower()
        if _reaches(lowered) and not _CI.match(value, begin, end):
            return Confidence.HIGH
        if not about and _PROBE_SIGN.search(inside) and _PROBE.match(lowered):
            if _stands_alone(value, begin):
                return Confidence.HIGH
            if _PRODUCT.match(value, begin, end):
                about = _is_about(value)
                if not about:
                    return Confidence.HIGH
        if (
            _BARE.match(inside)
            and not (inside.strip() in _ITEMS and _LISTED.search(value))
            and mark in (b"{{", b"<%", b"#{", b"{$", b"[[", b"{p")
            and len(value) < 64
        ):
            best = (
                Confidence.HIGH
                if mark == b"<%"
                or inside.strip()
                not in (b".", b"this", b"env", b"class", b"app", b"request", b"session", b"environment")
                else Confidence.MEDIUM
            )
    return best


_USUAL: Final = re.compile(
    rb"\b(?:include|require)\(\s*['\"][a-z0-9_-][a-z0-9_/-]{0,80}(?:\.[a-z0-9_-]{1,24}){0,2}\.(?:twig|html?|j2|jinja2?|njk|tpl|liquid)['\"]"
    rb"|\bconditions_encoded=\"[\w`:^|\[\], /-]{1,400}\""
    rb"|\burl_for\(\s*['\"][a-z0-9_.-]{1,60}['\"]\s*(?=[,)])"
    rb"|\|\s*join\s*\(\s*['\"]\s*(?:[,;|/-]|<br ?/?>)\s*['\"]\s*\)"
    rb"|\bconfig\(\s*[a-z_]{1,40}\s*=\s*(?:'[\w -]{0,60}'|\"[\w -]{0,60}\"|\w{1,40})"
    rb"(?:\s*,\s*[a-z_]{1,40}\s*=\s*(?:'[\w -]{0,60}'|\"[\w -]{0,60}\"|\w{1,40})){0,8}\s*\)\s*\Z"
    rb"|\bprocess\.env\.(?:node_env|port|host|ci|public_url|(?:react_app|vite|next_public|nuxt)_[a-z0-9_]+)\b"
)
"""What pages have between delimiters: other templates by name, addresses of their own, lists with signs between, public settings of
a build, settings that a model of dbt names itself, and what a shop's widget shows."""


def _reaches(inside: bytes) -> bool:
    """The expression, in lower case, reaches into the engine by more than what is usual."""
    if _REACH.search(inside) is None:
        return False
    return _USUAL.search(inside) is None or _REACH.search(_USUAL.sub(b"", inside)) is not None


def _in_document(value: bytes) -> Confidence | None:
    """Pages hold templates; what reaches into the engine from one of their expressions is no page's business."""
    if _DEEPLY.found(value) or _AT_ONCE.found(value) or _STARTED.found(value[:_STARTED_MAX]):
        return Confidence.HIGH
    if not _PRODUCTS.occurs(value[:_ABOUT_MAX]):
        return None
    for times in islice(_TIMES.finditer(value, 0, _ABOUT_MAX), _TIMES_MAX):
        product = _PRODUCT.search(value, max(0, times.start() - 16), times.start() + 24)
        if product is not None:
            return None if _is_about(value) else Confidence.HIGH
    return None


_PRODUCT: Final = re.compile(
    rb"(?:\{\{|[$#]\{)\s?\d{1,9}\*(?:\d{1,9}|'\d{1,9}')\s?\}|<%=\s?\d{1,9}\s?\*\s?\d{1,9}\s?%>"
)
_PRODUCTS: Final = Guarded(_PRODUCT)
_ABOUT: Final = Guarded(
    re.compile(
        rb"templat|inject|ssti|jinja|twig|engine|express|evaluat|render|mustache|handlebar|vue|angular|liquid|interpolat|brace"
        rb"|syntax|payload|vulnerab|exploit|moustache|formula|code|markup|\x60|liquid|script|macro|variable|placeholder",
        re.I,
    )
)
"""What those write about who write such a thing in a text."""
_ABOUT_MAX: Final = 65_536
_TIMES: Final = re.compile(rb"\*")
_TIMES_MAX: Final = 256


def _is_about(value: bytes) -> bool:
    """The text is about templates or code: a product of two numbers between the delimiters of engines is an example there."""
    return _ABOUT.found(value[:_ABOUT_MAX])


_FEW_BLANKS: Final = 4


def _stands_alone(value: bytes, begin: int) -> bool:
    """Arithmetic of literals is a probe unless a formula or a sentence is around it."""
    return len(value) < 256 or not has_times(value, b" ", _FEW_BLANKS, begin)
