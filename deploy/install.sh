#!/usr/bin/env bash
# Install the inspection service on this machine, or bring it up to date; what is configured stays.
#     sudo deploy/install.sh                      from this folder's project
#     sudo deploy/install.sh --from gainspect     from a package index, or a wheel: --from ./gainspect-….whl
# The container file runs it too, with --no-service.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

from=$here/..
prefix=/opt/gainspect
etc=/etc/gainspect
data=/var/lib/gainspect
user=gainspect
python=python3
service=yes
extras=serve,openvino
dry=

usage() {
  sed -n '2,5s/^# \{0,1\}//p' "$0"
  cat << TEXT
Options: --from SPEC  --prefix DIR ($prefix)  --etc DIR ($etc)  --data DIR ($data)  --user NAME ($user)
         --python PROGRAM ($python)  --extras LIST ($extras)  --no-service  --dry-run
TEXT
}

while [ $# -gt 0 ]; do
  case $1 in
    --from | --prefix | --etc | --data | --user | --python | --extras)
      [ $# -ge 2 ] || { echo "install.sh: $1 wants a value" >&2; exit 2; }
      declare "${1#--}=$2"
      shift 2
      ;;
    --no-service) service=; shift ;;
    --dry-run) dry=yes; shift ;;
    -h | --help) usage; exit ;;
    *) echo "install.sh: there is no option $1" >&2; usage >&2; exit 2 ;;
  esac
done

run() {
  if [ -n "$dry" ]; then printf '%q ' "$@"; echo; else "$@"; fi
}

placed() {  # a file of ours, with the folders that were asked for
  sed -e "s|/opt/gainspect|$prefix|g; s|/etc/gainspect|$etc|g; s|/var/lib/gainspect|$data|g" \
    -e "s|^User=.*|User=$user|; s|^Group=.*|Group=$group|" "$1"
}

put() {  # a file of the plant: it is not written again
  if [ -e "$2" ]; then
    echo "kept $2"
  else
    placed "$1" > "$work/file"
    run install -m 0640 -o root -g "$group" "$work/file" "$2"
  fi
}

for folder in "$prefix" "$etc" "$data"; do
  case $folder in
    *[!A-Za-z0-9/._-]*) echo "install.sh: $folder has characters that a unit file does not take" >&2; exit 2 ;;
  esac
done
# The user of the service may write in DATA: root follows no link there.
for folder in "$data" "$data/state" "$data/pictures" "$data/bundles"; do
  [ ! -L "$folder" ] || { echo "install.sh: $folder is a link; name its target with --data" >&2; exit 2; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ -z "$dry" ] && [ "$(id -u)" != 0 ]; then
  echo "install.sh: run it as root (sudo), or look at what it does with --dry-run" >&2
  exit 2
fi
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
  || { echo "install.sh: $python is older than 3.11; name another with --python" >&2; exit 2; }

getent passwd "$user" > /dev/null \
  || run useradd --system --user-group --home-dir "$data" --no-create-home --shell /usr/sbin/nologin "$user"
group=$(id -gn "$user" 2> /dev/null || echo "$user")
[ -x "$prefix/bin/python" ] || run "$python" -m venv "$prefix"
if [ -d "$from" ]; then
  run "$prefix/bin/pip" install --quiet --upgrade --constraint "$from/constraints.txt" "${from}[$extras]"
else
  run "$prefix/bin/pip" install --quiet --upgrade "${from}[$extras]"
fi
run runuser -u "$user" -- "$prefix/bin/gainspect" --version > /dev/null || {
  echo "install.sh: $user may not run $prefix/bin/gainspect; name a Python that everybody may run with --python" >&2
  exit 2
}
run install -d -m 0755 "$etc"
run install -d -m 0700 -o "$user" -g "$group" "$data"
run runuser -u "$user" -- mkdir -p "$data/state" "$data/pictures" "$data/bundles"
put "$here/service.env" "$etc/service.env"
put "$here/settings.yaml" "$etc/settings.yaml"

if [ -n "$service" ]; then
  placed "$here/gainspect.service" > "$work/unit"
  run install -m 0644 "$work/unit" /etc/systemd/system/gainspect.service
  run systemctl daemon-reload
  echo "Put a bundle into $data/bundles, name it in $etc/service.env, then: systemctl enable --now gainspect"
  echo "The first start tells, in its journal, the address at which the first engineer signs up: journalctl -u gainspect"
fi
