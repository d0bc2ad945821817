"""How three mail programs put mails into conversations, as far as they say so. For mails in the order of their dates."""

import re
from collections.abc import Callable, Sequence
from email.message import EmailMessage

Threads = list[list[EmailMessage]]

_IDS = re.compile(r"<[^<>\s]+>")
_PREFIX = re.compile(r"^(?:(?:re|fwd?|aw|wg|sv|antw)(?:\[\d+\])?\s*:\s*)+", re.IGNORECASE)
_OUTLOOK_PREFIX = re.compile(r"^\D{1,3}:\s")


def ids(mail: EmailMessage) -> list[str]:
    """The mails that this one says it belongs to."""
    return _IDS.findall(f"{mail['References'] or ''} {mail['In-Reply-To'] or ''}")


def gmail(mails: Sequence[EmailMessage]) -> Threads:
    """By References or In-Reply-To to a mail of the thread, and only under the same subject.

    https://developers.google.com/gmail/api/guides/threads: "The References and In-Reply-To headers must be set in
    compliance with the RFC 2822 standard. The Subject headers must match." Prefixes of answers do not count.
    """

    def belongs(mail: EmailMessage, thread: list[EmailMessage]) -> bool:
        known = {one["Message-ID"] for one in thread} | {id_ for one in thread for id_ in ids(one)}
        same = _PREFIX.sub("", mail["Subject"]) == _PREFIX.sub("", thread[0]["Subject"])
        return same and not known.isdisjoint(ids(mail))

    return _sorted_into(mails, belongs)


def outlook(mails: Sequence[EmailMessage]) -> Threads:
    """By the subject without its prefix: mail from elsewhere has no Thread-Index of Outlook's own.

    [MS-OXCMSG] section 3.2.5.2: a prefix is one to three characters, none of them a digit, a colon and a blank;
    [MS-OXOMSG] section 2.2.1.5: the conversation topic is the subject without it.
    """

    def belongs(mail: EmailMessage, thread: list[EmailMessage]) -> bool:
        return bool(_OUTLOOK_PREFIX.sub("", mail["Subject"]) == _OUTLOOK_PREFIX.sub("", thread[0]["Subject"]))

    return _sorted_into(mails, belongs)


def thunderbird(mails: Sequence[EmailMessage]) -> Threads:
    """By References alone, also to mails that are not there (`mail.strict_threading` and `mail.correct_threading`).

    As RFC 5256 section 3 has it for REFERENCES in its steps 1 and 2; subjects join nothing.
    """

    def belongs(mail: EmailMessage, thread: list[EmailMessage]) -> bool:
        known = {one["Message-ID"] for one in thread} | {id_ for one in thread for id_ in ids(one)}
        return mail["Message-ID"] in known or not known.isdisjoint(ids(mail))

    return _sorted_into(mails, belongs)


PROGRAMS: tuple[Callable[[Sequence[EmailMessage]], Threads], ...] = (gmail, outlook, thunderbird)


def _sorted_into(mails: Sequence[EmailMessage], belongs: Callable[[EmailMessage, list[EmailMessage]], bool]) -> Threads:
    threads: Threads = []
    for mail in mails:
        for thread in threads:
            if belongs(mail, thread):
                thread.append(mail)
                break
        else:
            threads.append([mail])
    return threads
