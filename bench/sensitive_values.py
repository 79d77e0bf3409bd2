"""Values of every entity and look-alikes of them, drawn by chance; the same for the same seed.

Nothing here asks the detector anything: check digits are computed from the issuers' rules a second time, in
plain arithmetic.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
import string
import uuid
from collections.abc import Callable
from typing import NamedTuple

DIGITS = string.digits
ALNUM = string.ascii_letters + DIGITS


def _digits(r: random.Random, n: int) -> str:
    return "".join(r.choice(DIGITS) for _ in range(n))


def _some(r: random.Random, alphabet: str, n: int) -> str:
    return "".join(r.choice(alphabet) for _ in range(n))


# ------------------------------------------------------------------------------------------- values that are real


def luhn(body: str) -> str:
    total = 0
    for place, char in enumerate(reversed(body)):
        n = int(char) * (2 if place % 2 == 0 else 1)
        total += n - 9 if n > 9 else n
    return body + str(-total % 10)


_ISSUERS = (
    ("4", 16), ("4", 16), ("4", 13), ("4", 19), ("51", 16), ("53", 16), ("55", 16), ("2221", 16), ("2500", 16),
    ("2720", 16), ("34", 15), ("37", 15), ("6011", 16), ("644", 16), ("65", 16), ("300", 14), ("36", 14), ("38", 14),
    ("3528", 16), ("3566", 16), ("3589", 16), ("62", 16), ("62", 19),
)  # fmt: skip


def pan(r: random.Random) -> str:
    prefix, length = r.choice(_ISSUERS)
    number = luhn(prefix + _digits(r, length - len(prefix) - 1))
    separator = r.choice(["", "", " ", "-"])
    if length in (14, 15):
        groups = [number[:4], number[4:10], number[10:]]
    else:
        groups = [number[i : i + 4] for i in range(0, length, 4)]
    return separator.join(groups)


def maestro(r: random.Random) -> str:
    return luhn(
        r.choice(["5018", "5020", "5038", "6304", "6759", "6761", "6763"]) + _digits(r, r.choice([8, 11, 12]))
    )


def track(r: random.Random) -> str:
    number = luhn("4" + _digits(r, 14))
    if r.random() < 0.5:
        return f"%B{number}^{r.choice(['DOE/JANE', 'SMITH/JOHN A'])}^29{r.randint(1, 12):02d}101{_digits(r, 14)}?"
    return f";{number}=29{r.randint(1, 12):02d}101{_digits(r, 12)}?"


_BBANS = {
    "DE": "18n", "FR": "10n11x2n", "GB": "4a14n", "ES": "20n", "IT": "1a22n", "NL": "4a10n", "BE": "12n", "AT": "16n",
    "CH": "17n", "PL": "24n", "NO": "11n", "SE": "20n", "IE": "4a14n", "PT": "21n", "MT": "4a5n18x",
}  # fmt: skip


def iban(r: random.Random) -> str:
    country = r.choice(list(_BBANS))
    shape = _BBANS[country].replace("x", "c")
    bban = "".join(
        _some(
            r,
            {"n": DIGITS, "a": string.ascii_uppercase, "c": string.ascii_uppercase + DIGITS}[kind],
            int(count),
        )
        for count, kind in re.findall(r"(\d+)([nac])", shape)
    )
    number = int("".join(str(int(c, 36)) for c in bban + country + "00"))
    text = f"{country}{98 - number % 97:02d}{bban}"
    return " ".join(text[i : i + 4] for i in range(0, len(text), 4)) if r.random() < 0.5 else text


def bic(r: random.Random) -> str:
    return r.choice(["DEUTDEFF", "BNPAFRPP", "COBADEFFXXX", "BARCGB22", "INGBNL2A", "UBSWCHZH80A"])


def routing(r: random.Random) -> str:
    body = f"{r.choice(['01', '02', '05', '07', '11', '12', '26', '31'])}{_digits(r, 6)}"
    total = sum(int(d) * w for d, w in zip(body, (3, 7, 1, 3, 7, 1, 3, 7), strict=True))
    return body + str(-total % 10)


def ssn(r: random.Random) -> str:
    area = r.choice([n for n in range(1, 899) if n != 666])
    return f"{area:03d}-{r.randint(1, 99):02d}-{r.randint(1, 9999):04d}"


def itin(r: random.Random) -> str:
    return f"9{_digits(r, 2)}-{r.choice([50, 62, 71, 78, 88, 91, 95])}-{_digits(r, 4)}"


def nino(r: random.Random) -> str:
    text = f"{r.choice(['AB', 'CE', 'JG', 'HR', 'MA', 'PX', 'SW', 'YZ'])}{_digits(r, 6)}{r.choice('ABCD')}"
    return " ".join([text[:2], text[2:4], text[4:6], text[6:8], text[8:]]) if r.random() < 0.4 else text


def nhs(r: random.Random) -> str:
    while True:
        body = _digits(r, 9)
        check = (11 - sum(int(d) * w for d, w in zip(body, range(10, 1, -1), strict=True)) % 11) % 11
        if check != 10:
            text = body + str(check)
            return f"{text[:3]} {text[3:6]} {text[6:]}" if r.random() < 0.6 else text


_DNI = "TRWAGMYFPDXBNJZSQVHLCKE"


def dni(r: random.Random) -> str:
    body = _digits(r, 8)
    return body + r.choice(["", "", "-"]) + _DNI[int(body) % 23]


def nie(r: random.Random) -> str:
    lead, body = r.choice("XYZ"), _digits(r, 7)
    return lead + body + _DNI[int(str("XYZ".index(lead)) + body) % 23]


def nir(r: random.Random) -> str:
    body = f"{r.choice('12')}{_digits(r, 2)}{r.randint(1, 12):02d}{r.randint(1, 95):02d}{_digits(r, 6)}"
    key = f"{97 - int(body) % 97:02d}"
    if r.random() < 0.4:
        return " ".join([body[0], body[1:3], body[3:5], body[5:7], body[7:10], body[10:], key])
    return body + key


def steuer_id(r: random.Random) -> str:
    while True:
        pool = r.sample(DIGITS, 9)
        body = [*pool, r.choice(pool)]
        r.shuffle(body)
        if body[0] == "0":
            continue
        product = 10
        for digit in body:
            total = (int(digit) + product) % 10 or 10
            product = 2 * total % 11
        return "".join(body) + str((11 - product) % 10)


def codice_fiscale(r: random.Random) -> str:
    odd = dict(zip(string.digits + string.ascii_uppercase, (
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10,
        22, 25, 24, 23), strict=True))  # fmt: skip
    body = (
        _some(r, "BCDFGLMNPRST", 6) + f"{r.randint(40, 99)}" + r.choice("ABCDEHLMPRST") + f"{r.randint(1, 28):02d}"
        + r.choice("ABCDEFGHL") + _digits(r, 3)
    )  # fmt: skip
    total = sum(
        odd[c] if i % 2 == 0 else int(c, 36) if c.isdigit() else ord(c) - 65 for i, c in enumerate(body)
    )
    return body + string.ascii_uppercase[total % 26]


def bsn(r: random.Random) -> str:
    while True:
        body = str(r.randint(1, 9)) + _digits(r, 7)
        check = sum(int(d) * w for d, w in zip(body, range(9, 1, -1), strict=True)) % 11
        if check != 10:
            return body + str(check)


def pesel(r: random.Random) -> str:
    body = f"{r.randint(40, 99):02d}{r.randint(1, 12):02d}{r.randint(1, 28):02d}{_digits(r, 4)}"
    total = sum(int(d) * w for d, w in zip(body, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3), strict=True))
    return body + str(-total % 10)


def aadhaar(r: random.Random) -> str:
    mult = [
        "0123456789", "1234067895", "2340178956", "3401289567", "4012395678", "5987604321", "6598710432", "7659821043",
        "8765932104", "9876543210",
    ]  # fmt: skip
    perm = [
        "0123456789",
        "1576283094",
        "5803796142",
        "8916043527",
        "9453126870",
        "4286573901",
        "2793806415",
        "7046913258",
    ]
    body = r.choice("23456789") + _digits(r, 10)
    for last in DIGITS:
        check = 0
        for place, digit in enumerate(reversed(body + last)):
            check = int(mult[check][int(perm[place % 8][int(digit)])])
        if check == 0:
            text = body + last
            return f"{text[:4]} {text[4:8]} {text[8:]}" if r.random() < 0.6 else text
    raise AssertionError


def sin(r: random.Random) -> str:
    text = luhn(r.choice("1234567") + _digits(r, 7))
    return r.choice([text, f"{text[:3]}-{text[3:6]}-{text[6:]}", f"{text[:3]} {text[3:6]} {text[6:]}"])


def cpf(r: random.Random) -> str:
    body = _digits(r, 9)
    for length in (9, 10):
        body += str(sum(int(body[i]) * (length + 1 - i) for i in range(length)) * 10 % 11 % 10)
    return f"{body[:3]}.{body[3:6]}.{body[6:9]}-{body[9:]}" if r.random() < 0.7 else body


def npi(r: random.Random) -> str:
    return luhn("80840" + r.choice("12") + _digits(r, 8))[5:]


def mbi(r: random.Random) -> str:
    letters = "ACDEFGHJKMNPQRTUVWXY"
    either = letters + DIGITS
    text = (
        r.choice("123456789") + r.choice(letters) + r.choice(either) + r.choice(DIGITS) + r.choice(letters)
        + r.choice(either) + r.choice(DIGITS) + _some(r, letters, 2) + _digits(r, 2)
    )  # fmt: skip
    return f"{text[:4]}-{text[4:7]}-{text[7:]}" if r.random() < 0.5 else text


def dea(r: random.Random) -> str:
    body = _digits(r, 6)
    check = (
        int(body[0]) + int(body[2]) + int(body[4]) + 2 * (int(body[1]) + int(body[3]) + int(body[5]))
    ) % 10
    return r.choice("ABFM") + r.choice(string.ascii_uppercase) + body + str(check)


def email(r: random.Random) -> str:
    name = r.choice(["jane.doe", "john", "m.mueller", "li_wei", "ana+shop", "o-brien", "info42"])
    return f"{name}@{r.choice(['example', 'mail.acme', 'uni-graz', 'foo'])}.{r.choice(['com', 'de', 'co.uk', 'io', 'org'])}"


def phone(r: random.Random) -> str:
    return r.choice(
        [
            f"+1 {r.randint(201, 989)}-{r.randint(200, 999)}-{_digits(r, 4)}",
            f"+49 {r.choice(['30', '89', '171'])} {r.randint(1, 9)}{_digits(r, 6)}",
            f"+44 20 7{_digits(r, 3)} {_digits(r, 4)}",
            f"+33 6 {_digits(r, 2)} {_digits(r, 2)} {_digits(r, 2)} {_digits(r, 2)}",
            f"+1{r.randint(201, 989)}{r.randint(200, 999)}{_digits(r, 4)}",
        ]
    )


def jwt(r: random.Random) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    claims = {
        "sub": str(r.randint(1, 9999)),
        "iat": 1700000000 + r.randint(0, 9**8),
        "scope": "a b c" * r.randint(1, 30),
    }
    return f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}.{_some(r, ALNUM, 43)}"


def private_key(r: random.Random) -> str:
    body = "".join(_some(r, ALNUM + "+/", 64) + "\n" for _ in range(r.randint(6, 24)))
    kind = r.choice(["RSA ", "EC ", "", "OPENSSH "])
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{body}-----END {kind}PRIVATE KEY-----"


SECRETS: dict[str, Callable[[random.Random], str]] = {
    "aws-access-key": lambda r: r.choice(["AKIA", "ASIA"]) + _some(r, string.ascii_uppercase + "234567", 16),
    "github-token": lambda r: r.choice(["ghp_", "gho_", "ghs_"]) + _some(r, ALNUM, 36),
    "gitlab-token": lambda r: "glpat-" + _some(r, ALNUM + "_-", 19) + r.choice(ALNUM),
    "slack-token": lambda r: f"xoxb-{_digits(r, 12)}-{_digits(r, 13)}-{_some(r, ALNUM, 24)}",
    "stripe-key": lambda r: r.choice(["sk_live_", "rk_live_", "sk_test_"]) + _some(r, ALNUM, 24),
    "google-key": lambda r: "AIza" + _some(r, ALNUM + "_-", 34) + r.choice(ALNUM),
    "npm-token": lambda r: "npm_" + _some(r, ALNUM, 36),
    "pypi-token": lambda r: "pypi-AgEIcHlwaS5vcmc" + _some(r, ALNUM + "_-", 120) + r.choice(ALNUM),
    "openai-key": lambda r: f"sk-proj-{_some(r, ALNUM, 48)}",
    "anthropic-key": lambda r: f"sk-ant-api03-{_some(r, ALNUM + '_-', 92)}A",
    "sendgrid-key": lambda r: f"SG.{_some(r, ALNUM, 22)}.{_some(r, ALNUM, 43)}",
    "twilio-key": lambda r: "SK" + _some(r, "0123456789abcdef", 32),
    "url-password": lambda r: f"postgres://app:{_some(r, ALNUM, 14)}@db.internal:5432/shop",
}  # fmt: skip


class Kind(NamedTuple):
    """`plain`: values are also found without a telling label."""

    entity: str
    make: Callable[[random.Random], str]
    labels: tuple[str, ...]
    plain: bool


def _undashed(make: Callable[[random.Random], str]) -> Callable[[random.Random], str]:
    return lambda r: make(r).replace("-", "").replace(" ", "").replace(".", "")


KINDS: tuple[Kind, ...] = (
    Kind("pan", pan, ("card", "cardNumber", "card_number", "pan", "credit card", "ccNumber"), True),
    Kind("pan", pan, ("card", "pan", "payment card"), True),
    Kind("pan", maestro, ("maestro card", "cardNumber"), False),
    Kind("card-track", track, ("track", "swipe", "raw"), True),
    Kind("iban", iban, ("iban", "IBAN", "bankAccount"), True),
    Kind("bic", bic, ("bic", "BIC", "swift", "swiftCode"), False),
    Kind("us-routing", routing, ("routing number", "routingNumber", "aba", "ABA routing"), False),
    Kind(
        "bank-account",
        lambda r: _digits(r, r.choice([8, 10, 12])),
        ("account number", "accountNumber", "account_no"),
        False,
    ),
    Kind("us-ssn", ssn, ("ssn", "SSN", "social security number"), True),
    Kind("us-ssn", _undashed(ssn), ("ssn", "SSN", "socialSecurityNumber", "social_security"), False),
    Kind("us-itin", itin, ("itin", "ITIN"), True),
    Kind("uk-nino", nino, ("nino", "NI number", "nationalInsurance"), True),
    Kind("uk-nhs", nhs, ("nhs number", "nhsNumber", "NHS no"), False),
    Kind("es-dni", dni, ("dni", "DNI"), True),
    Kind("es-nie", nie, ("nie", "NIE"), True),
    Kind("fr-nir", nir, ("nir", "NIR", "numero de securite sociale"), True),
    Kind(
        "de-steuer-id",
        steuer_id,
        ("steuer-id", "Steuer-ID", "steuerId", "steuerliche Identifikationsnummer"),
        False,
    ),
    Kind("it-codice-fiscale", codice_fiscale, ("codice fiscale", "codiceFiscale"), True),
    Kind("nl-bsn", bsn, ("bsn", "BSN", "burgerservicenummer"), False),
    Kind("pl-pesel", pesel, ("pesel", "PESEL"), False),
    Kind("in-aadhaar", aadhaar, ("aadhaar", "Aadhaar number", "aadhaar_no"), False),
    Kind("ca-sin", sin, ("SIN", "sin", "social insurance number"), False),
    Kind("br-cpf", cpf, ("cpf", "CPF"), False),
    Kind(
        "passport",
        lambda r: r.choice(["C", "X", "AB", ""]) + _digits(r, 8),
        ("passport", "passport number", "passportNo"),
        False,
    ),
    Kind(
        "driver-licence",
        lambda r: r.choice("ADFS") + _digits(r, 8),
        ("driver license", "driversLicense", "driving licence"),
        False,
    ),
    Kind(
        "birth-date",
        lambda r: r.choice(
            [
                f"19{r.randint(40, 99)}-{r.randint(1, 12):02d}-{r.randint(1, 28):02d}",
                f"{r.randint(1, 28):02d}/{r.randint(1, 12):02d}/19{r.randint(40, 99)}",
            ]
        ),
        ("date of birth", "dob", "birthDate", "DOB"),
        False,
    ),
    Kind("email", email, ("email", "e-mail", "contact"), True),
    Kind("phone", phone, ("phone", "mobile", "tel"), True),
    Kind("us-npi", npi, ("npi", "NPI"), False),
    Kind("us-mbi", mbi, ("mbi", "medicare id"), True),
    Kind("us-dea", dea, ("dea", "DEA number"), False),
    Kind(
        "medical-record",
        lambda r: r.choice(["", "A", "MR-"]) + _digits(r, 8),
        ("mrn", "MRN", "medical record number", "patientId"),
        False,
    ),
    Kind(
        "icd10",
        lambda r: r.choice(["E11.9", "J45.901", "I10", "F32.1", "M54.5"]),
        ("icd10", "ICD-10", "diagnosisCode"),
        False,
    ),
    Kind("jwt", jwt, ("token", "access", "jwt"), True),
    *(Kind(name, make, ("key", "token", "config", "value"), True) for name, make in SECRETS.items()),
    Kind(
        "aws-secret-key",
        lambda r: _some(r, ALNUM + "+/", 38) + "a7",
        ("aws_secret_access_key", "awsSecret"),
        False,
    ),
)


# ---------------------------------------------------------------------------------------------------- look-alikes


def _bad_pan(r: random.Random) -> str:
    good = luhn("4" + _digits(r, 14))
    return good[:-1] + str((int(good[-1]) + r.randint(1, 9)) % 10)


LOOK_ALIKES: tuple[tuple[str, Callable[[random.Random], str]], ...] = (
    ("orderId", lambda r: _digits(r, 16)),
    ("order number", lambda r: r.choice("3456") + _digits(r, 15)),
    ("invoice", lambda r: f"INV-{_digits(r, 10)}"),
    ("imei", lambda r: luhn("35" + _digits(r, 12))),
    ("id", lambda r: str(uuid.UUID(int=r.getrandbits(128), version=4))),
    ("requestId", lambda r: str(uuid.UUID(int=r.getrandbits(128), version=4))),
    ("sha1", lambda r: hashlib.sha1(_digits(r, 9).encode()).hexdigest()),
    ("checksum", lambda r: hashlib.sha256(_digits(r, 9).encode()).hexdigest()),
    ("md5", lambda r: hashlib.md5(_digits(r, 9).encode()).hexdigest()),
    ("ratio", lambda r: f"0.{_digits(r, 16)}"),
    ("value", lambda r: f"{r.randint(1, 9999)}.{_digits(r, r.choice([2, 9, 13]))}"),
    ("ts", lambda r: str(r.randint(1_500_000_000_000, 1_900_000_000_000))),
    ("updated", lambda r: str(r.randint(1_500_000_000, 1_900_000_000))),
    ("time", lambda r: f"202{r.randint(0, 6)}{r.randint(1, 12):02d}{r.randint(1, 28):02d}{_digits(r, 6)}"),
    (
        "created",
        lambda r: (
            f"202{r.randint(0, 6)}-{r.randint(1, 12):02d}-{r.randint(1, 28):02d}T12:30:45.{_digits(r, 3)}Z"
        ),
    ),
    ("number", _bad_pan),
    ("number", lambda r: luhn(r.choice("01789") + _digits(r, 14))),
    ("isbn", lambda r: f"978{_digits(r, 10)}"),
    ("ean", lambda r: f"40{_digits(r, 11)}"),
    ("tracking", lambda r: f"1Z{_some(r, string.ascii_uppercase + DIGITS, 16)}"),
    ("trackingNumber", lambda r: f"94{_digits(r, 20)}"),
    ("tracking number", lambda r: " ".join(_digits(r, 4) for _ in range(3))),
    ("version", lambda r: f"{r.randint(1, 20)}.{r.randint(0, 99)}.{r.randint(0, 999)}.{r.randint(0, 9999)}"),
    ("userId", lambda r: str(r.randint(10**17, 2 * 10**18))),
    ("sku", lambda r: f"{_some(r, string.ascii_uppercase, 2)}-{_digits(r, 6)}"),
    ("part number", lambda r: f"{_digits(r, 3)}-{_digits(r, 2)}-{_digits(r, 4)}"),
    ("image", lambda r: f"hero@{r.choice('23')}x.png"),
    ("location", lambda r: f"{r.randint(-89, 89)}.{_digits(r, 6)},{r.randint(-179, 179)}.{_digits(r, 6)}"),
    ("mac", lambda r: ":".join(_some(r, "0123456789abcdef", 2) for _ in range(6))),
    ("reference", lambda r: f"DE{_digits(r, 2)}{_digits(r, 16)}"),
    ("last four", lambda r: _digits(r, 4)),
    ("masked", lambda r: f"453914******{_digits(r, 4)}"),
    ("zip", lambda r: _digits(r, 5)),
    ("quantity", lambda r: str(r.randint(1, 999))),
    ("count", lambda r: _digits(r, 9).lstrip("0") or "1"),
    ("ticket", lambda r: f"{_some(r, string.ascii_uppercase, 3)}-{_digits(r, 5)}"),
    ("blob", lambda r: base64.b64encode(r.randbytes(30)).decode()),
    ("color", lambda r: f"#{_some(r, '0123456789abcdef', 6)}"),
    ("price", lambda r: f"{r.randint(1, 99999)}.{_digits(r, 2)}"),
    ("date", lambda r: f"{r.randint(1, 28):02d}/{r.randint(1, 12):02d}/20{r.randint(20, 26)}"),
    ("build", lambda r: f"{_digits(r, 8)}-{_some(r, '0123456789abcdef', 8)}"),
    (
        "phrase",
        lambda r: r.choice(["see page 12 of 345", "call us at noon", "between 10 and 20", "ISO 8601-1:2019"]),
    ),
)
