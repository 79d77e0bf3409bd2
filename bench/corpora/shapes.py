"""Legitimate values that look like payloads, and whole everyday requests of apps: written here, filled by chance.

`TEMPLATES` use the grammar of `families`: ⟨a¦b⟩ is one of its alternatives, ⟨name⟩ a slot. Nothing here does harm
wherever it is put: words, names, formulas, queries of search languages, passwords, snippets that people talk about.
"""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable
from typing import Final
from urllib.parse import quote, urlencode

from bench.corpora.families import expand
from bench.corpora.requests import Message, message

NAMES: Final = [
    "O'Neill",
    "O'Brien",
    "D'Angelo",
    "L'Oréal",
    "N'Golo",
    "M'Baye",
    "Ch'ing",
    "O'Hara-Smith",
    "Null",
    "Or",
    "And",
    "Select",
    "Union",
    "Drop",
    "Grant",
    "Case",
    "Script",
    "Sleep",
    "Van't-Hoff",
    "Dell'Orto",
    "Sant'Anna",
    "Sa'id",
    "Qur'an",
    "Ta'Shawn",
    "K'Nex",
    "Fo'c's'le",
    "Rock'n'Roll",
    'Toys"R"Us',
    "AT&T",
    "H&M",
    "Marks&Spencer",
]

