"""How mail programs introduce old text, by program and language (SPEC section 7, "Text"); the lines are made up."""

# ruff: noqa: RUF001  # mail programs write in the scripts of their users

from pathlib import Path

import pytest

from gateway.domain.rulebook import read_mail_rules
from gateway.domain.toml_lines import Page
from gateway.mail.text import split_text

RULES = read_mail_rules(Page("mail.toml", (Path(__file__).parents[2] / "rules" / "mail.toml").read_text())).text
A = "Ann Archer <ann@customer.example>"

# Introductions that carry time and address: they mark old text also where nothing below them is quoted.
SIGNED = [
    # Gmail
    f"On Mon, Oct 2, 2023 at 5:43 PM {A} wrote:",
    "On Mon, 2 Oct 2023 at 17:43, Ann Archer\n<ann@customer.example> wrote:",
    f"Am Mo., 2. Okt. 2023 um 17:43 Uhr schrieb {A}:",
    f"Le lun. 2 oct. 2023 à 17:43, {A} a écrit :",
    "El lun, 2 oct 2023 a las 5:43 p. m.\nAnn Archer (<ann@customer.example>) escribió:",
    f"Il giorno lun 2 ott 2023 alle ore 17:43 {A}\nha scritto:",
    f"Op ma 2 okt 2023 om 17:43 schreef {A}:",
    "Em seg., 2 de out. de 2023 às 17:43, Ann Archer <\nann@customer.example> escreveu:",
    f"{A} escreveu no dia segunda, 2/10/2023 à(s) 17:43:",
    f"pon., 2 paź 2023 o 17:43 {A} napisał(a):",
    f"po 2. 10. 2023 v 17:43 odesílatel {A} napsal:",
    f"po 2. 10. 2023 o 17:43 {A} napísal(a):",
    f"Den mån 2 okt. 2023 kl 17:43 skrev {A}:",
    f"Den man. 2. okt. 2023 kl. 17.43 skrev {A}:",
    f"man. 2. okt. 2023 kl. 17:43 skrev {A}:",
    "ma 2. lokak. 2023 klo 17.43 Ann Archer (ann@customer.example) kirjoitti:",
    f"пн, 2 окт. 2023 г. в 17:43, {A}:",
    f"пн, 2 жовт. 2023 р. о 17:43 {A} пише:",
    f"{A}, 2 Eki 2023 Pzt, 17:43 tarihinde şunu yazdı:",
    f"{A} 于2023年10月2日周一 17:43写道：",
    f"{A} 於 2023年10月2日 週一 下午5:43寫道：",
    f"2023年10月2日(月) 17:43 {A}:",
    f"2023년 10월 2일 (월) 오후 5:43, {A}님이 작성:",
    f"{A} ezt írta (időpont: 2023. okt. 2., H, 17:43):",
    f"În lun., 2 oct. 2023 la 17:43, {A} a scris:",
    f"Στις Δευ 2 Οκτ 2023 στις 17:43, ο χρήστης {A} έγραψε:",
    "\u202bבתאריך יום ב׳, 2 באוק׳ 2023 ב-17:43 מאת \u202aAnn Archer\u202c\u200f <\u202aann@customer.example\u202c\u200f>:\u202c",
    f"في الاثنين، 2 أكتوبر 2023 في 5:43 م تمت كتابة ما يلي بواسطة {A}:",
    f"Vào Th 2, 2 thg 10, 2023 vào lúc 17:43 {A} đã viết:",
    f"Pada tanggal Sen, 2 Okt 2023 pukul 17.43 {A} menulis:",
    f"El dl., 2 d'oct. 2023 a les 17:43, {A} va escriure:",
    # a language that the rules do not know
    f"2. október 2023 klukkan 17:43, {A} párolta:",
    # Apple Mail
    f"On 2. Oct 2023, at 17:43, {A} wrote:",
    f"Am 02.10.2023 um 17:43 schrieb {A}:",
    f"Le 2 oct. 2023 à 17:43, {A} a écrit :",
    f"El 2 oct 2023, a las 17:43, {A} escribió:",
    f"Il giorno 2 ott 2023, alle ore 17:43, {A} ha scritto:",
    f"Op 2 okt. 2023 om 17:43 heeft {A} het volgende geschreven:",
    f"No dia 02/10/2023, às 17:43, {A} escreveu:",
    f"Wiadomość napisana przez {A} w dniu 02.10.2023, o godz. 17:43:",
    f"2. 10. 2023 v 17:43, {A}:",
    f"2 okt. 2023 kl. 17:43 skrev {A}:",
    f"Den 2. okt. 2023 kl. 17.43 skrev {A}:",
    f"{A} kirjoitti 2.10.2023 kello 17.43:",
    f"2 окт. 2023 г., в 17:43, {A} написал(а):",
    f"2 жовт. 2023 р. о 17:43 {A} написав(ла):",
    f"{A} şunları yazdı (2 Eki 2023 17:43):",
    f"在 2023年10月2日，17:43，{A} 写道：",
    f"{A} 於 2023年10月2日 下午5:43 寫道：",
    f"2023/10/02 17:43、{A}のメール:",
    f"2023. 10. 2. 오후 5:43, {A} 작성:",
    # Yahoo
    f"On Monday, October 2, 2023 at 05:43:00 PM GMT+2, {A} wrote:",
    f"Am Montag, 2. Oktober 2023 um 17:43:00 MESZ hat {A} Folgendes geschrieben:",
    "--- On Mon, 10/2/23, Ann Archer <ann@customer.example> wrote:",
    # Yandex, mail.ru, Libero, 163, Horde, OX, Spark, Airmail, Zimbra, Notes, Proton, K-9, The Bat!, Evolution
    '02.10.2023, 17:43, "Ann Archer" <ann@customer.example>:',
    f"Понедельник, 2 октября 2023, 17:43 +03:00 от {A}:",
    f"Il 02/10/2023 17:43 CEST {A} ha scritto:",
    'At 2023-10-02 17:43:12, "Ann Archer" <ann@customer.example> wrote:',
    f"{A} hat am 02.10.2023 17:43 CEST geschrieben:",
    f"On 2 Oct 2023, 17:43 +0200, {A}, wrote:",
    "On 2 October 2023 at 17:43:12, Ann Archer (ann@customer.example) wrote:",
    "----- On Oct 2, 2023, at 5:43 PM, Ann Archer ann@customer.example wrote:",
    "-----Ann Archer <ann@customer.example> wrote: -----",
    f"{A} wrote on 02.10.2023 17:43:12:",
    f"{A} schrieb am 02.10.2023 17:43:12:",
    f"------- Original Message -------\nOn Monday, October 2nd, 2023 at 5:43 PM, {A} wrote:",
    f"Am 2. Oktober 2023 17:43:12 MESZ schrieb {A}:",
    f"Dnia 2 października 2023 17:43 {A} napisał(a):",
    f"On Mon, 2 Oct 2023 17:43:00 +0200\n{A} wrote:",
    "2023-10-02 17:43 GMT+02:00 Ann Archer <ann@customer.example>:",
    "Ann Archer <ann@customer.example> ezt írta (időpont: 2023. okt.\n2., H 17:43):",
    "On Mon, Oct 2, 2023 at 5:43 PM Ann M.\nArcher <ann@customer.example> wrote:",
    f"---- Zhk 2 qrst 2023 17:43 {A} plm ----",
]
# Introductions that count only above quoted lines: a person might write so, too.
UNSIGNED = [
    "Ann Archer wrote:",
    "On 02/10/2023 17:43, Ann Archer wrote:",
    "On Mon, 2023-10-02 at 17:43 +0200, Ann Archer wrote:",
    "On Mon, Oct 2, 2023, at 5:43 PM, Ann Archer wrote:",
    "Am 02.10.23 um 17:43 schrieb Ann Archer:",
    "Am 2023-10-02 17:43, schrieb Ann Archer:",
    "Le 02/10/2023 à 17:43, Ann Archer a écrit :",
    "El 2/10/23 a las 17:43, Ann Archer escribió:",
    "Il 02/10/2023 17:43, Ann Archer ha scritto:",
    "Op 02-10-2023 om 17:43 schreef Ann Archer:",
    "Em 02/10/2023 17:43, Ann Archer escreveu:",
    "W dniu 2.10.2023 o 17:43, Ann Archer pisze:",
    "Dne 02. 10. 23 v 17:43 Ann Archer napsal(a):",
    "Den 2023-10-02 kl. 17:43, skrev Ann Archer:",
    "Den 02.10.2023 kl. 17.43 skrev Ann Archer:",
    "Den 02.10.2023 17:43, skrev Ann Archer:",
    "Ann Archer kirjoitti 2.10.2023 klo 17.43:",
    "02.10.2023 17:43, Ann Archer пишет:",
    "02.10.23 17:43, Ann Archer пише:",
    "2.10.2023 17:43 tarihinde Ann Archer yazdı:",
    "在 2023/10/2 17:43, Ann Archer 写道:",
    "於 2023/10/2 下午 05:43, Ann Archer 寫道:",
    "On 2023/10/02 17:43, Ann Archer wrote:",
    "2023-10-02 오후 5:43에 Ann Archer 이(가) 쓴 글:",
    "Zitat von Ann Archer <ann@customer.example>:",
    "Quoting Ann Archer <ann@customer.example>:",
    "Monday, October 2, 2023, 5:43:00 PM, you wrote:",
    "2 Oct 2023, 17:43 by ann@customer.example:",
    "Citation de Ann Archer <ann@customer.example>:",
    "2023/10/2 Ann Archer <ann@customer.example>",
]


