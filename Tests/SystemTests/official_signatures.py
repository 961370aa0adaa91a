# SPDX-License-Identifier: Apache-2.0
"""Signs a request, given as JSON on standard input, with the library that its cloud publishes.

Runs in .build-venv. Prints the `Authorization` field.
"""

import datetime
import json
import sys
import types


def aws(asked):
    import botocore.auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    sent = {name.lower(): value for name, value in asked["headers"].items()}
    signed = sent["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")

    class Frozen(botocore.auth.S3SigV4Auth):
        """At the time that stands in the request, over the fields that it says are signed."""

        def headers_to_sign(self, request):
            everything = super().headers_to_sign(request)
            for name in list(everything.keys()):
                if name.lower() not in signed:
                    del everything[name]
            return everything

    headers = {name: value for name, value in asked["headers"].items()
               if name.lower() not in ("authorization", "x-amz-date", "x-amz-security-token")}
    request = AWSRequest(asked["method"], asked["url"], headers=headers)
    request.context["payload_signing_enabled"] = True
    moment = datetime.datetime.strptime(sent["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
    botocore.auth.get_current_datetime = lambda *_, **__: moment
    auth = Frozen(Credentials(asked["access_key"], asked["secret_key"], asked.get("token")), "s3", asked["region"])
    auth.payload = lambda _: sent["x-amz-content-sha256"]
    auth.add_auth(request)
    assert request.headers["X-Amz-Date"] == sent["x-amz-date"], "the time could not be set"
    return request.headers["Authorization"]


def azure(asked):
    from azure.storage.blob._shared.authentication import SharedKeyCredentialPolicy

    headers = {name: value for name, value in asked["headers"].items() if name.lower() != "authorization"}
    query = dict(item.split("=") for item in asked["url"].partition("?")[2].split("&") if item)
    request = types.SimpleNamespace(
        http_request=types.SimpleNamespace(method=asked["method"], url=asked["url"], headers=headers, query=query),
        context=types.SimpleNamespace(transport=None))
    SharedKeyCredentialPolicy(asked["account"], asked["key"]).on_request(request)
    return headers["Authorization"]


asked = json.load(sys.stdin)
print({"aws": aws, "azure": azure}[asked["kind"]](asked))
