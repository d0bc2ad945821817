"""HTML of a mail into the text that a reader would have seen, without scripts, styles and hidden words.

Called by `parse` for mails without a text part of their own. Promises: linear in its input, nothing is fetched or run;
quotations come out with `> ` marks, so that `text.split_text` reads them like those of a plain mail.
"""

import re
from dataclasses import dataclass, field

from selectolax.lexbor import LexborHTMLParser, LexborNode

MAX_HTML = 4_000_000
"""Characters of HTML that are looked at; what comes after is in the raw mail only."""
MAX_DEPTH_SHOWN = 20
"""Deeper quotations than this are shown at this depth."""
MAX_NESTING = 2_000
"""Deeper HTML has its tags cut out instead: the HTML5 algorithm is quadratic in the depth of open elements."""

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
        *("audio", "applet", "canvas", "embed", "frame", "frameset", "head", "iframe", "math"),
        *("noframes", "object", "script", "select", "style", "svg", "template", "textarea"),
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
_HIDDEN_STYLE = re.compile(
    r"display:none|visibility:(?:hidden|collapse)|mso-hide:all|(?<![a-z-])(?:font-size|opacity|max-height):0(?:\.0+)?(?![.\d])"
)
_WHITE = re.compile(r"(?<![a-z-])color:(?:white|#fff(?:fff)?|rgb\(255,255,255\))(?![0-9a-f])")
_BACKGROUND = re.compile(r"background(?:-color|-image)?:")


def declared_charset(data: bytes) -> str | None:
    """The charset that an HTML file names in its own head, as browsers look for it: in the first 1024 bytes."""
    found = _META.search(data[:1024])
    return found[1].decode("ascii") if found else None


@dataclass(slots=True)
class _Page:
    """The text written so far; `gap` is how many line ends are owed before the next word."""

    lines: list[str] = field(default_factory=list)
    line: list[str] = field(default_factory=list)
    gap: int = 0
    quotes: int = 0
    preformatted: int = 0
    painted: int = 0

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

    def flush(self) -> None:
        """Ends the open line, if it has words."""
        if "".join(self.line).strip():
            self._end_line()
        self.line.clear()

    def quote(self, step: int) -> None:
        """A quotation begins (1) or ends (-1); what is owed before it belongs outside of it."""
        self.flush()
        if step > 0 and self.gap > 1 and self.lines and self.lines[-1].strip("> "):
            self._end_line()
        self.gap = 0
        self.quotes += step


def html_to_text(html: str) -> str:
    """The visible text of an HTML mail, lines ended by LF."""
    html = html[:MAX_HTML]
    if _is_too_deep(html):
        return _ANY_TAG.sub(" ", html)
    page = _Page()
    root = LexborHTMLParser(html).root
    # An explicit stack: a sender decides how deep the tree is. False marks the way back out.
    stack: list[tuple[LexborNode, bool]] = [(root, True)] if root is not None else []
    while stack:
        node, entering = stack.pop()
        if not entering:
            _leave(page, node)
            continue
        if node.tag == "-text":
            page.write(node.text_content or "")
            continue
        if _enter(page, node):
            stack.append((node, False))
            child = node.last_child
            while child is not None:
                stack.append((child, True))
                child = child.prev
    page.flush()
    return "\n".join(page.lines).strip("\n")


def _is_too_deep(html: str) -> bool:
    """True if more elements than `MAX_NESTING` seem to be open at once; those that close by themselves do not count."""
    depth = 0
    for tag in _TAG.finditer(html):
        if tag[2].lower() not in _UNNESTED:
            depth = max(0, depth - 1) if tag[1] else depth + 1
            if depth > MAX_NESTING:
                return True
    return False


def _enter(page: _Page, node: LexborNode) -> bool:
    """Opens an element; False if nothing inside it is shown."""
    tag = node.tag or ""
    if tag in _SILENT or tag.startswith("-") or _is_hidden(page, node):
        return False
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
    if tag == "blockquote":
        page.quote(1)
    if tag == "li":
        page.write("- ")
    page.preformatted += tag == "pre"
    page.painted += _paints(node)
    return True


def _leave(page: _Page, node: LexborNode) -> None:
    tag = node.tag or ""
    page.preformatted -= tag == "pre"
    page.painted -= _paints(node)
    if tag == "a":
        _name_target(page, node)
    if tag == "blockquote":
        page.quote(-1)
    if tag in _BLOCKS:
        page.block(2 if tag in _SPACED else 1)


def _style(node: LexborNode) -> str:
    return _SPACE.sub("", (node.attributes.get("style") or "")[:2000]).lower()


def _paints(node: LexborNode) -> bool:
    """True if white text on it could be seen."""
    attributes = node.attributes
    return "bgcolor" in attributes or "background" in attributes or bool(_BACKGROUND.search(_style(node)))


def _is_hidden(page: _Page, node: LexborNode) -> bool:
    if "hidden" in node.attributes:
        return True
    style = _style(node)
    if _HIDDEN_STYLE.search(style):
        return True
    return bool(_WHITE.search(style)) and not page.painted and not _BACKGROUND.search(style)


def _name_target(page: _Page, node: LexborNode) -> None:
    """Shows where a link leads, unless its own words do."""
    target = (node.attributes.get("href") or "").strip()
    words = "".join(page.line)[-2 * len(target) :]
    if target.lower().startswith(("http://", "https://")) and len(target) < 500 and page.line and target not in words:
        page.write(f" <{target}>")
