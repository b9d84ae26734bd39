"""Turns the errors of routes into problems; FastAPI's own handlers answer in other shapes."""

from __future__ import annotations

import http
from collections.abc import Callable, Mapping
from typing import Any

import redis.exceptions
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from gateway.bodies import JsonAnswer
from gateway.problems import FieldProblemAnswer, HttpProblemError, ProblemAnswer, problem
from schemas.errors import (
    ModelError,
    ModelNotFoundError,
    NotConfirmedError,
    RegistryUnavailableError,
)
from schemas.refusals import MAX_ERRORS, MAX_MESSAGE

_PLAIN = (str, int, float, bool)
_RETRY_S = 1


def _of_problem(error: HttpProblemError) -> HttpProblemError:
    return error


def _of_http(error: HTTPException) -> HttpProblemError:
    reason = http.HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
    return HttpProblemError(ProblemAnswer(str(error.detail), reason, error.status_code), error.headers)


def _of_validation(error: RequestValidationError) -> HttpProblemError:
    found = error.errors()[:MAX_ERRORS]
    if found and found[0]["type"] == "json_invalid":
        return problem(400, "not_json", f"the body is not JSON: {found[0].get('ctx', {}).get('error', '')}")
    errors = [_field_of(each) for each in found]
    detail = "; ".join(f"{each.field}: {each.message}" for each in errors)
    return HttpProblemError(ProblemAnswer(detail, "invalid_value", 422, errors))


def _field_of(found: Mapping[str, Any]) -> FieldProblemAnswer:
    field = ".".join(map(str, found["loc"][1:])) or str(found["loc"][0])
    answer = FieldProblemAnswer(field, str(found["msg"])[:MAX_MESSAGE])
    if isinstance(found.get("input"), _PLAIN):
        answer.value = found["input"]
    return answer


def _of_redis(error: Exception) -> HttpProblemError:
    return problem(503, "redis_away", f"Redis does not answer: {error}", retry_after_s=_RETRY_S)


def _of_missing_model(error: ModelNotFoundError) -> HttpProblemError:
    return problem(404, "not_found", str(error))


def _of_model(error: ModelError) -> HttpProblemError:
    return problem(409, getattr(error, "check", "rejected"), str(error))


def _of_registry(error: RegistryUnavailableError) -> HttpProblemError:
    return problem(503, "registry_away", str(error), retry_after_s=_RETRY_S)


def _of_unconfirmed(error: NotConfirmedError) -> HttpProblemError:
    return problem(504, "not_confirmed", str(error))


def _handler(translate: Callable[[Any], HttpProblemError]) -> Callable[[Request, Any], JsonAnswer]:
    def answer(request: Request, error: Any) -> JsonAnswer:
        translated = translate(error)
        if request.scope["path"].startswith("/v2/"):
            # clients of inference servers read this member
            translated.answer.error = translated.answer.detail
        return JsonAnswer(translated.answer, translated.answer.status, dict(translated.headers))

    return answer


ERROR_HANDLERS: dict[Any, Any] = {
    HttpProblemError: _handler(_of_problem),
    HTTPException: _handler(_of_http),
    RequestValidationError: _handler(_of_validation),
    redis.exceptions.RedisError: _handler(_of_redis),
    ModelNotFoundError: _handler(_of_missing_model),
    ModelError: _handler(_of_model),
    RegistryUnavailableError: _handler(_of_registry),
    NotConfirmedError: _handler(_of_unconfirmed),
}
"""Error -> handler; Starlette looks for the most special one."""
