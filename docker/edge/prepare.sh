#!/usr/bin/env bash
# prepare.sh FOLDER: what a hospital's edge needs to start, with a password and a secret of its own. Nothing that is there is written over.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=${1:?usage: prepare.sh FOLDER}
if [ -e "$folder/edge.env" ]; then
  echo "$folder/edge.env is there: without its Edge__Secret nobody can read the cross-walk any more. Take another folder." >&2
  exit 1
fi

random() { head -c 32 /dev/urandom | base64 -w 0; }

umask 077
mkdir -p "$folder"/{orthanc,studies,state}
cp "$here/compose.yaml" "$folder/"
cp "$here"/{orthanc,site}.json "$folder/orthanc/"
password=$(random)
printf '{ "RegisteredUsers": { "agent": "%s" } }\n' "$password" >"$folder/orthanc/users.json"
cat >"$folder/edge.env" <<END
Http__Address=127.0.0.1
Http__Port=8090
Http__GrpcPort=8091
Http__DrainSeconds=20
Edge__OrthancUser=agent
Edge__OrthancPassword=$password
Edge__Secret=$(random)
Edge__StatePath=/state
Edge__Site=default
Edge__Platform=
Edge__Key=
END
# As whom the containers run.
if [ "$(id -u)" = 0 ]; then
  chown -R 1655:1655 "$folder"/{orthanc,studies}
  chown -R 1654:1654 "$folder/state"
fi
echo "next: Edge__Platform and Edge__Key in $folder/edge.env, the hospital's names in $folder/orthanc/site.json, then docker compose up -d there"
