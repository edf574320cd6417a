# shellcheck shell=bash disable=SC2034,SC2154,SC2317 # Names that day.sh sets and reads, functions that until_true calls.
# The hands and eyes of day.sh: two panes of a tmux server of its own, what they show, and the lines at the end.

socket=bottle-day-$$
unset TMUX
# Claude's prompt: a line that begins with its mark and has no question beside it.
readonly prompt='^ *[│|]? *[❯>]([  ]|$)'
dialogs=0
failed=
wrong=

tmux_() { tmux -L "$socket" "$@"; }
screen() { tmux_ capture-pane -p -t "$1" | sed 's/[[:space:]]*$//' | cat -s; }
# fails says why the step is wrong; the step goes on if it can.
fails() { printf 'day: %s\n' "$*" >&2; wrong=1; }

open_panes() {
  local pane
  for pane in main watch; do
    "$@" tmux -L "$socket" -f /dev/null new-session -d -s "$pane" -x 110 -y 34 bash --norc --noprofile
  done
}

# until_true SECONDS COMMAND…: tries until the command is true.
until_true() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < end)) || return 1
    sleep 0.2
  done
}

matches() { screen "$1" | grep -Eq -- "$2"; }

# shows PANE SECONDS PATTERN: waits until the pane has a line like that. A question of Claude's about a command that the
# model wants to run is answered with yes, as the person would.
shows() {
  local pane=$1 limit=$2 pattern=$3
  seen() {
    matches "$pane" "$pattern" && return
    if [[ $pane == main ]] && matches main 'Do you want to (proceed|make|create)'; then enter main; sleep 0.5; fi
    return 1
  }
  until_true "$limit" seen && return
  printf 'day: the pane %s does not show %s within %s s. It shows:\n%s\n' "$pane" "$pattern" "$limit" "$(screen "$pane")" >&2
  return 1
}
hides() { ! until_true "$2" matches "$1" "$3"; }

enter() { tmux_ send-keys -t "$1" Enter; }

# type_line types into a shell.
type_line() { tmux_ send-keys -t "$1" -l "$2" && enter "$1"; }

# says types a prompt, and waits until Claude shows it: an Enter that comes with the text would be a line break.
says() {
  tmux_ send-keys -t "$1" -l "$2"
  shows "$1" 10 "[❯>].*${2:0:3}" && sleep 0.4
}

# to_prompt PANE SECONDS: answers Claude's first questions, counts them in `dialogs`, and returns at its prompt.
to_prompt() {
  local pane=$1 end=$((SECONDS + $2)) now before='' ended=0
  dialogs=0
  while ((SECONDS < end)); do
    now=$(screen "$pane")
    case $now in
      *"Choose the text style"* | *"Security notes"* | *"terminal setup"* | *"Yes, I trust this folder"* | *"Do you trust"*)
        [[ $now == "$before" ]] || { dialogs=$((dialogs + 1)); keep "$pane" "a dialog"; enter "$pane"; before=$now; } ;;
      *"Do you want to use this API key"*)
        [[ $now == "$before" ]] || {
          dialogs=$((dialogs + 1)); keep "$pane" "a dialog"; tmux_ send-keys -t "$pane" Up; sleep 0.5; enter "$pane"
          before=$now; } ;;
      *"? for shortcuts"* | *"shift+tab to cycle"*) return 0 ;;
      # The shell's prompt, for longer than it takes to type: Claude has ended.
      *'outside$') ((++ended < 10)) || break ;;
    esac
    sleep 0.5
  done
  printf 'day: Claude does not come to its prompt. The pane shows:\n%s\n' "$(screen "$pane")" >&2
  return 1
}

# keep PANE TITLE: the screen goes into the file of --screens.
keep() { printf '\n=== %s\n%s\n' "$2" "$(screen "$1")" >>"$screens"; }

descendants() {
  local child
  echo "$1"
  for child in $(pgrep -P "$1"); do descendants "$child"; done
}

# alive prints those of these processes that run; one that ended and is not yet reaped does not.
alive() {
  local pid state
  for pid in "$@"; do
    state=$(ps -o stat= -p "$pid" 2>/dev/null) || continue
    [[ $state == Z* ]] || ps -o pid=,args= -p "$pid"
  done
}

# run_steps TITLE FUNCTION…: each step needs those before it, so the first that fails ends the day.
run_steps() {
  local lines=() title
  while (($#)); do
    title=$1
    if [[ $failed ]]; then
      lines+=("not run  $title")
    elif wrong='' && "$2" && [[ -z $wrong ]]; then
      lines+=("ok       $title")
    else
      lines+=("failed   $title")
      failed=1
    fi
    printf '%s\n' "${lines[-1]}" >&2
    shift 2
  done
  printf '%s\n' "${lines[@]}"
  [[ -z $failed ]]
}
