"""Validators against independent implementations: python-stdnum and phonenumbers."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import phonenumbers
import pytest
from stdnum import iban as std_iban
from stdnum import luhn as std_luhn
from stdnum import verhoeff as std_verhoeff
from stdnum.br import cpf
from stdnum.ca import sin
from stdnum.de import idnr
from stdnum.es import dni, nie
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.in_ import aadhaar
from stdnum.it import codicefiscale
from stdnum.nl import bsn
from stdnum.pl import pesel
from stdnum.us import ssn

from tests.together import together
from waf.sensitive.validate import VALIDATORS
from waf.sensitive.validate.bank import iban_length
from waf.sensitive.validate.digits import luhn, verhoeff

SAMPLES = 3000


def _digits(r: random.Random, n: int) -> str:
    return "".join(r.choice("0123456789") for _ in range(n))


_DNI = "TRWAGMYFPDXBNJZSQVHLCKE"

ORACLES: dict[str, tuple[Any, Callable[[random.Random], str]]] = {
    "ssn": (ssn, lambda r: _digits(r, 9)),
    "nhs": (nhs, lambda r: _digits(r, 10)),
    "dni": (dni, lambda r: _digits(r, 8) + r.choice(_DNI)),
    "nie": (nie, lambda r: r.choice("XYZ") + _digits(r, 7) + r.choice(_DNI)),
    "nir": (nir, lambda r: f"{r.choice('12')}{_digits(r, 2)}{r.randint(1, 12):02d}{r.randint(1, 95):02d}{_digits(r, 8)}"),
    "steuer_id": (idnr, lambda r: _digits(r, 11)),
    "bsn": (bsn, lambda r: _digits(r, 9)),
    "aadhaar": (aadhaar, lambda r: _digits(r, 12)),
    "sin": (sin, lambda r: _digits(r, 9)),
    "cpf": (cpf, lambda r: _digits(r, 11)),
}  # fmt: skip


@together("name", ORACLES)
def test_agrees_with_stdnum(name: str) -> None:
    r = random.Random(name)
    oracle, make = ORACLES[name]
    for _ in range(SAMPLES):
        value = make(r)
        assert (VALIDATORS[name](value.encode()) > 0) == oracle.is_valid(value), value


def test_pesel_is_no_looser_than_stdnum() -> None:
    r = random.Random(3)
    for _ in range(SAMPLES):
        value = f"{_digits(r, 2)}{r.randint(1, 12):02d}{r.randint(1, 31):02d}{_digits(r, 5)}"
        if VALIDATORS["pesel"](value.encode()) > 0:
            assert pesel.is_valid(value), value
        elif pesel.is_valid(value):
            pytest.fail(f"refused {value}")


def test_luhn_and_verhoeff_agree_with_stdnum() -> None:
    r = random.Random(1)
    for _ in range(SAMPLES):
        value = _digits(r, r.randint(2, 19))
        assert luhn(value.encode()) == std_luhn.is_valid(value)
        assert verhoeff(value.encode()) == std_verhoeff.is_valid(value)


def test_codice_fiscale_agrees_with_stdnum() -> None:
    r = random.Random(2)
    for _ in range(SAMPLES):
        value = "RSSMRA85T10A562" + r.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        value = "".join(r.sample("BCDFGLMNPRSTV", 6)) + value[6:]
        assert (VALIDATORS["codice_fiscale"](value.encode()) > 0) == codicefiscale.is_valid(value), value


IBANS = (
    "DE89370400440532013000", "GB29NWBK60161331926819", "FR1420041010050500013M02606", "NO9386011117947",
    "MT84MALT011000012345MTLCAST001S", "SC18SSCB11010000000000001497USD", "CH9300762011623852957",
    "SA0380000000608010167519", "NL91ABNA0417164300", "PL61109010140000071219812874", "BE71096123456769",
    "ES9121000418450200051332", "IT60X0542811101000000123456", "AT611904300234573201", "SE4550000000058398257466",
)  # fmt: skip


@together("value", IBANS)
def test_iban(value: str) -> None:
    validate = VALIDATORS["iban"]
    assert validate(value.encode()) == 1.0
    assert validate(" ".join(value[i : i + 4] for i in range(0, len(value), 4)).encode()) == 1.0
    assert std_iban.is_valid(value)
    assert iban_length(value[:2].encode()) == len(value)
    wrong = value[:-1] + ("1" if value[-1] != "1" else "2")
    assert validate(wrong.encode()) == 0.0
    assert validate(value[:-1].encode()) == 0.0


@together(
    ("value", "factor"),
    [
        ("4539148803436467", 1.0),
        ("4539 1488 0343 6467", 1.0),
        ("4539-1488-0343-6467", 1.0),
        ("4539 1488-0343 6467", 0.0),  # mixed separators
        ("45391 48803 43646 7", 0.0),  # no such groups
        ("4539148803436468", 0.0),
        ("378282246310005", 1.0),
        ("3782 822463 10005", 1.0),
        ("30569309025904", 1.0),
        ("6011111111111117", 1.0),
        ("3566002020360505", 1.0),
        ("2223003122003222", 1.0),
        ("2721000000000004", 0.0),  # past Mastercard's range
        ("6200123456789012347", 1.0),
        ("4222222222222", 1.0),
        ("4000123456788", 1.0),
        ("1234567890123452", 0.0),  # no issuer
        ("4444444444444448", 1.0),
    ],
)
def test_card(value: str, factor: float) -> None:
    assert VALIDATORS["card"](value.encode()) == factor


def test_a_thirteen_digit_card_that_is_an_ean_is_doubted() -> None:
    r = random.Random(4)
    doubted = 0
    for _ in range(5000):
        value = "4" + _digits(r, 12)
        digits = [int(c) for c in value]
        ean = (sum(digits[-1::-2]) + 3 * sum(digits[-2::-2])) % 10 == 0
        if std_luhn.is_valid(value):
            assert VALIDATORS["card"](value.encode()) == (0.6 if ean else 1.0)
            doubted += ean
    assert doubted > 10


def test_phone_numbers_in_international_form_agree_with_phonenumbers() -> None:
    """Every possible number by the library's metadata is taken; a clearly impossible one is not."""
    for region in (
        "US",
        "DE",
        "GB",
        "FR",
        "NL",
        "BR",
        "IN",
        "JP",
        "AU",
        "CH",
        "AT",
        "PL",
        "ES",
        "IT",
        "CN",
        "ZA",
    ):
        example = phonenumbers.example_number(region)
        assert example is not None
        for form in (phonenumbers.PhoneNumberFormat.E164, phonenumbers.PhoneNumberFormat.INTERNATIONAL):
            assert VALIDATORS["phone"](phonenumbers.format_number(example, form).encode()) == 1.0, region
    for value in ("+1 23", "+0 123 456 789", "+999 1234 5678", "+1 1111111111", "+44 20 7946"):
        assert VALIDATORS["phone"](value.encode()) == 0.0, value


