"""Runs one user's function: loads it, finds out its kind, then answers the calls that the house sends over a pipe.

Not a server: no port, no protocol of the network. Frames are two lengths, a JSON head and raw bytes; they come in at
descriptor 3 and leave at descriptor 4, so that nothing the function prints can be taken for one.
"""
import json
import os
import struct
import sys
import threading
import traceback

LENGTHS = struct.Struct(">II")
INPUT = os.fdopen(3, "rb", buffering=65536)
OUTPUT = 4
CHUNK_BYTES = 256 * 1024

writing = threading.Lock()


def read_frame():
    lengths = INPUT.read(LENGTHS.size)
    if len(lengths) < LENGTHS.size:
        return None, b""
    head_bytes, body_bytes = LENGTHS.unpack(lengths)
    return json.loads(INPUT.read(head_bytes)), INPUT.read(body_bytes) if body_bytes else b""


def write_frame(head, body=b""):
    text = json.dumps(head).encode()
    rest = memoryview(LENGTHS.pack(len(text), len(body)) + text + body)
    with writing:
        while rest:
            rest = rest[os.write(OUTPUT, rest):]


def tell(trouble):
    """The traceback as one entry of the log."""
    text = "".join(traceback.format_exception(type(trouble), trouble, own_part_left_out(trouble.__traceback__)))
    flush()
    sys.stderr.write(json.dumps({"severity": "ERROR", "message": text.rstrip()}) + "\n")
    flush()
    return text


def own_part_left_out(trace):
    """Frames of this file say nothing to the function's author."""
    shown = at = trace
    while at is not None:
        if at.tb_frame.f_code.co_filename == __file__ and at.tb_next is not None:
            shown = at.tb_next
        at = at.tb_next
    return shown


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass  # the function closed or replaced it


class NotAFunction(Exception):
    """The source has not what the deployment names."""


# ---- what the code is

def load(source, target):
    if not os.path.isfile(os.path.join(source, "main.py")):
        raise NotAFunction("There is no main.py at the root of the source.")
    sys.path.insert(0, source)
    os.chdir(source)
    import main

    function = getattr(main, target, None)
    if function is None:
        names = sorted(name for name, value in vars(main).items() if callable(value) and getattr(value, "__module__", None) == "main")
        raise NotAFunction("main.py has no function %r. It has: %s." % (target, ", ".join(names) or "none"))
    if not callable(function):
        raise NotAFunction("%r in main.py is a %s, not a function." % (target, type(function).__name__))
    return function


def kind_of(function, target, trigger):
    """A decorator decides, then the trigger; for events the number of parameters."""
    framework = sys.modules.get("functions_framework")
    kinds = getattr(framework, "KINDS", {})
    registered = kinds.get(target) or kinds.get(getattr(function, "__name__", ""))
    if registered:
        return registered
    if trigger == "http":
        return "http"
    return "event" if takes_two(function) else "cloudevent"


def takes_two(function):
    import inspect

    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return True  # built in C: the older form
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    required = [p for p in positional if p.default is p.empty]
    return len(required) <= 2 and (len(positional) >= 2 or any(p.kind == p.VAR_POSITIONAL for p in parameters))


# ---- events

class Context:
    """The second parameter of a background function."""

    def __init__(self, given):
        self.event_id = given.get("eventId", "")
        self.timestamp = given.get("timestamp", "")
        self.event_type = given.get("eventType", "")
        self.resource = given.get("resource", "")

    def __repr__(self):
        return "{event_id: %s, timestamp: %s, event_type: %s, resource: %s}" % (self.event_id, self.timestamp, self.event_type, self.resource)


def event_answerer(function):
    def answer(call, body):
        event = json.loads(body)
        function(event["legacy"]["data"], Context(event["legacy"]["context"]))

    return answer


def cloud_event_answerer(function):
    try:
        from cloudevents.http import CloudEvent
    except ImportError:
        CloudEvent = PlainCloudEvent

    def answer(call, body):
        event = json.loads(body)
        function(CloudEvent(event["attributes"], event["data"]))

    return answer


class PlainCloudEvent(dict):
    """Where the package cloudevents is not installed: attributes by name, and the data."""

    def __init__(self, attributes, data):
        super().__init__(attributes)
        self.data = data

    def get_attributes(self):
        return dict(self)

    def get_data(self):
        return self.data


# ---- requests

def http_answerer(function, source, target):
    from flask import Flask, request

    return flask_answerer(source, target, lambda: function(request._get_current_object()))


def typed_answerer(function, source, target):
    from flask import request

    framework = sys.modules["functions_framework"]
    input_type = framework.INPUT_TYPES[function.__name__]

    def run():
        given = input_type.from_dict(request.get_json())
        answer = function(given)
        if answer is None:
            return "", 200
        if type(answer).__module__ == "builtins":
            return answer
        return json.dumps(answer.to_dict()), 200, {"Content-Type": "application/json"}

    return flask_answerer(source, target, run)


