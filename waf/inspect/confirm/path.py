"""Does a value, used as a file name or URL path, leave its place or name what nobody should read?

Owns the judgement on traversal, on sensitive files of Unix, Windows and Java apps, and on stream wrappers. A value is
a path as a whole: sentences, diffs and pages which mention paths are not. What counts is the normalised path: how far
it climbs above its start, and where it ends.
"""

from __future__ import annotations

import re
from typing import Final

from waf.inspect.confirm.guarded import Guarded
from waf.inspect.confirm.shape import is_document, prose_words, words_after
from waf.model import Confidence

_CAP: Final = 1024
_LONGEST_PATH: Final = 1024  # bytes of what can be a place of a program
_OUTSIDE: Final = 4096  # bytes on each side of a path by which it is told whether it is the whole value

_BREAK: Final = re.compile(rb"[\s\"'<>|,&?#=(){}\x00]|%00|%0[ad]|\xef\xbc\x9f")
_UP: Final = re.compile(
    rb"(?:(?<!\.)(?:\.\.){1,2}(?!\.)|\.%2e|%2e\.|%2e%2e|(?<!%25)(?:%25)++2e(?:(?:%25)++2e)|\xc0\xae\xc0\xae"
    rb"|\xe0\x80\xae\xe0\x80\xae|%c0%ae%c0%ae|%uff0e%uff0e|\.\x00\.|\xe3\x80\x82\xe3\x80\x82"
    rb"|\.\[?\]?\.)(?:;[^/\\]{0,16})?(?=[/\\\x00]|%2f|%5c|0x2f|0x5c|%25|%c0|%u|$|\xc0|\xe0|\xef|\xe2)",
    re.I,
)
_SEPARATOR: Final = re.compile(
    rb"[/\\]+|0x(?:2f|5c)|(?<!%25)(?:%25)*+%?(?:2f|5c)|%c0%af|%c1%9c|\xc0\xaf|\xc1\x9c|\xe0\x80\xaf|%u221[56]|\xe2\x88\x95"
    rb"|\xe2\x88\x96|\xef\xbc\x8f|\xef\xbc\xbc|\x00",
    re.I,
)

