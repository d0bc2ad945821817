"""What stands below a person's words: signatures without a mark, taglines, footers and banners (SPEC section 7)."""

# ruff: noqa: RUF001  # mail programs write in the scripts of their users

from pathlib import Path

import pytest

from gateway.domain.rulebook import read_mail_rules
from gateway.domain.toml_lines import Page
from gateway.mail.text import split_text

RULES = read_mail_rules(Page("mail.toml", (Path(__file__).parents[2] / "rules" / "mail.toml").read_text())).text
QUOTE = "On 2 Oct 2023 Ann wrote:\n> Fire!"

SIGNATURES = [
    (
        "Mit freundlichen Grüßen\n\nBob Builder\nLeiter IT\n\nBuilder GmbH\nTel.: +49 (0)30 123456-78\n"
        "E-Mail: bob@customer.example\nwww.customer.example\n\nAmtsgericht Berlin HRB 12345"
    ),
    "Best regards,\n\nBob Builder | Head of IT\nT +44 20 7946 0018 | M +44 7700 900123\nbob@customer.example | www.customer.example",
    "Cordialement,\nBob\nTél : 01 23 45 67 89\nbob@customer.example",
    "С уважением,\nБоб\nтел.: +7 (495) 123-45-67\nbob@customer.example",
    "以上\n\n山田太郎\nTEL: 03-1234-5678\nEmail: yamada@customer.example",
    "*Kind regards,*\n\n*Bob*\n+1 555 346 9947\nbob@customer.example <mailto:bob@customer.example>",
    "-----------------\nBob Builder\nPhone: (555) 346-9947\nhttps://customer.example/bob",
    "-Bob Builder",
]


@pytest.mark.parametrize("signature", SIGNATURES)
def test_a_closing_or_a_line_across_with_contact_data_below_it_begins_a_signature(signature: str) -> None:
    text = "Hello Ann,\n\nit works now."

    assert split_text(f"{text}\n\n{signature}", RULES) == (text, signature)
    assert split_text(f"{text}\n\n{signature}\n\n{QUOTE}", RULES)[0] == text
    assert split_text(f"{text}\n\n{signature}\n\nSent from my iPhone", RULES)[0] == text


@pytest.mark.parametrize(
    "text",
    [
        "Regards,\nBob Builder",
        "Regards,\nBob Builder\n+49 30 1234567",
        "Please send it to my new data.\n\nBob Builder\n+49 30 1234567\nbob@customer.example",
        "Here are the data you asked for:\n\nRegards\nBob\n+49 30 1234567\nbob@customer.example",
        "It fails.\n\nRegards\nBob\n\nPS: the number below is the new one, please use it.\n+49 30 1234567\nbob@customer.example",
        "It fails.\n\nRegards\nBob\n+49 30 1234567\n\nIs this number right?\nbob@customer.example",
        "The servers are:\n-----\nwww.customer.example\n+49 30 1234567",
        "It was\n-----\n14.03.2024\nwww.customer.example",
        "Which do you have?\n\n- Windows Server",
        "We have\n\n-Windows Server\n\n-Linux Box",
        "We have:\n\n-Windows Server",
        "Do it with\n\n-rf here",
    ],
)
def test_a_name_a_list_or_data_that_may_be_the_answer_is_no_signature(text: str) -> None:
    assert split_text(f"Hello,\n\n{text}", RULES) == (f"Hello,\n\n{text}", "")
    assert split_text(f"Hello,\n\n{text}\n\n{QUOTE}", RULES)[0] == f"Hello,\n\n{text}"


def test_contact_data_that_are_all_of_a_mail_stay() -> None:
    text = "Regards\nBob\n+49 30 1234567\nbob@customer.example"

    assert split_text(text, RULES) == (text, "")


@pytest.mark.parametrize(
    "tagline",
    [
        "Sent from my iPhone, please excuse typos",
        "Sent from my Verizon, Samsung Galaxy smartphone",
        "Please excuse typos - sent from my phone",
        "Sent via Superhuman",
        "Envoyé depuis l’application Mail Orange",
        "Wysłano z iPhone’a",
        "Pobierz aplikację Outlook dla systemu iOS",
        "iOS용 Outlook 받기",
        "Elküldve a következőből: Outlook Android",
        "أُرسلت من الـ iPhone",
        "נשלח מהאייפון שלי",
        "Windows için Posta ile gönderildi",
        "Please consider the environment before printing, whatever it is that you want to print, since trees matter.",
        "---\nThis email has been checked for viruses by Avast antivirus software.\nhttps://www.avast.com/antivirus",
        "<https://www.avast.com/sig-email?utm_medium=email>\nVirus-free.\nwww.avast.com\n<#DAB4FAD8-2DD7>",
        "—\nReply to this email directly, view it on GitHub<https://github.example/1>, or unsubscribe.",
    ],
)
def test_what_programs_add_at_the_end_is_not_new(tagline: str) -> None:
    assert split_text(f"Done.\n\n{tagline}", RULES) == ("Done.", tagline)
    assert split_text(f"Done.\n\n{tagline}\n\n{QUOTE}", RULES)[0] == "Done."


@pytest.mark.parametrize(
    "line",
    [
        "Sent from my iPhone, please call me tomorrow",
        "Sent from my iPhone, since nothing works on Windows",
        "Gesendet von einem anderen Gerät",
        "Sent via DHL",
        "See\nhttps://img.example/a.png",
        "https://img.example/a.png",
    ],
)
def test_what_a_person_may_have_added_at_the_end_stays(line: str) -> None:
    assert split_text(f"Done.\n\n{line}", RULES) == (f"Done.\n\n{line}", "")


@pytest.mark.parametrize(
    "footer",
    [
        f"{'-' * 69}\nTo unsubscribe, e-mail: users-unsubscribe@lists.example\nFor additional commands, e-mail: help@lists.example",
        f"{'#' * 72}\n\nTo unsubscribe from the USERS list, click:\nhttps://lists.example/wa?SUBED1=USERS",
        "---\nTo unsubscribe: mailto:sympa@lists.example?subject=unsubscribe%20users",
        "--~--~---------~--~----~----~\nTo unsubscribe, mail users-leave@lists.example\n-~----------~----~----~----~--",
        "-- \n\nYou received this message because you are subscribed to the group.",
        "--  \nBob Builder",
    ],
)
def test_a_footer_of_a_list_is_not_new(footer: str) -> None:
    assert split_text(f"Done.\n\n{footer}", RULES) == ("Done.", footer.rstrip())


@pytest.mark.parametrize(
    "text",
    [
        "Please remove me.\n-----\nI want to unsubscribe.",
        "The footer is wrong:\n-----\nhttps://lists.example/1 fails.",
        "To unsubscribe, people click https://lists.example/1 twice.",
    ],
)
def test_what_a_person_says_of_a_list_is_new(text: str) -> None:
    assert split_text(f"Hello,\n\n{text}", RULES) == (f"Hello,\n\n{text}", "")


def test_a_banner_of_a_gateway_is_not_new() -> None:
    banner = "Sie erhalten nicht häufig E-Mails von b@c.example. Erfahren Sie mehr<https://aka.ms/LearnAboutSenderIdentification>"

    assert split_text(f"{banner}\n\nHello,\n\nit works.", RULES) == ("Hello,\n\nit works.", banner)


def test_a_person_who_asks_about_confidential_mail_is_heard() -> None:
    question = (
        "We got a confidential mail in error, though we are not the intended recipient. Shall we notify the sender, "
        "or is it prohibited?"
    )

    assert split_text(f"Hello,\n\n{question}", RULES) == (f"Hello,\n\n{question}", "")
