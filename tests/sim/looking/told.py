"""What a command says, and what a report holds."""

from __future__ import annotations

import html.parser

import pytest

from sim import cli

Capture = pytest.CaptureFixture[str]


def said(capsys: Capture, *arguments: object, status: int = 0) -> str:
    """What a command prints; one message and nothing else where it is refused."""
    assert cli.main([str(argument) for argument in arguments]) == status
    out, err = capsys.readouterr()
    if status == cli.EXIT_USER_ERROR:
        assert not out and err.startswith("sim: error: ") and err.count("sim: error") == 1
        return err
    return out


class Page(html.parser.HTMLParser):
    """Its tags, what it would load, and its words; and whether each tag that was opened is closed."""

    VOID = ("meta", "img", "br", "source")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.words = ""
        self._open: list[str] = []
        self.feed(text)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [value or "" for key, value in attrs if key in ("src", "srcset", "href")]
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data