@pytest.mark.parametrize("introduction", [*SIGNED, *UNSIGNED])
def test_an_introduction_and_what_is_quoted_below_it_are_not_new(introduction: str) -> None:
    old = f"{introduction}\n> The printer is on fire.\n> Please advise.\n"

    new, quoted = split_text(f"Hello Ann,\n\nit works now.\n\n{old}", RULES)

    assert new == "Hello Ann,\n\nit works now."
    assert quoted == old.strip("\n")


@pytest.mark.parametrize("introduction", SIGNED)
def test_below_a_signed_introduction_all_is_old(introduction: str) -> None:
    old = f"{introduction}\n\nThe printer is on fire.\n\nPlease advise."

    assert split_text(f"It works now.\n\n{old}", RULES) == ("It works now.", old)


@pytest.mark.parametrize("introduction", SIGNED)
def test_an_answer_between_introduction_and_quotation_is_new(introduction: str) -> None:
    new, _ = split_text(f"{introduction}\n\nSee below.\n\n> Is it out?\n\nYes.\n", RULES)

    assert "See below." in new
    assert new.endswith("Yes.")


BLOCKS = [
    "From: Ann Archer <ann@customer.example>\nSent: Monday, October 2, 2023 5:43 PM\nTo: Support\nSubject: Fire",
    "From: Ann Archer\nDate: Monday, 2 October 2023 at 17:43\nTo: Support\nSubject: Fire",
    "Von: Ann Archer <ann@customer.example>\nGesendet: Montag, 2. Oktober 2023 17:43\nAn: Support\nBetreff: Feuer",
    'Gesendet: Montag, 02. Oktober 2023 um 17:43 Uhr\nVon: "Ann Archer" <ann@customer.example>\nAn: s@v.example\nBetreff: Feuer',
    "De : Ann Archer\nEnvoyé : lundi 2 octobre 2023 17:43\nÀ : Support\nObjet : Feu",
    "De: Ann Archer\nEnviado el: lunes, 2 de octubre de 2023 17:43\nPara: Support\nAsunto: Fuego",
    "Da: Ann Archer\nInviato: lunedì 2 ottobre 2023 17:43\nA: Support\nOggetto: Fuoco",
    "Van: Ann Archer\nVerzonden: maandag 2 oktober 2023 17:43\nAan: Support\nOnderwerp: Brand",
    "De: Ann Archer\nEnviada em: segunda-feira, 2 de outubro de 2023 17:43\nPara: Support\nAssunto: Fogo",
    "Od: Ann Archer\nWysłano: poniedziałek, 2 października 2023 17:43\nDo: Support\nTemat: Ogień",
    "Od: Ann Archer\nOdesláno: pondělí 2. října 2023 17:43\nKomu: Support\nPředmět: Oheň",
    "Från: Ann Archer\nSkickat: den 2 oktober 2023 17:43\nTill: Support\nÄmne: Eld",
    "Fra: Ann Archer\nSendt: 2. oktober 2023 17:43\nTil: Support\nEmne: Ild",
    "Fra: Ann Archer\nSendt: mandag 2. oktober 2023 17:43\nTil: Support\nEmne: Brann",
    "Lähettäjä: Ann Archer\nLähetetty: maanantai 2. lokakuuta 2023 17.43\nVastaanottaja: Support\nAihe: Tuli",
    "От: Ann Archer\nОтправлено: 2 октября 2023 г. 17:43\nКому: Support\nТема: Пожар",
    "Від: Ann Archer\nНадіслано: 2 жовтня 2023 р. 17:43\nКому: Support\nТема: Пожежа",
    "Kimden: Ann Archer\nGönderildi: 2 Ekim 2023 Pazartesi 17:43\nKime: Support\nKonu: Yangın",
    "发件人: Ann Archer\n发送时间: 2023年10月2日 17:43\n收件人: Support\n主题: 着火",
    "寄件者: Ann Archer\n寄件日期: 2023年10月2日 下午 05:43\n收件者: Support\n主旨: 著火",
    "差出人: Ann Archer\n送信日時: 2023年10月2日 17:43\n宛先: Support\n件名: 火事",
    "보낸 사람: Ann Archer\n보낸 날짜: 2023년 10월 2일 월요일 오후 5:43\n받는 사람: Support\n제목: 불",
    "Feladó: Ann Archer\nElküldve: 2023. október 2. 17:43\nCímzett: Support\nTárgy: Tűz",
    "*From:* Ann Archer <ann@customer.example>\n*Sent:* Monday, October 2, 2023 5:43 PM\n*To:* Support\n*Subject:* Fire",
    "From: Ann Archer <ann@customer.example> Sent: Monday, October 2, 2023 5:43 PM To: Support Subject: Fire",
    "From: Ann Archer <ann@customer.example>\nSent: Monday, October 2, 2023 5:43 PM",
]
DIVIDED = [
    "-----Original Message-----\nFrom: Ann",
    "----- Forwarded by Ann Archer/HQ/Customer on 02.10.2023 17:43 -----",
    "-------- Ursprüngliche Nachricht --------\nVon: Ann",
    "---------- Původní e-mail ----------\nOd: Ann\nDatum: 2. 10. 2023 17:43",
    "---------- Qwx zrt ----------\nZrt: Ann <ann@customer.example>\nXcv: 2 10 2023",
    "------------------ 原始邮件 ------------------\n发件人: Ann",
    "---------- Pesan terusan ----------\nDari: Ann <ann@customer.example>\nJam: 17:43",
    "Begin forwarded message:\n\nFrom: Ann",
    "________________________________\nFra: Ann\nSendt: 2. oktober 2023",
    "##- Please type your reply above this line -##\nYour request was received.",
    "Ann Archer ---02/10/2023 05:43:12 PM---Hello Bob",
    ">>> Ann Archer <ann@customer.example> 10/2/2023 5:43 PM >>>",
    "On Mon, 2 Oct 2023 at 17:43, Ann<ann@customer.example> wrote:   Dear Bob,",
    "##- Veuillez répondre au-dessus de cette ligne -##",
    "Ann Archer --- Re: Fire --- \n\nVon:\tAnn <ann@customer.example>\nDatum:\t2.10.2023 17:43\nBetreff:\tRe: Fire",
    "-----Message d’origine-----\nDe: Ann",
    "-----Özgün İleti-----\nAnn",
    "-----邮件原件-----\nAnn",
    "=====\nFrom: Ann\nSubject: Fire",
    "\u2010\u2010\u2010\u2010\u2010 Original Message \u2010\u2010\u2010\u2010\u2010\nAnn",
    f"{' ' * 13}Ann Archer\n{' ' * 50}To\n{' ' * 13}10/02/2023 05:43   Bob\n{' ' * 50}cc\n{' ' * 45}Subject\n{' ' * 30}Fire",
]


