"""Is an expression between template delimiters meant for the engine, or is it text of a template?

Owns the judgement on template and expression languages: Jinja2, Twig, Nunjucks, Liquid, Handlebars, Vue, AngularJS,
Freemarker, Velocity, Thymeleaf, Smarty, Mako, ERB, Slim, Pug, Razor, EL, SpEL, OGNL, MVEL. Mail templates, wiki text,
workflow files and shell scripts hold names between such delimiters; they do not hold arithmetic of literals (the
probe), reach into an object's insides, or call what starts a process.
"""

from __future__ import annotations

import re
from typing import Final

from waf.inspect.confirm.shape import WINDOW, is_document
from waf.model import Confidence

_EXPRESSION: Final = re.compile(
    rb"\{\{\{?[\s\x00]*(?P<a>.{1,600}?)\}\}|(?:\$|#|\*|@|~|%|\$!|__\$)\{(?P<b>[^\n]{1,600}?)\}"
    rb"|<%[-=#!@]?(?P<c>.{1,600}?)-?%>|\[\[(?P<d>[^\[\]]{1,300})\]\]"
    rb"|\{%-?\s*(?P<e>.{1,600}?)-?%\}|<#(?P<f>[^>]{1,300})>|#set\s?\((?P<g>.{1,400}?)\)"
    rb"|@\((?P<h>[^\n]{1,200}?)\)|\{(?P<i>(?:php|system|exec|passthru|self::|\$smarty|@math |"
    rb"math |fetch |include |literal|if |eval |var_dump|phpinfo|constant|Smarty)[^\n{}]{0,300})\}"
    rb"|(?<![\w\\^_])\{(?P<j>\d{1,9}\s?[*+-]\s?\d{1,9})\}|#\{(?P<k>.{1,300}?)\}|@\{(?P<l>.{1,300}?)\}"
    rb"|\$\{\{(?P<m>.{1,300}?)\}\}|\[#(?P<n>[^\]]{1,300})\]|@(?P<o>(?:System|DateTime|Html|Model|Context"
    rb"|Request|code|functions|using)\b[^\n]{1,200})|(?:\{\{|\$\{|<%=?)(?P<z>.{1,600})",
    re.I | re.S,
)
_PROBE: Final = re.compile(
    rb"[\s(]*(?:(?:set|assign|var)\s+)?(?:\$?[a-z_]\w{0,16}\s*=\s*)?-?(?:\d{1,12}|'[^'{}]{0,20}'"
    rb"|\"[^\"{}]{0,20}\")\)?\s*(?:[*/%^+-]|\*\*|<<)\s*\(?(?:'\d{1,12}'|\"\d{1,12}\"|-?\d{1,12})[\s)]*(?:$"
    rb"|[}|,;%*+/-])"
    rb"|[\s(]*['\"][\w]{0,20}['\"]\s*\.\s*(?:join|concat|toUpperCase|upper|repeat)\("
    rb"|\s*=?\s*\d{1,9}\s*\*\s*\d{1,9}"
    rb"|\s*['\"]\w{1,16}['\"]\s*\|\s*(?:upper|lower|length|reverse|title|capitalize|md5|base64|b64encode|list)\s*$",
    re.S | re.I,
)
_REACH: Final = re.compile(
    rb"__(?:class|mro|base|bases|subclasses|globals|builtins|init|import|dict|getattribute|getitem|code"
    rb"|reduce|proto|name|self)__|__proto__|\\x5f\\x5f|\\137\\137|\\u005f"
    rb"|\bconstructor\b|getclass\s*\(|\bclass\s*\.\s*(?:forname|getclassloader|classloader|module"
    rb"|getmethod|resource|protectiondomain)|\.class\.|forname\s*\("
    rb"|getruntime|processbuilder|scriptengine|\.getdeclared|\.getmethod|newinstance\s*\(|\bT\s*\(\s*\w+"
    rb"|#_memberaccess|#context|#(?:application|session|request|response|parameters|attr)\b\s*[.\[=]"
    rb"|@java\.|@org\.|@com\.|java\.(?:lang|util|io|net|nio)|javax?\.|ognl|\bxwork\b|#\w+\s*=\s*"
    rb"|pagecontext|(?:session|application|request|param|header|cookie)scope|\bfacescontext"
    rb"|\b(?:popen|subprocess|os\.system|os\.environ|check_output|import\s+os|import\s+subprocess"
    rb"|child_process|execsync|spawnsync|process\.(?:mainmodule|env|binding|exit)|global\.process"
    rb"|root\.process)"
    rb"|\b(?:system|exec|passthru|shell_exec|phpinfo|eval|assert|file_get_contents|readfile|call_user_func"
    rb"|proc_open|unserialize|create_function|fopen|include|require|var_dump|print_r)\s*\("
    rb"|\b(?:lipsum|cycler|joiner|namespace|url_for|get_flashed_messages|config|self|_self|request|g|app"
    rb"|app\.request|settings|settings\.secret_key|dump|get_env|loop)\s*(?:\.\s*(?:__|env|items"
    rb"|from_object|"
    rb"getfilter|registerundefined|getcontext|_context|application|environ|values|update|class|iteritems"
    rb"|server|query|get|cookies|headers|args|form|secret_key|displaytemplate|displayblock)|\[|\()"
    rb"|\|\s*attr\s*\(|\|\s*(?:filter|map|sort"
    rb"|reduce)\s*\(\s*['\"\[]|\|\s*(?:system|exec|passthru|shell_exec|e\s*\(|join\s*\(|format\s*\(|xmlatt"
    rb"r|safe\b.*system)|registerundefinedfiltercallback"
    rb"|\?\s*new\s*\(|\?\s*(?:api|eval|interpret)\b|freemarker\.template|objectconstructor|jythonruntime"
    rb"|\$\w+\.(?:getclass|class|forname)|\bsmarty\.(?:version|template|now|const|server|get|cookies|env"
    rb"|current)"
    rb"|getstreamvariable|self::|\{php\}|writefile|\bfile\.(?:open|read|new)|\bdir\.(?:entries|glob|pwd"
    rb"|foreach)|\bio\.(?:popen|read|sysopen)|\bkernel\.|\benv\[|`[^`]{1,100}`|%x[\[({]"
    rb"|system\s*['\"(]|\bopen3\b|#evaluate|\$class\.|inspect\(|\bstring\.fromcharcode|\[\s*['\"]\s*(?:__"
    rb"|constructor|\\x)|'constructor'|alert\s*[(`]|\bdebug\b\s*$|_context\b|template_name|\$eval|\$on\b"
    rb"|\$parent"
    rb"|tojsonstring|range\s*\(\s*\d+\s*,|system\.(?:diagnostics|io|reflection|environment|web)"
    rb"|diagnostics\.process|activator\.createinstance|datetime\.now|\blookup\s+['\"]|split\s+\"\""
    rb"|with\s+\"\w+\"\s+as|utl_file"
    rb"|toString\(\)\.(?:constructor|replace|charat)|\bgroovy|new\s+java|#runtime|#cmd|#a\s*=|\(\s*#"
    rb"|@\w+(?:\.\w+)+@|exec\s*\(|getsystemresource|&exec|\*\{T\(|\|\s*(?:dump|inspect)\b|\bout\.print|get_admin_log|^\s*@?math\s+(?:equation|key)\s*=|\bsend\s*\(\s*:"
    rb"|\bdir\.(?:glob|children)",
    re.I | re.S,
)
_BARE: Final = re.compile(
    rb"^\s*(?:self|this|config|settings|request|dump|_self|app|_context|debug|env|\$smarty\.\w+|class"
    rb"|application|session|phpinfo\(\)|constructor|lipsum|cycler|joiner|__\w+__|\.|\$context|environment"
    rb"|php)"
    rb"(?:\s*\|\s*\w+)*[\s})]*$",
    re.I,
)
_CI: Final = re.compile(rb"\$\{\{\s*[\w.-]+(?:\.[\w*-]+)*(?:\s*(?:==|!=|\|\||&&)\s*[\w.'\"/-]+)*\s*\}\}")


