"""Settings, judged one by one: each comes back usable, and what was wrong is noted in words.

Making a verification never raises, because a definition is judged as a whole: every mistake in it
is told at once. What is put in a mistake's place only fills it; a scheme with mistakes is not run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from holdfast.errors import DefinitionError, Mistake, SecretMissing
from holdfast.secrets import SecretRef

References = str | Sequence[str]
"""`"env:NAME"`, or several of them during a rotation: whatever any one of them fits is genuine."""

Parsed = TypeVar("Parsed")
Word = TypeVar("Word", bound=str)


class Judge:
    """Collects what is `wrong` with the settings that pass before it."""

    def __init__(self) -> None:
        self.wrong: list[str] = []

    def references(self, written: References) -> tuple[SecretRef, ...]:
        """Where the secrets are.

        What is no reference may be the secret itself: it is dropped here, so that no message and
        no repr can ever show it.
        """
        several = isinstance(written, Sequence) and not isinstance(written, str | bytes)
        references: list[SecretRef] = []
        for text in written if several else [written]:
            try:
                references.append(SecretRef.parse(text if isinstance(text, str) else ""))
            except ValueError as error:
                self.wrong.append(f"secret: {error}")
        if several and not written:
            self.wrong.append("secret: none is given; write a reference such as env:NAME")
        return tuple(references)

    def text(self, setting: str, written: str) -> str:
        """Any text."""
        if isinstance(written, str):
            return written
        self.wrong.append(f"{setting}: a text is needed, not {type(written).__name__}")
        return ""

    def texts(self, setting: str, written: str | Sequence[str]) -> tuple[str, ...]:
        """One text or several."""
        if isinstance(written, str):
            return (written,)
        if isinstance(written, Sequence) and all(isinstance(text, str) for text in written):
            return tuple(written)
        self.wrong.append(f"{setting}: a text or a list of texts is needed")
        return ()

    def one_of(self, setting: str, written: Word, words: Sequence[Word]) -> Word:
        """One of these words."""
        if written in words:
            return written
        self.wrong.append(f"{setting}: {written!r} is not one of {', '.join(words)}")
        return words[0]

    def parsed(
        self, setting: str, parse: Callable[[str], Parsed], written: str, otherwise: Parsed
    ) -> Parsed:
        """What `parse` makes of it, or `otherwise`; its ValueError says what is wrong."""
        try:
            return parse(self.text(setting, written))
        except ValueError as error:
            if isinstance(written, str):
                self.wrong.append(f"{setting}: {error}")
            return otherwise


def refuse_mistakes(name: str, wrong: Sequence[str]) -> None:
    """A definition with mistakes never compiles; whoever comes past that is refused too.

    Raises DefinitionError, where anything is wrong.
    """
    if wrong:
        raise DefinitionError([Mistake(name, text) for text in wrong])


def no_secret(references: Sequence[SecretRef], why: str) -> SecretMissing:
    """That none of them will do, by their references."""
    where = " or ".join(map(str, references)) or "of this scheme"
    return SecretMissing(f"the secret {where} is {why}")
