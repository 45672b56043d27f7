#!/usr/bin/env python3
"""usage: valid_json.py SCHEMA <DOCUMENT

Validates JSON from stdin by a JSON schema. Prints what does not fit, and exits with 1 then.
"""
import json
import sys

import jsonschema


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    errors = list(jsonschema.Draft202012Validator(schema).iter_errors(json.load(sys.stdin)))
    for error in errors:
        print("/".join(str(part) for part in error.absolute_path) + ": " + error.message)
    return 1 if errors else 0


sys.exit(main())
