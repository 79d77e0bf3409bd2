"""The demo shop's HTML: values in, a page out. Every value is escaped; what leaks here leaks on purpose."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from waf.demo.catalogue import CATEGORIES, Customer, Product, grouped

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{title} · The Corner Shop</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}}
nav a{{margin-right:1rem}}label{{display:block;margin:.5rem 0}}
td,th{{text-align:left;padding:.2rem 1rem .2rem 0}}</style>
</head>
<body>
<nav><a href="/">Shop</a><a href="/login">Log in</a><a href="/feedback">Feedback</a>
<a href="/upload">Upload</a><a href="/customers/1">A customer</a></nav>
<h1>{title}</h1>
{body}
</body>
</html>
"""


def page(title: str, body: str) -> str:
    """A whole page; `body` is HTML, `title` is text."""
    return _PAGE.format(title=escape(title), body=body)


def money(cents: int) -> str:
    return f"€{cents / 100:,.2f}"


def product_list(products: Sequence[Product], text: str = "", category: str = "") -> str:
    """The search form with what was asked, and what was found."""
    options = "".join(
        f"<option{' selected' if name == category else ''}>{escape(name)}</option>"
        for name in ("", *CATEGORIES)
    )
    rows = "".join(
        f'<tr><td><a href="/products/{p.id}">{escape(p.name)}</a></td><td>{escape(p.category)}</td>'
        f"<td>{money(p.price)}</td></tr>\n"
        for p in products
    )
    found = f"<table><tr><th>Product</th><th>Category</th><th>Price</th></tr>\n{rows}</table>" if rows else ""
    return (
        f'<form action="/search"><label>Search <input name="q" value="{escape(text)}"></label>'
        f'<label>Category <select name="category">{options}</select></label><button>Go</button></form>\n'
        f"<p>{len(products)} found</p>\n{found}"
    )


def product_detail(product: Product) -> str:
    return (
        f"<p>{escape(product.description)}</p>"
        f"<p><strong>{money(product.price)}</strong>, {product.stock} in stock</p>"
    )


def login_form(failed: bool = False) -> str:
    hint = "<p>That did not fit. Try any address and the password <code>demo</code>.</p>" if failed else ""
    return (
        f'{hint}<form method="post" action="/login"><label>E-mail <input name="email" type="email"></label>'
        '<label>Password <input name="password" type="password"></label><button>Log in</button></form>'
    )


def feedback_form() -> str:
    return (
        '<form method="post" action="/feedback"><label>Name <input name="name"></label>'
        '<label>Message <textarea name="message" rows="5" cols="50"></textarea></label>'
        "<button>Send</button></form>"
    )


def upload_form() -> str:
    return (
        '<form method="post" action="/upload" enctype="multipart/form-data">'
        '<label>Title <input name="title"></label><label>File <input name="file" type="file"></label>'
        "<button>Upload</button></form>"
    )


def customer_page(customer: Customer) -> str:
    """The leak: a full card number where the last four digits would do."""
    return (
        f"<table>\n<tr><th>Name</th><td>{escape(customer.name)}</td></tr>\n"
        f"<tr><th>E-mail</th><td>{escape(customer.email)}</td></tr>\n"
        f"<tr><th>City</th><td>{escape(customer.city)}</td></tr>\n"
        f"<tr><th>Card</th><td>{grouped(customer.card)}</td></tr>\n</table>"
    )
