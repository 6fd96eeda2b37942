#!/usr/bin/env python
"""Footfall's command line: `manage.py up` runs everything, the rest are Django's commands and ours."""

import gc
import os
import secrets
import sys

# They start without Django's way to a command, which needs settings, and so does its help.
OWN_START = ("up", "edge", "questions", "signals")


# Objects between two looks for garbage. What imports make stays: at the usual 700, looking through it is a
# tenth of a start. What serves sets its own once it has started.
GC_THRESHOLD = 20_000


def main() -> None:
    gc.set_threshold(GC_THRESHOLD)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "analytics.settings")
    if sys.argv[1:2] == ["help"] and sys.argv[2:] and sys.argv[2] in OWN_START:
        sys.argv[1:] = [sys.argv[2], "--help"]
    try:
        run(sys.argv)
    except Exception as error:
        from analytics.up.refusals import sentence

        if (problem := sentence(error)) is None:
            raise
        print(problem, file=sys.stderr)
        sys.exit(1)


def run(argv: list[str]) -> None:
    """Run the command that is named."""
    if argv[1:2] == ["up"]:
        # Settings read the secret key and the database's address from the data folder, so
        # `up`, which alone may make that folder, does so before Django loads them.
        from analytics.up.launch import prepare

        launch = prepare(argv[2:])
        from analytics.up import supervisor

        sys.exit(supervisor.run(launch))
    if argv[1:2] in (["web"], ["jobs"], ["demo"], ["consume"]):
        from analytics.up.leaving_root import leave_as_set

        leave_as_set(argv[1])
    if argv[1:2] in (["jobs"], ["demo"]):
        # Settings refuse to be without one, and these sign nothing.
        os.environ["SECRET_KEY"] = secrets.token_urlsafe(48)
    if argv[1:2] == ["web"]:
        # Without looking for what other commands there are.
        import django

        django.setup()
        from analytics.management.commands.web import Command as Web

        Web().run_from_argv(argv)
        return
    if argv[1:2] in (["backup"], ["restore"]):
        _back_up_or_restore(argv)
        return
    if argv[1:2] == ["edge"]:
        # It needs settings but no apps: without models, admin and API it starts in half the time.
        from analytics.up.leaving_root import leave_as_set
        from tracker.management.commands.edge import Command

        Command(lambda: leave_as_set("edge")).run_from_argv(argv)
        return
    if argv[1:2] == ["questions"]:
        # Somebody waits for it, and it needs no apps either.
        from analytics.management.commands.questions import Command as AnswerQuestions

        AnswerQuestions().run_from_argv(argv)
        return
    if argv[1:2] == ["signals"]:
        # As an edge it needs no apps; and it signs nothing.
        os.environ["SECRET_KEY"] = secrets.token_urlsafe(48)
        from tracker.management.commands.signals import Command as Gathering

        Gathering().run_from_argv(argv)
        return
    if argv[1:2] == ["doctor"]:
        # Settings refuse to be without a database, and that there is none is something to tell.
        from analytics.doctor.stopped import prepare as prepare_doctor

        prepare_doctor()
    from django.core.management import execute_from_command_line

    execute_from_command_line(argv)


def _back_up_or_restore(words: list[str]) -> None:
    # They may have to start Postgres themselves, and settings want its address.
    import django

    from analytics.backups import place

    if words[1] == "backup":
        backup = place.prepare_backup(words[2:])
        django.setup()
        from analytics.management.commands.backup import Command as Backup

        Backup(backup).run_from_argv(words)
    else:
        restore = place.prepare_restore(words[2:])
        django.setup()
        from analytics.management.commands.restore import Command as Restore

        Restore(restore).run_from_argv(words)


if __name__ == "__main__":
    main()
