"""The demo's data: right check digits, the same in every run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from waf.demo import catalogue


@given(st.text("0123456789", min_size=1, max_size=30))
def test_the_check_digit_is_the_one_an_oracle_computes(digits: str) -> None:
    assert catalogue.luhn_digit(digits) == luhn.calc_check_digit(digits)


def test_every_customer_has_a_valid_card_of_their_own() -> None:
    cards = [customer.card for customer in catalogue.CUSTOMERS]
    assert len(set(cards)) == len(cards)
    for card in cards:
        assert len(card) == 16
        assert luhn.is_valid(card)


def test_card_numbers_depend_on_nothing_but_the_seed() -> None:
    assert catalogue.card_number("customer-1") == catalogue.CUSTOMERS[0].card
    assert catalogue.card_number("a") != catalogue.card_number("b")


@pytest.mark.parametrize(
    ("text", "category", "names"),
    [
        ("coffee", "kitchen", ["Coffee grinder", "French press 1 l"]),
        ("COFFEE", "books", ["Tom O'Reilly: Brewing at Home"]),
        ("o'reilly", "", ["Tom O'Reilly: Brewing at Home"]),
        ("no such thing", "", []),
    ],
)
def test_search(text: str, category: str, names: list[str]) -> None:
    assert [product.name for product in catalogue.search(text, category)] == names


def test_everything_is_found_by_asking_for_nothing() -> None:
    assert catalogue.search() == list(catalogue.PRODUCTS)


@pytest.mark.parametrize("number", [0, -1, len(catalogue.PRODUCTS) + 1])
def test_what_is_not_there_is_not_found(number: int) -> None:
    assert catalogue.product(number) is None
    assert catalogue.customer(number) is None
