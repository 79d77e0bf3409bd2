"""The demo shop's data: products and customers, the same in every run.

Owns the one thing the tour needs to know beforehand: which card number the customer page leaks. The numbers
are computed, so none stands in the source and none belongs to a person or to a published list of test cards.
Knows nothing of HTTP.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec


class Product(msgspec.Struct, frozen=True):
    """`price` is in cents."""

    id: int
    name: str
    category: str
    price: int
    stock: int
    description: str


class Customer(msgspec.Struct, frozen=True):
    """`card` is a full card number: what a careless app stores and shows."""

    id: int
    name: str
    email: str
    city: str
    card: str


def luhn_digit(digits: str) -> str:
    """The check digit to append to `digits` (ISO/IEC 7812-1, annex B)."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if position % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def card_number(seed: str) -> str:
    """A 16-digit number with a right check digit, always the same for one `seed`."""
    digest = int.from_bytes(hashlib.sha256(seed.encode()).digest(), "big")
    body = "453201" + f"{digest % 10**9:09d}"
    return body + luhn_digit(body)


PRODUCTS: Final = tuple(
    Product(number, name, category, price, stock, description)
    for number, (name, category, price, stock, description) in enumerate(
        [
            ("Espresso cup, set of 4", "kitchen", 2490, 40, "Stoneware, 80 ml, dishwasher-proof."),
            ("Coffee grinder", "kitchen", 8900, 12, "Conical burrs, 38 grind settings."),
            ("French press 1 l", "kitchen", 3450, 25, "Double-walled steel; keeps coffee warm for an hour."),
            ("Kitchen scale", "kitchen", 2990, 31, "0.1 g up to 2 kg, with a timer."),
            (
                "Tom O'Reilly: Brewing at Home",
                "books",
                1980,
                18,
                "What to do when your coffee tastes of nothing.",
            ),
            ("The Art of Sourdough", "books", 2450, 9, "From the first starter to the perfect crust."),
            ("Reading lamp", "home", 5990, 14, "Warm white, dimmable, swivels 180°."),
            ("Wool blanket", "home", 7900, 7, "140 × 200 cm, merino."),
            ("Trail running shoes", "sport", 11900, 22, "Grippy sole, 8 mm drop."),
            ("Yoga mat", "sport", 3990, 50, "Natural rubber, 4 mm."),
            ("Bicycle repair kit", "sport", 1590, 63, "Levers, patches and a 14-in-1 tool."),
            ("Insulated bottle", "sport", 2790, 80, "0.5 l, cold for 24 hours."),
        ],
        start=1,
    )
)
CATEGORIES: Final = tuple(sorted({product.category for product in PRODUCTS}))

CUSTOMERS: Final = tuple(
    Customer(number, name, email, city, card_number(f"customer-{number}"))
    for number, (name, email, city) in enumerate(
        [
            ("Amira Haddad", "amira@example.com", "Lyon"),
            ("Søren Kjær", "soren@example.com", "Aarhus"),
            ("Mary O'Neill", "mary@example.com", "Cork"),
        ],
        start=1,
    )
)


def search(text: str = "", category: str = "") -> list[Product]:
    """Products whose name or description holds `text` (any case), in `category` if one is given."""
    wanted = text.casefold()
    return [
        product
        for product in PRODUCTS
        if wanted in f"{product.name} {product.description}".casefold()
        and (not category or product.category == category)
    ]


def product(number: int) -> Product | None:
    return PRODUCTS[number - 1] if 1 <= number <= len(PRODUCTS) else None


def customer(number: int) -> Customer | None:
    return CUSTOMERS[number - 1] if 1 <= number <= len(CUSTOMERS) else None


def grouped(card: str) -> str:
    """A card number in groups of four, as people read it."""
    return " ".join(card[start : start + 4] for start in range(0, len(card), 4))
