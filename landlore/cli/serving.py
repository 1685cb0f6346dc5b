"""The command that keeps running: a run or a graph comes in, a server that answers questions about it goes out."""

from __future__ import annotations

from typing import Annotated

import typer

from landlore.cli.printing import say


def serve(
    place: Annotated[str, typer.Argument(help="Run folder, graph folder or RDF file.")],
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 8000,
    host: Annotated[
        str, typer.Option(help="Address to listen at; 0.0.0.0 lets others on the network ask.")
    ] = "127.0.0.1",
    timeout: Annotated[float, typer.Option(help="Seconds that a question may take.")] = 30.0,
    rows: Annotated[int, typer.Option(help="Rows of an answer, at most.")] = 10_000,
    processes: Annotated[
        int, typer.Option(help="Questions answered at the same time; each holds the graph once.")
    ] = 2,
    origin: Annotated[
        str, typer.Option(help="Origin of web pages that may ask, https://yasgui.triply.cc.")
    ] = "",
) -> None:
    """Serve a run or a graph: SPARQL 1.1 for programs, a page for questions, and the report; read only."""
    import sys
    from contextlib import suppress

    from landlore.server import ServeSettings
    from landlore.server import serve as run

    def ready(url: str) -> None:
        """What people need to know."""
        say(f"{url} for people, {url}sparql for programs; Control + C ends it")
        sys.stdout.flush()

    settings = ServeSettings(host, port, timeout, rows, processes, origin)
    with suppress(KeyboardInterrupt):  # how it is meant to end
        run(place, settings, ready=ready)
