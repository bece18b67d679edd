from django.db import models


class Place(models.TextChoices):
    NORTH_BEACH = "north beach", "North Beach"
    GARDEN = "garden", "Lighthouse Garden"
    MARSH = "marsh", "Salt Marsh"
    HARBOUR = "harbour", "Harbour Wall"
    ROCK = "rock", "Gull Rock"
    DUNES = "dunes", "The Dunes"


class Species(models.Model):
    name = models.CharField(max_length=50, unique=True)
    latin = models.CharField(max_length=50)

    class Meta:
        verbose_name_plural = "species"

    def __str__(self) -> str:
        return str(self.name)


class Sighting(models.Model):
    """Birds of one species, seen together."""

    seen_at = models.DateTimeField()
    species = models.ForeignKey(Species, on_delete=models.PROTECT, related_name="sightings")
    place = models.CharField(max_length=20, choices=Place)
    birds = models.PositiveIntegerField()
    observer = models.CharField(max_length=50)

    class Meta:
        ordering = ("id",)  # the order of time

    def __str__(self) -> str:
        return f"{self.birds} × {self.species}, {self.seen_at:%d %B %Y}"
