"""A practice MemoryOS as a process of its own, which can be killed and held still.

python practice_memoryos.py PORT STORY SPEED: `GET /NODE` answers the stats document of a node; `POST /` takes a step of
a story as JSON and lets it happen on every node.
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from msgspec import convert

from memoryos_simulator.live import Live
from memoryos_simulator.player import Player
from memoryos_simulator.steps import perform
from memoryos_simulator.story import Duration, Step
from memoryos_simulator.story_file import load_story


def serve(port: int, story: str, speed: float) -> None:
    """Serves until it is ended."""
    player = Player(load_story(story))
    live = Live(player, speed)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(json.dumps(live.view(self.path.strip("/")).document).encode())

        def do_POST(self) -> None:
            told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            step = convert({"at": Duration(0), **told}, Step)
            live.running_nodes()  # goes on to this moment
            for node in player.node_names:
                perform(step, player.state(node), player.elapsed)
            self._answer(b"{}")

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    HTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
