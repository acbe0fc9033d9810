"""The chapters of the planted story. Each is a module with one function that is given the week (`stage.Stage`)."""

from __future__ import annotations

from collections.abc import Callable

from config.demo.planted.chapters.begin import begin
from config.demo.planted.chapters.keep_books import keep_books
from config.demo.planted.chapters.learn import learn
from config.demo.planted.chapters.renew import renew
from config.demo.planted.chapters.trade import trade
from config.demo.planted.chapters.watch import watch
from config.demo.planted.stage import Stage

Chapter = Callable[[Stage], None]

EVERY_WEEK: tuple[Chapter, ...] = (renew, learn, begin, trade, watch, keep_books)