@pytest.mark.parametrize("block", [*BLOCKS, *DIVIDED])
def test_below_the_header_lines_of_a_mail_all_is_old(block: str) -> None:
    old = f"{block}\n\nThe printer is on fire.\n\nPlease advise."

    assert split_text(f"It works now.\n\n{old}", RULES) == ("It works now.", old)


@pytest.mark.parametrize(
    "tagline",
    [
        *("Sent from my iPhone", "Sent from my Fairphone 5", "Sent from Mail for Windows", "Sent via the Samsung app"),
        *(
            "Get Outlook for iOS<https://aka.ms/o0ukef>",
            "Get Outlook for Android",
            "Sent with Proton Mail secure email.",
        ),
        *("Von meinem iPhone gesendet", "Gesendet mit der GMX iPhone App", "Outlook für iOS beziehen"),
        *("Envoyé de mon iPhone", "Enviado desde mi iPhone", "Inviato da iPhone", "Enviado do meu iPhone"),
        *("Verstuurd vanaf mijn iPhone", "Wysłane z iPhone'a", "Odesláno z iPhonu", "Skickat från min iPhone"),
        *("Sendt fra min iPhone", "Lähetetty iPhonesta", "Отправлено с iPhone", "Надіслано з iPhone"),
        *("iPhone'umdan gönderildi", "发自我的 iPhone", "從我的 iPhone 傳送", "iPhoneから送信", "나의 iPhone에서 보냄"),
        *("Отправлено из мобильной Яндекс Почты", "Virus-free. www.avast.com"),
        "Sent from my Android device with K-9 Mail. Please excuse my brevity.",
    ],
)
def test_the_signature_of_a_mobile_program_is_not_new(tagline: str) -> None:
    assert split_text(f"Done.\n\n{tagline}", RULES) == ("Done.", tagline)
    assert split_text(f"Done.\n\n{tagline}\n\nOn 2 Oct 2023 Ann wrote:\n> Fire!", RULES)[0] == "Done."


