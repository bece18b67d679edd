from django import forms

from .models import Place, Species


class NoteForm(forms.Form):
    """A sighting; small, because ten of them have to fit into a cookie."""

    species = forms.ModelChoiceField(Species.objects.order_by("name"), empty_label="Which bird?")
    birds = forms.IntegerField(label="How many", min_value=1, max_value=100_000, initial=1)
    place = forms.ChoiceField(label="Where", choices=Place)
    remark = forms.CharField(required=False, max_length=80)
