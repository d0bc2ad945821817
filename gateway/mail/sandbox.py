"""What runs a template: Jinja2's sandbox with fewer tools, and words made fit for a mail before they reach it.

`mail.templates` keeps one shelf of shipped files, and one on which an override's files lie over them. Text of
people reaches a template as data only and is never one itself. A template can neither see more than Words and
Vendor, nor make much of little; whatever it raises becomes one line with file and line number.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from traceback import walk_tb
from typing import Any, cast

from jinja2 import (
    FunctionLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
    TemplateRuntimeError,
    TemplateSyntaxError,
    meta,
    nodes,
)
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import object_type_repr
from markupsafe import Markup, escape

from gateway.domain.desk_words import AlarmWords, AsideWords, DigestWords, FailedWords, TroubleWords
from gateway.domain.phrases import Phrase, say
from gateway.domain.policy import Vendor
from gateway.domain.words import (
    ActionWords,
    AnnouncementWords,
    ApprovalWords,
    BlockWords,
    CaseWords,
    CommandWords,
    ContactWords,
    EscalationWords,
    RegistrationWords,
    ResultWords,
    StrangerWords,
    VariableWords,
    Words,
)
from gateway.errors import BadConfig, NotFound
from gateway.mail.phrasebook import Phrasebook
from gateway.mail.template_files import FALLBACK, Source

MAX_TEXT = 1_000_000
"""Bytes of a person's text that one mail carries; the case keeps all of it."""
MAX_RENDERED = 12_000_000
"""Characters that a template may write: MAX_TEXT with each character escaped, and room for its own words."""
MAX_PRODUCT = 1_000_000
"""The largest number or text that arithmetic in a template may make."""

_CUT = Phrase("The text is too long for one mail and ends here. The case keeps all of it.")
RESERVED = frozenset({"words", "vendor", "lang"})
"""Names under which every template has what it may say."""

