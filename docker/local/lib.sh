# Sourced by ./platform: stages with their times, what is installed where it is missing, and builds that are skipped
# where nothing changed.

artifacts="$root/artifacts"

fail() {
  echo "platform: $*" >&2
  exit 1
}

# stage TEXT: a heading with the seconds since the script started, so that slow stages show.
stage() { printf '%s[%4ds] %s%s\n' "$bold" "$SECONDS" "$*" "$plain" >&2; }
if [ -t 2 ]; then bold=$'\e[1m' plain=$'\e[0m'; else bold='' plain=''; fi

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "installing Debian packages needs root or sudo: $*"
  fi
}

need_dotnet() {
  command -v dotnet >/dev/null && dotnet --list-sdks | grep -q '^10\.' && return
  fail 'needs the .NET 10 SDK (https://dotnet.microsoft.com/download/dotnet/10.0).'
}

# need_apt PACKAGE…: installs the Debian packages that are missing. A server among them is not started as a system
# service: a policy-rc.d that denies it is in place for the time of the installation, unless the machine has its own.
need_apt() {
  local missing=() package policy=/usr/sbin/policy-rc.d own_policy=0
  for package in "$@"; do
    if [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then missing+=("$package"); fi
  done
  if [ ${#missing[@]} = 0 ]; then return; fi
  command -v apt-get >/dev/null || fail "needs the Debian packages ${missing[*]}, and there is no apt-get here."
  stage "installing ${missing[*]}"
  if [ ! -e $policy ]; then
    own_policy=1
    printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
    as_root chmod 755 $policy
  fi
  local log="$artifacts/apt.log" status=0
  mkdir -p "$artifacts"
  {
    if [ -z "${apt_updated:-}" ]; then as_root apt-get -o DPkg::Lock::Timeout=500 update; fi &&
      as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=500 install -y --no-install-recommends "${missing[@]}"
  } >"$log" 2>&1 </dev/null || status=$?
  apt_updated=1
  if [ $own_policy = 1 ]; then as_root rm -f $policy; fi
  if [ $status != 0 ]; then
    tail -n 20 "$log" >&2
    fail "apt-get could not install ${missing[*]} (whole log: $log)."
  fi
}

# need_npm NAME FOLDER: what FOLDER/package-lock.json lists, in artifacts/tools/NAME. Packages' own scripts are not run.
need_npm() {
  local name=$1 folder=$2 tools="$artifacts/tools/$1"
  if cmp -s "$folder/package-lock.json" "$tools/installed.json"; then return; fi
  command -v npm >/dev/null || fail "needs Node 20 with npm for $name (https://nodejs.org)."
  stage "installing $name from npm"
  mkdir -p "$tools"
  cp "$folder"/package*.json "$tools/"
  if [ -e "$folder/.npmrc" ]; then cp "$folder/.npmrc" "$tools/"; fi
  npm ci --prefix "$tools" --ignore-scripts --no-fund --no-audit --loglevel=error </dev/null >"$tools/npm.log" 2>&1 || {
    tail -n 20 "$tools/npm.log" >&2
    fail "npm could not install $name (whole log: $tools/npm.log)."
  }
  cp "$folder/package-lock.json" "$tools/installed.json"
}

# random_secret: 32 random bytes in URL-safe base 64.
random_secret() { head -c 32 /dev/urandom | base64 -w 0 | tr '+/' '-_' | tr -d '='; }

sha256_hex() { printf %s "$1" | sha256sum | cut -d' ' -f1; }

# build TARGET…: Release builds of projects or the solution. One compiler server for all of them (a quarter of the
# time), under a name of our own so that it can be ended without touching anybody else's.
build() {
  need_dotnet
  local target compiler="platform-$$" sdk status=0
  sdk=$(dotnet --list-sdks | sed -n 's/^\(10[^ ]*\) \[\(.*\)\]$/\2\/\1/p' | tail -n 1)
  mkdir -p "$artifacts"
  for target in "$@"; do
    MSBUILDDISABLENODEREUSE=1 dotnet build "$root/$target" -c Release --nologo -v quiet \
      -p:UseSharedCompilation=true -p:SharedCompilationId="$compiler" </dev/null >"$artifacts/build.log" 2>&1 || status=$?
    if [ $status != 0 ]; then break; fi
  done
  dotnet exec "$sdk/Roslyn/bincore/VBCSCompiler.dll" -shutdown "-pipename:$compiler" >/dev/null 2>&1 || true
  if [ $status != 0 ]; then
    grep -E ': (error|warning) ' "$artifacts/build.log" | sort -u | head -n 40 >&2 || tail -n 40 "$artifacts/build.log" >&2
    fail "the build of $target failed (whole log: $artifacts/build.log)."
  fi
}

# build_if_changed PROJECT: as build, skipped where no source is newer than the last such build.
build_if_changed() {
  local stamp="$artifacts/stamps/${1//\//-}" began
  if [ -e "$stamp" ] && [ -z "$(cd "$root" && find ./*.props ./*.targets global.json shared services "$1" -newer "$stamp" -print -quit 2>/dev/null)" ]; then
    return
  fi
  stage "building $1"
  began=$(date -Ins)
  build "$1"
  mark_built "$began" "$1"
}

# mark_built BEGAN PROJECT…: the projects were built from the sources as they were at that time.
mark_built() {
  local began=$1 project
  shift
  mkdir -p "$artifacts/stamps"
  for project in "$@"; do touch -d "$began" "$artifacts/stamps/${project//\//-}"; done
}

# program NAME: the executable of the project with that assembly name; the published one, where a build publishes it.
program() {
  local published="$artifacts/publish/$1/release/$1"
  if [ -e "$published" ]; then echo "$published"; else echo "$artifacts/bin/$1/release/$1"; fi
}
