#!/usr/bin/env bash
# Plays a day with the real Claude Code in a bottle, in tmux: README.md says what it needs and what it does.
# Ends with a line for each step; the exit status is 1 if one failed.
#
#   day.sh [--bin DIR] [--screens FILE]    DIR has bottle and bottle-proxy; FILE receives the screens, as text
# shellcheck disable=SC2317 # Functions that until_true calls.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=screen.sh
source "$here/screen.sh"

bin=$here/../../build/release
screens=/dev/null
while (($#)); do
  case $1 in
    --bin) bin=${2:?--bin needs a folder}; shift 2 ;;
    --screens) screens=${2:?--screens needs a file}; shift 2 ;;
    *) sed -n '2,5s/^# \{0,1\}//p' "$0"; [[ $1 == --help || $1 == -h ]] && exit 0; exit 2 ;;
  esac
done
die() { printf 'day: %s\n' "$*" >&2; exit 2; }
for tool in tmux claude node git go curl jq python3; do
  command -v "$tool" >/dev/null || die "$tool is missing. README.md says how to install what this needs"
done
bin=$(cd "$bin" 2>/dev/null && pwd) || die "$bin is no folder: build bottle, or name its folder with --bin"
case $(realpath "$(command -v claude)") in
  /usr/* | /opt/*) ;;
  *) die "claude is at $(command -v claude), where a bottle does not see it: install it below /usr or /opt (README.md)" ;;
esac
for program in bottle bottle-proxy; do
  [[ -x $bin/$program ]] || die "$bin has no $program: build it, or name its folder with --bin"
done
: >"$screens" || die "$screens cannot be written"
screens=$(realpath "$screens")

# Everything of this day is below one folder. It is short, since the path of a Unix socket has 107 characters at most.
day=$(mktemp -d /tmp/day-XXXXXX)
mkdir -p "$day"/{home,state,run,data,project,cert}
chmod 700 "$day/run"
export TMUX_TMPDIR=$day
# A key of the right shape that opens nothing.
key=sk-ant-api03-vR7tQ2mXw9LkB4nZ8cYpD3sF6hJ1gT5aE0uWqKxN7bVr2MzC9dSf4GhP8jLy3TnQ6wXeR1oA5iU0kBvJm4ZsHd-tG7pLAA
clean=(env -i "PATH=$bin:$PATH" "HOME=$day/home" "XDG_STATE_HOME=$day/state" "XDG_RUNTIME_DIR=$day/run"
  "XDG_DATA_HOME=$day/data" "TMUX_TMPDIR=$day" "ANTHROPIC_API_KEY=$key" BOTTLE_BACKEND=local LANG=C.UTF-8 TERM=xterm-256color
  'PS1=outside$ ')
standin=
cleanup() {
  "${clean[@]}" timeout 60 bottle stop --all >/dev/null 2>&1 || true
  tmux -L "$socket" kill-server 2>/dev/null || true
  [[ -z $standin ]] || kill "$standin" 2>/dev/null || true
  rm -rf "$day" 2>/dev/null || rm -rf "$day" || true
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

(cd "$here" && go build -o "$day/standin" .) || die "the stand-in cannot be built"
: >"$day/standin.out"
"$day/standin" -cert-dir "$day/cert" -names api.anthropic.com,platform.claude.com,docs.test -key "$key" \
  >"$day/standin.out" 2>"$day/requests" &
standin=$!
until_true 20 grep -q ready "$day/standin.out" || die "the stand-in did not start"
port=$(sed -n 's/^ready //p' "$day/standin.out")
# A free port of this machine, for the dev server of the agent.
devport=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

options="--scanner guard --allow-address 127.0.0.0/8 --origin-ca $day/cert/origin-ca.pem"
for name in api.anthropic.com platform.claude.com docs.test; do options+=" --resolve $name:443=127.0.0.1:$port"; done
start="bottle start $options"
bottle_id() { "${clean[@]}" bottle list -q; }
launcher_pid() { pgrep -P "$(tmux_ display -p -t main '#{pane_pid}')" -x bottle; }
no_bottle() { [[ -z $(bottle_id) ]]; }
audit() { cat "$day/state/bottle/$1"/audit.jsonl*; }

# leave ends Claude, and waits for the shell of the person.
leave() {
  says main /exit && enter main && shows main 30 'outside\$ *$' && until_true 20 no_bottle
}

step_init() {
  git init -q -b main . && git config user.name Day && git config user.email day@example.com
  printf '#!/bin/sh\necho the hook ran >&2\n' >.git/hooks/pre-commit && chmod +x .git/hooks/pre-commit
  "${clean[@]}" bottle init --preset claude || return 1
  grep -q '"home": "kept"' bottle.json || fails "the manifest keeps no home"
  git add bottle.json && git commit -qm first
}

step_dialogs() {
  type_line main "$start --ask claude --allowedTools Bash"
  to_prompt main 90 || return 1
  keep main "the first start, after $dialogs dialogs"
  ((dialogs > 0)) || fails "the first start asked nothing, so this day proves nothing about the second"
}

# The command is one that the model gives the agent: it waits until the person allows the host.
step_ask() {
  id=$(bottle_id)
  type_line watch "bottle watch"
  shows watch 20 'BOTTLES' || return 1
  says main 'run: curl -sS https://docs.test/text' && enter main
  shows watch 40 'ASK.*docs\.test|docs\.test.*(waits|left|[0-9]+ ?s)' || return 1
  keep watch "bottle watch: the request waits"
  keep main "the agent waits meanwhile"
  hides main 1 'hello from docs\.test' || fails "the request passed before it was allowed"
  until_true 20 answer_in_watch || fails "the key a did not allow the host"
  shows main 30 'the command said: hello from docs\.test' || return 1
  keep watch "bottle watch: the host is allowed"
  keep main "the agent goes on"
  [[ $(audit "$id" | jq -r 'select(.kind == "ask" and .host == "docs.test") | .answer') == allow ]] ||
    fails "the audit log has no ask for docs.test with the answer allow"
  [[ $(audit "$id" | jq 'select(.kind == "exchange" and .host == "docs.test") | .status') == 200 ]] ||
    fails "the audit log has not one request to docs.test that was answered"
  [[ $(audit "$id" | jq -r 'select(.kind == "policy_changed") | .detail' | grep -c ^allow) == 1 ]] ||
    fails "something else was allowed, too"
}
# Claude itself may want other hosts meanwhile (its plugins): these are refused. The view takes a key only when the ask
# has stood there for a moment, so a key may have to be pressed again.
answer_in_watch() {
  case $(screen watch | grep -m1 '>ASK') in
    *' docs.test:443 '*) tmux_ send-keys -t watch a ;;
    *ASK*) tmux_ send-keys -t watch d ;;
  esac
  sleep 0.3
  "${clean[@]}" bottle policy "$id" | grep -q docs.test
}

step_same_conversation() {
  says main recall && enter main
  shows main 30 'of 2 orders the first was "run: curl' || return 1
  [[ $(bottle_id) == "$id" ]] || fails "the bottle is another one"
  says main 'run: curl -sS https://docs.test/again' && enter main
  shows main 30 'the command said: hello' || return 1
}

step_exit() { leave && keep main "the end of the first bottle" && tmux_ send-keys -t watch q; }

step_second_start() {
  tmux_ send-keys -t main -R C-l && tmux_ clear-history -t main
  type_line main "clear; $start claude --continue --allowedTools Bash"
  to_prompt main 90 || return 1
  keep main "the second start"
  ((dialogs == 0)) || fails "the second start asked $dialogs dialogs"
  says main recall && enter main
  shows main 30 'of 4 orders the first was "run: curl' || return 1
  keep main "the conversation of the first start goes on"
  leave
}

step_resume() {
  type_line main "clear; $start claude --resume --allowedTools Bash"
  shows main 60 'Resume' || return 1
  keep main "--resume offers the conversation"
  enter main
  to_prompt main 60 || return 1
  ((dialogs == 0)) || fails "the third start asked $dialogs dialogs"
  says main recall && enter main
  shows main 30 'of 5 orders the first was "run: curl' || return 1
  leave
}

step_worktree() {
  git worktree add -q -b feature "$day/tree" || return 1
  type_line main "clear; cd $day/tree; $start -p 8000:$devport claude --allowedTools Bash"
  to_prompt main 90 || return 1
  id=$(bottle_id)
  hook="$day/project/.git/hooks/post-commit"
  says main "run: echo touch /tmp/x > $hook; git commit --allow-empty -qm by-the-agent; git log --format=%s -1" && enter main
  shows main 40 'the command said: by-the-agent' || return 1
  keep main "a commit in a linked worktree"
  [[ $(git log --format=%s -1 feature) == by-the-agent ]] || fails "the repository has no such commit"
  [[ ! -e $hook ]] || fails "the agent made a hook"
  says main 'run: git commit --allow-empty -m more 2>&1 | head -1' && enter main
  shows main 40 'the command said: the hook ran' || fails "the hook of the person did not run"
  says main "run: echo broken 2>&1 > $day/project/.git/hooks/pre-commit || echo not mine" && enter main
  shows main 40 'the command said: not mine' || return 1
  keep main "hooks are read-only"
  grep -q 'the hook ran' .git/hooks/pre-commit || fails "the agent changed a hook"
}

step_dev_server() {
  says main 'run: echo a page of the agent > page.txt; (python3 -m http.server 8000 >/dev/null 2>&1 &); echo served' && enter main
  shows main 40 'the command said: served' || return 1
  page() { [[ $(curl -sS --noproxy '*' -m 5 "http://127.0.0.1:$devport/page.txt" 2>/dev/null) == 'a page of the agent' ]]; }
  until_true 20 page || fails "the page of the agent does not come"
  "${clean[@]}" bottle ports | tee -a "$screens" | grep -q "$devport" || fails "bottle ports does not name the port"
}

step_suspend() {
  tmux_ send-keys -t main C-z
  shows main 20 'Stopped' || return 1
  keep main "Ctrl-Z"
  [[ $(ps -o stat= -p "$(launcher_pid)") == T* ]] || fails "the launcher is not stopped"
  type_line main "echo outside is $((20 + 3))"
  shows main 10 'outside is 23$' || return 1
  type_line main fg
  shows main 20 "$prompt" || return 1
  says main recall && enter main
  shows main 30 'of 5 orders the first was' || return 1
  keep main "fg, and the conversation goes on"
}

step_kill() {
  local launcher left
  launcher=$(launcher_pid) || { fails "there is no launcher"; return; }
  mapfile -t family < <(descendants "$launcher")
  for name in bottle-proxy claude http.server; do
    alive "${family[@]}" | grep -q "$name" || fails "$name does not run below the launcher, so this step shows nothing"
  done
  kill -9 "$launcher"
  shows main 20 'Killed' || return 1
  all_gone() { left=$(alive "${family[@]}"); [[ -z $left ]]; }
  until_true 20 all_gone || fails "these run on: $left"
  # Also processes that have left the launcher's family: only the stand-in names the day's folder in its command line.
  left=$(pgrep -af "$day/" | grep -v "^$standin ") && fails "these run on: $left"
  tmux_ send-keys -t main C-l
  no_bottle || fails "bottle list still has a bottle"
  ! curl -sS --noproxy '*' -m 5 "http://127.0.0.1:$devport/" >/dev/null 2>&1 || fails "the port is still open"
  [[ -z $(find "$day/run" -mindepth 2 -name "$id*" -print -quit) ]] || fails "files are left: $(find "$day/run")"
  type_line main 'stty -a | grep -c " echo "; echo terminal'
  shows main 10 '^1$' || fails "the terminal is left without echo"
  keep main "after kill -9"
}

# The kept home is free again, and the conversation is in it.
step_after_kill() {
  type_line main "clear; $start claude --continue --allowedTools Bash"
  to_prompt main 90 || return 1
  ((dialogs == 0)) || fails "the start after kill -9 asked $dialogs dialogs"
  says main recall && enter main
  shows main 30 'of 6 orders the first was' || return 1
  keep main "the start after kill -9"
  leave
}

# Each request that came to the stand-in has its line, also those of the bottle that was killed.
step_audit() {
  local lines requests
  lines=$(cat "$day"/state/bottle/*/audit.jsonl* | jq -c 'select(.kind == "begin" and
    (.host == "docs.test" or .host == "api.anthropic.com" or .host == "platform.claude.com"))' | wc -l)
  requests=$(wc -l <"$day/requests")
  printf '\n=== %s lines in the audit logs, %s requests at the stand-in\n' "$lines" "$requests" >>"$screens"
  ((lines == requests)) || fails "$lines lines in the audit logs, $requests requests at the stand-in"
}

cd "$day/project"
git_home() { export HOME=$day/home; unset GIT_DIR GIT_WORK_TREE; }
git_home
open_panes "${clean[@]}"
run_steps \
  "bottle init --preset claude" step_init \
  "first start: Claude's dialogs, once" step_dialogs \
  "a host that is not allowed is asked about, and allowed in bottle watch" step_ask \
  "the agent goes on in the same conversation" step_same_conversation \
  "exit" step_exit \
  "second start with --continue: no dialog" step_second_start \
  "third start with --resume" step_resume \
  "a commit in a linked worktree, hooks are read-only" step_worktree \
  "a dev server of the agent, opened from outside" step_dev_server \
  "Ctrl-Z, fg" step_suspend \
  "kill -9 of the launcher: nothing is left" step_kill \
  "the start after kill -9: no dialog, the same conversation" step_after_kill \
  "the audit logs have each request" step_audit
