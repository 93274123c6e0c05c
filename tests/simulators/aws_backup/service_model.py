# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service model of AWS Backup, as botocore contains it: the requests, and the shape of each response."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "timestamp": (int, float),
}


def load_model(service: str = "backup") -> ServiceModel:
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


def list_operations(model: ServiceModel) -> list[OperationModel]:
    return [model.operation_model(name) for name in model.operation_names]


def find_problems(shape: Shape, value: Any, path: str = "") -> Iterator[str]:
    """Compare a value of a response with its shape: unknown fields, other types, and values outside of an enumeration.

    The service writes null for fields without a value.
    """
    if value is None:
        return
    if shape.type_name == "structure":
        if not isinstance(value, Mapping):
            yield f"{path}: not an object"
            return
        for name, inner in value.items():
            if name not in shape.members:
                yield f"{path}.{name}: not in the model"
            else:
                yield from find_problems(shape.members[name], inner, f"{path}.{name}")
    elif shape.type_name == "list":
        for number, inner in enumerate(value):
            yield from find_problems(shape.member, inner, f"{path}[{number}]")
    elif not isinstance(value, _TYPES[shape.type_name]):
        yield f"{path}: {value!r} is not a {shape.type_name}"
    elif shape.type_name == "string" and shape.enum and value not in shape.enum:
        yield f"{path}: {value!r} is not one of {shape.enum}"
