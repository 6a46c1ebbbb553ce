#!/usr/bin/env bash
# Four libraries and curl that sign requests to S3 for whoever brings a URL, and the names that files of a Nix binary cache have there:
# nar/HASH.nar.xz, but also log/HASH-gtk+-3.24.drv and realisations/sha256:HASH!out.doi, whose "+", ":" and "!" may stand in a URL as
# they are. Asked is versitygw 1.8.0 (an S3 server in Go); botocore 1.43.0 of PyPI, which is told the name, puts and gets all of them.
# Guess: a signer for S3 knows S3's rule, by which all but letters, digits and -_.~/ is escaped in what is signed, however it was sent.
# Seen: requests-aws4auth 1.4.0 of PyPI does. aws4 1.13.2 and aws4fetch 1.0.20 of npm take "+" for a space; requests-auth-aws-sigv4 0.7
# of PyPI and curl 7.88.1 (Debian bookworm) sign what stands in the URL. The server refuses what they sign: archives are fetched, logs
# of some packages and, by the latter two, every realisation are 403. With all of it escaped in the URL curl is believed.
# (go 1.26, npm, curl and python3 with pip have to be there.)
set -euo pipefail
work=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server"; chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
GOBIN=$work GOFLAGS=-modcacherw go install github.com/versity/versitygw/cmd/versitygw@v1.8.0 2> go.log || { cat go.log; exit 1; }
python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore --target packages botocore==1.43.0 requests==2.34.2 \
    requests-aws4auth==1.4.0 requests-auth-aws-sigv4==0.7 2> pip.log || { cat pip.log; exit 1; }
npm install --silent --no-audit --no-fund aws4@1.13.2 aws4fetch@1.0.20 > npm.log 2>&1 || { cat npm.log; exit 1; }
mkdir files
port=$((20000 + RANDOM % 20000))
./versitygw --access someone --secret something --port "127.0.0.1:$port" posix files > server.log 2>&1 &
server=$!

cat > ask.py <<'PY'
import sys
import time

import botocore.session
import requests
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError
from requests_auth_aws_sigv4 import AWSSigV4
from requests_aws4auth import AWS4Auth

host = "127.0.0.1:" + sys.argv[1]
names = sys.argv[2:]
owner = botocore.session.Session().create_client(
    "s3", endpoint_url="http://" + host, region_name="us-east-1", aws_access_key_id="someone",
    aws_secret_access_key="something", config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0}))
for _ in range(100):
    try:
        owner.create_bucket(Bucket="cache")
        break
    except EndpointConnectionError:
        time.sleep(0.1)
for name in names:
    owner.put_object(Bucket="cache", Key=name, Body=b"text")
print("botocore:", *(owner.get_object(Bucket="cache", Key=name)["ResponseMetadata"]["HTTPStatusCode"] for name in names))
signers = {
    "requests-aws4auth": AWS4Auth("someone", "something", "us-east-1", "s3"),
    "requests-auth-aws-sigv4": AWSSigV4("s3", region="us-east-1", aws_access_key_id="someone", aws_secret_access_key="something"),
}
for title, signer in signers.items():
    print(title + ":", *(requests.get(f"http://{host}/cache/{name}", auth=signer).status_code for name in names))
PY
cat > ask.mjs <<'JS'
import http from "node:http";
import aws4 from "aws4";
import { AwsClient } from "aws4fetch";

const [port, ...names] = process.argv.slice(2);
const of = { service: "s3", region: "us-east-1" };
const who = { accessKeyId: "someone", secretAccessKey: "something" };
const byAws4 = (name) => new Promise((resolve, reject) => {
  const signed = aws4.sign({ ...of, host: `127.0.0.1:${port}`, path: `/cache/${name}` }, who);
  http.get({ hostname: "127.0.0.1", port, path: signed.path, headers: signed.headers }, (answer) => {
    answer.resume();
    resolve(answer.statusCode);
  }).on("error", reject);
});
const client = new AwsClient({ ...of, ...who, retries: 0 });
const byAws4fetch = async (name) => (await client.fetch(`http://127.0.0.1:${port}/cache/${name}`)).status;
for (const [title, ask] of [["aws4", byAws4], ["aws4fetch", byAws4fetch]]) {
  const codes = [];
  for (const name of names) codes.push(await ask(name));
  console.log(`${title}:`, ...codes);
}
JS
hash=0v6wm4q0b3vzwhc4xbwq4aqr6zb0wzr1
by_curl() { # by_curl NAME...: as they stand in the URL
    local name
    for name in "$@"; do
        curl -s -o /dev/null -w ' %{http_code}' --aws-sigv4 aws:amz:us-east-1:s3 -u someone:something -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' \
            "http://127.0.0.1:$port/cache/$name"
    done
    echo
}
names=("nar/$hash.nar.xz" "log/$hash-gtk+-3.24.drv" "realisations/sha256:$hash!out.doi")
{
    PYTHONPATH=packages python3 ask.py "$port" "${names[@]}"
    node ask.mjs "$port" "${names[@]}"
    echo "curl:$(by_curl "${names[@]}")"
    echo "curl, escaped:$(by_curl "nar/$hash.nar.xz" "log/$hash-gtk%2B-3.24.drv" "realisations/sha256%3A$hash%21out.doi")"
} | tee seen
diff seen - <<'TEXT'
botocore: 200 200 200
requests-aws4auth: 200 200 200
requests-auth-aws-sigv4: 200 403 403
aws4: 200 403 200
aws4fetch: 200 403 200
curl: 200 403 403
curl, escaped: 200 200 200
TEXT
