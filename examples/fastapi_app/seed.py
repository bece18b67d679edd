"""Build `orders.sqlite3`, a year of orders: `python seed.py`.

Run it when the app is packaged: on Lambda the folder of the app cannot be written. Running it
again does nothing, unless this script has changed since. The same Python and SQLite make the
same bytes.
"""

import random
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from itertools import accumulate
from pathlib import Path

FILE = Path(__file__).with_name("orders.sqlite3")
VERSION = 1  # raise it when the rows change; SQLite keeps it as `user_version`
ORDERS = 120_000
YEAR = 2025

SCHEMA = """
CREATE TABLE products (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    origin TEXT NOT NULL,
    roast TEXT NOT NULL,
    cents INTEGER NOT NULL
);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY,  -- in the order of time
    placed_at TEXT NOT NULL,
    customer TEXT NOT NULL,
    city TEXT NOT NULL,
    product_id INTEGER NOT NULL REFERENCES products,
    quantity INTEGER NOT NULL,
    cents INTEGER NOT NULL
);
"""

PRODUCTS = [
    ("Early Tram", "Brazil", "medium", 1150),
    ("Kitchen Radio", "Colombia", "medium", 1250),
    ("Slow Sunday", "Ethiopia", "light", 1590),
    ("Night Ferry", "Sumatra", "dark", 1390),
    ("Paper Boat", "Kenya", "light", 1690),
    ("House Espresso", "Brazil", "dark", 1190),
    ("Orchard Wall", "Guatemala", "medium", 1350),
    ("Half Past Six", "Honduras", "medium", 1090),
    ("Blue Enamel", "Rwanda", "light", 1490),
    ("Attic Window", "Costa Rica", "light", 1550),
    ("Second Cup", "Peru", "medium", 1150),
    ("Gravel Road", "Mexico", "dark", 1120),
    ("Wet Umbrella", "India", "dark", 1210),
    ("Lantern Street", "Burundi", "light", 1620),
    ("No Hurry", "Colombia (decaf)", "medium", 1320),
    ("Ninety Seconds", "Nicaragua", "medium", 1180),
]
POPULARITY = [9, 8, 5, 4, 3, 12, 5, 6, 3, 2, 6, 3, 2, 2, 4, 5]
FIRST_NAMES = (
    "Ada Amir Bea Bruno Chiara Dana Elif Emil Farah Goran Hana Ines Ivo Jonas Kaja Lena Luca"
    " Maren Milo Nadia Nils Olga Pia Ravi Rosa Sami Sara Tariq Theo Uma Vera Yuki Zoe"
)
LAST_NAMES = (
    "Acker Bauer Brandt Costa Dahl Eriksen Fontaine Greco Haddad Ito Jansen Kaya Keller Lindqvist"
    " Marino Moreau Novak Okafor Petrov Quist Rossi Sato Schmid Silva Tanaka Vogel Weber Yilmaz"
)
CITIES = "Antwerp Basel Bremen Copenhagen Ghent Graz Hamburg Leipzig Lyon Malmö Turin Vienna"

#: How busy an hour is: before work, lunch, and the evening on the sofa.
HOURS = [1, 1, 0, 0, 0, 2, 8, 18, 21, 14, 10, 11, 15, 13, 9, 8, 9, 11, 14, 19, 22, 18, 9, 3]
WEEKDAYS = [11, 9, 9, 10, 10, 13, 15]
MONTHS = [10, 9, 10, 9, 8, 7, 6, 7, 9, 11, 15, 18]


def seed(file: Path = FILE) -> bool:
    """Write the database if it is missing or old; return whether there was something to do."""
    if _version(file) == VERSION:
        return False
    unfinished = file.with_suffix(".part")
    unfinished.unlink(missing_ok=True)
    # No journal: if this stops half-way, only the unfinished file is lost.
    with closing(sqlite3.connect(unfinished, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        for statement in SCHEMA.split(";"):
            connection.execute(statement)
        connection.executemany(
            "INSERT INTO products (name, origin, roast, cents) VALUES (?, ?, ?, ?)", PRODUCTS
        )
        connection.executemany(
            "INSERT INTO orders (placed_at, customer, city, product_id, quantity, cents)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            _orders(random.Random(VERSION)),
        )
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    unfinished.replace(file)
    return True


def _version(file: Path) -> int:
    if not file.exists():
        return 0
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        return version


def _orders(rng: random.Random) -> Iterator[tuple[str, str, str, int, int, int]]:
    start = datetime(YEAR, 1, 1)
    customers = [f"{first} {last}" for first in FIRST_NAMES.split() for last in LAST_NAMES.split()]
    cities = {customer: rng.choice(CITIES.split()) for customer in customers}
    products = rng.choices(range(len(PRODUCTS)), POPULARITY, k=ORDERS)
    quantities = rng.choices([1, 2, 3, 4, 6, 12], [60, 25, 8, 4, 2, 1], k=ORDERS)
    for second, product, quantity in zip(_seconds(rng, start), products, quantities, strict=True):
        customer = rng.choice(customers)
        yield (
            (start + timedelta(seconds=second)).isoformat(),
            customer,
            cities[customer],
            product + 1,
            quantity,
            quantity * PRODUCTS[product][3],
        )


def _seconds(rng: random.Random, start: datetime) -> list[int]:
    """Return when each order was placed, in seconds since `start`, busy hours having more."""
    hours = range(365 * 24)
    weights = (
        MONTHS[moment.month - 1] * WEEKDAYS[moment.weekday()] * HOURS[moment.hour]
        for moment in (start + timedelta(hours=hour) for hour in hours)
    )
    chosen = rng.choices(hours, cum_weights=list(accumulate(weights)), k=ORDERS)
    return sorted(hour * 3600 + int(rng.random() * 3600) for hour in chosen)


if __name__ == "__main__":
    began = time.perf_counter()
    if seed():
        took = time.perf_counter() - began
        print(
            f"{FILE.name}: {ORDERS:,} orders, {FILE.stat().st_size / 1e6:.1f} MB, {took:.1f} s",
            file=sys.stderr,
        )
