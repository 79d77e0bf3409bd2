"""Ordinary requests of many shapes, as browsers, phones and machines send them: nothing in them is of interest to anybody.

Written by hand, each of another kind. Who adds one takes it as clients send it, not as it suits the rules.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final, NamedTuple

# fmt: off
_CHROME: Final = (
    ("Host", "shop.example"), ("Connection", "keep-alive"),
    ("sec-ch-ua", '"Chromium";v="130", "Google Chrome";v="130", "Not?A_Brand";v="99"'),
    ("sec-ch-ua-mobile", "?0"), ("sec-ch-ua-platform", '"Windows"'), ("Upgrade-Insecure-Requests", "1"),
    ("User-Agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7"),
    ("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-User", "?1"), ("Sec-Fetch-Dest", "document"),
    ("Referer", "https://shop.example/products/kettles/"), ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ("Accept-Language", "en-US,en;q=0.9"),
)
_SAFARI: Final = (
    ("Host", "shop.example"), ("Accept", "application/json, text/plain, */*"), ("Sec-Fetch-Site", "same-site"),
    ("Accept-Language", "de-DE,de;q=0.9"), ("Accept-Encoding", "gzip, deflate, br"), ("Sec-Fetch-Mode", "cors"),
    ("Origin", "https://shop.example"),
    ("User-Agent", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1"),
    ("Referer", "https://shop.example/cart?step=2"), ("Sec-Fetch-Dest", "empty"), ("Connection", "keep-alive"),
    ("X-Requested-With", "XMLHttpRequest"),
)
_PHONE: Final = (
    ("Host", "api.shop.example"), ("User-Agent", "ShopApp/5.12.0 (Android 14; Pixel 8; build 51200) okhttp/4.12.0"),
    ("Accept", "application/json"), ("Accept-Encoding", "gzip"), ("X-App-Version", "5.12.0"), ("X-Device-Id", "4f2a1c88-93de-4a7b-b0c5-5a6e2f1d7c90"),
    ("Connection", "Keep-Alive"),
)
_SERVICE: Final = (
    ("Host", "orders.internal.example"), ("User-Agent", "python-requests/2.32.3"), ("Accept-Encoding", "gzip, deflate"), ("Accept", "*/*"),
    ("Connection", "keep-alive"), ("X-Request-Id", "b7e1a3f2-5c44-4f0e-8b7d-2a90d1c6e7f3"),
    ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
)
_JWT: Final = (
    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6IjIwMjYtMDQifQ.eyJzdWIiOiI0ODIxOTMiLCJuYW1lIjoiTWFyeSBKb25lcyIsImlhdCI6MTc5NTk"
    "0MDAwMCwiZXhwIjoxNzk1OTQzNjAwLCJzY29wZSI6Im9yZGVyczpyZWFkIG9yZGVyczp3cml0ZSJ9.kT9mZC0pVq3nX7bWc2uYhR5sLdJ8fGaE1iOoQwPzKxM4tBvN6"
    "yHjUrSgDlFeAkCqT0xZpWmVnBiYcRhXoLsJdGfEuQaPzKwMtNvByHjUrSgDlFeA"
)
_HEADS: Final = {"chrome": _CHROME, "safari": _SAFARI, "phone": _PHONE, "service": _SERVICE}


class Everyday(NamedTuple):
    """A request and what is ordinary in it."""

    name: str
    client: str
    line: str
    headers: tuple[tuple[str, str], ...] = ()
    body: object = None  # a document, or a form as text

    def raw(self) -> bytes:
        """The whole message."""
        body = b""
        headers = [*_HEADS[self.client], *self.headers]
        if self.body is not None:
            form = isinstance(self.body, str)
            body = str(self.body).encode() if form else json.dumps(self.body, ensure_ascii=False).encode()
            kind = "application/x-www-form-urlencoded" if form else "application/json"
            headers += [("Content-Type", kind), ("Content-Length", str(len(body)))]
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        return f"{self.line} HTTP/1.1\r\n{lines}\r\n".encode() + body


def _gets() -> Iterator[Everyday]:
    for name, client, target in (
        ("start page", "chrome", "/"),
        ("plain path", "chrome", "/products/kettles/stainless-steel-1-7l"),
        ("dated path", "chrome", "/blog/2026/04/17/how-to-descale-a-kettle"),
        ("asset with a hash", "chrome", "/static/js/main.8f3c21ab.chunk.js"),
        ("font", "chrome", "/static/media/inter-latin-400-normal.27ae72da.woff2"),
        ("picture with sizes", "chrome", "/images/p/48213_a.jpg?w=640&h=480&fit=crop&q=75"),
        ("version in the query", "chrome", "/style.css?v=1.24.3"),
        ("campaign", "chrome", "/?utm_source=newsletter&utm_medium=email&utm_campaign=spring_sale_2026&utm_content=hero"),
        ("click ids", "chrome", "/sale?gclid=EAIaIQobChMI2pK8hYyEhgMVzZBoCR0rTQZtEAAYASAAEgKx5vD_BwE&fbclid=IwAR2x8Kc4fTnQ"),
        ("search", "chrome", "/search?q=electric+kettle+1.7+litre&page=3&sort=price_asc"),
        ("search with a quote", "chrome", "/search?q=children%27s+books"),
        ("search in quotes", "chrome", "/search?q=%22french+press%22+coffee"),
        ("search in German", "chrome", "/suche?q=K%C3%BCchenger%C3%A4te&kategorie=haushalt"),
        ("search in Japanese", "chrome", "/search?q=%E3%82%B3%E3%83%BC%E3%83%92%E3%83%BC"),
        ("filters", "chrome", "/products?color=red,blue&size=m&size=l&min_price=10&max_price=99.95&in_stock=true"),
        ("brackets in names", "chrome", "/products?filter[brand]=acme&page[number]=2&page[size]=20"),
        ("offset of minus one", "safari", "/api/items?cursor=-1&limit=50"),
        ("times", "safari", "/api/slots?from=2026-04-17T09:30:00Z&to=2026-04-18T09:30:00%2B02:00"),
        ("position", "safari", "/api/stores?lat=51.8985&lng=-8.4756&radius=5km"),
        ("box of a map", "safari", "/api/map?bbox=-8.52,51.87,-8.41,51.92&zoom=13"),
        ("uuid", "safari", "/api/orders/4f2a1c88-93de-4a7b-b0c5-5a6e2f1d7c90/items"),
        ("return address", "chrome", "/login?next=%2Faccount%2Forders%3Fpage%3D2"),
        ("whole URL", "chrome", "/share?url=https%3A%2F%2Fshop.example%2Fproducts%2Fkettles&title=Kettles"),
        ("page token", "phone", "/v1/feed?page_token=CAoQAA&fields=id,title,price,images.url"),
        ("e-mail in the query", "safari", "/api/users?email=mary.jones%40example.com"),
        ("phone in the query", "safari", "/api/users?phone=%2B353871234567"),
        ("version of an API", "service", "/api/v2/customers/48213/orders?status=open&include=lines,payments"),
        ("health", "service", "/healthz"),
        ("metrics of a time", "service", "/api/v1/query_range?start=1795940000&end=1795943600&step=15s"),
        ("socket fallback", "safari", "/socket.io/?EIO=4&transport=polling&t=P1abcDE&sid=mLr5_fzXo0ZKqj5cAAAB"),
        ("no value", "chrome", "/products?debug&page="),
        ("anti-cache", "safari", "/api/cart?_=1795940000123"),
    ):
        yield Everyday(name, client, f"GET {target}")


def _with_headers() -> Iterator[Everyday]:
    cookies = (
        ("session cookies", "sid=s%3AxN2fQ7ZkR0Vt5bY8mC1dL4gH.J3hK9pW2sX6vB0nM4qT7yU1iO5aE8rF; theme=dark; lang=en-GB"),
        ("analytics cookies", "_ga=GA1.2.1203948576.1795940000; _gid=GA1.2.987654321.1795940000; _gat=1; _fbp=fb.1.1795940000123.1098765432"),
        ("consent cookie", "cookie_consent=necessary%2Cstatistics; seen=1"),
        ("django cookies", "csrftoken=Qx7mN3vB8kL2pT5wY9zR4cF6hJ1sD0gA; sessionid=k3j9x2m5q8w1z7v4b6n0c2l5p8r1t4y7"),
        ("php cookies", "PHPSESSID=8q3v5m1k7n9b2x4z6c0l; wp-settings-time-1=1795940000"),
        ("cookie of JSON", "prefs=%7B%22theme%22%3A%22dark%22%2C%22page%22%3A50%7D"),
        ("cookie in base64", "state=eyJjYXJ0IjpbNDgyMTMsNTE5Ml0sImN1cnJlbmN5IjoiRVVSIn0="),
        ("java cookies", "JSESSIONID=0A1B2C3D4E5F60718293A4B5C6D7E8F9.node1; SERVERID=s2"),
        ("load balancer", "AWSALB=hR7k+Zm2/9vQ3xT5bY8nC1dL4gHJ3hK9pW2sX6vB0nM4qT7yU1iO5aE8rFz; BIGipServerpool=1677787402.36895.0000"),
    )
    for name, value in cookies:
        yield Everyday(name, "chrome", "GET /account", (("Cookie", value),))
    yield Everyday("bearer token", "phone", "GET /v1/me", (("Authorization", f"Bearer {_JWT}"),))
    yield Everyday("basic credentials", "service", "GET /api/jobs", (("Authorization", "Basic c3ZjLW9yZGVyczo3aGpLMnBRbVp4"),))
    yield Everyday("conditional", "chrome", "GET /style.css", (
        ("If-None-Match", 'W/"5f3-18c2a1b4e90"'), ("If-Modified-Since", "Tue, 14 Apr 2026 08:12:31 GMT")))
    yield Everyday("range", "safari", "GET /media/intro.mp4", (("Range", "bytes=1048576-2097151"), ("If-Range", '"5f3-18c2a1b4e90"')))
    yield Everyday("behind proxies", "service", "GET /api/orders/17", (
        ("X-Forwarded-For", "203.0.113.7, 10.1.2.3"), ("X-Forwarded-Proto", "https"), ("Via", "1.1 varnish (Varnish/7.4)"),
        ("X-Amzn-Trace-Id", "Root=1-67891233-abcdef012345678912345678"), ("CF-Ray", "8a1b2c3d4e5f6789-DUB")))
    yield Everyday("referer of a search", "chrome", "GET /products/17", (("DNT", "1"), ("Sec-GPC", "1"),
        ("Cache-Control", "max-age=0"), ("Purpose", "prefetch"), ("X-Csrf-Token", "Qx7mN3vB8kL2pT5wY9zR4cF6hJ1sD0gA")))


def _posts() -> Iterator[Everyday]:
    documents: tuple[tuple[str, str, object], ...] = (
        ("numbers", "service", {"delta": -1, "change": -0.25, "rate": 1.5e-7, "big": 12345678901234, "zero": 0, "ok": True, "none": None}),
        ("readings", "service", {"sensor": "t-17", "unit": "°C", "values": [-3.5, -2, 0, 4.25, 17.125], "at": "2026-04-17T09:30:00.123Z"}),
        ("address", "safari", {"name": "Mary O'Neill", "street": "12 St. Patrick's Street", "city": "Cork", "postcode": "T12 X2Y3", "country": "IE"}),
        ("login", "safari", {"username": "mary.jones", "password": "correct horse battery", "remember": True}),
        ("e-mail and phone", "safari", {"email": "mary.jones@example.com", "phone": "+353 87 123 4567"}),
        ("order", "safari", {"id": "4f2a1c88-93de-4a7b-b0c5-5a6e2f1d7c90", "lines": [{"sku": "KET-17-SS", "qty": 2, "price": "39.95"}], "currency": "EUR", "note": "Please ring the bell (top floor)."}),
        ("review", "safari", {"stars": 4, "title": "Good, but loud", "text": "It boils fast, and it's easy to clean; the lid, however, is stiff. I'd buy it again - just not in white! Would you?"}),
        ("review in French", "safari", {"stars": 5, "text": "Très bon produit, livraison rapide. L'emballage était parfait, je recommande à tous !"}),
        ("message in Chinese", "phone", {"text": "你好，请问这个水壶还有货吗？谢谢"}),
        ("emoji", "phone", {"text": "love it 😍👍", "reaction": "❤️"}),
        ("lines", "safari", {"text": "Hello,\n\nthanks for the quick reply.\n\nBest,\nMary"}),
        ("URLs", "service", {"callback": "https://orders.example/hooks/9f31", "image": "https://cdn.example/p/48213/a.jpg?w=640", "docs": "/help/returns"}),
        ("telemetry", "phone", {"events": [{"name": "screen_view", "ts": 1795940000123, "props": {"screen": "ProductDetail", "duration_ms": 5123, "os": "Android 14"}}]}),
        ("log line", "service", {"level": "info", "logger": "orders.api", "message": "order 4711 accepted in 23 ms", "host": "orders-6d9f7c4b5d-x2x7k"}),
        ("times and versions", "service", {"created": "2026-04-17 09:30:00", "date": "17/04/2026", "version": "v2.14.0-rc.1", "duration": "PT1H30M", "tz": "Europe/Dublin"}),
        ("GraphQL", "safari", {"operationName": "Cart", "variables": {"id": "48213"}, "query": "query Cart($id: ID!) { cart(id: $id) { total lines { sku qty } } }"}),
        ("tokens", "phone", {"refresh_token": "v1.MRrN3vB8kL2pT5wY9zR4cF6hJ1sD0gAQx7m", "device": "4f2a1c88-93de-4a7b-b0c5-5a6e2f1d7c90", "fcm": "dQw4w9WgXcQ:APA91bH8kL2pT5wY9zR4cF6hJ1sD0gA"}),
        ("hash", "service", {"sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "md5": "098f6bcd4621d373cade4e832627b4f6"}),
        ("price list", "service", {"items": [{"n": "Tea (loose), 250 g", "p": "€4.50"}, {"n": "Coffee & cake", "p": "$7.20"}, {"n": "50% off", "p": "-3.00"}]}),
        ("settings", "safari", {"theme": "dark", "pageSize": 50, "columns": ["name", "price", "updated_at"], "sort": {"by": "name", "dir": "desc"}, "color": "#1a2b3c"}),
    )
    for name, client, document in documents:
        yield Everyday(f"JSON: {name}", client, "POST /api/items", (), document)
    for name, form in (
        ("login", "username=mary.jones&password=correct+horse+battery&remember=on"),
        ("contact", "name=Mary+O%27Neill&email=mary%40example.com&phone=%2B353+87+123+4567&message=Hello%2C+is+the+kettle+back+in+stock%3F+Thanks%21"),
        ("with a token", "csrfmiddlewaretoken=Qx7mN3vB8kL2pT5wY9zR4cF6hJ1sD0gA&qty=2&variant=ss-1.7"),
        ("Rails", "utf8=%E2%9C%93&authenticity_token=x2m5q8w1z7v4b6n0c2l5p8r1t4y7k3j9%2Fw%3D%3D&user%5Bname%5D=Mary&user%5Bcity%5D=Cork&commit=Save"),
        ("text of lines", "comment=First+line%0D%0ASecond+line%2C+a+bit+longer.%0D%0A&rating=4"),
    ):
        yield Everyday(f"form: {name}", "chrome", "POST /account", (), form)


EVERYDAY: Final = (*_gets(), *_with_headers(), *_posts())
