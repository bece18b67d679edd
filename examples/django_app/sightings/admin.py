from django.contrib import admin

from .models import Sighting, Species

admin.site.site_header = admin.site.site_title = "Tern Point Bird Observatory"


@admin.register(Species)
class SpeciesAdmin(admin.ModelAdmin):
    list_display = ("name", "latin")
    search_fields = ("name", "latin")


@admin.register(Sighting)
class SightingAdmin(admin.ModelAdmin):
    list_display = ("seen_at", "species", "birds", "place", "observer")
    list_filter = ("place", "species")
    list_select_related = ("species",)
    search_fields = ("observer",)
    date_hierarchy = "seen_at"
    autocomplete_fields = ("species",)
