"""Python's own TLS against a running `mickai serve`: says which protocol came about and what was answered."""

import json
import ssl
import sys
import urllib.request

url, certificate, key = sys.argv[1:4]
context = ssl.create_default_context(cafile=certificate)
request = urllib.request.Request(f"{url}/v1/models", headers={"Authorization": f"Bearer {key}"})
with urllib.request.urlopen(request, context=context) as answer:
    print(answer.status, len(json.load(answer)["data"]), "models")
try:
    urllib.request.urlopen(f"{url}/v1/models", context=context)
except urllib.error.HTTPError as error:
    print(error.code, "without a key")
old = ssl.create_default_context(cafile=certificate)
old.maximum_version = ssl.TLSVersion.TLSv1_2
try:
    urllib.request.urlopen(request, context=old)
except urllib.error.URLError as error:
    print("no TLS 1.2:", type(error.reason).__name__)
