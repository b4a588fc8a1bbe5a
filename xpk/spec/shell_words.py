"""A reader of shell text: which simple commands it holds, word by word.

Reads only, for checks: nothing is expanded or run, and text that is not right for bash gives
whatever words were found. It knows quotes, escapes, comments, separators, redirections,
substitutions and here-documents, which is what stands between a person's line and its words.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

_SEPARATORS: Final = ";&|()\n"
_NAMES: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")
_SPECIAL: Final = frozenset("@*#?$!-")


@dataclass(frozen=True, slots=True)
class Word:
    """One word with its quotes removed. `opaque`: the shell puts something in that is not known here."""

    text: str
    opaque: bool = False


Command = tuple[Word, ...]


def simple_commands(text: str) -> tuple[Command, ...]:
    """The simple commands of `text` in order, redirections left out."""
    reader = _Reader(text)
    reader.read()
    return tuple(reader.commands)


@dataclass(slots=True)
class _Reader:
    text: str
    at: int = 0
    commands: list[Command] = field(default_factory=list)
    _words: list[Word] = field(default_factory=list)
    _word: list[str] | None = None
    _opaque: bool = False
    _redirects: bool = False
    _here: list[tuple[str, bool]] = field(default_factory=list)
    _here_next: str = ""

    def read(self) -> None:
        while self.at < len(self.text):
            char = self.text[self.at]
            if char in " \t\r":
                self._end_word()
                self.at += 1
            elif char == "#" and self._word is None:
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            elif char in "<>" or self.text.startswith("&>", self.at):
                self._redirection()
            elif char in _SEPARATORS:
                self._separator(char)
            else:
                self._part(char, quoted=False)
        self._end_command()

    def _separator(self, char: str) -> None:
        self._end_command()
        self.at += 1
        if char == "\n":
            for delimiter, strip_tabs in self._here:
                self._skip_document(delimiter, strip_tabs)
            self._here.clear()

    def _redirection(self) -> None:
        """Ends the word before the operator (a lone number is its descriptor) and drops the one after it."""
        if self._word is not None and "".join(self._word).isdigit():
            self._word = None
        self._end_word()
        start = self.at
        while self.at < len(self.text) and self.text[self.at] in "<>&|-":
            if self.text[self.at] == "-" and not self.text[start : self.at].endswith(("<<", "&")):
                break
            self.at += 1
        operator = self.text[start : self.at]
        if operator in ("<", ">") and self.text.startswith("(", self.at):
            self._add("", opaque=True)  # <(...) is a word of its own
            self._skip_balanced("(", ")")
            return
        self._redirects = not operator.endswith("&-")
        self._here_next = operator if operator in ("<<", "<<-") else ""

    def _skip_document(self, delimiter: str, strip_tabs: bool) -> None:
        while self.at < len(self.text):
            end = self.text.find("\n", self.at)
            end = len(self.text) if end < 0 else end
            line = self.text[self.at : end]
            self.at = end + 1
            if (line.lstrip("\t") if strip_tabs else line) == delimiter:
                return

    def _part(self, char: str, *, quoted: bool) -> None:
        """Reads one piece of a word: an escape, a quoted run, an expansion or a plain character."""
        if char == "\\":
            following = self.text[self.at + 1 : self.at + 2]
            self.at += 2
            if following == "\n":
                return
            if following == "" or (quoted and following not in '$`"\\'):
                following = f"\\{following}"
            self._add(following)
        elif char == "'" and not quoted:
            end = self.text.find("'", self.at + 1)
            end = len(self.text) if end < 0 else end
            self._add(self.text[self.at + 1 : end])
            self.at = end + 1
        elif char == '"' and not quoted:
            self._double_quotes()
        elif char == "$":
            self._dollar(quoted)
        elif char == "`":
            end = self.text.find("`", self.at + 1)
            self.at = len(self.text) if end < 0 else end + 1
            self._add("", opaque=True)
        else:
            self._add(char)
            self.at += 1

    def _double_quotes(self) -> None:
        self.at += 1
        self._add("")
        while self.at < len(self.text) and self.text[self.at] != '"':
            self._part(self.text[self.at], quoted=True)
        self.at += 1

    def _dollar(self, quoted: bool) -> None:
        following = self.text[self.at + 1 : self.at + 2]
        if following == "{":
            self.at += 1
            self._skip_balanced("{", "}")
        elif following == "(":
            self.at += 1
            self._skip_balanced("(", ")")
        elif following and following in _NAMES:
            self.at += 2
            while self.at < len(self.text) and self.text[self.at] in _NAMES:
                self.at += 1
        elif following and following in _SPECIAL:
            self.at += 2
        elif following in ("'", '"') and not quoted:
            self.at += 1  # $'...' and $"...": read like the plain quotes, whose end is the same
        else:
            self._add("$")
            self.at += 1
            return
        self._add("", opaque=True)

    def _skip_balanced(self, opening: str, closing: str) -> None:
        """Moves past a bracketed run that starts here; quotes inside hide brackets."""
        depth = 0
        while self.at < len(self.text):
            char = self.text[self.at]
            self.at += 1
            if char == "\\":
                self.at += 1
            elif char in "'\"":
                end = self.text.find(char, self.at)
                self.at = len(self.text) if end < 0 else end + 1
            elif char == opening:
                depth += 1
            elif char == closing:
                depth -= 1
                if depth == 0:
                    return

    def _add(self, text: str, *, opaque: bool = False) -> None:
        if self._word is None:
            self._word = []
        self._word.append(text)
        self._opaque = self._opaque or opaque

    def _end_word(self) -> None:
        if self._word is not None:
            word = Word("".join(self._word), self._opaque)
            if self._here_next:
                self._here.append((word.text, self._here_next.endswith("-")))
                self._here_next = ""
            elif not self._redirects:
                self._words.append(word)
            self._redirects = False
        self._word, self._opaque = None, False

    def _end_command(self) -> None:
        self._end_word()
        if self._words:
            self.commands.append(tuple(self._words))
        self._words, self._redirects = [], False