LOOKALIKES: Final[tuple[str, ...]] = (
    # SQL in words
    "⟨Please¦Could you¦How do I⟩ select ⟨a seat¦the best one¦an option⟩ from the ⟨list¦menu¦catalog⟩ where ⟨it is quiet¦possible⟩", "the union of ⟨w⟩ and ⟨w⟩ was select only",
    "union square and select hotels", "European Union: select committee report", "insert the ⟨w⟩ into the slot; then update your ⟨w⟩ and set the clock", "drop the table at ⟨n⟩ Main St; create a ticket",
    "delete from my account the old address", "order by phone, group by size, having fun", "1 or 2 or 3", "yes or no? 1 = yes, 2 = no", "it's 5 o'clock; that's when we're closing", "we'd like 2 'large' and 3 'small' ones",
    "'⟨w⟩' or '⟨w⟩'?", "is it \"⟨w⟩\" or \"⟨w⟩\"?", "John's and Mary's -- the happy couple", "price between 10 and 20", "rating >= 4 and price < 50", "size = 'XL' and color = 'red'", "a=1 and b=2 is what I see", "x or y = z",
    "where 1 in 3 people like 'it'", "Table 5, chair 6; drop by anytime", "like '%⟨w⟩%' does not work in my query", "What does SELECT * FROM ⟨w⟩ WHERE id = 1 return?", "I ran select count(*) from ⟨w⟩ and got 0", "why is my LEFT JOIN slow?", "use ORDER BY 1 or ORDER BY name?",
    "alter ego; table for two", "exec summary attached; shutdown at 5pm", "grant money to all users", "declare your variables; begin now", "waitfor me", "cast (n) of the show", "the char(10) column", "sleep(8) hours is best", "benchmark results (2023)", "having 2 kids", "null = nothing",
    "C-x C-c or :wq", "5'10\" or 6'2\"", "12\" x 8\" -- framed", "rock 'n' roll -- 50's style", "Ain't it? #1 fan", "Don't -- I repeat, don't -- do that", "--- Original Message ---", "-- \nJohn O'Neill\nSales", "/* TODO */", "// comment", "# heading", "50% off; 2 for 1", "Q&A; FAQ & more",
    # markup and script in words
    "I <3 you", "a<b and b>c", "if x < 5 && y > 3", "<- back | next ->", "->", "<grin>", "<your name here>", "Dear <first name>", "the <script> tag is dangerous", "use <b> for bold and <i> for italics", "onclick and onload are events", "on error = retry", "online=true", "one=1", "javascript is fun", "JavaScript: the definitive guide",
    "see document.cookie docs", "alert level: high (orange)", "please confirm (asap)", "prompt payment", "eval week starts Monday", "window.open hours: 9-5", "top [5] songs", "location = Berlin", "set timeout (30s)", "<⟨w⟩@⟨w⟩.example>", "Tom <⟨w⟩@⟨w⟩.example>", "{\"a\": \"<b>\"}", "List<String> items", "Map<String, List<Integer>>", "vector<int> v;", "std::cout << x << endl", "<3 <3 <3", ">:-( or :-) ;-)", "x => x + 1", "<!-- hidden -->", "&lt;b&gt;", "&copy; 2024", "data: 5GB", "style=modern", "src=organic", "href to the rescue",
    "<p>Hello <b>⟨w⟩</b></p>", "<a href=\"https://⟨host⟩/⟨w⟩\">link</a>", "<img src=\"/⟨w⟩.png\" alt=\"it's me\">", "[link](https://⟨host⟩/a?b=c)", "![img](/⟨w⟩.png)", "<br/>", "<h1>Title</h1>", "<ul><li>one</li></ul>",
    # commands and paths in words
    "cats & dogs", "Tom & Jerry; Ping & Pong", "ping me at 5; who is in?", "id; name; date", "date | time | place", "cat | dog | bird", "find a way; sort it out", "more or less; less is more", "kill time; make coffee", "run `ls` to list files", "type `exit` to quit", "use $HOME instead of /home", "cd .. goes up", "../ means parent", "and/or", "n/a", "w/o", "he/she", "24/7", "etc/misc", "C:\\Users\\⟨w⟩\\Desktop", "\\\\server\\share", "/usr/local/bin is in my PATH", "/etc is a directory", "my file is in ~/Documents/⟨w⟩.txt", "~20 users", "docs/readme.md", "./gradlew build", "npm install && npm start", "sudo apt install ⟨w⟩", "git commit -m 'fix ⟨w⟩'", "pip install ⟨w⟩", "docker compose up", "chmod 755 is what the manual says", "tail of the log", "head & shoulders", "net income; sort of", "dir. of marketing", "type A or B", "start at 9; stop at 5", "echo chamber; printf style", "set; get; go", "time & date; place & time", "R&D; Q&A", "black|white", "wget vs curl", "grep for it", "|| and && are operators", "a; b; c", "open; close", "python or perl?", "node is down; host is up", "bash the bug",
    # templates, formulas, numbers
    "Hello {{ name }}!", "{{ user.first_name }}", "Dear {{customer}}, your order {{order.id}}", "${⟨w⟩}", "${USER} logged in", "#{⟨w⟩}", "%{⟨w⟩}", "<%= ⟨w⟩ %>", "{% if ⟨w⟩ %}yes{% endif %}", "Hi %s, you have %d new", "{0} of {1}", "$5.00 * 2 = $10", "{a, b}", "{n} items", "f(x) = {x^2}", "\\frac{a}{b}", "$\\sum_{i=1}^{n} x_i$", "2+2=4", "7*7=49", "3 - 1", "(1+1)", "1/2", "50/50", "=SUM(A1:A9)", "=IF(A1>5,\"yes\",\"no\")", "=VLOOKUP(A2,B:C,2,FALSE)", "-5", "+49 30 1234", "@⟨w⟩", "#⟨w⟩", "~~strike~~", "`code`", "*bold*", "_it_", "1e10", "0x1F", "#FF00FF", "100%", "99.9%", "§5", "€5", "^_^", "¯\\_(ツ)_/¯", "(*) required", "(a|b)", "[a-z]+", "^\\d{3}-\\d{4}$", "(?i)⟨w⟩.*", "a*b*c", "(see note *)", "x(y)(z)", "f(a)(b)", "{\"price\": {\"min\": 5}}", "[1,2,3]", "[\"a\",\"b\"]", "key: value", "a: {b: c}",
    # query languages
    "Name eq '⟨w⟩' and Price gt ⟨n⟩", "contains(Name,'⟨w⟩')", "startswith(Title,'⟨w⟩') or Price lt ⟨n⟩", "status:open AND label:\"⟨w⟩\"", "title:\"⟨w⟩ ⟨w⟩\" OR author:⟨w⟩", "project = ⟨w⟩ AND status in (\"To Do\", Done) ORDER BY created DESC", "assignee = currentUser() AND resolution = Unresolved", "sum(rate(http_requests_total{job=\"api\"}[5m])) by (status)", "$.store.book[?(@.price < 10)].title", "div > p.⟨w⟩:first-child", "name:⟨w⟩*", "-⟨w⟩ +⟨w⟩", "\"exact phrase\"", "⟨w⟩ OR ⟨w⟩ AND NOT ⟨w⟩", "created:>2024-01-01", "type:issue is:open", "price:[10 TO 20]", "a && b || c", "tag:(⟨w⟩ OR ⟨w⟩)", "age > 18 AND country = 'DE'", "level=error | json | line_format \"{{.msg}}\"", "from:⟨w⟩ subject:(⟨w⟩)", "user.id IN (1,2,3)",
    # URLs and machines
    "https://⟨host⟩/⟨w⟩?utm_source=⟨w⟩&utm_medium=email", "http://localhost:3000/callback", "https://⟨host⟩/oauth2/authorize?client_id=⟨w⟩&redirect_uri=https%3A%2F%2F⟨host⟩%2Fcb", "//cdn.⟨host⟩/lib.js", "https://⟨host⟩/docs/install.php", "mailto:⟨w⟩@⟨host⟩", "tel:+4930123456", "ftp.⟨host⟩", "urn:isbn:0451450523", "s3://⟨w⟩/⟨w⟩", "git@github.example:⟨w⟩/⟨w⟩.git", "jdbc:postgresql://db.⟨host⟩:5432/⟨w⟩", "redis://cache.⟨host⟩:6379/0", "192.168.1.10", "10.0.0.0/8", "::1", "fe80::1", "127.0.0.1", "localhost", "file.tar.gz", "index.php", "web.config is missing", "report (final).pdf", "../img/logo.png", "v1.2.3-rc.1+build.5", "application/json; charset=utf-8", "max-age=3600, public", "W/\"⟨hexw⟩\"", "Basic info", "SELECT", "OR", "UNION", "null", "undefined", "NaN", "true", "None", "nil", "root", "admin", "system", "test", "id", "ls", "$ref", "__typename", "__init__", "_id", "constructor", "prototype", "toString",
)  # fmt: skip


