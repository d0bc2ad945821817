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
    "Mit freundlichen Grüßen / Best regards\n\ni. A. Bob Builder\nBuilder GmbH\nTel.: +49 30 123456-0\nFax: +49 30 123456-99",
    "Kind regards, Bob Builder\nTel. 030 1234567 - Fax 030 1234568\nP. IVA 01234567890",
    "Bien cordialement,\nBob Builder\nResponsable informatique\nTél. : 01 23 45 67 89",
    f"Gruß\nBob\nTel. 030 1234567\nbob@b.example\n\nSitz: Berlin, Amtsgericht Berlin HRB 12345, {'Vorstand ' * 12}",
    "Üdvözlettel:\n\nBob Builder\nBuilder Kft.\nTel.: +36 1 123 4567\nLike us: https://pages.example/bob",
    "----------\nBob Builder\nTEL: 03-1234-5678\nE-mail: bob@customer.example\n----------",
]


@pytest.mark.parametrize("signature", SIGNATURES)
def test_a_closing_or_a_line_across_with_contact_data_below_it_begins_a_signature(signature: str) -> None:
    text = "Hello Ann,\n\nit works now."

    assert split_text(f"{text}\n\n{signature}", RULES) == (text, signature)
    assert split_text(f"{text}\n\n{signature}\n\n{QUOTE}", RULES)[0] == text
    assert split_text(f"{text}\n\n{signature}\n\nSent from my iPhone", RULES)[0] == text


def test_thanks_stay_above_the_signature_below_them() -> None:
    signature = "Bob Builder\nOffice: (555) 123-4567 ext. 12\nCell: (555) 987-6543\nbob@customer.example"

    assert split_text(f"It works now.\n\nThanks,\n\n{signature}", RULES) == ("It works now.\n\nThanks,", signature)


def test_one_way_to_reach_somebody_is_enough_above_a_legal_notice() -> None:
    notice = (
        "This message may be confidential. If you are not the intended recipient, notify the sender; any disclosure of "
        "it is prohibited."
    )
    end = f"Sincerely,\nBob Builder, (555) 123-4567\n\nDISCLAIMER:\n\n{notice}"

    assert split_text(f"Hello,\n\nit works now.\n\n{end}", RULES) == ("Hello,\n\nit works now.", end)


@pytest.mark.parametrize(
    "text",
    [
        "Regards,\nBob Builder",
        "It fails.\n\nRegards\nBob\n\nmy number is now\n+49 30 1234567",
        "The table:\n\n-- \n-- Table users\n-- \nCREATE TABLE users (id int);\n\nIt fails.",
        "The file is\n\n-- \nport = 25\n\nand below that nothing is read at all.",
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
        "Wiadomość wysłana z aplikacji Poczta",
        "---\nDiese E-Mail wurde von Norton auf Viren geprüft.\nhttps://www.norton.example",
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


@pytest.mark.parametrize("mark", ["[EXTERNAL]", "*** External e-mail ***"])
def test_a_mark_that_a_gateway_puts_above_is_not_new(mark: str) -> None:
    assert split_text(f"{mark}\n\nIt works.", RULES) == ("It works.", mark)
    assert split_text(f"{mark} is what it says.\n\nWhy?", RULES) == (f"{mark} is what it says.\n\nWhy?", "")


def test_a_person_who_asks_about_confidential_mail_is_heard() -> None:
    question = (
        "We got a confidential mail in error, though we are not the intended recipient. Shall we notify the sender, "
        "or is it prohibited?"
    )

    assert split_text(f"Hello,\n\n{question}", RULES) == (f"Hello,\n\n{question}", "")