UNIX: Final = re.compile(
    rb"(?:^|[/\\:=\s'\"(<>{,|;])(?:etc[/\\](?:\./)?(?:(?:passwd|shadow|group|gshadow|hosts|issue|motd"
    rb"|fstab|mtab|hostname|profile|environment|shells|services)(?![\w-]|\.(?:html?|md|rst|example|sample|py|e?rb|epp|j2|tmpl|tpl|template|jsx?|tsx?|go|java|kt|s?css|vue)\b)"
    rb"|(?:crontab|sudoers|inittab|resolv\.conf|ld\.so\.conf|my\.cnf"
    rb"|krb5|"
    rb"security/|master\.passwd|redhat-release|debian_version|os-release|lsb-release|exports|vsftpd"
    rb"|proftpd|httpd|apache2?|nginx|php|mysql|ssh|ssl/|pki/|init\.d|rc\.|cron|at\.|samba|openldap|tomcat"
    rb"|kubernetes|lighttpd|redis|rabbitmq|postgresql|mongod|haproxy|letsencrypt|elasticsearch|grafana|network|sysconfig|bash|login|pam|netconfig|rsync|snmp|sysctl"
    rb"|syslog|logrotate|x11))"
    rb"|proc/(?:self|thread-self|version|cmdline|cpuinfo|mounts|net|sched_debug|meminfo|stat|modules|partitions|swaps"
    rb"|config|\d+/)|var/(?:log|lib|spool|mail|backups|run|adm|www/html)/|root/\.\w"
    rb"|home/[\w.$-]{1,32}/\.(?!(?:config|cache|local)/(?!gcloud))\w|usr/local/(?:etc|apache|nginx|tomcat|php|zeus|lib/php/pearcmd)|dev/(?:shm|tcp|fd"
    rb"|random|zero|null/)|sys/class|private/etc|opt/(?:lampp|xampp|tomcat|bitnami)/"
    rb"|run/secrets/|var/run/secrets|(?:var/)?run/(?:docker|containerd|crio|podman)[\w/.-]{0,40}\.sock|tmp/sess_|boot/grub)",
    re.I,
)
WINDOWS: Final = re.compile(
    rb"(?:^|[/\\:=\s'\"])(?:win(?:dows|nt)[/\\](?:win\.ini(?![a-z])|system|repair|system32|panther|php\.ini|debug"
    rb"|my\.ini|temp|iis|notepad|explorer)|boot\.ini(?![a-z])|win\.ini(?![a-z])|system32[/\\](?:drivers|config|cmd|inetsrv"
    rb"|eventvwr|calc|license)|sysprep|autoexec\.bat|pagefile\.sys|ntuser\.dat|inetpub[/\\]"
    rb"|program files(?: \(x86\))?[/\\]|documents and settings|users[/\\](?:administrator|public)"
    rb"|xampp[/\\]|wamp|winnt|config\.sys|bootmgr|unattend(?:ed)?\.(?:xml|txt))",
    re.I,
)
APP: Final = re.compile(
    rb"(?:^|[/\\])(?:web-inf|meta-inf)[/\\]\w|(?:^|[/\\])(?:\.env|\.git|\.svn|\.(?:bash|zsh|k?sh)(?:rc|_profile|_login|_logout)|\.profile|\.ht(?:access|passwd)"
    rb"|\.ssh|\.aws|\.bash_history|\.kube|\.docker|id_[dr]sa|id_ed25519|web\.config|wp-config\.php"
    rb"|global\.asax|settings\.py|database\.yml|config\.(?:php|inc|yml|json)|server\.xml|context\.xml"
    rb"|tomcat-users\.xml|authorized_keys|known_hosts|access[._]log|error[._]log|php\.ini|httpd\.conf"
    rb"|nginx\.conf|my\.cnf|\.npmrc|\.netrc|\.mysql_history|secrets?\.ya?ml|credentials)(?!\.(?:example|sample|dist|template|tpl)(?:$|\W))(?:$"
    rb"|[/\\%?\x00#;.])",
    re.I,
)
_UNIX, _WINDOWS, _APP = Guarded(UNIX), Guarded(WINDOWS), Guarded(APP)
_OUTRIGHT: Final = re.compile(
    rb"/?(?:web-inf|meta-inf)/\w|/(?:[\w.-]{1,40}/){1,8}webapps/(?:[\w.-]{1,40}/){1,3}(?:web|meta)-inf/\w|~\w{1,16}/\.(?:(?:bash|zsh)(?:rc|_profile|_history)|profile|netrc|pgpass)\Z|[\w./-]{0,40}\.git/(?:head|config|index|logs/)|[/~][\w./-]{0,40}(?:wp-config\.php|\.ssh/|\.aws/)"
    rb"|(?:/|[a-z]:[/\\])[\w./\\-]{0,60}(?:(?<=[/\\])(?:\.env(?:\.[a-z]{2,10})?|web\.config)|\.htpasswd|/database\.yml)\Z",
    re.I,
)
_SLASHES: Final = re.compile(rb"/+(?:\./+)*")  # "//" and "/./" are "/" to every file system
_WRAPPER: Final = re.compile(
    rb"\b(?:php://(?:filter|input|stdin|output|fd|memory|temp)|file:(?:/{1,4}|\\\\)|phar:(?://|\.)|zip:"
    rb"|compress\.(?:zlib|bzip2):|glob://|expect://|data:(?:text/(?:plain|x-php)|application/x-httpd-php"
    rb"|//|;base64)[^,]{0,24},|ogg://|rar://|ssh2\.\w+://|jar:(?:https?|file)|netdoc:|php:filter|zlib:"
    rb"|local_file:)",
    re.I,
)
_MATRIX: Final = re.compile(rb"\.\.;[^/\\]{0,16}(?:[/\\]|\Z)")
"""A proxy before a container of servlets takes it for a name, the container (which drops parameters) for \"..\"."""
_CLIMBS: Final = re.compile(rb"(?:\.\./){1,3}")
_CLIMBED: Final = re.compile(rb"\.\.(?:/\.\.){0,2}/?")
_BARE: Final = re.compile(rb"\.\.[/\\]*$")  # nothing but climbing
_TARGET: Final = re.compile(
    rb"\.(?:php\d?|phtml|asp|aspx|jsp|jspx|cgi|pl|py|rb|sh|ini|conf|cnf|log|bak|sql|xml|ya?ml|env|key|pem"
    rb"|config|htpasswd|htaccess|txt|htm|html|json|exe|dll|bat|cmd|properties)(?:\x00|%00|$|[?#;])|\x00"
    rb"|%00",
    re.I,
)


