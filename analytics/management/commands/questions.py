"""`manage.py questions`: what answers questions about the past; web processes start it themselves."""

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from analytics.history.question_server import QuestionServer


class Command(BaseCommand):
    help = "Answer questions about the past, as lines of JSON, until standard input ends."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        # Whatever else is printed must not stand between answers.
        replies = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        server = QuestionServer(
            settings.FOOTFALL_HISTORY,
            settings.FOOTFALL_HISTORY_BYTES,
            settings.FOOTFALL_QUESTIONS_MEMORY,
            replies,
        )
        server.serve(sys.stdin.buffer)
        # Not by the interpreter's end, which waits for threads, and where DuckDB is known to abort (13904).
        os._exit(0)
