"""Admin pages of people and groups: Django's pages with audit entries for each change, and without deleting people."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.auth import admin as auth_admin
from django.contrib.auth import forms as auth_forms
from django.contrib.auth.models import Group, User
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from config.access.people import TAKEN, is_name_taken
from config.access.people_audit import people_audited
from telemetry.foundation.admin.csv_list import CsvList
from telemetry.foundation.admin.formatting import MISSING, badge, format_moment
from telemetry.foundation.admin.read_only import person

if TYPE_CHECKING:
    UserChangeForm = auth_forms.UserChangeForm[User]
    UserCreationForm = auth_forms.AdminUserCreationForm[User]
    GroupForm = forms.ModelForm[Group]
    UserAdmin = auth_admin.UserAdmin[User]
else:  # Django's classes take no parameters when they run
    UserChangeForm, UserCreationForm = auth_forms.UserChangeForm, auth_forms.AdminUserCreationForm
    GroupForm, UserAdmin = forms.ModelForm, auth_admin.UserAdmin

REASON = "reason"
REASON_LENGTH = 500


def reason_field() -> forms.CharField:
    """Return the optional form field for the reason of a change."""
    return forms.CharField(
        required=False,
        max_length=REASON_LENGTH,
        widget=forms.TextInput(attrs={"class": "vTextField", "size": 60}),
        help_text="kept in the audit trail with this change",
    )


def refuse_taken_name(form: Any) -> None:
    """Raise ValidationError if another person has or had the name in the form."""
    name = form.cleaned_data.get("username")
    if name and name != form.instance.username and is_name_taken(name, by_other_than=form.instance.pk):
        raise forms.ValidationError({"username": f"{name} {TAKEN}"})


class AddForm(UserCreationForm):
    """The form that adds a person."""

    reason = reason_field()

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        refuse_taken_name(self)
        return cleaned


class ChangeForm(UserChangeForm):
    """The form that changes a person."""

    reason = reason_field()

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        refuse_taken_name(self)
        return cleaned


class GroupChangeForm(GroupForm):
    """The form that adds or changes a group."""

    reason = reason_field()


def audited(request: HttpRequest) -> AbstractContextManager[None]:
    """Return the context in which a page writes audited changes of people, with the reason of its form."""
    if request.method != "POST":
        return nullcontext()
    reason = request.POST.get(REASON, "").replace("\0", "").strip()[:REASON_LENGTH]
    return people_audited(actor=person(request).get_username(), at=datetime.now(UTC), reason=reason)


admin.site.unregister((User, Group))


@admin.register(User)
class PersonAdmin(CsvList, UserAdmin):
    """Adds and changes people; they can be deactivated, but not deleted."""

    form = ChangeForm
    add_form = AddForm
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Rights", {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        ("Personal", {"fields": ("first_name", "last_name", "email")}),
        ("History", {"fields": ("last_login", "date_joined", "trail")}),
        ("This change", {"fields": (REASON,)}),
    )
    add_fieldsets = (
        (None, {"classes": ("wide",), "fields": ("username", "usable_password", "password1", "password2", REASON)}),
    )
    readonly_fields = ("last_login", "date_joined", "trail")
    csv_fields = (
        "username", "first_name", "last_name", "email", "is_active", "is_staff", "is_superuser", "last_login",
        "date_joined",
    )  # fmt: skip
    list_display = ("username", "roles", "state", "is_staff", "is_superuser", "seen")
    list_filter = ("is_active", "is_staff", "is_superuser", "groups")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False  # people are deactivated, so that their actions keep a name

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        with audited(request):
            return super().changeform_view(request, *args, **kwargs)

    def user_change_password(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with audited(request):
            return super().user_change_password(request, *args, **kwargs)

    @admin.display(description="groups")
    def roles(self, row: User) -> str | SafeString:
        return ", ".join(sorted(group.name for group in row.groups.all())) or MISSING

    @admin.display(description="state", ordering="is_active")
    def state(self, row: User) -> SafeString:
        return badge("active") if row.is_active else badge("deactivated")

    @admin.display(description="last login", ordering="last_login")
    def seen(self, row: User) -> SafeString:
        return format_moment(row.last_login)

    @admin.display(description="audit trail")
    def trail(self, row: User) -> str | SafeString:
        return link_to_trail(f"person {row.get_username()}") if row.pk else MISSING


@admin.register(Group)
class GroupAdmin(CsvList, auth_admin.GroupAdmin):
    """Adds, changes and removes groups."""

    form = GroupChangeForm
    fields = ("name", "permissions", "trail", REASON)
    csv_fields = ("name",)
    readonly_fields = ("trail",)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        with audited(request):
            return super().changeform_view(request, *args, **kwargs)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        with audited(request):  # the list has an action that deletes groups
            return super().changelist_view(request, extra_context)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        with audited(request):
            return super().delete_view(request, *args, **kwargs)

    @admin.display(description="audit trail")
    def trail(self, row: Group) -> str | SafeString:
        return link_to_trail(f"group {row.name}") if row.pk else MISSING


def link_to_trail(named: str) -> SafeString:
    """Return a link to the audit entries about a person or a group, by the current name."""
    address = reverse("admin:telemetry_auditentry_changelist")
    query = urlencode({"q": f'"{named}"'})
    return format_html('<a href="{}?{}">{}</a>', address, query, "changes, with actor and reason")


def change_own_password(request: HttpRequest) -> HttpResponse:
    """Serve Django's page for changing one's own password, with an audit entry."""
    with audited(request):
        return admin.site.password_change(request)
