"""What a function's code imports to say of what kind it is. Only the decorators: the serving is the runner's."""
import functools

#: Kind by the function's name: http, cloudevent, typed.
KINDS = {}
#: The input type of typed functions, by the function's name.
INPUT_TYPES = {}
ERROR_HANDLERS = []


def _registering(kind):
    def decorate(function):
        KINDS[function.__name__] = kind

        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return function(*args, **kwargs)

        return wrapper

    return decorate


def http(function):
    return _registering("http")(function)


def cloud_event(function):
    return _registering("cloudevent")(function)


def typed(*given):
    """As `@typed` the type is the parameter's annotation; as `@typed(Type)` it is given."""
    if given and not isinstance(given[0], type):
        return _typed(given[0], _annotation(given[0]))
    return lambda function: _typed(function, given[0] if given else _annotation(function))


def errorhandler(code_or_exception):
    def decorate(function):
        ERROR_HANDLERS.append((code_or_exception, function))
        return function

    return decorate


def _typed(function, input_type):
    if not callable(getattr(input_type, "from_dict", None)):
        raise TypeError("The type of a typed function's parameter must have a method from_dict.")
    INPUT_TYPES[function.__name__] = input_type
    return _registering("typed")(function)


def _annotation(function):
    import typing

    hints = {name: hint for name, hint in typing.get_type_hints(function).items() if name != "return"}
    if not hints:
        raise TypeError("A typed function names the type of its parameter.")
    return next(iter(hints.values()))
