"""Finding cases by what was written (SPEC section 15): `search`, mounted by `app` without a name."""

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.terminal import show
from gateway.terminal.context import Desk
from gateway.terminal.room import JsonOption, Room

if TYPE_CHECKING:
    from rich.text import Text

    from gateway.services.finding import Excerpt, Finding

MOST = 1000
"""Cases that one search may list."""

INDENT = 6
BEFORE = 24
"""Characters of an excerpt before the match: so many that it stays in sight at 80 columns."""

lists = Room("")

_COLUMNS = (
    show.Column(head="Case", right=True),
    show.Column(head="Subject", gives=True),
    show.Column(head="Status", most=22),
    show.Column(head="Account", most=10),
    show.Column(head="Updated"),
)


@lists.task("search", "search printer offline", "search 'paper jam' --limit 5", """search '"paper jam" print*'""")
def search(
    desk: Desk,
    words: Annotated[list[str], typer.Argument(metavar="WORDS", help="All of them; see above.", show_default=False)],
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=MOST, help="At most so many.")] = 50,
    json: JsonOption = False,
) -> None:
    """Find cases by their number, subject and messages, notes included: those with all words.

    A word also finds its usual English and German endings; case and accents do not matter. "Quoted words" stand
    together as they are (quote them for the shell too), print* finds all that begins so. All other characters only
    separate words.
    """
    from gateway.services import finding
    from gateway.terminal import shapes

    asked = finding.SearchQuery(words=" ".join(words), limit=limit)
    found = desk.read(finding.search, asked, desk.policy, desk.tokens)
    if json:
        show.print_json([shapes.summary(one.summary) for one in found])
    else:
        below = [_line(one.excerpt) if one.excerpt else None for one in found]
        show.table(_COLUMNS, [_row(one) for one in found], empty="no cases", below=below)


def _row(one: "Finding") -> tuple[str | int | None, ...]:
    case = one.summary
    return case.number, case.subject, case.status_label, case.account, show.when(case.updated_at)


def _line(excerpt: "Excerpt") -> "Text":
    from rich.text import Text

    before = excerpt.before
    if len(before) > BEFORE:
        cut = before[-BEFORE:]
        before = f"…{cut.partition(' ')[2] or cut}"  # from a whole word on
    line = Text(" " * INDENT + show.body(before))
    line.append(show.body(excerpt.match), style="bold")
    return line.append(show.body(excerpt.after))
