# shellcheck shell=bash
# What the scripts of this folder share: how they speak, and how they run a
# long command. Sourced, never run.

if [[ -t 1 ]]; then
  bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
else
  bold='' green='' red='' plain=''
fi

heading() { printf '\n%s==> %s%s\n' "$bold" "$*" "$plain"; }
say() { printf '    %s\n' "$*"; }
observed() { printf '  %s✓%s %s\n' "$green" "$plain" "$*"; }
complain() { printf '  %s✗ %s%s\n' "$red" "$*" "$plain" >&2; }

# Something went wrong: what failed, then one line for each further argument.
die() {
  complain "$1"
  shift
  if (($# > 0)); then printf '    %s\n' "$@" >&2; fi
  exit 1
}

# It cannot work here: what is needed.
die_needs() {
  printf '%s needs %s\n' "${0##*/}" "$1" >&2
  exit 2
}

# The release it runs on, as "debian trixie".
release() { (. /etc/os-release 2>/dev/null && echo "${ID:-} ${VERSION_CODENAME:-}"); }

require_known_release() {
  case $(release) in
    'debian bookworm' | 'debian trixie' | 'debian forky' | 'ubuntu noble') ;;
    *)
      die_needs "Debian 12, 13 or testing (forky), or Ubuntu 24.04; this is $(release || echo 'an unknown system'). Try it in a virtual machine, or as root on another Debian with scripts/in-release."
      ;;
  esac
}

# The process group of the command that run_logged is waiting for.
step_group=''

# run_logged LOG COMMAND... runs a long command with its output in LOG, shows
# the elapsed seconds, and on failure names the command and the log. The command
# gets a process group of its own, so that end_step can end all of it: ending
# cmake alone would leave ninja and its compilers behind.
run_logged() {
  local log=$1 began=$SECONDS shown=$SECONDS status=0
  shift
  setsid "$@" >"$log" 2>&1 </dev/null &
  step_group=$!
  while kill -0 "$step_group" 2>/dev/null; do
    if [[ -t 1 ]]; then
      printf '\r    %d s ' "$((SECONDS - began))"
    elif ((SECONDS - shown >= 15)); then
      shown=$SECONDS
      say "still running after $((SECONDS - began)) s"
    fi
    sleep 0.2
  done
  wait "$step_group" || status=$?
  step_group=''
  if [[ -t 1 ]]; then printf '\r'; fi
  if ((status != 0)); then
    tail -n 20 "$log" | sed 's/^/    | /' >&2
    die "failed with exit code $status after $((SECONDS - began)) s: $*" "Its log: $log"
  fi
  say "done in $((SECONDS - began)) s"
}

# For EXIT traps: ends the command run_logged was waiting for, and waits for it.
end_step() {
  if [[ -n $step_group ]]; then
    say 'waiting for the current step to end'
    kill -TERM -- "-$step_group" 2>/dev/null || true
    wait "$step_group" 2>/dev/null || true
    step_group=''
  fi
}
