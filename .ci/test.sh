# Sourced by ./platform: the test verb. Its last line is "N passed, N failed"; a skipped test, a test project without
# tests and a project that does not report at all count as failures.

run_tests() {
  local project='' filter=''
  if [ $# -gt 0 ] && [ -d "$root/tests/$1.Tests" ]; then
    project=$1
    shift
  fi
  filter=${1:-}

  need_dotnet
  need_apt git rabbitmq-server postgresql python3-nibabel python3-scipy python3-pydicom mricron-data chromium dicom3tools dcmtk libgdcm-tools libopenjp2-tools openjph-tools
  need_apt orthanc orthanc-dicomweb iproute2
  need_npm azurite "$root/docker/local/azurite"
  need_npm charts "$root/tests/Deployment.Tests/tools"

  stage 'building the solution'
  (cd "$root" && dotnet tool restore </dev/null >/dev/null)
  if [ -n "$project" ]; then
    build "tests/$project.Tests"
  else
    local began
    began=$(date -Ins)
    build Platform.sln
    # System tests call the front door: what it would build is built.
    mark_built "$began" services/standalone services/training tests/Benchmarks
  fi

  local failures=() passed=0 failed=0
  stage 'checking the format'
  if ! (cd "$root" && dotnet csharpier check . </dev/null >&2); then
    failures+=('csharpier: run "dotnet csharpier format ."')
    failed=1
  fi

  local results="$artifacts/test-results" run="test-run-$$" folder
  rm -rf "$results"
  for folder in "$root"/tests/${project:-*}.Tests; do
    test_project "$(basename "$folder")"
  done
  end_leftovers "$run"
  if [ $((passed + failed)) = 0 ]; then
    failures+=("no test matches '$filter'")
    failed=1
  fi

  stage 'done'
  if [ ${#failures[@]} -gt 0 ]; then printf 'FAILED  %s\n' "${failures[@]}"; fi
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ]
}

# test_project NAME: runs one project's tests and adds what its TRX file says to passed, failed and failures.
test_project() {
  local name=$1 trx="$results/$1.trx" status=0 total=0 ok=0 line
  stage "$name"
  PLATFORM_TEST_RUN=$run dotnet test "$root/tests/$name" -c Release --no-build --nologo -v quiet \
    --results-directory "$results" --logger "trx;LogFileName=$name.trx" --logger 'console;verbosity=minimal' \
    --blame-hang --blame-hang-timeout 8min --blame-hang-dump-type none \
    ${filter:+--filter "$filter"} </dev/null || status=$?
  if [ -e "$trx" ]; then
    line=$(grep -o '<Counters [^>]*>' "$trx" | head -n 1)
    total=$(counter total)
    ok=$(counter passed)
    while read -r line; do failures+=("$name: $line"); done < <(
      grep '<UnitTestResult ' "$trx" | grep -v 'outcome="Passed"' | sed 's/.* testName="\([^"]*\)".* outcome="\([^"]*\)".*/\1 (\2)/'
    )
    if [ "$total" != "$ok" ]; then
      # Where only the end of a log is kept, this is all that is left of the cause.
      line=$(grep -m 1 -A 2 '<Message>' "$trx" | sed 's/<[^>]*>//g; s/^ *//' | tr '\n' ' ' | cut -c 1-400 || true)
      failures+=("$name: the first message: $line")
    fi
  fi
  passed=$((passed + ok))
  failed=$((failed + total - ok))
  if [ "$total" = 0 ] && [ -z "$filter" ]; then
    failures+=("$name: no tests ran")
    failed=$((failed + 1))
  elif [ $status != 0 ] && [ "$total" = "$ok" ] && [ "$total" != 0 ]; then
    failures+=("$name: ended with $status though every test passed")
    failed=$((failed + 1))
  fi
}

counter() { sed "s/.* $1=\"\([0-9]*\)\".*/\1/" <<<"$line"; }

# end_leftovers MARK: kills what the tests started and left behind: every process with the mark in its environment.
end_leftovers() {
  local environment pid
  for environment in /proc/[0-9]*/environ; do
    pid=${environment#/proc/}
    pid=${pid%/environ}
    if tr '\0' '\n' 2>/dev/null <"$environment" | grep -qx "PLATFORM_TEST_RUN=$1"; then
      echo "ending what a test left behind: $(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -c 1-120)" >&2
      kill -9 "$pid" 2>/dev/null || true
    fi
  done
}
