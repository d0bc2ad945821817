"""`/help`: what its reader may write, and what the priorities mean (SPEC section 8)."""

from collections.abc import Callable, Mapping

from gateway.domain.commands import OF_MANAGERS, Came, Command, CommandName
from gateway.domain.model import ContactRole
from gateway.domain.phrases import Phrase
from gateway.domain.words import BlockWords
from gateway.services.command_desk import CommandDesk, Result

_ABOUT = {
    CommandName.CLOSE: Phrase("close the case"),
    CommandName.REOPEN: Phrase("open it again"),
    CommandName.ESCALATE: Phrase("ask for more attention; a reason may follow"),
    CommandName.TYPE: Phrase("say what kind of case it is, such as: type incident P2; there are {types}"),
    CommandName.PRIORITY: Phrase("say how urgent it is: {priorities}"),
    CommandName.ORDER: Phrase("order something, such as: order update to 8.1; there are {orders}"),
    CommandName.ADD: Phrase("have a colleague get the mail of the case, by address"),
    CommandName.REMOVE: Phrase("take a colleague off it"),
    CommandName.STATUS: Phrase("where the case stands"),
    CommandName.CASES: Phrase(
        "list your company's cases: open, closed or all, by updated, status, number, type or priority"
    ),
    CommandName.SHOW: Phrase("read a case, by its number"),
    CommandName.SEARCH: Phrase("find cases by words in their subject or correspondence"),
    CommandName.ADDRESS: Phrase("use a further address of your own"),
    CommandName.APPROVE: Phrase("agree, in a reply to a mail of ours that asks you"),
    CommandName.REJECT: Phrase("refuse, in a reply to such a mail; a reason may follow"),
    CommandName.HELP: Phrase("this list; help priorities explains the priorities"),
    CommandName.USERS: Phrase("list the people of your company"),
    CommandName.INVITE: Phrase("register somebody: address, name, [roles], company PIN"),
    CommandName.UNREGISTER: Phrase("end somebody's access, by address"),
    CommandName.ROLES: Phrase("say which roles somebody holds: address, roles, company PIN"),
}


def _help(desk: CommandDesk, command: Command) -> Result:
    flow, hotline = desk.ports.policy.workflow, desk.ports.policy.vendor.hotline
    phone = (BlockWords(about=(Phrase("In an emergency, by phone: {hotline}", hotline=hotline),)),) if hotline else ()
    if command.words.lower() == "priorities":
        known = tuple(BlockWords(heading=one.label, about=(one.meaning,)) for one in flow.priorities)
        return Result(Came.SHOWN, "", (*known, *phone))
    is_manager = ContactRole.USER_MANAGER in desk.contact.roles
    there_are = {
        "types": tuple(one.name for one in flow.types),
        "priorities": tuple(one.name for one in flow.priorities),
        "orders": tuple(one.name for one in flow.categories if one.order),
    }
    lines = tuple(
        Phrase("/{name}: {about}", name=name, about=about.given(**there_are))
        for name, about in _ABOUT.items()
        if is_manager or name not in OF_MANAGERS
    )
    text = Phrase(
        "Write these as the first lines of a mail, one to a line; what is about a case, in a reply to one of its mails"
    )
    return Result(Came.SHOWN, text, (BlockWords(about=lines), *phone))


HANDLERS: Mapping[CommandName, Callable[[CommandDesk, Command], Result]] = {CommandName.HELP: _help}
