#!/bin/sh
# Writes disposable.txt.gz anew from the npm package disposable-email-domains.
# Usage: disposable.sh [version]. Needs npm and node; DISPOSABLE.md names the
# version, change it there too.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm pack --silent "disposable-email-domains@${1:-latest}"
tar xzf ./*.tgz
# One domain to a line, in ASCII, sorted by byte. A leading dot means every
# domain below it as well.
node -e '
const { domainToASCII } = require("node:url");
const lines = new Set();
const add = (mark) => (d) => { const a = domainToASCII(d.toLowerCase()); if (/^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(a)) lines.add(mark + a); };
require("./package/index.json").forEach(add(""));
require("./package/wildcard.json").forEach(add("."));
process.stdout.write([...lines].map((l) => l + "\n").join(""));
' | LC_ALL=C sort -u | gzip -n9 > "$here/disposable.txt.gz"
