#!/usr/bin/env bash
# versitygw 1.8.0 (an S3 server in Go) asked by botocore 1.43.0 of PyPI with an access key that it does not know.
# Guess: 403 and InvalidAccessKeyId, as AWS says it, so "who are you" can be told from "there is no such file" by the status.
# Seen: 404 and XAdminUserNotFound, for GET, HEAD and PUT alike. HEAD has no body, so a client that goes by the status takes a wrong
# key for an empty bucket. A wrong secret of a known key is 403 and SignatureDoesNotMatch. (go 1.26 and python3 with pip have to be there.)
set -euo pipefail
work=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server"; chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
GOBIN=$work GOFLAGS=-modcacherw go install github.com/versity/versitygw/cmd/versitygw@v1.8.0 2> go.log || { cat go.log; exit 1; }
python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore --target packages botocore==1.43.0 2> pip.log || { cat pip.log; exit 1; }
mkdir files
port=$((20000 + RANDOM % 20000))
./versitygw --access known --secret secret-of-known --port "127.0.0.1:$port" posix files > server.log 2>&1 &
server=$!
cat > ask.py.txt <<'P'
import sys, time
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError

def client(key, secret):
    return botocore.session.Session().create_client(
        "s3", endpoint_url="http://127.0.0.1:" + sys.argv[1], region_name="us-east-1", aws_access_key_id=key,
        aws_secret_access_key=secret, config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0}))

owner = client("known", "secret-of-known")
for _ in range(100):
    try:
        owner.create_bucket(Bucket="fleet")
        break
    except EndpointConnectionError:
        time.sleep(0.1)
owner.put_object(Bucket="fleet", Key="file", Body=b"text")

def told(who, name, **arguments):
    try:
        getattr(who, name)(Bucket="fleet", Key="file", **arguments)
        return "done"
    except ClientError as error:
        return f'{error.response["ResponseMetadata"]["HTTPStatusCode"]} {error.response["Error"]["Code"]}'

for title, who in (("unknown key", client("unknown", "secret-of-known")), ("wrong secret", client("known", "another"))):
    print(title, "get:", told(who, "get_object"))
    print(title, "head:", told(who, "head_object"))
    print(title, "put:", told(who, "put_object", Body=b"other"))
P
PYTHONPATH=packages python3 ask.py.txt "$port" | tee seen
cat > wanted <<'S'
unknown key get: 404 XAdminUserNotFound
unknown key head: 404 404
unknown key put: 404 XAdminUserNotFound
wrong secret get: 403 SignatureDoesNotMatch
wrong secret head: 403 403
wrong secret put: 403 SignatureDoesNotMatch
S
diff wanted seen