_SHARED: Final = re.compile(
    rb"(?!\.\.\\\.)\.\.(?:\\[A-Za-z0-9_(][\w ()-]{0,60}){1,6}\.(?:docx?|xlsx?|pptx?|odt|ods|pdf|png|jpe?g|gif|mp3|mp4)",
    re.I,
)
"""A document in a directory next to this one, as it is named on Windows."""


_PAGE: Final = re.compile(
    rb"^/var/www/html/[\w./ -]{1,120}\.(?:png|jpe?g|gif|svg|webp|ico|woff2?|css|html?)$", re.I
)
_ASSET: Final = re.compile(
    rb"/(?:assets|images?|img|fonts?|css|styles?|icons?|media|public|static)/[\w./ -]{1,80}"
    rb"\.(?:png|jpe?g|gif|svg|webp|ico|woff2?|ttf|css|scss|less)$",
    re.I,
)


def climb(path: bytes) -> tuple[int, int]:
    """(how many levels the path ends up above its start at its highest, how many ".." segments it has)."""
    depth = highest = ups = 0
    for segment in _segments(path):
        if segment in (b"", b"."):
            continue
        if segment == b"..":
            ups += 1
            depth -= 1
            highest = max(highest, -depth)
        else:
            depth += 1
    return highest, ups


def _segments(path: bytes) -> list[bytes]:
    marked = _UP.sub(b"..", path[:_CAP])
    return [segment.split(b";")[0] for segment in _SEPARATOR.split(marked)]


def confirm(value: bytes, span: tuple[int, int]) -> Confidence | None:
    """How sure it is that `value` reads or runs a file it should not. Looks at `_CAP` bytes of the path at `span`."""
    if is_document(value):
        return None
    start, end = _bounds(value, span)
    path = _SLASHES.sub(b"/", value[start:end])
    wrapped = _WRAPPER.search(value, start, end + 40)
    if wrapped:
        return _wrapper(value, start, path, wrapped)
    highest, ups = climb(path)
    sensitive = _UNIX.search(path) or _WINDOWS.search(path) or _APP.search(path)
    if prose_words(value, start) >= 3 or (words_after(value, end) >= 2 and value[end : end + 1].isspace()):
        return None
    if _MATRIX.search(path):
        return Confidence.HIGH
    if ups:
        if _CLIMBS.fullmatch(path) and value[end : end + 1] == b" " and words_after(value, end):
            return None  # said of: no file has a blank for its first letter
        if (
            _CLIMBED.fullmatch(path)
            and value[start - 1 : start] == b" "
            and value[start - 2 : start - 1].isalpha()
        ):
            return None  # nor is "more .." the directory above
        if sensitive or b"\x00" in path:
            return Confidence.HIGH
        disguised = (
            re.search(
                rb"%2e|0x(?:2f|5c)|\.\.%2f[.ew]|%25|%5c|%c0|%u|\xc0|\xe0\x80|\.\.;|\.{3,}[/\\]|/\.{1,2}//|\\",
                path,
                re.I,
            )
            is not None
        )
        if value[max(0, start - 2) : start] in (b'="', b"='"):
            return None  # a link within a page
        if _ASSET.search(path) and not disguised:
            return None  # what pages are made of, by the path from where the page is
        if highest >= 3 or (
            highest == 2 and (ups >= 3 or disguised or _BARE.search(path) or _TARGET.search(path))
        ):
            return Confidence.HIGH
        if highest == 1 and start == 0 and _SHARED.fullmatch(value):
            return None  # as "../shared/plan.docx" is none
        if disguised and highest:
            return Confidence.HIGH if start == 0 else Confidence.MEDIUM
        if (
            highest
            and start == 0
            and _TARGET.search(value)
            and not re.search(rb"\.(?:html?|json|txt|xml|md)$", value, re.I)
        ):
            return Confidence.MEDIUM
        return None
    if sensitive is None:
        return None
    return _named(value, start, end, path)


