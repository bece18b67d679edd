from typing import Annotated

from fastapi import Query

#: A real part takes time; `?delay=0` removes the pauses.
Delay = Annotated[
    float, Query(ge=0, le=10, description="Seconds between two parts of the response.")
]
