"""Is a value a piece of server-side program: PHP, Python, Ruby, Node, Java, Perl?

Owns the judgement on code injection outside of templates. Function names are words of every technical text; what
counts is a call that does something, in a value which is that call and no text about it.
"""

from __future__ import annotations

import re
from typing import Final

from waf.inspect.confirm import stands
from waf.inspect.confirm.guarded import Guarded
from waf.inspect.confirm.shape import (
    behind_literals,
    for_lower_case,
    in_fence,
    in_span,
    is_document,
    leaves_literal,
    near,
    prose_words,
    without_phrases,
)
from waf.model import Confidence

_ARGUMENT: Final = (
    rb"\s*\(\s*(?:['\"`$@/\\(<\[{]|\d|base64_decode|chr\(|hex2bin|str_rot13|gzinflate|getenv|request"
    rb"|params|argv|file|__file__|__dir__|new\s|b['\"]|f['\"]|u['\"]|r['\"])"
)
_CALL: Final = for_lower_case(
    rb"(?<![\w$>])@?\\?(?:system|exec|passthru|shell_exec|popen|proc_open|pcntl_exec|eval|assert"
    rb"|create_function|call_user_func(?:_array)?|file_get_contents|file_put_contents|fopen|readfile"
    rb"|show_source|highlight_file"
    rb"|include(?:_once)?|require(?:_once)?|phpinfo|phpversion|base64_decode|gzinflate|str_rot13"
    rb"|unserialize|preg_replace|array_map|array_filter|usort|register_shutdown_function|ob_start|putenv"
    rb"|ini_set|ini_get|error_log|mail|dl|getcwd|scandir|opendir"
    rb"|print|echo|die|printf|print_r|var_dump|md5|sleep|usleep|move_uploaded_file|copy|unlink|chmod"
    rb"|getenv|get_defined_vars|php_uname|execfile|compile|__import__|open|spawn|execsync|spawnsync|glob"
    rb"|extract|parse_str|session_start|simplexml_load_string)"
    + _ARGUMENT
    + rb"|(?<![\w$>])(?:phpinfo|phpversion|php_uname|get_defined_vars|get_current_user|getmypid|php_sapi_name|get_loaded_extensions)\s*\(\s*\)",
)
_SURE: Final = for_lower_case(
    rb"\A\s*(?:echo|print)\s+\d{1,9}\s*[*+.-]\s*\d{1,9}\s*;\s*\Z|\(\s{0,2}['\"]?(?:system|exec|passthru|shell_exec|assert|popen)['\"]?\s{0,2}\)\s{0,2}\(|\bnew\s+(?:reflection(?:function|method)"
    rb"|splfileobject)\s*\(|\bputenv\s*\(\s*['\"]ld_|\bopen\s*\(\s*['\"]/[^()]{1,60}\)\s*\.\s*read\w{0,5}\s*\(|\btimeit\.timeit\s*\("
    rb"|\bmodule\.(?:constructor\b|require\s*\()|\bbun\.(?:spawn|\$)|\bdeno\.(?:run|command|readtextfile|env)\s?[.(]"
    rb"|<\?(?:php\b|=|\s*(?:echo|system|eval|print|phpinfo|passthru|exec|include|require|@|\$_))|<\?\s*`"
    rb"|<%\s*(?:eval|execute|response\.|runtime|request|@\s*page|set\s|dim\s|out\.|java)"
    rb"|<script\s+(?:language\s*=\s*['\"]?php|runat)"
    rb"|\$_(?:get|post|request|cookie|server|files|session|env)\s*[\[{]|\$\{\s*@?(?:print|phpinfo|system"
    rb"|eval|exec)\b|\$GLOBALS\s*\[|__import__\s*\(|\bos\.(?:system|popen|exec\w*|spawn\w*|environ"
    rb"|listdir)\s*[(\[]"
    rb"|subprocess\.(?:popen|call|run|check_output|getoutput)\s*\(|\bimportlib\.|__builtins__"
    rb"|__subclasses__|__globals__|\bchild_process\b|process\.(?:mainmodule|binding|exit\s*\("
    rb"|kill\s*\()|global\.process|require\s*\(\s*['\"`](?:child_process['\"`]|(?:fs|os|net|http|vm)['\"`]\s*\)\s*[.\[])"
    rb"|runtime\.getruntime|java\.lang\.(?:runtime|processbuilder|system|class|thread)\b"
    rb"|new\s+(?:java\.lang\.)?processbuilder|javax\.script|scriptenginemanager|new\s+java\.(?:net|io"
    rb"|util)\.|class\.forname\(|kernel\.(?:exec|system|open|spawn)|process\.(?:spawn|clock_gettime)"
    rb"|io\.(?:popen|binread|sysopen)\s*[(\s]|open3\.|`\s*\.\s*`|%x\([^)]{1,60}\)|\bfile\.(?:read|open"
    rb"|write)\(['\"]|\.\s*(?:instance_eval|class_eval|constantize|public_send)\b|use\s+mime::|\bperl\s+-e"
    rb"|print\s*`|die\s*\(\s*(?:md5|phpinfo|system)|fsockopen\s*\(|getruntime\(\)\.exec"
    rb"|system\.diagnostics\.process|process\.start\s*\(|response\.write\s*\(|createobject\s*\(\s*['\"]"
    rb"|wscript\.shell|server\.createobject|scripting\.filesystemobject|\bdatetime\.now\b|\((?:\w{1,12}|'\w{0,12}'|\"\w{0,12}\")(?:\(\d{1,3}\))?\.\(?[\w'\".()]{1,40}\)\(|\b(?:hex2bin|base64_decode|str_rot13|strrev|gzinflate|urldecode)\s?\(\s?['\"][\w+/=%.]{1,80}['\"]\s?\)\s?\(|\bload(?:string)?\(\s{0,2}['\"][^'\"]{1,80}['\"]\s{0,2}\)\s{0,2}\(|(?:\A|[;}\'\")])\s*system\.exit\s*\(\s*\d|\(\s*(?:function\s*\(\)|\(\)\s*=>)\s*\{?\s*(?:return\s+)?(?:process|global)\b|\bglobal\s*\[\s*['\"]process|\(\s*@?\$_(?:get|post|request|cookie|server)\b|(\$\w{1,16})\s*=\s*[\w'\".\s(]{1,60}\)?;[^\n]{0,60}?\1\s*\(|(?:^|[;'\")}])\s*(?:echo|print|die|return)\s*\(?\s*`[^`]{1,60}`\s*\)?\s*(?:;|\?>)|\b(?:c?pickle|marshal|dill|shelve|yaml)\.(?:loads?|unsafe_load)\s*\(\s*\w{0,2}['\"]|\bvm\.run(?:inthis|innew|in)context\s*\(|\bconstructor\s*\(\s*['\"`]\s*return\b|['\"]\s*\.\s*execute\s*\(\s*\)",
)
_SURELY: Final = Guarded(_SURE)
_CALLS: Final = Guarded(_CALL)


