"""The answer to an agent's mail: what was done, what was not and why. One mail, to the agent alone.

`services.perform` and `services.agent_commanding` call it. What answers this mail stays internal.
"""

from gateway.domain.agent_mail import TellAgent
from gateway.domain.commands import Came
from gateway.domain.model import Agent, CaseNumber, NoticeKind
from gateway.domain.phrases import Phrase
from gateway.domain.policy import Policy
from gateway.domain.words import CommandWords, Notice, ResultWords


def held(action: TellAgent, policy: Policy) -> tuple[Notice, ...]:
    """Nothing was done with this mail; it belongs to no case."""
    result = ResultWords(line=Phrase("your mail"), came=Came.REFUSED, text=action.text)
    return answer(action.agent, (result,), policy, subject=action.subject, answers=action.message_id)


def answer(
    agent: Agent,
    results: tuple[ResultWords, ...],
    policy: Policy,
    *,
    subject: str,
    answers: str | None,
    case: CaseNumber | None = None,
    token: str | None = None,
) -> tuple[Notice, ...]:
    """What came of a mail: on its case, where there is one."""
    words = CommandWords(
        recipient=agent.name,
        results=results,
        service_address=policy.post.service_address,
        token=token,
        subject=subject,
    )
    return tuple(
        Notice(
            kind=NoticeKind.COMMAND_ANSWER,
            template=rule.template,
            recipient=agent.address,
            lang=agent.lang,
            words=words,
            automatic=rule.automatic,
            case=case,
            answers=answers,
            internal=True,
        )
        for rule in policy.notices
        if rule.kind == NoticeKind.COMMAND_ANSWER
    )