def lookalike(r: random.Random) -> str:
    text = expand(r, r.choice(LOOKALIKES))
    return text if r.random() < 0.7 else f"{text} {r.choice(NAMES)}"


def name(r: random.Random) -> str:
    first = r.choice(
        ["Anna", "Seán", "José", "Björn", "Zoë", "李", "Мария", "Nguyễn", "Marie-Claire", "J.R.", "Ana Mª"]
    )
    text = f"{first} {r.choice(NAMES)}"
    return r.choice(
        [
            text,
            text,
            f"{text}, Jr.",
            f"{text} & {r.choice(NAMES)}",
            f"{text} (née {r.choice(NAMES)})",
            f"c/o {text}; Apt #{r.randint(1, 99)}",
        ]
    )


def password(r: random.Random) -> str:
    """What password managers make."""
    return "".join(
        r.choice(string.ascii_letters + string.digits + string.punctuation) for _ in range(r.randint(8, 24))
    )


# ------------------------------------------------------------------------------------------------ whole requests


def _token(r: random.Random, size: int = 24) -> str:
    return base64.urlsafe_b64encode(r.randbytes(size)).decode().rstrip("=")


def _jwt(r: random.Random) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    claims = {
        "sub": str(r.randint(1, 10**6)),
        "name": name(r),
        "iat": 1_700_000_000 + r.randint(0, 10**7),
        "scope": "openid profile",
    }
    return f"{part({'alg': 'RS256', 'typ': 'JWT', 'kid': _token(r, 6)})}.{part(claims)}.{_token(r, 64)}"