_CONTROL = [*range(32), *range(127, 160)]
_IN_LINES = dict.fromkeys([*_CONTROL, 0x2028, 0x2029], " ")
_IN_TEXT = dict.fromkeys(set(_CONTROL) - {9, 10}, "\N{REPLACEMENT CHARACTER}")
_FILTERS = "capitalize count d default e escape first join last length lower replace string title trim upper"
_PLAIN = frozenset(
    (kind, word.name)
    for kind in (
        CaseWords,
        ContactWords,
        StrangerWords,
        RegistrationWords,
        ApprovalWords,
        CommandWords,
        ResultWords,
        BlockWords,
        ActionWords,
        AlarmWords,
        AnnouncementWords,
        DigestWords,
        AsideWords,
        FailedWords,
        TroubleWords,
        EscalationWords,
        VariableWords,
        Vendor,
    )
    for word in fields(kind)
)
"""What a template is given to read, all of it text and lists of text."""
_WIDENING = frozenset({"center", "expandtabs", "format", "format_map", "ljust", "rjust", "zfill"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """One mail's words. `fell_back` is the problem of the override that the shipped template stands in for."""

    subject: str
    text: str
    html: str
    fell_back: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Variables:
    """What a template reads beside words, vendor and lang: what it cannot do without, and what it asks for by `is defined`."""

    needed: frozenset[str]
    optional: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        """Whatever it reads."""
        return self.needed | self.optional


def one_line(text: str) -> str:
    """Make it one line without control characters: fit for a header, and for a name in running text."""
    return " ".join(_encodable(text).translate(_IN_LINES).split())


def _paragraphs(text: str, phrases: Mapping[str, str]) -> str:
    """Make a person's text fit for a mail: line ends alike, other control characters shown, bounded."""
    data = text.encode("utf-8", "replace")
    kept = data[:MAX_TEXT].decode("utf-8", "ignore")
    if len(data) > MAX_TEXT:
        kept += f"\n\n[{_CUT.said(phrases)}]"
    return kept.replace("\r\n", "\n").replace("\r", "\n").translate(_IN_TEXT).strip("\n")


def _encodable(text: str) -> str:
    """Replace lone surrogates, which no charset can carry."""
    return text.encode("utf-8", "replace").decode()


def tidy(words: Words, phrases: Mapping[str, str]) -> Words:
    """Say our own phrases in the mail's language; put every name on one line, so that none can pass for a line of ours; bound the text."""
    return cast("Words", _tidy(words, "", phrases))


def _tidy(value: Any, name: str, phrases: Mapping[str, str]) -> Any:
    """A value of Words, or one inside it, made fit."""
    if isinstance(value, str):
        said = say(value, phrases)
        return _paragraphs(said, phrases) if name in {"text", "signature"} else one_line(said)
    if isinstance(value, tuple):
        return tuple(_tidy(one, "", phrases) for one in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{one.name: _tidy(getattr(value, one.name), one.name, phrases) for one in fields(value)})
    return value


def wanted(lang: str) -> tuple[str, ...]:
    """Where the words for a reader of this language are looked for."""
    return (lang, lang.partition("-")[0], FALLBACK)


def is_mail(file: str) -> bool:
    """Say whether a file is half of a mail, and not a part."""
    return not file.startswith("_")


def _with_breaks(text: str) -> Markup:
    """Show a person's lines in HTML, as the filter `lines`: not every mail program knows `white-space: pre-wrap`."""
    return escape(text).replace("\n", Markup("<br>"))


class Shelf(ImmutableSandboxedEnvironment):
    """One set of template files with the environment that runs them.

    Beside Jinja's sandbox: no globals, few filters (not `safe`, but our own `lines`), and nothing that makes much of little.
    """

    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self, sources: Mapping[str, Source], phrases: Phrasebook) -> None:
        super().__init__(
            loader=FunctionLoader(self._load),
            undefined=StrictUndefined,
            autoescape=lambda name: name is not None and name.endswith(".html.j2"),
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            auto_reload=False,
            cache_size=-1,
        )
        self.sources = sources
        self.phrases = phrases
        self.globals.clear()
        self.filters = {name: self.filters[name] for name in _FILTERS.split()} | {"lines": _with_breaks}

    def _load(self, name: str) -> tuple[str, str, None] | None:
        source = self.sources.get(name)
        return (source.text, source.shown, None) if source else None

    def join_path(self, template: str, parent: str) -> str:
        """Where an included or extended part is: in the language of who asks, else in English."""
        name = f"{parent.partition('/')[0]}/{template}"
        return name if name in self.sources else f"{FALLBACK}/{template}"

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Let what we give be read at once; of all else Jinja says whether it is safe, in many looks at it."""
        return (type(obj), attr) in _PLAIN or super().is_safe_attribute(obj, attr, value)

    def is_safe_callable(self, obj: Any) -> bool:
        """Refuse the methods of text that write as wide as they are told."""
        return getattr(obj, "__name__", "") not in _WIDENING and super().is_safe_callable(obj)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Refuse arithmetic that could fill the memory: `9**9**9`, `'a' * 10**9`, `'%999999999d' % 1`."""
        sizes = [len(value) if hasattr(value, "__len__") else abs(value) for value in (left, right)]
        if (
            (operator == "*" and sizes[0] * sizes[1] > MAX_PRODUCT)
            or (operator == "**" and max(sizes) > 100)
            or (operator == "%" and isinstance(left, str))
        ):
            raise TemplateRuntimeError(f"{operator} makes too much of this")
        return super().call_binop(context, operator, left, right)

    def names(self) -> tuple[str, ...]:
        """List the mails that there are templates for."""
        files = (name.partition("/")[2] for name in self.sources)
        return tuple(
            sorted({file.removesuffix(".txt.j2") for file in files if file.endswith(".txt.j2") and is_mail(file)})
        )

    def languages(self, name: str) -> tuple[str, ...]:
        """List the languages that a mail can be written in."""
        return tuple(sorted(key.partition("/")[0] for key in self.sources if key.endswith(f"/{name}.txt.j2")))

    def variables(self, name: str, only: str | None = None) -> Variables:
        """What the files of a mail read by names of its own, in whichever language they are or in `only` this."""
        needed, asked = set[str](), set[str]()
        for language in self.languages(name) if only is None else (only,):
            for ending in ("txt", "html"):
                self._read_by(f"{language}/{name}.{ending}.j2", frozenset(), needed, asked)
        return Variables(needed=frozenset(needed - asked), optional=frozenset(asked))

    def _read_by(self, key: str, known: frozenset[str], needed: set[str], asked: set[str]) -> None:
        """Add what one file reads, and its parts; `known` is what those who include it have set."""
        tree = self.parse(self.sources[key].text)
        needed |= meta.find_undeclared_variables(tree) - known - RESERVED
        tests = (test for test in tree.find_all(nodes.Test) if test.name == "defined")
        asked |= {test.node.name for test in tests if isinstance(test.node, nodes.Name)} - RESERVED
        known |= {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}
        for part in meta.find_referenced_templates(tree):
            if part is not None and (found := self.join_path(part, key)) in self.sources:
                self._read_by(found, known, needed, asked)

    def problems(self, keys: Iterable[str]) -> Iterator[str]:
        """Name what is wrong with these files before anything is rendered: syntax, and halves without the other."""
        for key in sorted(keys):
            source = self.sources[key]
            language, _, file = key.partition("/")
            ending = ".html.j2" if file.endswith(".txt.j2") else ".txt.j2"
            half = file.removesuffix(".txt.j2").removesuffix(".html.j2") + ending
            if is_mail(file) and f"{language}/{half}" not in self.sources:
                yield f"{source.shown}: its other half is missing; add {language}/{half}"
            try:
                self.get_template(key)
            except TemplateSyntaxError as error:
                yield f"{error.filename or source.shown}:{error.lineno}: {error.message}"

    def language(self, name: str, lang: str) -> str:
        """The one that a mail to somebody of this one is written in; NotFound if there is no such mail."""
        known = self.languages(name)
        language = next((one for one in wanted(lang) if one in known), None)
        if language is None and known:
            raise NotFound(f"{name} is there in {', '.join(known)} only; add {FALLBACK}/{name}.txt.j2 and .html.j2")
        if language is None:
            raise NotFound(f"there is no template {name}; there are {', '.join(self.names())}")
        return language

    def render(self, name: str, lang: str, words: Words, vendor: Vendor) -> Rendered:
        """Both halves of a mail, in its language or else in English; BadConfig with file and line if one fails."""
        language = self.language(name, lang)
        said = tidy(words, self.phrases.of(language))
        values: dict[str, Any] = {"words": said, "vendor": vendor, "lang": language}
        if isinstance(said, AnnouncementWords):
            values = {**{one.variable: one.text for one in said.variables}, **values}
        key = f"{language}/{name}.txt.j2"
        first, _, text = self._fill(key, values).partition("\n")
        if not first.startswith("Subject:"):
            raise BadConfig(f"{self.sources[key].shown}:1: the first line must be `Subject: …`")
        html = self._fill(f"{language}/{name}.html.j2", values)
        return Rendered(subject=one_line(first.removeprefix("Subject:")), text=text.strip("\n") + "\n", html=html)

    def _fill(self, key: str, values: Mapping[str, Any]) -> str:
        pieces, size = [], 0
        try:
            for piece in self.get_template(key).generate(values):
                size += len(piece)
                if size > MAX_RENDERED:
                    raise TemplateRuntimeError(f"writes more than {MAX_RENDERED} characters")  # noqa: TRY301 - as a fault of the template
                pieces.append(piece)
        except Exception as error:  # a template is other people's code: whatever it raises is its problem
            raise BadConfig(self._problem(error, key, values)) from error
        return _encodable("".join(pieces))

    def _problem(self, error: Exception, key: str, values: Mapping[str, Any]) -> str:
        """`file:line: what`, with the names that templates use for our values."""
        files = {source.shown for source in self.sources.values()}
        calls = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
        places = [f"{file}:{line}" for file, line in calls if file in files]
        what = str(error) if isinstance(error, TemplateError) else f"{type(error).__name__}: {error}"
        message = one_line(f"there is no {what}" if isinstance(error, TemplateNotFound) else what)
        for name in ("words", "vendor"):
            message = message.replace(f"'{object_type_repr(values[name])}'", name)
        return f"{places[-1] if places else self.sources[key].shown}: {message}"
