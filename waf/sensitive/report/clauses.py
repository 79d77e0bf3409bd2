"""Which clause of which standard a control or a flow speaks to. Data only.

Every mapping says "supports": what a proxy sees and does is evidence for a clause, never compliance with it.
Clause numbers are those of PCI DSS v4.0 (unchanged in v4.0.1), 45 CFR Part 164 (HIPAA), Regulation (EU) 2016/679
(GDPR) and the AICPA Trust Services Criteria of 2017; titles are short descriptions in our own words, not quotations.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

Standard = Literal["pci-dss", "hipaa", "gdpr", "soc2"]

Control = Literal[
    "flows", "masking", "tokens", "unwritten", "inspection", "tls", "audit", "disclosure", "profiles", "exceptions",
    "records", "block",
]  # fmt: skip
"""What this product can show evidence of:

- flows: the inventory of what data goes where
- masking: values masked, hashed, tokenised or dropped on their way
- tokens: keyed hashes and tokens
- unwritten: track data and verification codes are never written
- inspection: attacks are detected and, in protect mode, refused
- tls: the listener speaks TLS
- audit: every exchange ends in one event
- disclosure: mass disclosure is noticed
- profiles: learned request profiles
- exceptions: exclusions with owner and expiry
- records: our own records pass the masker
- block: data is refused where policy forbids it
"""


class Clause(msgspec.Struct, frozen=True):
    """`number` of `title` is supported by `controls`."""

    number: str
    title: str
    controls: tuple[Control, ...]


class Scope(msgspec.Struct, frozen=True):
    """What a standard looks at: entity groups and single entities."""

    name: str
    groups: frozenset[str]
    entities: frozenset[str]
    clauses: tuple[Clause, ...]


STANDARDS: Final[dict[Standard, Scope]] = {
    "pci-dss": Scope(
        "PCI DSS v4.0 and v4.0.1",
        frozenset({"pci"}),
        frozenset(),
        (
            Clause("1.2.4", "Data-flow diagrams show account data across systems and networks", ("flows",)),
            Clause("3.3.1", "Sensitive authentication data is not kept after authorisation",
                   ("unwritten", "records")),
            Clause("3.4.1", "Card numbers are masked when displayed: BIN and last four at most", ("masking",)),
            Clause("3.5.1", "Card numbers are unreadable wherever they are stored", ("records", "tokens")),
            Clause("3.5.1.1", "Hashes that make card numbers unreadable are keyed", ("tokens",)),
            Clause("4.2.1", "Strong cryptography protects card numbers on open networks", ("tls",)),
            Clause("6.4.2", "An automated solution before public web applications detects and prevents attacks",
                   ("inspection", "audit")),
            Clause("10.2.1", "Audit logs record access and events", ("audit",)),
            Clause("12.5.2", "The scope of card data is documented and confirmed", ("flows", "disclosure")),
        ),
    ),
    "hipaa": Scope(
        "HIPAA Security and Privacy Rules (45 CFR 164)",
        frozenset({"health"}),
        frozenset({"us-ssn", "us-itin", "email", "phone", "birth-date", "driver-licence", "passport", "bank-account",
                   "ip-address"}),
        (
            Clause("164.308(a)(1)(ii)(D)", "Information system activity is reviewed", ("audit", "disclosure")),
            Clause("164.312(a)(1)", "Access to electronic health information is controlled", ("block", "profiles")),
            Clause("164.312(b)", "Activity in systems with health information is recorded", ("audit", "flows")),
            Clause("164.312(c)(1)", "Health information is protected from improper alteration", ("inspection",)),
            Clause("164.312(e)(1)", "Health information is protected in transmission", ("tls", "masking")),
            Clause("164.502(b)", "Disclosures are limited to the minimum necessary", ("masking", "disclosure")),
            Clause("164.514(b)", "Identifiers are removed for de-identification", ("masking", "tokens")),
        ),
    ),
    "gdpr": Scope(
        "GDPR, Regulation (EU) 2016/679",
        frozenset({"person", "health", "bank", "pci", "contact", "custom"}),
        frozenset(),
        (
            Clause("Art. 5(1)(c)", "Personal data is limited to what is necessary", ("masking", "flows")),
            Clause("Art. 5(1)(f)", "Personal data is processed with integrity and confidentiality",
                   ("inspection", "masking")),
            Clause("Art. 25", "Data protection by design and by default", ("masking", "records")),
            Clause("Art. 30", "Records of processing activities", ("flows",)),
            Clause("Art. 32", "Security of processing, pseudonymisation among it", ("tokens", "inspection", "tls")),
            Clause("Art. 33", "Breaches are noticed and can be described in time", ("disclosure", "audit")),
        ),
    ),
    "soc2": Scope(
        "SOC 2, Trust Services Criteria",
        frozenset({"pci", "bank", "person", "health", "secret", "contact", "custom"}),
        frozenset(),
        (
            Clause("CC6.1", "Logical access controls protect information assets", ("inspection", "profiles")),
            Clause("CC6.6", "Threats from outside the boundaries are met", ("inspection", "block")),
            Clause("CC6.7", "Transmission of information is restricted and protected", ("masking", "tls", "flows")),
            Clause("CC7.2", "Anomalies are monitored for", ("disclosure", "profiles", "audit")),
            Clause("CC8.1", "Changes are authorised, tracked and documented", ("exceptions",)),
            Clause("C1.1", "Confidential information is identified and maintained", ("flows", "records")),
            Clause("P4.2", "Personal information is retained as its purposes need", ("records", "masking")),
        ),
    ),
}  # fmt: skip


def in_scope(scope: Scope, entity: str, group: str) -> bool:
    """True if a standard looks at values of this entity."""
    return entity in scope.entities or group in scope.groups
