"""The form by which somebody is invited: only to what whoever invites may give."""

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from analytics.access.rights import owned_sites, sees_all
from analytics.models import Member, PersonalLink
from tracker.models import Site


class InvitationForm(forms.Form):
    """For whom, as what, and where."""

    name = forms.CharField(max_length=150, label="Name or mail address")
    role = forms.ChoiceField(choices=())
    everywhere = forms.BooleanField(required=False, label="All sites, those that are added later too")
    sites = forms.ModelMultipleChoiceField(
        queryset=Site.objects.none(), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, by: User, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.anywhere = (
            sees_all(by) or Member.objects.filter(user=by, site=None, role=Member.Role.OWNER).exists()
        )
        roles = [
            (PersonalLink.InvitedAs.VIEWER, "Viewer: looks at boards and reports"),
            (PersonalLink.InvitedAs.OWNER, "Owner: changes settings, and invites others, too"),
        ]
        if sees_all(by):
            roles.append((PersonalLink.InvitedAs.ADMINISTRATOR, "Administrator: all sites, and all people"))
        role, sites = self.fields["role"], self.fields["sites"]
        if not isinstance(role, forms.ChoiceField) or not isinstance(sites, forms.ModelMultipleChoiceField):
            raise TypeError
        role.choices = roles
        sites.queryset = owned_sites(by).order_by("domain")

    def clean_name(self) -> str:
        """A mail address, or a name as accounts have them."""
        name: str = self.cleaned_data["name"].strip()
        if "@" in name:
            try:
                validate_email(name)
            except ValidationError:
                raise ValidationError("That is no mail address.") from None
        else:
            UnicodeUsernameValidator(message="A name has letters, digits and . + - _ only, and no spaces.")(
                name
            )
        return name

    def clean(self) -> dict[str, Any]:
        """Somewhere it must lead."""
        said = super().clean() or self.cleaned_data
        everywhere = said.get("role") == PersonalLink.InvitedAs.ADMINISTRATOR or (
            self.anywhere and said.get("everywhere")
        )
        if not everywhere and "sites" not in self.errors and not said.get("sites"):
            self.add_error("sites", "Choose one site at least.")
        said["everywhere"] = bool(everywhere)
        return said
