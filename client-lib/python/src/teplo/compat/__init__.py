# SPDX-License-Identifier: MIT
"""
The names of the official MCP SDK, over the broker: change the imports and nothing else.

    -    from mcp.client.sse import sse_client
    -    from mcp.client.session import ClientSession
    +    from teplo.compat import sse_client, ClientSession

Results and errors are the classes of the installed mcp package, 1.x or 2.x.  The broker knows its
pools by the URLs of their servers; where the program's URL is another one,
configure({"http://server:8000/sse": "pool"}) says which pool it is.
"""

from ._install import install
from ._places import configure, reset, sse_client, streamable_http_client, streamablehttp_client
from ._sdk import installed
from ._session import ClientSession

installed()  # now: importing the SDK takes half a second, for which a loop would stand still

__all__ = [
    "ClientSession", "configure", "install", "reset", "sse_client", "streamable_http_client",
    "streamablehttp_client",
]  # fmt: skip
