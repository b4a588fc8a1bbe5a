"""Cloud Storage: a bucket's metadata, its layout, its IAM policy. No objects."""

from __future__ import annotations

from urllib.parse import quote

import requests

from xpk.cloud.endpoints import Endpoints
from xpk.cloud.errors import Call, Conflict, Json, NotFound
from xpk.cloud.http import JsonHttp
from xpk.cloud.retry import Failed, Retrier


class Storage:
    """Buckets. Every method raises `xpk.errors` only."""

    def __init__(
        self, endpoints: Endpoints, session: requests.Session, *, retrier: Retrier | None = None
    ) -> None:
        self._base = endpoints.storage + "/storage/v1/b/"
        self._retrier = retrier or Retrier()
        self._http = JsonHttp(session, self._retrier)

    def bucket(self, name: str) -> Json | None:
        """The bucket's metadata (location, hierarchicalNamespace, iamConfiguration), or None."""
        return self._get(name, "", "read bucket")

    def layout(self, name: str) -> Json | None:
        """The bucket's storage layout (hierarchicalNamespace, location), or None. Needs fewer
        rights than `bucket`."""
        return self._get(name, "/storageLayout", "read layout of bucket")

    def iam_policy(self, name: str) -> Json:
        """The policy with its conditions (version 3) and etag. Raises NotFound."""
        call = Call("read IAM policy of bucket", f"gs://{name}", repeatable=True)
        params = {"optionsRequestedPolicyVersion": "3"}
        return self._http.request("GET", self._url(name, "/iam"), call, params=params)

    def add_binding(self, bucket: str, role: str, member: str) -> bool:
        """Grant a role without a condition; False when the member has it already."""
        return self._change(bucket, role, member, add=True)

    def remove_binding(self, bucket: str, role: str, member: str) -> bool:
        """Take back such a grant; False when there is none."""
        return self._change(bucket, role, member, add=False)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _change(self, bucket: str, role: str, member: str, *, add: bool) -> bool:
        """Read, modify, write under the policy's etag; read again when somebody was faster."""
        verb = f"{'grant' if add else 'take back'} {role} on bucket"
        call = Call(verb, f"gs://{bucket}", repeatable=True)  # the etag makes a repetition harmless
        wrote = False

        def attempt() -> bool:
            nonlocal wrote
            policy = self.iam_policy(bucket)
            changed = with_member(policy, role, member) if add else without_member(policy, role, member)
            if changed is None:
                # A write whose answer got lost shows up here as done.
                return wrote
            try:
                wrote = True
                self._http.request("PUT", self._url(bucket, "/iam"), call, body=changed)
            except Conflict as error:
                raise Failed(error, again=True) from error
            return True

        return self._retrier.run(attempt)

    def _get(self, name: str, suffix: str, verb: str) -> Json | None:
        try:
            return self._http.request(
                "GET", self._url(name, suffix), Call(verb, f"gs://{name}", repeatable=True)
            )
        except NotFound:
            return None

    def _url(self, bucket: str, suffix: str) -> str:
        return self._base + quote(bucket, safe="") + suffix


def with_member(policy: Json, role: str, member: str) -> Json | None:
    """The policy with the member in the role's unconditional binding; None if it is there."""
    bindings = [dict(binding) for binding in policy.get("bindings") or ()]
    plain = [b for b in bindings if b.get("role") == role and not b.get("condition")]
    if any(member in (b.get("members") or ()) for b in plain):
        return None
    if plain:
        plain[0]["members"] = [*(plain[0].get("members") or ()), member]
    else:
        bindings.append({"role": role, "members": [member]})
    return {**policy, "bindings": bindings}


def without_member(policy: Json, role: str, member: str) -> Json | None:
    """The policy without the member in the role's unconditional bindings; None if it is not there."""
    kept, found = [], False
    for binding in policy.get("bindings") or ():
        members = binding.get("members") or ()
        if binding.get("role") == role and not binding.get("condition") and member in members:
            found = True
            binding = {**binding, "members": [m for m in members if m != member]}
            if not binding["members"]:
                continue
        kept.append(binding)
    return {**policy, "bindings": kept} if found else None