def flask_answerer(source, target, run):
    from flask import Flask, abort

    app = Flask("main", root_path=source)
    crashes = threading.local()

    def crashed(trouble):
        tell(trouble[1])
        crashes.text = "%s: %s" % (trouble[0].__name__, trouble[1])

    app.log_exception = crashed
    app.register_error_handler(500, lambda trouble: (str(trouble), 500, {"X-Google-Status": "crash", "Content-Type": "text/plain; charset=utf-8"}))
    framework = sys.modules.get("functions_framework")
    for what, handler in getattr(framework, "ERROR_HANDLERS", []):
        app.register_error_handler(what, handler)

    def view(path):
        if path in ("robots.txt", "favicon.ico"):
            abort(404)
        return run()

    methods = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"]
    app.add_url_rule("/", target, view, defaults={"path": ""}, methods=methods, provide_automatic_options=False)
    app.add_url_rule("/<path:path>", target, view, methods=methods, provide_automatic_options=False)

    def answer(call, body):
        crashes.text = None
        answer_request(app, call, body)
        return crashes.text

    return answer


def answer_request(app, call, body):
    import io

    def start(status, headers, exc_info=None):
        started.append({"t": "head", "id": call["id"], "status": int(status.split(" ", 1)[0]), "headers": [list(pair) for pair in headers]})
        return lambda chunk: send(chunk)

    def send(chunk):
        if started:
            write_frame(started.pop())
        for at in range(0, len(chunk), CHUNK_BYTES):
            write_frame({"t": "chunk", "id": call["id"]}, chunk[at:at + CHUNK_BYTES])

    started = []
    chunks = app.wsgi_app(environ_of(call, io.BytesIO(body), len(body)), start)
    try:
        for chunk in chunks:
            send(chunk)
        send(b"")
    finally:
        close = getattr(chunks, "close", None)
        if close:
            close()


def environ_of(call, stream, length):
    from urllib.parse import unquote_to_bytes

    path, _, query = call["target"].partition("?")
    environ = {
        "REQUEST_METHOD": call["method"], "SCRIPT_NAME": "", "PATH_INFO": unquote_to_bytes(path).decode("latin-1"), "QUERY_STRING": query, "RAW_URI": call["target"], "REQUEST_URI": call["target"],
        "SERVER_NAME": call["host"].rpartition(":")[0] or call["host"], "SERVER_PORT": call["host"].rpartition(":")[2] if ":" in call["host"] else "80", "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": call["client"], "CONTENT_LENGTH": str(length),
        "wsgi.version": (1, 0), "wsgi.url_scheme": call["scheme"], "wsgi.input": stream, "wsgi.errors": sys.stderr, "wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False,
        "wsgi.input_terminated": True,
    }
    for name, value in call["headers"]:
        if name == "content-type":
            environ["CONTENT_TYPE"] = value
        elif name not in ("content-length", "transfer-encoding"):
            key = "HTTP_" + name.upper().replace("-", "_")
            environ[key] = environ[key] + "," + value if key in environ else value
    return environ


# ---- the loop

def answerer(kind, function, source, target):
    if kind == "http":
        return http_answerer(function, source, target)
    if kind == "typed":
        return typed_answerer(function, source, target)
    return event_answerer(function) if kind == "event" else cloud_event_answerer(function)


def answer_one(answer, call, body):
    try:
        crash = answer(call, body)
        end = {"t": "end", "id": call["id"]}
        if crash:
            end["crash"] = crash
    except Exception as trouble:  # the function's own: it failed, its instance did not
        tell(trouble)
        end = {"t": "end", "id": call["id"], "error": "%s: %s" % (type(trouble).__name__, trouble)}
    flush()
    write_frame(end)


def work(answer, calls):
    while True:
        item = calls.get()
        if item is None:
            return
        answer_one(answer, *item)


def serve(answer, concurrency):
    if concurrency == 1:
        while True:
            call, body = read_frame()
            if call is None:
                return
            answer_one(answer, call, body)
    import queue

    calls = queue.SimpleQueue()
    for _ in range(concurrency):
        threading.Thread(target=work, args=(answer, calls), daemon=True).start()
    while True:
        item = read_frame()
        if item[0] is None:
            return
        calls.put(item)


def run():
    order, _ = read_frame()
    if order is None:
        return
    # Not the runner's own folder: what the function imports is its source, then the shim, then what is installed.
    sys.path[0] = order["shims"]
    try:
        function = load(order["source"], order["target"])
        kind = kind_of(function, order["target"], order["trigger"])
        answer = answerer(kind, function, order["source"], order["target"])
    except BaseException as trouble:  # SystemExit and KeyboardInterrupt of the code are failures as well
        text = str(trouble) if isinstance(trouble, NotAFunction) else tell(trouble)
        flush()
        write_frame({"t": "failed", "message": text.strip()})
        os._exit(1)
    flush()
    write_frame({"t": "ready", "kind": kind})
    serve(answer, order["concurrency"])
    flush()
    os._exit(0)


run()
