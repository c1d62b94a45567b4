# shellcheck shell=bash
# Sourced by the scripts beside it: goes to the root of the checkout, and runs commands as steps of
# which one line is shown.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

logs=build/logs
steps=0      # how many there are; set by the script
step=0       # the current one
log_tail=40  # lines of a log shown on failure; +1 for all
child=       # process group of the running command

trap 'stop 129' HUP
trap 'stop 130' INT
trap 'stop 143' TERM

# usage_error <message>
usage_error() {
  printf 'ci/%s: %s (see --help)\n' "${0##*/}" "$1" >&2
  exit 2
}

# stop <exit code>: ends the running command, then the script.
stop() {
  trap '' HUP INT TERM
  if [[ -n $child ]]; then
    kill -TERM -- "-$child" "$child" 2>/dev/null || true
    for _ in {1..50}; do
      kill -0 -- "-$child" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL -- "-$child" 2>/dev/null || true
  fi
  printf '\nci/%s: interrupted\n' "${0##*/}" >&2
  exit "$1"
}

# heading <what>: the next step's number and name.
heading() {
  step=$((step + 1))
  printf '[%d/%d] %s' "$step" "$steps" "$1"
}

# run <log> <command>...: runs a command; its output goes to the log, or, with `out` set, its
# standard output to that file. Says every five minutes that it is still there.
# The command has a process group of its own, so that a signal to the script ends all of it at once.
run() {
  local log=$1 stdout=${out:-$1} started=$SECONDS told=0
  shift
  mkdir -p "$logs"
  : >"$log"
  : >"$stdout"
  setsid "$@" >>"$stdout" 2>>"$log" &
  child=$!
  while kill -0 "$child" 2>/dev/null; do
    sleep 0.2
    if ((SECONDS - started >= told + 300)); then
      told=$((told + 300))
      printf '\n      %d min ... ' $((told / 60))
    fi
  done
  local code=0
  wait "$child" || code=$?
  child=
  return "$code"
}

# timed <name of the log> <command>...: runs a command and ends the line with the outcome. With
# `good` set, these exit codes are good ones too. Returns the exit code.
timed() {
  local log=$logs/$1.log started=$SECONDS code=0
  shift
  printf ' ... '
  run "$log" "$@" || code=$?
  if [[ " 0 ${good-} " == *" $code "* ]]; then
    printf 'ok, %d s\n' $((SECONDS - started))
  else
    printf 'FAILED with exit code %d, %d s; %s:\n' "$code" $((SECONDS - started)) "$log"
    tail -n "$log_tail" "$log"
  fi
  return "$code"
}

# prepare: the step that installs what is missing.
prepare() {
  heading ''
  ci/prepare
}

# attempt <what> <name of the log> <command>...: a step that is one command.
attempt() {
  heading "$1"
  timed "${@:2}"
}
