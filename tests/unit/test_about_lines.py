"""What a mail says that it is about is taken from lines that say nothing else (SPEC section 4)."""

import pytest

from gateway.config import load_policy
from gateway.domain.case_actions import NOT_SAID, About
from gateway.mail.about_lines import FIRST_LINES, LONGEST, read_about
from tests.world import settings

RULES = load_policy(settings()).mail.about


@pytest.mark.parametrize(
    ("words", "about"),
    [
        ("Product: Importer", About(product="Importer")),
        ("Hello,\n\nProduct: Importer\nVersion: 8.1\nEnvironment: production\n\nIt is slow.",
         About(product="Importer", product_version="8.1", environment="production")),
        ("Guten Tag,\nProdukt: Importer\nProduktversion: 8.1\nUmgebung: Test",
         About(product="Importer", product_version="8.1", environment="Test")),
        ("  * PRODUCT :  Importer 2 \r\n- version\uff1a8.1", About(product="Importer 2", product_version="8.1")),
        ("Version: 8.1\nVersion: 8.2", About(product_version="8.1")),
        ("Version:\nVersion: 8.2", About(product_version="8.2")),
        (f"Product: {'x' * LONGEST}", About(product="x" * LONGEST)),
        (f"Product: {'x' * (LONGEST + 1)}", NOT_SAID),
        ("\n" * (FIRST_LINES - 1) + "Version: 8.1", About(product_version="8.1")),
        ("\n" * FIRST_LINES + "Version: 8.1", NOT_SAID),
        ("The product: it is slow", NOT_SAID),
        ("Products: all", NOT_SAID),
        ("Product", NOT_SAID),
        ("", NOT_SAID),
    ],
)  # fmt: skip
def test_lines_that_name_something_are_read(words: str, about: About) -> None:
    assert about == read_about(words, RULES)
