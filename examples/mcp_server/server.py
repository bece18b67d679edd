"""The roastery's tools for agents, by the Model Context Protocol over streamable HTTP."""

import asyncio
import os
from typing import Annotated

from fastmcp import Context, FastMCP
from fastmcp.server.auth.providers.jwt import JWTVerifier
from pydantic import Field

PRICES = {"House Espresso": 14.5, "Decaf": 15.0, "Yirgacheffe": 18.25}

keys = os.environ.get("MCP_JWKS_URI")
mcp = FastMCP(
    "Juniper Coffee",
    # Without the keys of an identity provider, everyone who knows the URL may call the tools.
    auth=JWTVerifier(jwks_uri=keys, audience="juniper-coffee") if keys else None,
)


@mcp.tool
def price(coffee: str, bags: Annotated[int, Field(ge=1)] = 1) -> float:
    """Return the price of some bags of a coffee."""
    return PRICES[coffee] * bags


@mcp.tool
async def roast(
    context: Context,
    bags: Annotated[int, Field(ge=1, le=100)],
    seconds: Annotated[float, Field(ge=0, le=10)] = 1.0,
) -> str:
    """Roast some bags, and report the progress after each bag."""
    for bag in range(1, bags + 1):
        await asyncio.sleep(seconds)
        await context.report_progress(bag, bags, f"Bag {bag} is roasted")
    return f"{bags} bags are roasted"


# Without sessions, because each request may reach another environment. `GET /mcp` is a 405.
app = mcp.http_app(path="/mcp", stateless_http=True)