@pytest.mark.parametrize(
    "line",
    [
        "Von meinem Kollegen kommt gleich noch eine Mail",
        "Von meinem Chef gestern gesendet",
        "Sent via UPS on Monday",
        "Sent via e-mail last week",
        "Diese Nachricht wurde mit Fehler 5 abgelehnt",
        "내 iPhone에서 안 됩니다",
        "Das iPhone wurde gestern gesendet",
        "Outlook für Mac zeigt einen Fehler",
        "从我的电脑上看不到",
        "Lähetetty eilen",
        "Dün mail gönderildi",
        "This is confidential and not for unauthorised people, so please do take care that nobody else reads it here.",
    ],
)
def test_a_last_line_that_a_person_may_have_written_stays(line: str) -> None:
    assert split_text(f"Hello,\n\n{line}", RULES) == (f"Hello,\n\n{line}", "")


@pytest.mark.parametrize(
    "text",
    [
        "From: Berlin\nTo: Paris\nDate: 2 October\n\nPlease book it.",
        "## Original message handling\n\nIt fails.",
        "I sent it on 2.10.2023 at 17:43.\nAnn from the office wrote:\n\nNothing came.",
        "As you wrote:\n\nwe restarted it.\n\nNo change.",
        ">From here on it fails.",
        "<ann@customer.example>: host mx[10.0.15.169] said:\n    550 no such user",
        "----- Transcript of session follows -----\n554 Too many hops: from <a@b.example>\nreason: loop",
        "=== Environment ===\nVersion: 8.1\nTime: 17:43\nUser: bob@customer.example\n\nIt fails.",
        "---\nFrom: 10.0.0.1\nTo: 10.0.0.2\n---\nIs it blocked?",
        "From: 10.0.0.1\nTo: 10.0.0.2\nSent: 7 packets\n\nThe rest is lost.",
        "Error:\nOn 2.10.2023 17:43 the user <bob@customer.example> wrote:\nERROR 5\n\nThanks",
        "Name: Bob\nE-mail: bob@customer.example\nTime: 17:43\n\nPlease call.",
        "Regards,\nBob Builder\n+49 30 1234567",
        "It was Ann.\nBob wrote:\n\nNo.",
        "10:02 Ann <ann@customer.example>:   Hello\n10:03 Bob <bob@customer.example>:   Hi",
        "It is done\n\n—\nBob",
    ],
)
def test_what_a_person_may_have_written_is_new(text: str) -> None:
    assert split_text(f"Hello,\n\n{text}", RULES) == (f"Hello,\n\n{text}", "")


