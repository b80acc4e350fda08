"""Regular expressions for API Gateway: ECMAScript 5 as its validator runs it, and never stricter.

The validator there counts UTF-16 units, ours counts characters: an emoji is two of theirs. So what
may match such a character is given room for two. Ours, for its part, knows the digits, letters and
spaces of all scripts as soon as a pattern looks ahead, and only ASCII's otherwise: there they are
given everything beyond ASCII. What cannot be said in both dialects is not translated at all, nor
what their engine, which goes back and tries again, would try in ever more ways for that room.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_QUANTIFIER: Final = re.compile(r"([*+?]|\{(\d+)(,(\d*))?\})(\??)")
_HEX: Final = re.compile(r"x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})")
_REPEAT_MAX: Final = 32_767
"""Twice that is as far as such engines count."""

_WAYS_MAX: Final = 100_000
"""To divide a text among what may be one character there, or two: theirs may try each of them."""

_SPECIAL: Final = r"^$\.*+?()[]{}|/-"
_BEYOND_ASCII: Final = r"\u0080-\uffff"
_SURROGATES: Final = range(0xD800, 0xE000)


class Untranslatable(ValueError):
    """The pattern cannot be said in ECMAScript 5 without becoming stricter; the text says why."""


@dataclass(frozen=True, slots=True)
class Translation:
    """`exact`: it accepts the same texts, not more."""

    text: str
    exact: bool


def translate(pattern: str) -> Translation:
    """The pattern in the dialect of API Gateway's validator. Raises Untranslatable."""
    reader = _Reader(pattern)
    return Translation(reader.alternatives(), reader.exact)


FORMATS: Final = {
    "date": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    "date-time": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[^0-9][0-9]{2}:[0-9]{2}:[0-9]{2}",
    "duration": r"^P[0-9T]",
    "email": r"^[^@]+@",
    "hostname": r"^[A-Za-z0-9._-]+$",
    "idn-email": r"^[^@]+@",
    "idn-hostname": None,
    "ipv4": r"^[0-9]{1,3}(\.[0-9]{1,3}){3}$",
    "ipv6": r"^[0-9A-Fa-f:.]+$",
    "iri": r"^[A-Za-z][A-Za-z0-9+.-]*:",
    "iri-reference": None,
    "json-pointer": r"^(/|$)",
    "regex": None,
    "relative-json-pointer": r"^[0-9]",
    "time": r"^[0-9]{2}:[0-9]{2}:[0-9]{2}",
    "uri": r"^[A-Za-z][A-Za-z0-9+.-]*:",
    "uri-reference": None,
    "uri-template": None,
    "uuid": r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$",
}
"""Every format that the door holds bodies to, as a pattern that lets all of it through; None: no
pattern says anything of it. What API Gateway makes of `format` itself is not documented, and a
check that is stricter than ours would turn genuine events away."""


