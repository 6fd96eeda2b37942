"""Accounts in the admin: who may log in, and who may add sites. A site's members say who sees it."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import Group, Permission, User
from django.db.models import Q
from django.forms import CheckboxSelectMultiple, ModelMultipleChoiceField
from django.http import HttpRequest

from analytics.access import rights

# Django has a right for each table and deed; those of sites and of what they counted come from membership.
THAT_COUNT = Q(content_type__app_label="auth", content_type__model__in=["user", "group"])


class RightsField(ModelMultipleChoiceField):  # type: ignore[type-arg]
    """The rights that make a difference, each to be ticked."""

    widget = CheckboxSelectMultiple

    def label_from_instance(self, obj: Any) -> str:
        # Not its name, which says "user": that is kept as it was when the database was made.
        deed, model = obj.codename.split("_", 1)[0], obj.content_type.model_class()
        return f"Can {deed} {model._meta.verbose_name}"


def rights_field() -> RightsField:
    """The form's field for a column of Django's permissions."""
    app, _, code = rights.ADD_SITES.partition(".")
    adding = Q(content_type__app_label=app, codename=code)
    return RightsField(
        Permission.objects.filter(adding | THAT_COUNT).order_by("-content_type__app_label", "codename"),
        required=False,
        label="Rights",
    )


# What Django says of a "user" and of an "admin site", in words of the product.
SAID = {
    "is_active": ("May log in", "Take this away instead of deleting an account: its memberships stay."),
    "is_staff": ("Sees pages of Footfall", "Boards, reports and this administration, of the sites they see."),
    "is_superuser": ("Administrator", "Sees and changes all sites and people."),
    "groups": ("Groups of people", ""),
}


class PersonAdmin(UserAdmin):  # type: ignore[type-arg]
    filter_horizontal = ()
    readonly_fields = ("last_login", "date_joined")
    # Not Django's choice of an account without a password: nobody could log in with it.
    add_form = UserCreationForm
    add_fieldsets = ((None, {"fields": ("username", "password1", "password2")}),)
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Name", {"fields": ("first_name", "last_name", "email")}),
        ("May", {"fields": ("is_active", "is_staff", "is_superuser", "user_permissions", "groups")}),
        ("When", {"fields": ("last_login", "date_joined")}),
    )

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **options)
        if field and db_field.name in SAID:
            field.label, field.help_text = SAID[db_field.name]
        return field

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "user_permissions":
            return rights_field()
        return super().formfield_for_manytomany(
            db_field, request, **options, widget=CheckboxSelectMultiple, help_text=""
        )


class RightsGroupAdmin(GroupAdmin):
    filter_horizontal = ()

    def formfield_for_manytomany(
        self, db_field: Any, request: HttpRequest | None = None, **options: Any
    ) -> Any:
        return rights_field()


admin.site.unregister([User, Group])
admin.site.register(User, PersonAdmin)
admin.site.register(Group, RightsGroupAdmin)
