"""How much automatic mail may leave within an hour (SPEC section 14), and which mail counts against what.

`services.budget` keeps to it. Mail to customers and mail to the vendor's own people are counted apart: no loop of a
customer's can use up what agents need. An agent's own words never count, nor what is bounded by itself and must
not be lost: levels of SLA clocks, alarms, announcements.
"""

from dataclasses import dataclass
from enum import StrEnum

from gateway.domain.model import NoticeKind
from gateway.domain.words import Notice


class Share(StrEnum):
    """Whose mail this is: each share may be used up by itself."""

    OUTSIDE = "outside"
    """To customers, strangers, people who register."""
    INSIDE = "inside"
    """To the vendor's own people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRules:
    """`[budget]`: mails within an hour, 0 is no limit.

    Outside, an address gets `per_address_hour` mails, those on one case get `per_case_hour` together. Inside, an agent
    gets `per_address_hour` mails about one case: who works on many has much mail on a good day, too. `overall_hour` is
    the limit of each share.
    """

    per_address_hour: int = 30
    per_case_hour: int = 60
    overall_hour: int = 2000


_UNCOUNTED = frozenset({NoticeKind.SLA_LEVEL, NoticeKind.ALARM, NoticeKind.ANNOUNCEMENT})


def share_of(notice: Notice) -> Share | None:
    """Against what a mail counts; None for one that never does."""
    if notice.automatic is None or notice.kind in _UNCOUNTED:
        return None
    return Share.INSIDE if notice.internal else Share.OUTSIDE
