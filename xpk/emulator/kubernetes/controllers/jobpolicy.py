"""A Job's podFailurePolicy: which rule an ended pod matches, and the sentence that the Job's condition then
has.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def failure_rule(policy: Json, pod: Json) -> tuple[str, str] | None:
    """(action, message) of the first rule that a failed pod matches; None when it has not failed or none
    matches.
    """
    if pod["status"].get("phase") != "Failed":
        return None
    who = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
    for index, rule in enumerate(policy.get("rules") or ()):
        tail = f"matching {rule['action']} rule at index {index}"
        if rule.get("onExitCodes"):
            found = _exit_code(rule["onExitCodes"], pod)
            if found is not None:
                container, code = found
                return rule[
                    "action"
                ], f"Container {container} for pod {who} failed with exit code {code} {tail}"
        elif _has_condition(rule.get("onPodConditions") or [], pod):
            kind = _has_condition(rule["onPodConditions"], pod)
            return rule["action"], f"Pod {who} has condition {kind} {tail}"
    return None


def _exit_code(wanted: Json, pod: Json) -> tuple[str, int] | None:
    for status in pod["status"].get("containerStatuses") or ():
        code = (status.get("state", {}).get("terminated") or {}).get("exitCode", 0)
        if code == 0 or wanted.get("containerName") not in (None, "", status["name"]):
            continue
        if (code in wanted.get("values", ())) == (wanted["operator"] == "In"):
            return status["name"], code
    return None


def _has_condition(patterns: list[Json], pod: Json) -> str:
    for item in pod["status"].get("conditions") or ():
        for pattern in patterns:
            if item["type"] == pattern["type"] and item["status"] == pattern.get("status", "True"):
                return str(item["type"])
    return ""
