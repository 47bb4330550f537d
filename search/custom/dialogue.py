"""How does a function that asks for values in its midst become a generator that yields its questions?

The function runs in a thread of its own; whenever it asks, the generator yields the question and the thread waits for
what is sent back. Only one of the two ever runs, so nothing needs a lock.
"""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")
Result = TypeVar("Result")


class _Abandoned(BaseException):
    """Nobody wants the result any more. Not an Exception, so that no ``except Exception`` of a user's holds it up."""


@dataclass
class _End(Generic[Result]):
    """How the function ended: with a result, or an error."""

    result: Result | None = None
    error: BaseException | None = None


def ask_outside(
    function: Callable[[Callable[[Question], Answer]], Result],
    state: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> Generator[Question, Answer, Result]:
    """Run ``function(ask)``; each ``ask(question)`` in it yields the question and returns what is sent.

    Args:
        state: called in this thread; the context that it returns is entered in the function's thread, which takes over
            there what else belongs to this thread alone.

    Raises:
        whatever the function raises, with its traceback.
    """
    questions: queue.SimpleQueue[Any] = queue.SimpleQueue()
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def ask(question: Question) -> Answer:
        questions.put(question)
        answer = answers.get()
        if isinstance(answer, _Abandoned):
            raise answer
        return answer

    carried, context = state(), contextvars.copy_context()

    def run() -> None:
        try:
            with carried:
                questions.put(_End(result=context.run(function, ask)))
        except BaseException as error:  # noqa: BLE001 - it is raised again in the thread that waits
            questions.put(_End(error=error))

    thread = threading.Thread(target=run, name="kerasweep-build", daemon=True)
    thread.start()
    waiting = False
    try:
        while True:
            message = questions.get()
            if isinstance(message, _End):
                if message.error is not None:
                    raise message.error
                return message.result  # type: ignore[return-value]
            waiting = True
            answer = yield message
            waiting = False
            answers.put(answer)
    finally:
        if waiting:
            answers.put(_Abandoned())
        thread.join()
