"""HTML of a mail into the text that a reader would have seen, without scripts, styles and hidden words.

Called by `walk` for mails without a text part of their own. Promises: linear in its input, nothing is fetched or run;
quotations, and what mail programs mark as old text, come out with `> ` marks, and a signature below `--`, so that
`text.split_text` reads them like those of a plain mail. What a reader may not have seen is told as doubtful.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from selectolax.lexbor import LexborHTMLParser, LexborNode

from gateway.domain.mail_rules import TextRules
from gateway.mail import html_sight
from gateway.mail.html_marks import Mark, first_words, mark_of, squeezed

MAX_HTML = 4_000_000
"""Characters of HTML that are looked at; what comes after is in the raw mail only."""
MAX_DEPTH_SHOWN = 20
"""Deeper quotations than this are shown at this depth."""
MAX_NESTING = 2_000
"""Deeper HTML has its tags cut out instead: the HTML5 algorithm is quadratic in the depth of open elements."""

MAX_INTRODUCTION = 4
"""Lines between a signature and a quotation that say whose words it quotes."""
MAX_TARGET = 500
"""Characters of the address of a link that is shown beside its words."""
MAX_ELEMENTS = 60_000
"""Tags of HTML; more have them all cut out, too. A long newsletter has a tenth of it."""

_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE)
_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)", re.IGNORECASE)
_ANY_TAG = re.compile(r"<[^<>]*>")
_UNNESTED = frozenset(
    {
        *("area", "base", "br", "col", "hr", "img", "input", "link", "meta", "p", "li", "dd", "dt", "td", "th", "tr"),
        "wbr",
    }
)
_SPACE = re.compile(r"[ \t\r\n\f]+")
_SILENT = frozenset(
    {
        *("audio", "applet", "canvas", "datalist", "embed", "frame", "frameset", "head", "iframe", "math"),
        *("noembed", "noframes", "object", "script", "select", "style", "svg", "template", "textarea"),
        *("title", "video"),
    }
)
_BLOCKS = frozenset(
    {
        *("address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details"),
        *("div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1"),
        *("h2", "h3", "h4", "h5", "h6", "header", "html", "legend", "li"),
        *("main", "nav", "ol", "p", "pre", "section", "summary", "table", "tbody"),
        *("tfoot", "thead", "tr", "ul"),
    }
)
_SPACED = frozenset(
    {
        *("blockquote", "dl", "h1", "h2", "h3", "h4", "h5", "h6", "ol"),
        *("p", "pre", "table", "ul"),
    }
)
_KEEPS_LINES = re.compile(r"white-space:(?:pre|break-spaces)")


def declared_charset(data: bytes) -> str | None:
    """The charset that an HTML file names in its own head, as browsers look for it: in the first 1024 bytes."""
    found = _META.search(data[:1024])
    return found[1].decode("ascii") if found else None


@dataclass(slots=True)
class _Page:
    """The text written so far; `gap` is how many line ends are owed before the next word.

    `unsure` counts the open elements whose text may not be seen; `doubtful` is True once such text was written.
    """

    lines: list[str] = field(default_factory=list)
    line: list[str] = field(default_factory=list)
    gap: int = 0
    quotes: int = 0
    preformatted: int = 0
    painted: int = 0
    signature: int | None = None
    signed_until: int = 0
    signing: bool = False
    unsure: int = 0
    doubtful: bool = False

    def write(self, text: str) -> None:
        if self.preformatted:
            first, *rest = text.split("\n")
            self._put(first)
            for line in rest:
                self.newline()
                self._put(line)
            return
        shown = _SPACE.sub(" ", text)
        if not self.line or self.gap:
            shown = shown.lstrip(" ")
        self._put(shown)

    def _put(self, text: str) -> None:
        if not text:
            return
        if self.gap:
            self._settle()
        self.line.append(text)
        if self.unsure and not self.quotes and not text.isspace():
            self.doubtful = True

    def newline(self) -> None:
        """A `<br>`: always one line end."""
        if self.gap:
            self._settle()
        self._end_line()

    def block(self, gap: int) -> None:
        """A block begins or ends: at least `gap` line ends before the next word."""
        self.gap = max(self.gap, gap)

    def _settle(self) -> None:
        if "".join(self.line).strip():
            self._end_line()
        if self.gap > 1 and self.lines and self.lines[-1].strip("> "):
            self._end_line()
        self.line.clear()
        self.gap = 0

    def _end_line(self) -> None:
        text = "".join(self.line).rstrip(" ").replace("\xa0", " ")
        marks = ">" * min(self.quotes, MAX_DEPTH_SHOWN)
        self.lines.append(f"{marks} {text}".rstrip(" ") if marks and text else marks or text)
        self.line.clear()

    def last_words(self, size: int) -> str:
        """The end of the open line, of about this many characters; a line may be the whole mail."""
        pieces: list[str] = []
        for piece in reversed(self.line):
            pieces.append(piece[-size:])
            size -= len(piece)
            if size <= 0:
                break
        return "".join(reversed(pieces))

    def flush(self) -> None:
        """Ends the open line, if it has words."""
        if "".join(self.line).strip():
            self._end_line()
        self.line.clear()

    def sign(self) -> None:
        """A signature begins, the first one or a later one."""
        self.flush()
        self.settle_signature(quoted=False)
        if not (self.lines and self.lines[-1].rstrip() == "--"):
            self.signature = len(self.lines)
            self.lines.append("--")

    def signed(self) -> None:
        """A signature ends."""
        self.flush()
        self.signing = False
        self.signed_until = len(self.lines)

    def settle_signature(self, *, quoted: bool) -> None:
        """Takes the mark of a signature back if words follow it that do not introduce a quotation: it was no end."""
        if self.signature is None:
            return
        below = [line for line in self.lines[self.signed_until :] if line.strip(" _")]
        if below and not (quoted and len(below) <= MAX_INTRODUCTION and below[-1].rstrip().endswith((":", "\uff1a"))):
            self.lines[self.signature] = ""
        self.signature = None

    def quote(self, step: int) -> None:
        """A quotation begins (1) or ends (-1); what is owed before it belongs outside of it."""
        self.flush()
        if step > 0 and not self.quotes:
            self.settle_signature(quoted=True)
        if step > 0 and self.gap > 1 and self.lines and self.lines[-1].strip("> "):
            self._end_line()
        self.gap = 0
        self.quotes += step


@dataclass(slots=True)
class _Open:
    """An element on the way in, and what is to be undone on the way out."""

    node: LexborNode
    entering: bool = True
    quotes: int = 0
    preformatted: bool = False
    painted: bool = False
    unsure: bool = False
    signature: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a page says; `doubtful` if not all that stands there as its writer's may be new, or be seen at all."""

    text: str
    doubtful: bool