_DEEP: Final = re.compile(
    rb"__(?:class|mro|subclasses|globals|builtins|import)__|getruntime|forname\("
    rb"|freemarker\.template|#_memberaccess|constructor\s*(?:\(|\.\s*constructor)",
    re.I,
)
_OPEN: Final = re.compile(rb"(?:\{\{|[$#*@~%]\{|\{%|\[\[|<#)[^}\]>]*\Z", re.S)
_PLACES_MAX: Final = 16


def confirm(value: bytes, span: tuple[int, int]) -> Confidence | None:
    """How sure it is that `value` carries an expression for a template engine.

    In a document the answer depends on the value alone; elsewhere on at most 16 expressions near `span`.
    """
    if is_document(value):
        return _in_document(value)
    start = max(0, span[0] - 64)
    best: Confidence | None = None
    for number, match in enumerate(_EXPRESSION.finditer(value, start, start + WINDOW)):
        if number >= _PLACES_MAX:
            break
        inside = next(group for group in match.groups() if group is not None).lstrip(b"${#[:= ")
        if _REACH.search(inside) and not _CI.match(match[0]):
            return Confidence.HIGH
        if _PROBE.match(inside) and _probe_stands(value, match):
            return Confidence.HIGH
        if (
            _BARE.match(inside)
            and match[0][:2] in (b"{{", b"<%", b"#{", b"{$", b"[[", b"{p")
            and len(value) < 64
        ):
            best = (
                Confidence.HIGH
                if match[0][:2] == b"<%"
                or inside.strip()
                not in (b".", b"this", b"env", b"class", b"app", b"request", b"session", b"environment")
                else Confidence.MEDIUM
            )
    return best


def _in_document(value: bytes) -> Confidence | None:
    """Pages hold templates; what reaches into the engine from one of their expressions is no page's business."""
    for number, match in enumerate(_DEEP.finditer(value)):
        if number >= _PLACES_MAX:
            break
        if _OPEN.search(value, max(0, match.start() - 300), match.start()):
            return Confidence.HIGH
    return None


def _probe_stands(value: bytes, match: re.Match[bytes]) -> bool:
    """Arithmetic of literals is a probe unless a formula or a sentence is around it."""
    return len(value) < 256 or value.count(b" ", 0, match.start()) < 4
