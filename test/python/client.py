"""Subscribes to every stream and prints each event as one JSON line. Handlers take one argument, as people write them."""

import json
import sys

import socketio

url, transport = sys.argv[1:]
sio = socketio.Client()
streams = {
    "system_resources": "system_resources_update",
    "model_status": "model_status_update",
    "activity_stream": "activity_stream",
    "system_alerts": "system_alerts",
    "deployment_events": "deployment_events",
}


def show(event):
    def handler(data):
        # Handlers run in threads of their own; one write keeps a line in one piece.
        sys.stdout.write(json.dumps({"event": event, "data": data}) + "\n")

    return handler


@sio.event
def connect():
    for stream in streams:
        sio.emit("subscribe_" + stream)


for name in [*streams.values(), "subscribed", "subscription_error"]:
    sio.on(name, show(name))

sio.connect(url, transports=[transport])
sio.wait()