@together(
    ("name", "good", "bad"),
    [
        ("routing", ["021000021", "026009593", "111000025"], ["021000022", "990000003", "000000000"]),
        (
            "itin",
            ["900-70-0000", "912-78-1234", "999-99-9999"],
            ["912-49-1234", "812-78-1234", "912-93-1234"],
        ),
        ("nino", ["AB123456C", "jg103759a"], ["GB123456C", "DA123456C", "AO123456C"]),
        ("npi", ["1234567893", "1245319599"], ["1234567890"]),
        ("dea", ["AB1234563", "FS1234563"], ["AB1234564"]),
        ("bic", ["DEUTDEFF", "BNPAFRPPXXX"], ["ABCDQQFF"]),
        ("email", ["a@b.io", "jane.doe+x@mail.example.co.uk"], ["a@b.png", "a..b@c.de", "a@-b.de", "@b.de"]),
        ("date", ["1985-04-12", "12.04.85", "31/12/1999", "April 12, 1985"], ["1985-13-40", "1785-01-01"]),
        (
            "jwt",
            ["eyJhbGciOiJIUzI1NiJ9.e30.x"],
            ["eyJhIjoxfQ.e30.x", "eyJub3Q.e30.x", "eyJhbGciOjF9eA.e30.x"],
        ),
        (
            "jwt",
            ["eyJcdTAwNjFsZyI6MX0.e30.x", "eyJlbmMiOjF9IA.e30.x"],
            ["eyJhIjoiYWxnIn0.e30.x", "eyJhbGciOjEsfQ.e30.x"],
        ),
        ("ipv4", ["203.0.113.9"], ["256.1.1.1", "127.0.0.1", "224.0.0.1"]),
        ("password", ["hunter2!x"], ["${PASS}", "password", "<pass>"]),
        ("mod97", ["GB82WEST12345698765432"[4:] + "GB82"], ["123"]),
    ],
)
def test_table(name: str, good: list[str], bad: list[str]) -> None:
    for value in good:
        assert VALIDATORS[name](value.encode()) > 0, value
    for value in bad:
        assert VALIDATORS[name](value.encode()) == 0, value
