"""`/help`: what its reader may write, and what the priorities mean (SPEC section 8)."""

from collections.abc import Callable, Mapping

from gateway.domain.commands import OF_MANAGERS, Came, Command, CommandName
from gateway.domain.model import ContactRole
from gateway.domain.words import BlockWords
from gateway.services.command_desk import CommandDesk, Result

_ABOUT = {
    CommandName.CLOSE: "close the case",
    CommandName.REOPEN: "open it again",
    CommandName.ESCALATE: "ask for more attention; a reason may follow",
    CommandName.TYPE: "say what kind of case it is, such as: type incident P2; there are {types}",
    CommandName.PRIORITY: "say how urgent it is: {priorities}",
    CommandName.ORDER: "order something, such as: order update to 8.1; there are {orders}",
    CommandName.ADD: "have a colleague get the mail of the case, by address",
    CommandName.REMOVE: "take a colleague off it",
    CommandName.STATUS: "where the case stands",
    CommandName.CASES: "list your company's cases: open, closed or all, by updated, status, number, type or priority",
    CommandName.SHOW: "read a case, by its number",
    CommandName.SEARCH: "find cases by words in their subject or correspondence",
    CommandName.ADDRESS: "use a further address of your own",
    CommandName.APPROVE: "agree, in a reply to a mail of ours that asks you",
    CommandName.REJECT: "refuse, in a reply to such a mail; a reason may follow",
    CommandName.HELP: "this list; help priorities explains the priorities",
    CommandName.USERS: "list the people of your company",
    CommandName.INVITE: "register somebody: address, name, [roles], company PIN",
    CommandName.UNREGISTER: "end somebody's access, by address",
    CommandName.ROLES: "say which roles somebody holds: address, roles, company PIN",
}


def _help(desk: CommandDesk, command: Command) -> Result:
    flow, hotline = desk.ports.policy.workflow, desk.ports.policy.vendor.hotline
    phone = (BlockWords(about=(f"In an emergency, by phone: {hotline}",)),) if hotline else ()
    if command.words.lower() == "priorities":
        known = tuple(BlockWords(heading=one.label, about=(one.meaning,)) for one in flow.priorities)
        return Result(Came.SHOWN, "", (*known, *phone))
    is_manager = ContactRole.USER_MANAGER in desk.contact.roles
    there_are = {
        "types": ", ".join(one.name for one in flow.types),
        "priorities": ", ".join(one.name for one in flow.priorities),
        "orders": ", ".join(one.name for one in flow.categories if one.order),
    }
    lines = tuple(
        f"/{name}: {about.format_map(there_are)}"
        for name, about in _ABOUT.items()
        if is_manager or name not in OF_MANAGERS
    )
    text = (
        "Write these as the first lines of a mail, one to a line; what is about a case, in a reply to one of its mails"
    )
    return Result(Came.SHOWN, text, (BlockWords(about=lines), *phone))


HANDLERS: Mapping[CommandName, Callable[[CommandDesk, Command], Result]] = {CommandName.HELP: _help}
