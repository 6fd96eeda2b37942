"""`manage.py addsite DOMAIN`: a new site, its key and the line to paste."""

import argparse
import json
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from tracker.models import Site
from tracker.sites.hosts import site_hosts, twin
from tracker.sites.snippet_tag import tag


class Command(BaseCommand):
    help = "Add a site; prints its key and the snippet to paste into its pages."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("domain", metavar="DOMAIN", help="its domain; with and without www. is allowed")
        parser.add_argument(
            "--host",
            action="append",
            default=[],
            help="one more host, *.example.com for subdomains; repeatable",
        )
        parser.add_argument("--tz", default="UTC", metavar="ZONE", help="its time zone (default: UTC)")
        parser.add_argument("--json", action="store_true", help="end with one line of JSON: key and snippet")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            hosts = site_hosts(options["domain"], options["host"])
        except ValueError as error:
            raise CommandError(str(error)) from None
        site = Site(domain=hosts[0], hosts=hosts, timezone=options["tz"])
        try:
            site.full_clean()
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        for other in Site.objects.filter(domain__in=[site.domain, *twin(site.domain)]):
            self.stderr.write(
                f"{other.shown} has a site already (key {other.key}); this is another one. "
                "Each counts the pages that carry its own key."
            )
        site.save()
        snippet = tag(site, settings.FOOTFALL_URL)
        if options["json"]:
            self.stdout.write(json.dumps({"key": site.key, "snippet": snippet}))
            return
        self.stdout.write(f"Added {site.shown} (allowed hosts: {', '.join(hosts)}).")
        self.stdout.write(f"Key:     {site.key}")
        self.stdout.write(f"Snippet: {snippet}")
