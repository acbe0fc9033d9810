"""Admin pages of API keys: issue a key to an owner and show it once, assign it to another owner, revoke it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminSplitDateTime
from django.contrib.auth.models import User
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from config.access.api.authentication import KEY_RING
from config.access.keys import KeyRevokedError, assign_key, issue_key, revoke_key
from config.access.models import ApiKey
from telemetry.foundation.admin.csv_list import CsvList
from telemetry.foundation.admin.formatting import MISSING, badge, format_moment, short
from telemetry.foundation.admin.read_only import person

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[ApiKey]
else:  # Django's class is not generic at runtime
    ModelForm = forms.ModelForm


class LabelledDateTime(AdminSplitDateTime):
    """Django's date and time inputs, each with the label that Django leaves out."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        for word, part in zip(("date", "time"), context["widget"]["subwidgets"], strict=True):
            part["attrs"]["aria-label"] = word
        return context


OWNER_HELP = "the person responsible for the key: the author of its drafts, who therefore cannot approve them"


class OwnerForm(ModelForm):
    """The form that assigns a key to an active person."""

    owner = forms.ModelChoiceField(User.objects.filter(is_active=True).order_by("username"), help_text=OWNER_HELP)

    class Meta:
        model = ApiKey
        fields = ("owner",)


class IssueForm(OwnerForm):
    """The form that issues a key."""

    class Meta:
        model = ApiKey
        fields = ("name", "role", "owner", "expires_at")
        widgets = {"expires_at": LabelledDateTime}
        help_texts = {
            "name": "who will use it: one key for each bot or tool",
            "role": "evaluate: ask for levers; record: also report trades; bot: also read its own trades and "
            "decisions; propose: draft requests; read: look",
            "expires_at": "UTC; empty: until revoked",
        }

    def clean_expires_at(self) -> datetime | None:
        expires_at: datetime | None = self.cleaned_data["expires_at"]
        if expires_at is not None and expires_at <= datetime.now(UTC):
            raise forms.ValidationError("lies in the past; choose a later time, or leave it empty")
        return expires_at


@admin.register(ApiKey)
class ApiKeyAdmin(CsvList):
    """Lists, issues, assigns and revokes API keys."""

    form = IssueForm
    csv_fields = (
        "name", "role", "owner__username", "prefix", "expires_at", "revoked_at", "last_used_at",
    )  # fmt: skip
    list_display = ("name", "role", "owned_by", "prefix_shown", "state", "expires", "last_used")
    list_filter = ("role", ("revoked_at", admin.EmptyFieldListFilter), ("owner", admin.EmptyFieldListFilter))
    list_select_related = ("owner",)
    search_fields = ("name__icontains", "prefix__startswith", "owner__username__startswith")
    actions = ("revoke",)

    def get_form(self, request: HttpRequest, obj: ApiKey | None = None, change: bool = False, **kwargs: Any) -> Any:
        form = IssueForm if obj is None else OwnerForm
        return super().get_form(request, obj, change, **kwargs | {"form": form})

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        """Return the fields of a key; only its owner can change, as a different role or expiry needs a new key."""
        if obj is None:
            return IssueForm.Meta.fields
        return ("name", "role", "owner", "prefix_shown", "state", "expires", "last_used", "its_rows")

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        if obj is None:
            return ()
        return [each for each in self.get_fields(request, obj) if each != "owner"]

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return whether the owner can be changed; a revoked key does not change any more."""
        is_revoked = isinstance(obj, ApiKey) and obj.revoked_at is not None
        return super().has_change_permission(request, None) and not is_revoked

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False  # a revoked key is kept, so that its actions can still be attributed

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("access.change_apikey")

    @admin.action(description="Revoke the selected keys", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        prefixes = queryset.values_list("prefix", flat=True)
        ended = sum(revoke_key(prefix=prefix, by=person(request), at=datetime.now(UTC)) for prefix in prefixes)
        KEY_RING.forget()
        self.message_user(
            request, f"{ended} keys revoked; every process refuses them within a second", messages.SUCCESS
        )

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        one_button = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().add_view(request, form_url, one_button | (extra_context or {}))

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> ApiKey:
        if change:
            saved: ApiKey = form.save(commit=False)
            return saved
        row, key = issue_key(**form.cleaned_data, by=person(request), at=datetime.now(UTC))
        row.shown_once = key
        return row

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """Assign an existing key to its new owner; `save_form` has stored a new key."""
        if change and obj.owner is not None:
            try:
                assign_key(prefix=obj.prefix, owner=obj.owner, by=person(request), at=datetime.now(UTC))
            except KeyRevokedError as error:
                self.message_user(request, str(error), messages.ERROR)
            KEY_RING.forget()

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Do nothing, because a key has no related objects."""

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        """Show the key directly; a redirect would require storing it."""
        context = self.admin_site.each_context(request) | {"title": "Key issued", "opts": self.opts, "row": obj}
        return TemplateResponse(request, "access/issued.html", context)

    @admin.display(description="owner", ordering="owner__username")
    def owned_by(self, row: ApiKey) -> str | SafeString:
        """Return the owner, with a badge if the key cannot draft."""
        if row.owner is None:
            return badge("no owner") if row.revoked_at is None else MISSING
        if row.owner.is_active or row.revoked_at is not None:
            return str(row.owner)
        return format_html("{} {}", row.owner, badge("deactivated"))

    @admin.display(description="begins with", ordering="prefix")
    def prefix_shown(self, row: ApiKey) -> SafeString:
        return short(f"cw_{row.prefix}", 20)

    @admin.display(description="state")
    def state(self, row: ApiKey) -> SafeString:
        if row.revoked_at is not None:
            return badge("revoked")
        is_over = row.expires_at is not None and row.expires_at <= datetime.now(UTC)
        return badge("expired") if is_over else badge("live")

    @admin.display(description="expires", ordering="expires_at")
    def expires(self, row: ApiKey) -> SafeString:
        return format_moment(row.expires_at)

    @admin.display(description="last used", ordering="last_used_at")
    def last_used(self, row: ApiKey) -> SafeString:
        return format_moment(row.last_used_at)

    @admin.display(description="what came with it")
    def its_rows(self, row: ApiKey) -> SafeString:
        """Link to the decisions that were asked or reported with the key, and to the trades that it recorded."""
        links = (("decisions", "telemetry_decision"), ("trades", "telemetry_trade"))
        found = ((reverse(f"admin:{name}_changelist"), row.prefix, words) for words, name in links)
        return format_html_join(", ", '<a href="{}?key=cw_{}">{}</a>', found)

    @admin.display(description="issued", ordering="created_at")
    def created(self, row: ApiKey) -> SafeString:
        return format_moment(row.created_at)
