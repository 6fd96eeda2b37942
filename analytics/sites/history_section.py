"""The section of settings with how long is kept, everything to take along, and what was imported."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User

from analytics.access.rights import Reader
from analytics.importing import imported_files
from analytics.models import ImportedFile
from analytics.sites.field_sections import FieldSection
from analytics.sites.row_number import row_number
from analytics.sites.section import SectionAnswer, note
from tracker.models import Site


class HistorySection(FieldSection):
    """Its fields are the site's; files are taken back here, and come in by `import_upload`."""

    def shown(self, reader: Reader, site: Site, owner: bool) -> dict[str, Any]:
        """The fields, and the files that were imported."""
        files = ImportedFile.objects.filter(site=site)
        return {
            **super().shown(reader, site, owner),
            "imported": files,
            "products": ImportedFile.CountedBy.choices,
        }

    def change(self, user: User, site: Site, sent: Mapping[str, str]) -> SectionAnswer:
        """Save the fields, or take a file back."""
        if sent.get("do") != "undo":
            return super().change(user, site, sent)
        file = imported_files.undo(site, row_number(sent.get("file", "")))
        if file is None:
            return SectionAnswer(shown={"problem": "That import is gone already."})
        note(user, site, "Took an import back.")
        return SectionAnswer(f"{file} is taken back")