_BREAKS: Final = re.compile(
    rb"@?(?:system|exec|passthru|shell_exec|popen|proc_open|eval|assert|phpinfo|call_user_func|file_put_contents)\s*\(",
    re.I,
)


def confirm(value: bytes, span: tuple[int, int]) -> Confidence | None:
    """HIGH for a value that is code. None for documents and sentences."""
    if is_document(value):
        broken = any(_BREAKS.match(value, position) for position in behind_literals(value))
        return Confidence.HIGH if broken else None
    value, span = near(value, span)
    value = without_phrases(value)
    if _IMPORTS.match(value):
        return None
    if _DIFFERENCE.match(value) and b"<?" not in value and b"<%" not in value:
        return None
    lowered = value.lower()
    around = (max(0, span[0] - 32), span[1] + 160)
    match = _SURELY.search(lowered, *around)
    if match:
        if match[0][:1] != b"<" and _is_shown(value, match.start()):
            return None
        return stands.confirm(value, match.span())
    match = _CALLS.search(lowered, *around)
    while match is not None and _REPLACES.match(lowered, match.start()):
        match = _CALL.search(lowered, match.end(), around[1])
    if match is None or _MEASURED.match(value, match.end() - 1):
        return None
    if leaves_literal(value, match.start()):
        return Confidence.HIGH
    if prose_words(value, match.start()) >= 2 or _is_shown(value, match.start()):
        return None
    if stands.confirm(value, match.span()) is None or _TALK.match(value, match.end()):
        return None
    return Confidence.HIGH if _acts(value, match) else Confidence.MEDIUM


