"""The panels of the dashboard, each a query and its HTML."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from html import escape

from database import Database

SALES = """
SELECT substr(placed_at, 6, 2) AS month, SUM(cents) / 100 AS total
FROM orders GROUP BY month ORDER BY month
"""
PRODUCTS = """
SELECT name, origin, SUM(quantity) AS bags
FROM orders JOIN products ON products.id = product_id
GROUP BY product_id ORDER BY bags DESC LIMIT 7
"""
ORDERS = """
SELECT substr(placed_at, 12, 5) AS time, customer, city, orders.cents / 100.0 AS total
FROM orders ORDER BY id DESC LIMIT 7
"""
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


@dataclass(frozen=True)
class Panel:
    slot: str
    title: str
    render: Callable[[Database], Awaitable[str]]
    slowness: float  # these queries are quick; the ones of a real dashboard are not
    width: str = ""


async def sales(database: Database) -> str:
    months = await database.read(SALES)
    most = max(month["total"] for month in months)
    bars = "".join(
        "<li{}>{}<i style='height: {:.0f}%'></i>".format(
            " class=best" if month["total"] == most else "",
            month["total"] // 1000,
            90 * month["total"] / most,
        )
        for month in months
    )
    names = "".join(f"<li>{name}" for name in MONTHS)
    return f"<ol class=months>{bars}</ol><ol class=names aria-hidden=true>{names}</ol>"


async def products(database: Database) -> str:
    best = await database.read(PRODUCTS)
    rows = "".join(
        f"<tr><td>{escape(product['name'])}<br><small>{escape(product['origin'])}</small>"
        f"<td class=share><i style='width: {100 * product['bags'] / best[0]['bags']:.0f}%'></i>"
        f"<td class=number>{product['bags']:,}"
        for product in best
    )
    return f"<table>{rows}</table>"


async def orders(database: Database) -> str:
    rows = "".join(
        f"<tr><td>{order['time']}"
        f"<td>{escape(order['customer'])}<br><small>{escape(order['city'])}</small>"
        f"<td class=number>€ {order['total']:.2f}"
        for order in await database.read(ORDERS)
    )
    return f"<table>{rows}</table>"


PANELS = [
    Panel("sales", "Sales by month, in thousand euros", sales, slowness=1.0, width="wide"),
    Panel("products", "Best sellers, in bags", products, slowness=0.2),
    Panel("orders", "Latest orders", orders, slowness=0.6),
]