def _get(
    r: random.Random, path: str, query: dict[str, str], headers: list[tuple[str, str]] | None = None
) -> Message:
    return message(r, "GET", f"{path}?{urlencode(query)}", headers or [], b"", "whole")


def _json(
    r: random.Random, path: str, document: object, headers: list[tuple[str, str]] | None = None
) -> Message:
    return message(
        r,
        "POST",
        path,
        [("Content-Type", "application/json"), *(headers or [])],
        json.dumps(document).encode(),
        "whole",
    )


def _form(r: random.Random, path: str, fields: dict[str, str]) -> Message:
    return message(
        r,
        "POST",
        path,
        [("Content-Type", "application/x-www-form-urlencoded")],
        urlencode(fields).encode(),
        "whole",
    )


def oauth(r: random.Random) -> Message:
    host = f"app{r.randint(1, 99)}.example"
    return r.choice([
        lambda: _get(r, "/oauth/authorize", {"response_type": "code", "client_id": _token(r, 12), "redirect_uri": f"https://{host}/auth/callback?tenant={r.randint(1, 9)}", "scope": "openid profile email offline_access", "state": _token(r), "nonce": _token(r, 12), "code_challenge": _token(r, 32), "code_challenge_method": "S256"}),
        lambda: _get(r, "/auth/callback", {"code": f"4/0A{_token(r, 40)}", "state": base64.b64encode(json.dumps({"next": "/orders?page=2&sort=-date", "csrf": _token(r)}).encode()).decode(), "scope": "email https://www.googleapis.example/auth/userinfo.email openid", "authuser": "0", "prompt": "consent"}),
        lambda: _form(r, "/oauth/token", {"grant_type": "authorization_code", "code": _token(r, 40), "redirect_uri": f"http://localhost:{r.randint(3000, 9000)}/callback", "client_id": _token(r, 12), "code_verifier": _token(r, 40)}),
        lambda: _get(r, "/login", {"next": f"/account/orders?status=open&page={r.randint(1, 9)}", "error": "session expired; please sign in"}),
        lambda: _get(r, "/sso/logout", {"post_logout_redirect_uri": f"https://{host}/", "id_token_hint": _jwt(r)}),
    ])()  # fmt: skip


def beacon(r: random.Random) -> Message:
    page = f"https://shop.example/c/{r.randint(1, 99)}?q={quote(lookalike(r))}&sort=price_asc"
    return r.choice([
        lambda: _get(r, "/collect", {"v": "2", "tid": f"G-{_token(r, 6)}", "dl": page, "dt": f"{name(r)} | Shop & more", "sr": "1920x1080", "ul": "en-us", "cid": f"{r.randint(10**8, 10**9)}.{r.randint(10**8, 10**9)}", "en": "page_view", "_et": str(r.randint(1, 99999)), "epn.value": "12.5", "ep.label": lookalike(r)}, [("Referer", page)]),
        lambda: _json(r, "/api/events", {"events": [{"type": "click", "ts": 1_700_000_000_000 + r.randint(0, 10**9), "path": "main > div.card:nth-child(2) > a[href='/p/12']", "text": lookalike(r), "props": {"ab": "B|2", "x": r.random()}}] * r.randint(1, 4)}),
        lambda: _json(r, "/envelope/", {"exception": {"values": [{"type": "TypeError", "value": "Cannot read properties of undefined (reading 'map')", "stacktrace": {"frames": [{"filename": "https://shop.example/static/js/main.3f2a.js", "function": "Array.forEach (<anonymous>)", "lineno": 1, "colno": r.randint(1, 9999)}]}}]}, "request": {"url": page, "headers": {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}}}),
        lambda: message(r, "POST", "/csp-report", [("Content-Type", "application/csp-report")], json.dumps({"csp-report": {"document-uri": page, "violated-directive": "script-src 'self' 'unsafe-inline' https:", "blocked-uri": "inline", "script-sample": "window.dataLayer = window.dataL"}}).encode(), "whole"),
    ])()  # fmt: skip