def test_other_marks_of_quotation_count_below_an_introduction_only() -> None:
    for mark in ("|", "AA>", "Ann>"):
        old = f"Monday, October 2, 2023, you wrote:\n{mark} Fire!\n{mark} Help!"
        assert split_text(f"Done.\n\n{old}", RULES) == ("Done.", old)
    assert split_text("Type this:\n\n| a\n| b", RULES)[1] == ""


def test_what_a_quoted_line_lost_to_a_second_wrapping_is_quoted() -> None:
    long = "> The printer in the second room on the left has been burning since this morning"
    torn = f"On 2 Oct 2023 Ann wrote:\n{long}\nand nobody came\n> to look."
    encoded = f"On 2 Oct 2023 Ann wrote:\n{long[:75]}=\n,\n> to look."

    assert split_text(f"Done.\n\n{torn}", RULES) == ("Done.", torn)
    assert split_text(f"Done.\n\n{encoded}", RULES) == ("Done.", encoded)
    assert "no it has not" in split_text("On 2 Oct Ann wrote:\n> Is it out?\nno it has not\n> Really?", RULES)[0]


NOTICES = [
    (
        "This e-mail and any attachments are confidential and intended solely for the use of the addressee. If you have\n"
        "received it in error, please notify the sender."
    ),
    (
        "Diese E-Mail enthält vertrauliche und rechtlich geschützte Informationen. Wenn Sie nicht der richtige Adressat\n"
        "sind oder diese E-Mail irrtümlich erhalten haben, informieren Sie bitte den Absender."
    ),
    (
        "Ce message est confidentiel et destiné à l'usage exclusif du destinataire. Si vous l'avez reçu par erreur, merci\n"
        "d'en avertir l'expéditeur et de le détruire."
    ),
    (
        "Este mensaje es confidencial y para uso exclusivo del destinatario. Si lo ha recibido por error, notifique al\n"
        "remitente. Queda prohibida su difusión."
    ),
    "本邮件及附件含有保密信息，仅限于收件人使用。禁止任何其他人以任何形式使用。如果您误收了本邮件，请立即通知发件人并删除本邮件。",
]


@pytest.mark.parametrize("notice", NOTICES)
def test_a_legal_notice_is_not_new(notice: str) -> None:
    assert split_text(f"Done.\n\nBob\n\n{notice}", RULES) == ("Done.\n\nBob", notice)


def test_a_gateways_warning_above_the_text_is_not_new() -> None:
    warning = (
        "CAUTION: This email originated from outside of the organization.\nDo not click links or open attachments "
        "unless you recognize the sender."
    )

    assert split_text(f"{warning}\n\nHello,\n\nit works.", RULES) == ("Hello,\n\nit works.", warning)


def test_what_openpgp_puts_around_a_signed_text_is_not_new() -> None:
    above = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n"
    below = "\n-----BEGIN PGP SIGNATURE-----\n\niQEz\n-----END PGP SIGNATURE-----"

    assert split_text(f"{above}It works now.\n{below}", RULES)[0] == "It works now."


def test_a_person_who_quotes_with_full_width_marks_is_understood() -> None:
    assert split_text("＞動きますか。\nはい。", RULES)[0] == "はい。"
