"""The objects of CONTRACT, "JSON", as they are printed; fields whose features are not built yet say so with null or []."""

from typing import TYPE_CHECKING

from gateway.domain.model import Account, Agent, Contact, FileState
from gateway.terminal.show import Json, members

if TYPE_CHECKING:
    from gateway.services.case_view import CaseView, EventView
    from gateway.services.escalations import Escalated
    from gateway.services.explain import Explanation
    from gateway.services.post_room import IntakeView
    from gateway.services.queue import Waiting
    from gateway.services.sla_view import SlaExplanation
    from gateway.services.views import Summary
    from gateway.services.why import Why

NOT_BUILT_YET: dict[str, Json] = {"upload_url": None}
"""What CONTRACT promises of a case and later issues fill."""


def summary(view: "Summary") -> Json:
    """A case in a list."""
    return members(view)


def waiting(view: "Waiting") -> Json:
    """A case in the queue."""
    own = members(view)
    return {**own.pop("summary"), **own}


def case(view: "CaseView", *, full: bool = False) -> Json:
    """A whole case; its events are its history. `full` has the files that were seen before among the attachments."""
    own = members(view)
    own["messages"] = [_message(message, full=full) for message in own["messages"]]
    del own["events"], own["clocks"]
    return {**own.pop("summary"), **NOT_BUILT_YET, **own}


def _message(own: dict[str, Json], *, full: bool) -> Json:
    """A message; files that nobody gets stand apart, so that a script takes them for no attachment."""
    files = own["attachments"]
    shown = {FileState.KEPT.value, *([FileState.REPEATED.value] if full else [])}
    return {
        **own,
        "attachments": [file for file in files if file["state"] in shown],
        "repeated": sum(file["state"] == FileState.REPEATED.value for file in files),
        "refused": [file for file in files if file["state"] in {FileState.TOO_LARGE.value, FileState.REFUSED.value}],
    }


def escalation(view: "Escalated") -> Json:
    """A row of the list of escalations: the object in the case, and which case."""
    own = members(view)
    return {**own.pop("escalation"), **own}


def event(view: "EventView") -> Json:
    """One entry of a history."""
    own = members(view)
    del own["actor_name"]
    return own


def sla_explanation(found: "SlaExplanation") -> Json:
    """What `sla explain` says of one case."""
    clocks = [
        {**members(clock), "segments": [_segment(members(part)) for part in clock.segments]} for clock in found.clocks
    ]
    return {**members(found), "clocks": clocks}


def _segment(own: dict[str, Json]) -> Json:
    return {"from": own.pop("start"), "to": own.pop("end"), **own}


def intake(view: "IntakeView") -> Json:
    """An intake row."""
    own = members(view)
    return {**own, "from": own.pop("sender")}


def why(found: "Why") -> Json:
    """What `why` says of one decision."""
    own = members(found)
    return {**own, "from": own.pop("sender")}


def explanation(file: str, found: "Explanation") -> Json:
    """What `intake explain` says of one file."""
    mail, report = found.mail, found.report
    return {
        "file": file,
        "decision": found.decision,
        "reason": found.reason,
        "from": mail.sender_shown if mail else None,
        "to": list(mail.to) if mail else [],
        "cc": list(mail.cc) if mail else [],
        "subject": mail.subject if mail else None,
        "message_id": mail.message_id if mail else None,
        "token": {"number": found.token[0], "valid": found.token[1]} if found.token else None,
        "automatic": found.is_automatic,
        "bounce": {
            "recipient": report.recipient,
            "status": report.status,
            "action": report.action,
            "diagnostic": report.diagnostic,
        }
        if report
        else None,
        "new_text": mail.new_text if mail else "",
        "quoted_text": mail.quoted_text if mail else "",
        "attachments": [
            {"name": part.name, "size": len(part.data), "content_type": part.content_type}
            for part in (mail.attachments if mail else ())
        ],
        "commands": list(mail.commands) if mail else [],
        "defects": list(mail.defects) if mail else [],
        "passed": [list(pair) for pair in found.passed],
        "ms": found.ms,
    }


def account(of: Account) -> Json:
    """An account, by the names of the options of `account add`."""
    return {
        "number": of.number,
        "name": of.name,
        "domain": list(of.domains),
        "service": list(of.services),
        "lang": of.lang,
        "timezone": of.timezone,
        "manager": of.manager,
        "team": of.team,
        "valid_until": of.valid_until,
        "calendar": of.calendar,
    }


def contact(of: Contact) -> Json:
    """A contact, by the names of the options of `contact add`."""
    return {
        "address": of.address,
        "account": of.account,
        "name": of.name,
        "role": sorted(of.roles),
        "phone": of.phone,
        "lang": of.lang,
        "no_access": not of.access,
        "active": of.active,
        "erased": of.is_erased,
        "addresses": list(of.addresses),
        "bounced": [members(bounced) for bounced in of.bounced],
        "unsubscribed_at": of.unsubscribed_at,
    }


def agent(of: Agent) -> Json:
    """An agent, by the names of the options of `agent add`."""
    return {
        "name": of.name,
        "address": of.address,
        "kind": of.kind.value,
        "team": list(of.teams),
        "os_user": of.os_user,
        "signature": of.signature,
        "lang": of.lang,
        "active": of.active,
    }
