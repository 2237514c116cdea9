# Sourced by ./platform: processes of the local cluster. A unit NAME is run/NAME.sh, which replaces itself by the process;
# run/NAME.pid holds its process id and start time; run/NAME.log what it says.

# PLATFORM_RUN: another folder for the processes and their data, so that a second cluster does not meet the first.
run="${PLATFORM_RUN:-$artifacts/run}"

# define NAME: reads the unit's script from the standard input.
define() {
  mkdir -p "$run"
  (umask 077 && { echo '#!/usr/bin/env bash' && cat; } >"$run/$1.sh")
}

# started_at PID: the process's start time in clock ticks, which tells it from a later process of the same id. One that has
# ended and waits for its parent to notice does not count.
started_at() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  set -- ${stat##*) }
  [ "$1" != Z ] && echo "${20}"
}

# pid_of NAME: the unit's process id, where it runs.
pid_of() {
  local pid started
  [ -e "$run/$1.pid" ] && read -r pid started <"$run/$1.pid" && [ "$(started_at "$pid")" = "$started" ] && echo "$pid"
}

start() {
  if pid_of "$1" >/dev/null; then return; fi
  [ -e "$run/$1.sh" ] || fail "there is no '$1' to start; there are: $(units)"
  # A session of its own, so that Ctrl-C reaches this script alone, which then stops the units in order.
  setsid bash "$run/$1.sh" >>"$run/$1.log" 2>&1 </dev/null &
  echo "$! $(started_at $!)" >"$run/$1.pid"
}

# stop SECONDS NAME…: asks all to end, and kills the process groups of those that have not after SECONDS.
stop() {
  local seconds=$1 name pid deadline
  shift
  for name in "$@"; do
    # PostgreSQL takes SIGTERM for "wait until every client has gone", SIGINT for "now, cleanly".
    if pid=$(pid_of "$name"); then kill -s "$([ "$name" = postgresql ] && echo INT || echo TERM)" "$pid"; fi
  done
  deadline=$((SECONDS + seconds))
  for name in "$@"; do
    while pid=$(pid_of "$name"); do
      if [ $SECONDS -ge $deadline ]; then
        echo "platform: $name did not end in $seconds s; killed" >&2
        kill -KILL -- "-$pid" 2>/dev/null || kill -KILL "$pid"
      fi
      sleep 0.1
    done
    rm -f "$run/$name.pid"
  done
}

# units: the names of all, in the order they were defined.
units() { (cd "$run" 2>/dev/null && ls -tr -- *.sh 2>/dev/null | sed 's/\.sh$//' | tr '\n' ' '); }

# until_true SECONDS NAME COMMAND…: polls; fails with the end of the unit's log where it ended or the time is over.
until_true() {
  local seconds=$1 name=$2 deadline=$((SECONDS + $1))
  shift 2
  until "$@"; do
    if ! pid_of "$name" >/dev/null; then
      tail -n 30 "$run/$name.log" >&2
      fail "$name ended (whole log: $run/$name.log)."
    fi
    if [ $SECONDS -ge $deadline ]; then
      tail -n 30 "$run/$name.log" >&2
      fail "$name is not ready after $seconds s (whole log: $run/$name.log)."
    fi
    sleep 0.2
  done
}

# listens PORT / answers PORT PATH: something accepts connections on the port / GET PATH is answered with 200.
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
answers() {
  timeout 5 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0" && printf "GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n" "$1" >&3 && read -r line <&3 && [[ $line == *" 200 "* ]]' \
    "$1" "$2" 2>/dev/null
}

# take_port VARIABLE FROM: the first free port at or above FROM that was not taken before.
ports_taken=' '
take_port() {
  local port=$2
  while [[ $ports_taken == *" $port "* ]] || listens "$port"; do port=$((port + 1)); done
  ports_taken+="$port "
  printf -v "$1" %s "$port"
}
