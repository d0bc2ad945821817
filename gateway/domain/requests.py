"""What is done once an approval is given, as JSON values that wait in its row, and back.

Rights are not in it: they are read again when it is carried out.
"""

from collections.abc import Mapping
from typing import Any

from gateway.domain.actions import Escalate
from gateway.domain.escalation import EscalationKind
from gateway.domain.model import CaseNumber, ContactRole, Party
from gateway.domain.people_actions import AddAddress, ChangeRoles, RemoveContact

Request = ChangeRoles | RemoveContact | AddAddress | Escalate


def to_json(request: Request) -> dict[str, Any]:
    """The request as JSON values."""
    match request:
        case ChangeRoles():
            return {
                "do": "change_roles",
                "contact": str(request.contact),
                "actor": str(request.actor),
                "add": sorted(request.add),
                "remove": sorted(request.remove),
            }
        case RemoveContact():
            return {"do": "remove_contact", "contact": str(request.contact), "actor": str(request.actor)}
        case AddAddress():
            return {"do": "add_address", "contact": str(request.contact), "address": request.address}
        case Escalate():
            return {
                "do": "escalate",
                "case": request.case,
                "actor": str(request.actor),
                "kind": request.kind,
                "reason": request.reason,
            }


def from_json(values: Mapping[str, Any]) -> Request | None:
    """The request that `to_json` wrote; None where nothing is to be done beside the answer itself."""
    match values.get("do"):
        case "change_roles":
            return ChangeRoles(
                contact=Party.parse(values["contact"]),
                actor=Party.parse(values["actor"]),
                add=frozenset(map(ContactRole, values["add"])),
                remove=frozenset(map(ContactRole, values["remove"])),
            )
        case "remove_contact":
            return RemoveContact(contact=Party.parse(values["contact"]), actor=Party.parse(values["actor"]))
        case "add_address":
            return AddAddress(contact=Party.parse(values["contact"]), address=values["address"])
        case "escalate":
            return Escalate(
                case=CaseNumber(values["case"]),
                actor=Party.parse(values["actor"]),
                kind=EscalationKind(values["kind"]),
                reason=values["reason"],
            )
    return None
