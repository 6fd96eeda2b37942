#!/usr/bin/env python
"""Footfall's command line: `manage.py up` runs everything, the rest are Django's commands and ours."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "analytics.settings")
    if sys.argv[1:2] == ["up"]:
        # Settings read the secret key and the database's address from the data folder, so
        # `up`, which alone may make that folder, does so before Django loads them.
        from analytics.up.launch import prepare

        launch = prepare(sys.argv[2:])

        import django

        django.setup()
        from analytics.management.commands.up import Command as Up

        Up(launch).run_from_argv(sys.argv)
        return
    if sys.argv[1:2] == ["edge"]:
        # It needs settings but no apps: without models, admin and API it starts in half the time.
        from tracker.management.commands.edge import Command

        Command().run_from_argv(sys.argv)
        return
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
