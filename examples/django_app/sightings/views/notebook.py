"""`/notebook`: a form, a redirect and a session, as in any Django project."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from ..forms import NoteForm
from ..models import Place

NOTES = 10  # a cookie has 4 KB


@require_http_methods(["GET", "POST"])
@login_required
def notebook(request: HttpRequest) -> HttpResponse:
    """Notes are in the session, which is a signed cookie: environments do not store them.

    A plain function; Django runs it in a thread.
    """
    form = NoteForm(request.POST or None)
    if form.is_valid():
        note = {
            "species": form.cleaned_data["species"].name,
            "birds": form.cleaned_data["birds"],
            "place": Place(form.cleaned_data["place"]).label,
            "remark": form.cleaned_data["remark"],
            "noted_at": f"{timezone.now():%d %B, %H:%M} UTC",
        }
        request.session["notes"] = [note, *request.session.get("notes", [])][:NOTES]
        messages.success(request, f"Noted: {note['birds']} × {note['species']}.")
        return redirect("notebook")
    context = {"form": form, "notes": request.session.get("notes", [])}
    return render(request, "sightings/notebook.html", context)
