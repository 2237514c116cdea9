# Sourced by ./platform: the distributed platform on this machine. RabbitMQ, Azurite and PostgreSQL, and each service as
# its own process, all on loopback ports; data in artifacts/run.

# PLATFORM_PACKAGES: another folder of models and references than the committed ones.
packages="${PLATFORM_PACKAGES:-$root/shared}"

# up_distributed [--port N] [--detach] [--training]
up_distributed() {
  local port=8080 detach=0 training=0 asks=()
  while [ $# -gt 0 ]; do
    case $1 in
      --port) port=${2:?--port needs a number} && shift 2 ;;
      --detach) detach=1 && shift ;;
      --training) training=1 && shift ;;
      *) fail "up --distributed does not know '$1'" ;;
    esac
  done
  local name
  for name in $(units); do
    if pid_of "$name" >/dev/null; then fail "$name runs already; ./platform down first."; fi
  done
  rm -f "$run"/*.sh "$run"/*.pid

  need_apt rabbitmq-server postgresql libgdcm-tools libopenjp2-tools
  need_npm azurite "$root/docker/local/azurite"
  build_if_changed services/standalone
  if [ $training = 1 ]; then build_if_changed services/training; fi
  secrets
  # From here on, whatever ends this script ends what it started.
  trap 'trap - EXIT; down' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM

  stage 'starting RabbitMQ, Azurite and PostgreSQL'
  define_servers
  start rabbitmq
  start azurite
  start postgresql
  until_true 60 postgresql listens "$postgresql_port"
  until_true 60 azurite listens "$azurite_port"
  until_true 120 rabbitmq listens "$rabbitmq_port"

  stage 'starting the services'
  services=()
  service results Platform.Results "$port" Results__Database=PostgreSql \
    "Results__ConnectionString=Host=127.0.0.1;Port=$postgresql_port;Username=platform;Password=$postgresql_password;Database=platform"
  service ingest Platform.Ingest $((port + 1))
  service preprocessing Platform.Preprocessing $((port + 2))
  models_as_services $((port + 3))
  if [ $training = 1 ]; then
    service training "Platform.Training serve" $((port + 2))
    asks=(Qc__Training=true)
  fi
  service qc Platform.Qc $((port + 2)) "${asks[@]}"
  for name in "${services[@]}"; do start "$name"; done
  for name in "${services[@]}"; do until_true 180 "$name" answers "$(service_port "$name")" /health/ready; done
  stage 'ready'
  summary | tee "$run/summary"
  if [ $detach = 1 ]; then
    trap - EXIT
    return
  fi
  echo 'Ctrl-C ends it. What the services say:'
  local logs=("${services[@]/#/$run/}")
  tail -q -n 0 -F "${logs[@]/%/.log}" 2>/dev/null &
  local tail=$! ended=' '
  trap 'trap - EXIT; kill $tail 2>/dev/null; down' EXIT
  while true; do
    for name in "${services[@]}" rabbitmq azurite postgresql; do
      if [[ $ended != *" $name "* ]] && ! pid_of "$name" >/dev/null; then
        ended+="$name "
        echo "platform: $name ended; './platform restart $name' starts it again" >&2
      fi
    done
    sleep 1 &
    wait $!
  done
}

# down: the services first, which finish what they work on, then what they stand on.
down() {
  local name services=() all
  all=$(units)
  for name in $all; do
    if [[ $name != rabbitmq && $name != azurite && $name != postgresql ]]; then services+=("$name"); fi
  done
  if [ -z "$all" ]; then return; fi
  stage 'stopping'
  stop 60 "${services[@]}"
  stop 30 rabbitmq azurite postgresql
  if [ -e "$run/epmd-port" ]; then ERL_EPMD_PORT=$(cat "$run/epmd-port") epmd -kill >/dev/null 2>&1 || true; fi
}

# restart NAME: starts a unit again with the ports and settings it had, ending it first where it runs.
restart() {
  [ -e "$run/${1:-}.sh" ] || fail "restart needs one of: $(units)"
  stop 60 "$1"
  start "$1"
  case $1 in
    rabbitmq | azurite | postgresql) ;;
    *) until_true 180 "$1" answers "$(service_port "$1")" /health/ready ;;
  esac
}

# secrets: made at the first start, kept for the owner alone, so that the data of an earlier start stays readable.
secrets() {
  mkdir -p "$run"
  if [ ! -e "$run/secrets" ]; then
    (
      umask 077
      printf '%s=%s\n' rabbitmq_password "$(random_secret)" postgresql_password "$(random_secret)" \
        azurite_key "$(head -c 64 /dev/urandom | base64 -w 0)" api_key "$(random_secret)" \
        study_secret "$(head -c 32 /dev/urandom | base64 -w 0)" erlang_cookie "$(random_secret)" >"$run/secrets"
    )
  fi
  # Not by IFS: read would strip the "=" that ends a base 64.
  local line
  while read -r line; do printf -v "${line%%=*}" %s "${line#*=}"; done <"$run/secrets"
}

define_servers() {
  local epmd_port distribution_port
  take_port rabbitmq_port 5672
  take_port epmd_port 14369
  take_port distribution_port 25672
  take_port azurite_port 10000
  take_port postgresql_port 5432
  echo "$epmd_port" >"$run/epmd-port"

  mkdir -p "$run/rabbitmq" "$run/azurite"
  (
    umask 077
    printf %s "$erlang_cookie" >"$run/rabbitmq/.erlang.cookie"
    cat >"$run/rabbitmq/rabbitmq.conf" <<CONF
listeners.tcp.local = 127.0.0.1:$rabbitmq_port
default_user = platform
default_pass = $rabbitmq_password
loopback_users = none
log.console.level = warning
CONF
    echo '[].' >"$run/rabbitmq/plugins"
  )
  chmod 400 "$run/rabbitmq/.erlang.cookie"
  define rabbitmq <<UNIT
export HOME='$run/rabbitmq' RABBITMQ_NODENAME=platform@localhost RABBITMQ_CONF_ENV_FILE=/dev/null
export RABBITMQ_CONFIG_FILE='$run/rabbitmq/rabbitmq.conf' RABBITMQ_ENABLED_PLUGINS_FILE='$run/rabbitmq/plugins'
export RABBITMQ_MNESIA_BASE='$run/rabbitmq/data' RABBITMQ_LOG_BASE='$run/rabbitmq/log' RABBITMQ_LOGS=-
export RABBITMQ_DIST_PORT=$distribution_port ERL_EPMD_PORT=$epmd_port ERL_EPMD_ADDRESS=127.0.0.1
export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}'
# Replaces the shell by the Erlang machine, so that the process id is the broker's.
export RUNNING_UNDER_SYSTEMD=1
exec /usr/lib/rabbitmq/bin/rabbitmq-server
UNIT

  define azurite <<UNIT
export AZURITE_ACCOUNTS='platform:$azurite_key'
exec node '$artifacts/tools/azurite/node_modules/azurite/dist/src/blob/main.js' --blobHost 127.0.0.1 \\
  --blobPort $azurite_port -l '$run/azurite' --silent --disableTelemetry --skipApiVersionCheck
UNIT
  define_postgresql
}

# PostgreSQL refuses to run as root: then it runs as its own user, whose data must be where that user can get to.
define_postgresql() {
  local bin data="$run/postgresql" as='' owner
  bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
  owner=$(id -un)
  if [ "$(id -u)" = 0 ]; then
    as='setpriv --reuid=postgres --regid=postgres --clear-groups'
    owner=postgres
    $as test -x "$run" || data=/var/lib/postgresql/platform-$(sha256_hex "$root" | cut -c 1-12)
  fi
  if [ ! -e "$data/PG_VERSION" ]; then
    mkdir -p "$data"
    chmod 700 "$data"
    (umask 077 && printf %s "$postgresql_password" >"$data.password")
    if [ "$owner" = postgres ]; then chown postgres: "$data" "$data.password"; fi
    $as "$bin/initdb" -D "$data" -U platform --auth=scram-sha-256 --pwfile="$data.password" --encoding=UTF8 --locale=C >"$run/postgresql.log" 2>&1 ||
      fail "initdb failed (log: $run/postgresql.log)."
    rm -f "$data.password"
  fi
  define postgresql <<UNIT
cd '$data'
exec $as '$bin/postgres' -D '$data' -c listen_addresses=127.0.0.1 -c port=$postgresql_port -c unix_socket_directories=
UNIT
}

# service NAME PROJECT PORT [KEY=VALUE…]: defines it on the first free port from PORT on, and adds it to services.
service() {
  local name=$1 project=$2 http grpc setting
  take_port http "$3"
  take_port grpc $((http + 100))
  shift 3
  services+=("$name")
  define "$name" <<UNIT
export Http__Port=$http Http__GrpcPort=$grpc Http__DrainSeconds=50
export Bus__Transport=RabbitMq Bus__Host=127.0.0.1 Bus__Port=$rabbitmq_port Bus__Username=platform Bus__Password='$rabbitmq_password'
export Blobs__Provider=Azure Blobs__ConnectionString='DefaultEndpointsProtocol=http;AccountName=platform;AccountKey=$azurite_key;BlobEndpoint=http://127.0.0.1:$azurite_port/platform;'
export Packages__Path='$packages'
export Tenants__0__Name=local Tenants__0__Sites__0=default Tenants__0__KeyHashes__0=$(sha256_hex "$api_key") Tenants__0__StudySecret='$study_secret'
$(for setting in "$@"; do printf "export '%s'\n" "$setting"; done)
export DOTNET_gcServer=0
exec '$(program "${project%% *}")' ${project#"${project%% *}"}
UNIT
}

# models_as_services PORT: every installed model has its own process; the first segmentation model has two replicas. Quality regressors run in qc.
models_as_services() {
  local manifest name version id replica segmenters=0
  for manifest in "$packages"/models/*/*/model.json; do
    [ -e "$manifest" ] || fail 'there is no model in shared/models.'
    version=$(basename "$(dirname "$manifest")")
    name=$(basename "$(dirname "$(dirname "$manifest")")")
    id="$name@$version"
    if grep -Eqi '"task": *"super' "$manifest"; then
      service "super-resolution-$name" Platform.SuperResolution "$1" "SuperResolution__Model=$id"
    elif grep -Eqi '"task": *"segmentation' "$manifest"; then
      for replica in $([ $segmenters = 0 ] && echo 1 2 || echo 1); do
        service "segmentation-$name-$replica" Platform.Segmentation "$1" "Segmentation__Model=$id"
      done
      segmenters=1
    fi
  done
}

service_port() { sed -n 's/.*Http__Port=\([0-9]*\).*/\1/p' "$run/$1.sh"; }

summary() {
  local upload results
  upload=$(service_port ingest)
  results=$(service_port results)
  cat <<END
web page    http://127.0.0.1:$results/
results     http://127.0.0.1:$results/api/studies
upload      curl -H 'x-api-key: $api_key' -F site=default -F file=@SCAN.nii.gz http://127.0.0.1:$upload/api/studies
key         $api_key (tenant "local")
logs        $run/*.log
$(for name in "${services[@]}"; do printf '%-34s http://127.0.0.1:%s/health/ready  /metrics\n' "$name" "$(service_port "$name")"; done)
END
}
