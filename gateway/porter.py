"""Who stands at the door of the daemon: mail from direct peers is looked at before it is accepted.

`app` puts it between the listener and the writer. Promises: mail from relays, from sessions that logged in and by
LMTP passes without a look; the look has a time limit, and runs beside the event loop and beside the writer.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import structlog

from gateway.domain.post import Envelope
from gateway.errors import CasegateError, Refused, Temporary
from gateway.mail.auth import is_direct
from gateway.services.doorstep import doorstep
from gateway.services.ports import Ports

LOOK_SECONDS = 10.0
THREADS = 2
LONGEST_HEADER = 256_000
"""Bytes; a mail with more is not looked at here, the parse child finds it unreadable."""

log = structlog.get_logger()


class Porter:
    """Lets mail in, or says why not."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="porter")

    async def admit(self, envelope: Envelope, data: bytes) -> None:
        """Return if this mail may be accepted. Raises Refused with words for the peer, Temporary."""
        if not is_direct(envelope, self._ports.policy.trust):
            return
        end = data.find(b"\r\n\r\n")
        header = data[: end if end >= 0 else None]
        if len(header) > LONGEST_HEADER:
            return
        look = asyncio.get_running_loop().run_in_executor(self._threads, doorstep, self._ports, envelope, header)
        try:
            refusal = await asyncio.wait_for(look, LOOK_SECONDS)
        except TimeoutError as error:
            raise Temporary("the database did not answer in time") from error
        except CasegateError as error:
            raise Temporary(error.public) from error
        if refusal:
            log.info("door.refused", rung=refusal.rung, peer=envelope.peer)
            raise Refused(refusal.text)

    def close(self) -> None:
        """Wait for the looks under way."""
        self._threads.shutdown()
