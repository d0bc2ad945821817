"""The errors of Casegate, on one page.

An exception says what stopped us; what a mail *is* is a decision, never an exception.
Each error has a text that may be shown to anyone, and keeps its private cause in `__cause__`.
The terminal turns them into exit codes (SPEC section 15), the SMTP door into reply codes.
"""


class CasegateError(Exception):
    """Something stopped us."""

    exit_code = 1

    def __init__(self, public: str | None = None) -> None:
        self.public = public or (self.__doc__ or "").splitlines()[0]
        super().__init__(self.public)


class Refused(CasegateError):
    """A rule does not allow this."""


class NotFound(CasegateError):
    """There is no such thing."""


class BadUsage(CasegateError):
    """The command was not understood."""

    exit_code = 2


class BadConfig(CasegateError):
    """The configuration is wrong; each problem says what, where and how to mend it."""

    exit_code = 3

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("\n".join(problems) or None)


class Temporary(CasegateError):
    """This may work later; nothing was changed."""

    exit_code = 4


class Unreachable(Temporary):
    """A server that is needed is not there."""


class Conflict(CasegateError):
    """Somebody else changed the same thing at the same time; try again."""

    exit_code = 4