def api(r: random.Random) -> Message:
    return r.choice([
        lambda: _json(r, "/graphql", {"operationName": "Products", "variables": {"first": 20, "filter": {"title": {"contains": lookalike(r)}, "price": {"gte": 10}}}, "query": "query Products($first: Int!, $filter: ProductFilter) {\n  products(first: $first, where: $filter) {\n    edges { node { id title price { amount currency } ...Card } }\n    pageInfo { hasNextPage endCursor }\n  }\n}\nfragment Card on Product { image(size: LARGE) { url } __typename }"}, [("Authorization", f"Bearer {_jwt(r)}")]),
        lambda: _json(r, "/api/search", {"query": {"bool": {"must": [{"match": {"title": lookalike(r)}}], "filter": [{"range": {"price": {"gte": 1, "lt": 50}}}, {"term": {"brand": name(r)}}]}}, "sort": [{"_score": "desc"}, {"date": {"order": "asc"}}], "size": 20}),
        lambda: _get(r, "/odata/Products", {"$filter": f"Name eq '{name(r).replace(chr(39), chr(39) * 2)}' and Price gt {r.randint(1, 99)}", "$select": "Id,Name,Price", "$orderby": "Name desc", "$top": "20", "$expand": "Category($select=Name)"}),
        lambda: _get(r, "/api/items", {"filter[name]": lookalike(r), "fields[items]": "name,price", "sort": "-created_at,name", "page[size]": "50", "include": "author,comments.author"}),
        lambda: _get(r, "/api/v2/query_range", {"query": 'histogram_quantile(0.99, sum(rate(http_duration_bucket{app=~"shop|cart",code!~"5.."}[5m])) by (le))', "start": "1700000000", "step": "15"}),
        lambda: message(r, "PATCH", f"/api/users/{r.randint(1, 999)}", [("Content-Type", "application/json-patch+json"), ("Authorization", f"Bearer {_jwt(r)}")], json.dumps([{"op": "replace", "path": "/profile/name", "value": name(r)}, {"op": "add", "path": "/tags/-", "value": lookalike(r)}]).encode(), "whole"),
        lambda: _json(r, "/hooks/push", {"ref": "refs/heads/main", "commits": [{"id": r.randbytes(20).hex(), "message": f"Fix {lookalike(r)}\n\nCloses #{r.randint(1, 999)}", "author": {"name": name(r), "email": "dev@example.com"}, "modified": ["src/select.c", "docs/../README.md", "etc/passwd.example"]}], "compare": "https://git.example/a/b/compare/abc...def"}),
        lambda: _json(r, "/rpc", {"jsonrpc": "2.0", "method": "system.describe", "params": [lookalike(r), None, {"limit": 5}], "id": r.randint(1, 99)}),
        lambda: message(r, "POST", "/soap", [("Content-Type", "text/xml; charset=utf-8"), ("SOAPAction", '"urn:GetOrder"')], f'<?xml version="1.0" encoding="UTF-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><GetOrder xmlns="urn:shop"><Id>{r.randint(1, 999)}</Id><Note>5 &lt; 6 &amp; it&apos;s fine</Note></GetOrder></soap:Body></soap:Envelope>'.encode(), "whole"),
    ])()  # fmt: skip


