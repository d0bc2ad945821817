"""How mail is read, as values: what machines, quotations, thanks and first lines look like.

`domain.rulebook` reads them from `rules/mail.toml`, `absence.toml` and `thanks.toml`; `domain.policy.Policy` holds them, and
the parse child gets `MailRules` and nothing else.
"""

from dataclasses import dataclass, field

from gateway.domain.bounce_rules import BounceRules


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderMark:
    """A header that says "a machine wrote this": `pattern` is searched, ignoring case, in each of its values."""

    header: str
    pattern: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsenceLanguage:
    """The words of responders in one language; `rules/absence.toml` says how they are written.

    Of the subject: `replies` begin that of a responder, where nothing or one of `follows` comes after them; `alone`
    are all of it but for such an end; `receipts` begin that of a receipt or of an answer to an invitation. Of the
    text: `away` says that someone is not there, `machine` that nobody wrote this, `whole` is a reaction or a receipt
    if it stands alone; `asides` may stand beside them, `asks` may not, for only a person asks for something; below
    `closings` nothing is read.
    """

    name: str
    replies: tuple[str, ...]
    alone: tuple[str, ...]
    follows: tuple[str, ...]
    receipts: tuple[str, ...]
    away: tuple[str, ...]
    machine: tuple[str, ...]
    whole: tuple[str, ...]
    asides: tuple[str, ...]
    asks: tuple[str, ...]
    closings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AutomaticRules:
    """How machines show themselves (SPEC section 7): one strong mark is enough, of weak ones two of different kinds.

    Strong: headers in `strong`, senders in `daemons`, parts of a type in `parts`. Weak, by kind: `weak` headers of lists,
    forwarding rules and mass mail; those that `responders` set; `senders` behind which nobody reads, with `*`; words.
    """

    strong: tuple[HeaderMark, ...]
    weak: tuple[HeaderMark, ...]
    senders: tuple[str, ...]
    absence: tuple[AbsenceLanguage, ...]
    responders: tuple[HeaderMark, ...] = ()
    daemons: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRules:
    """What mail programs put between new and quoted text, as words and not as whole lines.

    `wrote`: verbs of an attribution line; `from_labels`, `date_labels`, `sent_labels`, `subject_labels`,
    `labels`: names of header lines above a quoted mail, by what they tell (`labels`: To and all others); `dividers`: words of a divider line
    ("Original Message"); `taglines`: starts of a mobile program's signature, `sent` those (or `start … end`) that are
    one if one of `devices` is in the line, and `excuses` what may follow them below a comma; `footers`: starts of other
    lines that machines put at the end, and `list_words` what those below a line across say; `disclaimers`: phrases of
    legal and security notices, three of which make a paragraph one, and `banners`, of which one is enough, `banner_marks` if in brackets;
    `notice_headings` stand above them; `closings`: lines such as "Kind regards", with contact data below them a signature, `closing_thanks` those that stay, and `company_words` what a long line of a signature names;
    `answer_words` and `answer_places`: one of each in a line announces answers within old text. Of HTML, class, id,
    name or data-marker of an element (`name=x`: by that alone): `html_quotes` hold old text, below `html_dividers` all is old, `html_attributions` introduce old text, `html_signatures` are
    signatures.
    """

    wrote: tuple[str, ...]
    labels: tuple[str, ...]
    dividers: tuple[str, ...]
    taglines: tuple[str, ...]
    from_labels: tuple[str, ...] = ()
    date_labels: tuple[str, ...] = ()
    sent_labels: tuple[str, ...] = ()
    subject_labels: tuple[str, ...] = ()
    sent: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    excuses: tuple[str, ...] = ()
    footers: tuple[str, ...] = ()
    list_words: tuple[str, ...] = ()
    disclaimers: tuple[str, ...] = ()
    banners: tuple[str, ...] = ()
    banner_marks: tuple[str, ...] = ()
    notice_headings: tuple[str, ...] = ()
    closings: tuple[str, ...] = ()
    closing_thanks: tuple[str, ...] = ()
    company_words: tuple[str, ...] = ()
    answer_words: tuple[str, ...] = ()
    answer_places: tuple[str, ...] = ()
    html_quotes: tuple[str, ...] = ()
    html_dividers: tuple[str, ...] = ()
    html_attributions: tuple[str, ...] = ()
    html_signatures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ThanksLanguage:
    """The expressions that make a reply in one language only thanks; `rules/thanks.toml` says how they are written.

    `thanks`, `works` and `solved` make it such a reply; `praise`, `greetings` and `closings` may stand alone beside
    them, `yes` beside good news. The others need company: `help` follows thanks or praise ("thanks for your help"),
    `links` follow help ("help with"), `things` need works, solved or such a link, `troubles` solved or such a link,
    `fillers` any. `never` spoils the reply wherever it stands, unless a longer expression holds it.
    `capital_nouns`: a capital letter marks no name.
    """

    name: str
    thanks: tuple[str, ...]
    works: tuple[str, ...]
    solved: tuple[str, ...]
    praise: tuple[str, ...]
    yes: tuple[str, ...]
    help: tuple[str, ...]
    links: tuple[str, ...]
    things: tuple[str, ...]
    troubles: tuple[str, ...]
    fillers: tuple[str, ...]
    greetings: tuple[str, ...]
    closings: tuple[str, ...]
    never: tuple[str, ...]
    capital_nouns: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ThanksRules:
    """How people write only to thank (SPEC section 5.3); without languages no reply is only thanks.

    `signs`: emoji and emoticons, which say it alone; `titles` and `particles` of names; `closings` in any language;
    `delights`: praise in any language that is enough by itself.
    """

    signs: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    particles: tuple[str, ...] = ()
    closings: tuple[str, ...] = ()
    delights: tuple[str, ...] = ()
    languages: tuple[ThanksLanguage, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AboutRules:
    """What stands before the colon in lines of a first mail, by the field of the case that they fill (SPEC section 4)."""

    product: tuple[str, ...] = ()
    product_version: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MailRules:
    """`rules/mail.toml`: all that reading a mail needs; the parse child gets this and nothing else."""

    automatic: AutomaticRules
    text: TextRules
    bounce: BounceRules = field(default_factory=BounceRules)
    about: AboutRules = AboutRules()