class _Reader:
    """Reads a pattern once, from left to right, and writes it anew."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._looks = "(?=" in pattern or "(?!" in pattern
        self._negated = 0
        """How many groups around here say what must not follow: what is wider inside is stricter."""
        self._doubled = False
        """Whether this group has an atom that may be one of theirs or two."""
        self._ways = 1
        """Of dividing a text, where here there is one."""
        self.exact = True

    def alternatives(self, *, inside: bool = False) -> str:
        """Up to the end, or the parenthesis that closes the group."""
        written: list[str] = []
        while (char := self._peek()) is not None:
            if char == ")":
                if not inside:
                    raise Untranslatable("a parenthesis closes nothing")
                break
            if char == "|":
                self._at += 1
                written.append("|")
            else:
                written.append(self._term())
        return "".join(written)

    def _peek(self, ahead: int = 0) -> str | None:
        place = self._at + ahead
        return self._pattern[place] if place < len(self._pattern) else None

    def _take(self) -> str:
        char = self._peek()
        if char is None:
            raise Untranslatable("it breaks off")
        self._at += 1
        return char

    def _term(self) -> str:
        """An atom with its quantifier, or an assertion."""
        char = self._take()
        if char in "^$":
            return self._assertion(char)
        if char == "(":
            return self._group()
        if char in "*+?{":
            raise Untranslatable(f"{char!r} repeats nothing")
        if char == ".":
            return self._repeated(r"[^\n]" if self._looks else ".", wide=True)
        if char == "[":
            return self._repeated(*self._class())
        if char == "\\":
            return self._repeated(*self._escape())
        return self._repeated(self._literal(char), wide=False)

    def _literal(self, char: str) -> str:
        if ord(char) > 0xFFFF:
            raise Untranslatable(f"{char!r} is two characters there")
        return f"\\{char}" if char in "]}" else char

    def _assertion(self, text: str) -> str:
        if self._peek() in {"*", "+", "?", "{"}:
            raise Untranslatable(f"{text} is repeated")
        return text

    def _group(self) -> str:
        opening = "("
        if self._peek() == "?":
            opening = f"(?{self._peek(1)}"
            if opening not in {"(?:", "(?=", "(?!"}:
                raise Untranslatable(f"{opening} is not known there")
            self._at += 2
        around, self._doubled = self._doubled, False
        self._negated += opening == "(?!"
        text = f"{opening}{self.alternatives(inside=True)})"
        self._negated -= opening == "(?!"
        if self._take() != ")":
            raise Untranslatable("a group is not closed")
        looks = opening in {"(?=", "(?!"}
        made = self._assertion(text) if looks else self._repeated(text, wide=False)
        self._doubled |= around
        return made

    def _repeated(self, atom: str, wide: bool) -> str:
        """The atom and what is said of how often; `wide`: it may match a character beyond U+FFFF."""
        if wide:
            self.exact = False
            if self._negated:
                raise Untranslatable("what must not follow may hold an emoji, which is two there")
        found = _QUANTIFIER.match(self._pattern, self._at)
        if found is None:
            if self._peek() == "{":
                raise Untranslatable("a brace stands for itself")
            self._doubled |= wide
            self._divided(2 if wide else 1)
            return atom + ("{1,2}" if wide else "")
        self._at = found.end()
        if self._peek() in {"*", "+", "?", "{"}:
            raise Untranslatable("a repetition is repeated")
        word, least, several, most, lazy = found.groups()
        if word != "?" and self._doubled and atom.startswith("("):
            # `(a.{1,2})*` has a way for every way to divide a text: theirs tries them all.
            raise Untranslatable("a group repeats what is one character there, or two")
        if word in "*+":
            return atom + word + lazy
        self._doubled |= wide
        if word == "?":
            self._divided(2 if wide else 1)
            return atom + ("{0,2}" if wide else "?") + lazy
        low, high = int(least), most if several else least
        if max(low, int(high or 0)) > _REPEAT_MAX:
            raise Untranslatable("it counts too far")
        if high and wide:
            self._divided(int(high) + 1 if not several else 2)
            high = str(2 * int(high))
        bounds = f"{low}," if not high else f"{low},{high}" if several or wide else f"{low}"
        return f"{atom}{{{bounds}}}{lazy}"

    def _divided(self, ways: int) -> None:
        self._ways *= ways
        if self._ways > _WAYS_MAX:
            raise Untranslatable("it would have a way for each of too many ways to divide a text")

    def _escape(self) -> tuple[str, bool]:
        """An escape outside a class, and whether it is wide."""
        char = self._take()
        if char not in "dwsDWS":
            return self._escaped_char(char)[0], False
        beyond = self._beyond_ascii({char})
        return f"[\\{char}{beyond}]" if beyond else f"\\{char}", bool(beyond) or char.isupper()

    def _beyond_ascii(self, kinds: set[str]) -> str:
        """What these kinds of characters need beside them, in a pattern that looks ahead."""
        if not self._looks:
            return ""
        if self._negated:
            self.exact = False
            if kinds - {"d", "w"}:
                raise Untranslatable("what must not follow has spaces, which are others there")
            return ""
        return _BEYOND_ASCII if kinds & {"d", "w", "s", "S"} else ""

    def _escaped_char(self, char: str) -> tuple[str, int]:
        """One character by its escape: as it is written, and its number."""
        if char in "tnrfv":
            return f"\\{char}", ord("\t\n\r\f\v"["tnrfv".index(char)])
        if char in "xu" and (found := _HEX.match(self._pattern, self._at - 1)):
            number = int(found[1] or found[2], 16)
            if number in _SURROGATES:
                raise Untranslatable("it names half a character")
            self._at = found.end()
            return f"\\u{number:04x}", number
        if char.isascii() and char.isprintable() and not char.isalnum() and char not in "<>":
            return (f"\\{char}" if char in _SPECIAL else char), ord(char)
        raise Untranslatable(f"\\{char} is not known there, or means something else")

    def _class(self) -> tuple[str, bool]:
        inverted = wide = self._peek() == "^"
        kinds: set[str] = set()
        written = ["[^" if inverted else "["]
        self._at += inverted
        if self._peek() == "]":
            raise Untranslatable("a class holds nothing")
        while (char := self._take()) != "]":
            text, number = self._member(char)
            if number is None:
                kinds.add(text[1])
            if self._peek() == "-" and self._peek(1) not in {"]", None}:
                self._at += 1
                upper, last = self._member(self._take())
                if number is None or last is None or last < number:
                    raise Untranslatable("a range of a class has no ends")
                if number < 0xE000 and last >= 0xD800:  # theirs holds halves of characters then
                    self.exact = False
                    if inverted or self._negated:
                        raise Untranslatable("a class leaves out halves of characters there")
                text = f"{text}-{upper}"
            written.append(text)
        if inverted and self._looks and kinds - {"d", "w"}:
            raise Untranslatable("a class leaves out spaces, which are others there")
        if not inverted:
            written.append(beyond := self._beyond_ascii(kinds))
            wide = bool(beyond) or not kinds.isdisjoint("DWS")
        return "".join([*written, "]"]), wide

    def _member(self, char: str) -> tuple[str, int | None]:
        """One member of a class: as it is written, and its number, where it is one character."""
        if char != "\\":
            if ord(char) > 0xFFFF:
                raise Untranslatable(f"{char!r} is two characters there")
            return (f"\\{char}" if char in "[^-" else char), ord(char)
        char = self._take()
        return (f"\\{char}", None) if char in "dwsDWS" else self._escaped_char(char)
