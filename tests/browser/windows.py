"""Browser windows whose pages' errors are watched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    StorageState,
    ViewportSize,
)

VIEWPORT: ViewportSize = {"width": 1200, "height": 900}


class PageErrors:
    """The errors that a page has reported: uncaught exceptions, and errors on its console."""

    def __init__(self) -> None:
        self._seen: list[str] = []
        self._allowed: list[re.Pattern[str]] = []

    def watch(self, page: Page) -> None:
        """Collect the errors of this page from now on."""
        page.on("pageerror", self._on_exception)
        page.on("console", self._on_console)

    def forget(self) -> None:
        """Begin afresh, for the next test."""
        self._seen.clear()
        self._allowed.clear()

    def allow(self, pattern: str) -> None:
        """Let errors pass in whose text or address the regular expression is found."""
        self._allowed.append(re.compile(pattern))

    @property
    def unexpected(self) -> list[str]:
        """The errors so far that no test has allowed."""
        return [
            error
            for error in self._seen
            if not any(pattern.search(error) for pattern in self._allowed)
        ]

    def _on_exception(self, error: Error) -> None:
        self._seen.append(f"uncaught: {error.message}\n{error.stack or ''}")

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._seen.append(f"console: {message.text} ({message.location.get('url', '')})")


@contextmanager
def open_window(
    browser: Browser, state: StorageState | None, errors: PageErrors, **options: Any
) -> Iterator[BrowserContext]:
    """A browser window with these cookies; its pages' errors are watched."""
    settings = {"viewport": VIEWPORT, "locale": "en-GB", "timezone_id": "Europe/Berlin", **options}
    context = browser.new_context(storage_state=state, **settings)
    context.on("page", errors.watch)
    try:
        yield context
    finally:  # a window left open would go on complaining in the tests that follow
        context.close()
