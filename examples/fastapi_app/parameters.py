from typing import Annotated

from fastapi import Query

#: Real parts take their time; `?delay=0` takes it away.
Delay = Annotated[
    float, Query(ge=0, le=10, description="Seconds between two parts of the response.")
]
