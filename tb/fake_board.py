"""The model of a board behind a pseudo-terminal, with a line that may be noisy."""

import os
import pty
import select
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from golden.link import LinkModel
from golden.packet import EVENT, Event

__all__ = ["PAUSE", "fake_board"]

PAUSE = 0.06  # s, of a driver; three times a gap here
_GAP = 0.02

Noise = Callable[[bytes], bytes]


@contextmanager
def fake_board(model: LinkModel, to_board: Noise = bytes, to_host: Noise = bytes) -> Iterator[str]:
    """Name of a terminal that answers as the model; what travels passes through the two noises."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    end = threading.Event()

    def serve() -> None:
        quiet = True
        while not end.is_set():
            if select.select([ours], [], [], _GAP)[0]:
                words, quiet = list(to_board(os.read(ours, 4096))), False
            elif not quiet:
                words, quiet = [EVENT | Event.GAP], True
            else:
                continue
            os.write(ours, to_host(model.answers(words)))

    server = threading.Thread(target=serve)
    server.start()
    try:
        yield os.ttyname(theirs)
    finally:
        end.set()
        server.join()
        os.close(ours)
        os.close(theirs)