def _is_shown(value: bytes, position: int) -> bool:
    """A program made of the text meets an error first. One opening tag suffices for the code behind it."""
    if b"<?" in value or b"<%" in value or _IN_BRACES.search(value, max(0, position - 64), position):
        return False
    return in_fence(value, position) or in_span(value, position)


_IN_BRACES: Final = re.compile(rb"\{[^\n{}]*\Z")
"""What engines of templates run wherever it stands."""
_REPLACES: Final = re.compile(
    rb"preg_replace\s*\(\s*(['\"])([/#~@!])(?:(?!\2|\1|%00|\\0|\\x00)[^\x00\n]){1,120}\2[imsxuadj]{0,4}\1\s*,"
)
"""With a pattern that has nothing evaluated: PHP's "e" behind it does, and once did in front of a null."""
_DIFFERENCE: Final = re.compile(rb"\s*(?:diff --git |--- a/|@@ -\d+)")
_IMPORTS: Final = re.compile(
    rb"(?:\s*+(?:(?:const|let|var)\s+[\w$,{}: \t]{1,80}=\s*require\(\s*(['\"])(?!child_process|vm['\"])[@\w./-]{1,80}\1\s*\)(?:\s*+;)?"
    rb"|#![^\n]{1,80}|['\"]use strict['\"];?)[^\S\n]*+(?:\n|\Z))+\s*+\Z"
)
"""Modules of Node.js under names of their own, which runs nothing of the value's."""
_MEASURED: Final = re.compile(rb"\d[\d.]{0,8}\s*[a-z]{1,12}\b", re.I)
"""A number with its unit, "sleep (8 hrs)", which is no argument."""
_TALK: Final = re.compile(
    rb"[^()\n]{0,40}\)\s+[a-z]{2,}\s+[a-z]{2,}\s+[a-z]{2,}\b"
)  # a sentence goes on behind the call
_STRONG_ARGUMENT: Final = re.compile(
    rb"\(\s*['\"`](?:/?(?:bin|etc|usr|tmp|proc)/|\.\./|id\b|whoami|ls\b|cat |dir\b|uname|ping |sleep "
    rb"|curl |wget |nc |cmd|powershell|echo |https?:|php:|data:|ipconfig|ifconfig|pwd|net |c:|type "
    rb"|phpinfo|system|/\.\*/e)|\(\s*(?:\$_|base64_decode|chr\(|hex2bin|gzinflate|str_rot13|\$\{|`|\$)"
    rb"|(?:phpinfo|phpversion|php_uname|getcwd|get_defined_vars)\s*\(|(?:md5|sleep|usleep|print|die|echo"
    rb"|var_dump)\s*\(\s*(?:md5\(|['\"]?\d+['\"]?\s*\)|phpinfo|getcwd|system|\d+\s*[*+-]\s*\d+\s*\))",
    re.I,
)
_FRAME: Final = re.compile(
    rb"\s*[;'\")\]}.&|$@{<?-]|\s*\w{0,16}['\")][\s;.)]|\s*\w{1,20}=|\s*(?:return|print|echo|new|die)\b", re.I
)
_FRAMES: Final = (re.compile(rb"\$\{"), re.compile(rb";\s*(?://|#|\Z|\})"), re.compile(rb"\)\s*[.;]"))
"""Each begins with what `re` skips to: in one with the others they would be tried at every byte."""


_WHOLE: Final = re.compile(rb"\s*+@?\w++\s*+\(.{0,400}\)\s*+;?\s*+(?:\?>|#|//)?\s*+\Z", re.S)
_COMMON: Final = frozenset(
    b"print echo open sleep md5 mail copy include require compile glob extract printf die".split()
)


def _acts(value: bytes, match: re.Match[bytes]) -> bool:
    """The call has a telling argument, or stands where only code stands; common names need the former."""
    name = match[0].split(b"(")[0].strip(b" @\\").lower()
    telling = _STRONG_ARGUMENT.search(value, match.start(), match.end() + 48) is not None
    if name in _COMMON:
        return telling and _is_framed(value)
    return telling or _is_framed(value)


def _is_framed(value: bytes) -> bool:
    if _FRAME.match(value) or any(sign.search(value) for sign in _FRAMES):
        return True
    return _WHOLE.match(value) is not None