_INSTALLED: Final = re.compile(
    rb"[a-z]:[/\\]{1,2}(?:program files(?: \(x86\))?(?:[/\\]{1,2}(?!\.)[\w .()+-]{1,60}(?<!\.))*"
    rb"[/\\]{1,2}(?:[\w ()+-]{1,60}|(?!\.)[\w .()+-]{1,60}\.(?:exe|dll|sys|msi|ocx|ico|lnk|scr))|windows[/\\]{1,2}temp)[/\\]{0,2}",
    re.I,
)
"""Where programs are, as inventories tell it: a directory or a program, nothing to be read in a page."""


def _named(value: bytes, start: int, end: int, path: bytes) -> Confidence | None:
    """A sensitive file is named without climbing: an attack where it is the whole value."""
    outside = value[max(start - _OUTSIDE, 0) : start] + value[end : end + _OUTSIDE]
    if path.lower().startswith((b"http:/", b"https:/")) or _PAGE.search(path):
        return None
    if len(value) <= _LONGEST_PATH and _INSTALLED.fullmatch(value):
        return None
    if _APP.search(path) and not (_UNIX.search(path) or _WINDOWS.search(path)):
        if outside.strip():
            return None
        return Confidence.HIGH if _OUTRIGHT.match(path) else Confidence.MEDIUM
    if len(outside.split()) > 3 or b"\n" in outside.strip():
        return None
    if outside.strip() and (value[start - 1 : start].isspace() or value[end : end + 1].isspace()):
        return None
    return Confidence.HIGH


_TITLE: Final = re.compile(
    rb"(?!%2f|%5c)(?:(?!%00|%2e%2e|\.\.)[\w.%~/ :()'&,+\x80-\xff-]){1,400}?\.(?:mp3|m4a|m4b|flac|og[gv]|opus|wav|wma|aac|mp4|m4v|mkv|avi|webm|mov)"
    rb"(?=[<\r\n\"']|\Z)(?!\s*+\.)",
    re.I,
)
"""What lists of players name: a piece of music or a film, and nothing that a library of addresses would take for another file."""


def _only_titles(value: bytes, start: int) -> bool:
    """The address at `start` names a title, and so do those behind it that are too close for a question of their own."""
    return all(_TITLE.match(value, one.end()) for one in _WRAPPER.finditer(value, start, start + _CAP))


def _wrapper(value: bytes, start: int, path: bytes, match: re.Match[bytes]) -> Confidence | None:
    if prose_words(value, start) >= 2:
        return None
    if value[match.end() : match.end() + 1].isspace() and words_after(value, match.end()) >= 2:
        return None
    scheme = match[0].lower()
    rest = value[match.end() : match.end() + _CAP]
    if scheme.startswith(b"data:") and not re.search(rb"<\?|PD9|php|system|phpinfo", rest, re.I):
        return None
    if scheme.startswith(b"zip:") and rest[:1] not in b"/.\\":
        return None
    if scheme.startswith(b"file:") and not (_UNIX.search(path) or _WINDOWS.search(path)):
        absolute = scheme.count(b"/") != 2 or rest[:2].endswith(b":")
        if (
            match.start() > start
            or not absolute
            or b" " in value.strip()
            or not re.match(rb"[\w.$%~-]", rest)
            or (scheme.count(b"/") == 3 and _only_titles(value, match.start()))
        ):
            return None
    return Confidence.HIGH


def _bounds(value: bytes, span: tuple[int, int]) -> tuple[int, int]:
    """The run of path characters around `span`."""
    start = max(0, span[0] - _CAP // 2)
    for match in _BREAK.finditer(value, start, span[0]):
        start = match.end()
    closing = _BREAK.search(value, min(span[1], len(value)), span[1] + _CAP)
    end = closing.start() if closing else min(len(value), span[1] + _CAP)
    if closing and closing[0] in (b"\x00", b"%00"):
        end = min(len(value), closing.end() + 64)
    return start, end