def account(r: random.Random) -> Message:
    mail = f"{r.choice(['anna', 'o.neil', 'jo+news'])}{r.randint(1, 99)}@example.com"
    return r.choice([
        lambda: _form(r, "/login", {"email": mail, "password": password(r), "remember": "on", "authenticity_token": _token(r, 48) + "=="}),
        lambda: _json(r, "/api/login", {"username": mail, "password": password(r), "device": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X)"}),
        lambda: message(r, "GET", "/api/me", [("Authorization", "Basic " + base64.b64encode(f"{mail}:{password(r)}".encode()).decode())], b"", "whole"),
        lambda: _form(r, "/checkout", {"name": name(r), "street": f"{r.randint(1, 99)} St. John's Rd; Unit #{r.randint(1, 9)}", "company": f"{name(r)} & Sons (UK) Ltd.", "note": lookalike(r), "card": "tok_" + _token(r, 12), "amount": "12.50"}),
        lambda: _form(r, "/contact", {"name": name(r), "email": mail, "subject": lookalike(r), "message": f"Hi,\r\n\r\n{lookalike(r)}\r\n{lookalike(r)}\r\n\r\nThanks -- {name(r)}"}),
    ])()  # fmt: skip


def page(r: random.Random) -> Message:
    cookies = "; ".join([f"_ga=GA1.2.{r.randint(10**8, 10**9)}.{r.randint(10**8, 10**9)}", f"session={_jwt(r)}", "OptanonConsent=isGpcEnabled=0&datestamp=Mon+Jan+01+2024+10%3A00%3A00+GMT%2B0100&version=6.33.0&groups=C0001%3A1%2CC0002%3A0",
                         f"cart={quote(json.dumps({'items': [{'id': r.randint(1, 99), 'n': name(r)}], 'cur': 'EUR'}))}", f"last={quote(lookalike(r))}", "theme=dark", f"_hjSession={base64.b64encode(json.dumps({'id': _token(r), 'c': 1700000000}).encode()).decode()}"])  # fmt: skip
    referer = r.choice(
        [
            f"https://www.google.example/search?q={quote(lookalike(r))}",
            "https://shop.example/",
            f"https://shop.example/c/1?ref={quote(name(r))}",
        ]
    )
    path = r.choice(
        [
            "/",
            "/c/shoes-&-boots",
            "/p/it's-a-book",
            "/blog/select-the-best-union-suit",
            f"/u/{quote(name(r), safe='')}",
            "/static/js/main.3f2a.chunk.js",
            "/docs/etc/hosts-file.html",
            "/img/..logo.png",
            "/wiki/C%2B%2B",
            "/wiki/SQL_injection",
            "/search",
        ]
    )
    return message(
        r,
        "GET",
        f"{path}?{urlencode({r.choice(['q', 'ref', 'v', 'name']): lookalike(r)})}",
        [("Cookie", cookies), ("Referer", referer)],
        b"",
        "whole",
    )


def upload(r: random.Random) -> Message:
    name_, kind, data = r.choice([
        ("photo.png", "image/png", b"\x89PNG\r\n\x1a\n" + r.randbytes(r.randint(200, 4000))), ("IMG 0012 (1).jpg", "image/jpeg", b"\xff\xd8\xff\xe0" + r.randbytes(r.randint(200, 4000))),
        ("report's final.pdf", "application/pdf", b"%PDF-1.7\n" + r.randbytes(900)), ("data.csv", "text/csv", ("name,price\n" + "\n".join(f'"{name(r)}",{r.randint(1, 99)}' for _ in range(20))).encode()),
        ("notes.txt", "text/plain", lookalike(r).encode()), ("logo.svg", "image/svg+xml", b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0L9 9"/><style>.a{fill:red}</style></svg>'),
        ("archive.zip", "application/zip", b"PK\x03\x04" + r.randbytes(1200)), ("script.py", "text/x-python", b"import os\nprint(os.getcwd())\n"),
    ])  # fmt: skip
    mark = f"----WebKitFormBoundary{_token(r, 12)}"
    body = (f'--{mark}\r\nContent-Disposition: form-data; name="title"\r\n\r\n{lookalike(r)}\r\n--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name_}"\r\nContent-Type: {kind}\r\n\r\n').encode() + data + f"\r\n--{mark}--\r\n".encode()  # fmt: skip
    return message(
        r, "POST", "/upload", [("Content-Type", f"multipart/form-data; boundary={mark}")], body, "whole"
    )


WHOLE: Final = {
    "oauth": oauth,
    "beacon": beacon,
    "api": api,
    "account": account,
    "page": page,
    "upload": upload,
}
"""Kind of everyday request to its generator."""

TEXTS: Final[dict[str, tuple[str, Callable[[random.Random], str]]]] = {
    "names": ("everyday", name), "passwords": ("tricky", password), "look-alikes": ("look-alike", lookalike),
}  # fmt: skip
"""Kind of text to (group of the report, its generator)."""