def html_to_text(html: str, rules: TextRules | None = None) -> str:
    """The text of `read_html`."""
    return read_html(html, rules).text


def read_html(html: str, rules: TextRules | None = None) -> Shown:
    """The visible text of an HTML mail, lines ended by LF; with `rules` also old text without `blockquote` is marked."""
    html = html[:MAX_HTML]
    if _is_too_much(html):
        return Shown(text=_ANY_TAG.sub(" ", html), doubtful=True)
    parser = LexborHTMLParser(html)
    page = _written(parser.root, rules)
    if rules and not any(line.strip() and line[0] != ">" for line in page.lines):
        return Shown(text=html_to_text(html), doubtful=True)  # all of it is old: then nothing needs a mark
    doubtful = page.doubtful or any(html_sight.hides(sheet.text(deep=True)) for sheet in parser.css("style"))
    return Shown(text="\n".join(page.lines).strip("\n"), doubtful=doubtful)


def _written(root: LexborNode | None, rules: TextRules | None) -> _Page:
    page = _Page()
    # An explicit stack: a sender decides how deep the tree is.
    stack = [_Open(root)] if root is not None else []
    while stack:
        step = stack.pop()
        if not step.entering:
            _leave(page, step)
        elif step.node.tag == "-text":
            page.write(step.node.text_content or "")
        elif _enter(page, step, rules):
            step.entering = False
            stack.append(step)
            child = step.node.last_child
            while child is not None:
                stack.append(_Open(child))
                child = child.prev
    page.flush()
    page.settle_signature(quoted=False)
    return page


def _is_too_much(html: str) -> bool:
    """True if too many elements seem to be open at once (those that close by themselves do not count), or in all."""
    depth = count = 0
    for tag in _TAG.finditer(html):
        count += not tag[1]
        if count > MAX_ELEMENTS:
            return True
        if tag[2].lower() not in _UNNESTED:
            depth = max(0, depth - 1) if tag[1] else depth + 1
            if depth > MAX_NESTING:
                return True
    return False


def _enter(page: _Page, step: _Open, rules: TextRules | None) -> bool:
    """Opens an element; False if nothing inside it is shown."""
    node, tag = step.node, step.node.tag or ""
    if tag in _SILENT or tag.startswith("-"):
        return False
    attributes: Mapping[str, str | None] = node.attributes
    style = squeezed(attributes.get("style")) if attributes else ""
    if attributes and html_sight.is_hidden(attributes, style, painted=page.painted > 0):
        return False
    mark = mark_of(node, attributes, style, rules)
    if mark is Mark.DIVIDER and not page.quotes:
        page.quote(1)  # for good: what follows is old, wherever this element ends
    _break_line(page, tag)
    _begin(page, step, mark)
    if tag == "li":
        page.write("- ")
    step.preformatted = tag == "pre" or bool(style and _KEEPS_LINES.search(style))
    step.painted = bool(attributes) and html_sight.paints(attributes, style)
    step.unsure = html_sight.is_doubtful(tag, attributes, style)
    page.preformatted += step.preformatted
    page.painted += step.painted
    page.unsure += step.unsure
    return True


def _begin(page: _Page, step: _Open, mark: Mark | None) -> None:
    """Begins a quotation or a signature where this element is one."""
    if mark in (Mark.QUOTE, Mark.ATTRIBUTION) and not (mark is Mark.ATTRIBUTION and page.quotes):
        step.quotes = 1
        page.quote(1)
    elif mark is Mark.SIGNATURE and not page.quotes and not page.signing and first_words(step.node).strip():
        step.signature = True
        page.signing = True
        page.sign()


def _break_line(page: _Page, tag: str) -> None:
    if tag == "br":
        page.newline()
    elif tag == "hr":
        page.block(1)
        page.write("_" * 32)
        page.block(1)
    elif tag in {"td", "th"} and page.line and not page.gap:
        page.write(" ")
    elif tag in _BLOCKS:
        page.block(2 if tag in _SPACED else 1)


def _leave(page: _Page, step: _Open) -> None:
    tag = step.node.tag or ""
    page.preformatted -= step.preformatted
    page.painted -= step.painted
    page.unsure -= step.unsure
    if tag == "a":
        _name_target(page, step.node)
    if step.quotes:
        page.quote(-1)
    if step.signature:
        page.signed()
    if tag in _BLOCKS:
        page.block(2 if tag in _SPACED else 1)


def _name_target(page: _Page, node: LexborNode) -> None:
    """Shows where a link leads, unless its own words do."""
    target = (node.attributes.get("href") or "").strip()
    is_page = target.lower().startswith(("http://", "https://")) and len(target) < MAX_TARGET
    if is_page and page.line and target not in page.last_words(2 * len(target)):
        page.write(f" <{target}>")
