#!/bin/sh
# brainjar @VERSION@ for Linux on @MACHINE@: this script, then a compressed archive of the program.
#
# The first start unpacks it to $BRAINJAR_HOME, else $XDG_CACHE_HOME/brainjar, else
# ~/.cache/brainjar, which takes about @MEGABYTES@ MB there; every start then runs what was
# unpacked. Remove that folder whenever you like. Needs sh, tail, tar and gzip, and glibc.

checksum='@CHECKSUM@'
id='@ID@'
machine='@MACHINE@'
kilobytes=@KILOBYTES@
offset=@OFFSET@
folders='@FOLDERS@'
# In kB, as ulimit counts.
address_space=51000000

# What the arguments tell beforehand: an error's format, and whether the engine will be started.
wants_json=no
wants_engine=no
for argument in "$@"; do
  case $argument in
    --json) wants_json=yes ;;
    run | measure | *exact | *engine | --compare) wants_engine=yes ;;
  esac
done

# fail SENTENCE HINT [CODE]: in the words and with the exit code of the program's own errors.
fail() {
  set -- "$(printable "$1")" "$(printable "$2")" "${3:-unpack-failed}"
  printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
  if [ "$wants_json" = yes ]; then
    printf '{"error":{"code":"%s","message":"%s","hint":"%s"}}\n' \
      "$3" "$(quoted "$1")" "$(quoted "$2")"
  fi
  exit 3
}

# A text on one line, without what a terminal or a CI service's log reader would act on (report/printable.ts):
# control characters, and by their bytes C1's and those that turn text around, become "?".
printable() {
  c1=$(printf '\302[\200-\237]')
  marks=$(printf '\342\200[\213-\217\250-\256]')
  isolates=$(printf '\342\201[\240-\257]')
  printf '%s' "$1" | LC_ALL=C tr '\001-\037\177' '?' |
    LC_ALL=C sed "s/$c1/?/g; s/$marks/?/g; s/$isolates/?/g; s/##\\([A-Za-z]*\\[\\)/#?\\1/g"
}

# What a JSON string may hold of a text that is printable.
quoted() {
  printf '%s' "$1" | sed 's/[\\"]/\\&/g'
}

# The runtime reserves 48 GB of address space at its start and gives most of it back. Where it gets
# less it crashes before any line of the program: always below 34 GB, and now and then up to there.
check_address_space() {
  limit=$(ulimit -v)
  case $limit in '' | *[!0-9]*) return ;; esac
  [ "$limit" -ge "$address_space" ] ||
    fail "The address space is limited to $((limit / 1048576)) GB (ulimit -v), too little to start" \
      "Raise that limit to $((address_space / 1048576 + 1)) GB or lift it; memory that is filled \
can be limited by a control group or by ulimit -d" address-space-too-small
}

# Sets cache: where trees are unpacked.
find_cache() {
  case ${XDG_CACHE_HOME:-} in /*) under_xdg=$XDG_CACHE_HOME/brainjar ;; *) under_xdg= ;; esac
  if [ -n "${BRAINJAR_HOME:-}" ]; then
    cache=$BRAINJAR_HOME
  elif [ -n "$under_xdg" ]; then
    cache=$under_xdg
  elif [ -n "${HOME:-}" ]; then
    cache=$HOME/.cache/brainjar
  else
    find_cache_without_home
  fi
  case $cache in /*) ;; *) cache=$PWD/$cache ;; esac
}

# An empty environment: the home folder of the user's account, else a folder of this user alone.
find_cache_without_home() {
  user=$(id -un 2>/dev/null)
  home=
  case $user in '' | *[!A-Za-z0-9_.-]*) ;; *) eval "home=~$user" ;; esac
  case $home in
    /*) if [ -d "$home" ] && [ -w "$home" ]; then cache=$home/.cache/brainjar; return; fi ;;
  esac
  cache=/tmp/brainjar-cache-$(id -u)
  mkdir -m 700 "$cache" 2>/dev/null
  # Whoever owns it could run programs as this user.
  if [ -L "$cache" ] || [ ! -O "$cache" ]; then
    fail "The folder '$cache' isn't this user's own" 'Set BRAINJAR_HOME to a folder of your own'
  fi
}

# Sets tree to what an earlier start unpacked; fails where there is none or it isn't whole.
#
# The seal is written last, so a file or a folder that is newer was changed afterwards. To read
# it all would take longer than the program; the engine's two thousand files are only looked at
# where it will be started.
find_tree() {
  [ -r "$cache/$id" ] || return 1
  read -r name <"$cache/$id" || return 1
  case $name in */*) return 1 ;; "$id".[0-9]*) ;; *) return 1 ;; esac
  tree=$cache/$name
  [ -r "$tree/seal" ] && [ -x "$tree/program/brainjar" ] || return 1
  read -r sealed <"$tree/seal" || return 1
  [ "$sealed" = "$checksum" ] || return 1
  if [ "$wants_engine" = no ]; then
    # Few files: starting find would take longer than to look at them.
    ! is_changed
  elif command -v find >/dev/null; then
    changed=$(find "$tree/program" -newer "$tree/seal" 2>&1)
    [ -z "$changed" ]
  fi
}

# Whether anything is newer than the seal, but inside the engine's packages. A file that comes or
# goes makes its folder newer.
is_changed() {
  for folder in $folders; do
    for inside in "$tree/$folder" "$tree/$folder"/*; do
      [ "$inside" -nt "$tree/seal" ] && return 0
    done
  done
  return 1
}

# Runs the program from its tree.
start() {
  # Tells those who clean up that this tree is about to be used; the program then holds a lock. What
  # is written is read again without a process of its own, which $(ulimit -v) would take.
  if { ulimit -v >"$tree/in-use"; } 2>/dev/null && read -r limit <"$tree/in-use" &&
    [ "$limit" = unlimited ]; then :; else check_address_space; fi
  DENO_DIR=$tree/deno
  if [ "$wants_engine" = no ]; then
    flags="$flags $quick"
    DENO_DIR=$tree/deno/quick
  fi
  DENO_NO_UPDATE_CHECK=1
  # As deno.json's tasks start it.
  MALLOC_ARENA_MAX=${MALLOC_ARENA_MAX:-1}
  export DENO_DIR DENO_NO_UPDATE_CHECK MALLOC_ARENA_MAX
  # The runtime opens a nameless file there when the engine is tried out.
  if [ -z "${TMPDIR:-}" ] && [ ! -w /tmp ]; then
    TMPDIR=$DENO_DIR
    export TMPDIR
  fi
  exec "$tree/program/brainjar" run $flags "$tree/program/app/js/start.js" "$@"
  exit 3
}

flags='-q -A --no-prompt --no-config --no-lock --cached-only --no-remote --node-modules-dir=manual'
# Functions compiled as soon as they are read are kept in the runtime's code cache; later ones are
# compiled at every start, which took a check a fifth of its time. The engine's package is so large
# that this would cost 7 MB of memory. The cache holds for one set of flags. Nor does a check live
# long enough to be compiled twice, or to be tidied up.
quick='--v8-flags=--no-lazy,--no-maglev,--no-sparkplug,--min-semi-space-size=16'
find_cache
find_tree && start "$@"

# What only the first start needs stands below, where later ones don't read it.

check_address_space

# give_up SENTENCE HINT: fails and leaves nothing half unpacked.
give_up() {
  rm -rf "$tree"
  fail "$1" "$2"
}

# Runs one of the program's scripts with the runtime that came with it; never on the network.
program() {
  script=$1
  shift
  "$tree/program/brainjar" run $flags $quick "$tree/program/app/js/$script" "$@"
}

check_machine() {
  if [ "$(uname -s)" != Linux ] || [ "$(uname -m)" != "$machine" ]; then
    fail "This file is for Linux on $machine, and this machine is $(uname -s) on $(uname -m)" \
      'Download the file of this machine'
  fi
  for tool in tail tar gzip; do
    command -v "$tool" >/dev/null ||
      fail "Unpacking needs $tool, which this machine doesn't have" "Install $tool"
  done
  [ -r "$0" ] || fail "The file '$0' can't be read" 'Run it by its path, as one who may read it'
}

# Removes what a signal found half unpacked. A folder that was just made is empty, and not named yet.
abandon() {
  [ -n "$tree" ] && rm -rf "$tree"
  rmdir "$cache/$id.$number" 2>/dev/null
}

# Sets tree to a folder that no other start has, also not on another machine with the same home.
make_tree() {
  mkdir -p "$cache" 2>/dev/null ||
    fail "The folder '$cache' can't be made" 'Set BRAINJAR_HOME to a folder that can be written'
  tree=
  number=$$
  trap 'abandon; exit 129' HUP
  trap 'abandon; exit 130' INT
  trap 'abandon; exit 143' TERM
  until mkdir "$cache/$id.$number" 2>/dev/null; do
    [ -d "$cache/$id.$number" ] ||
      fail "The folder '$cache' can't be written" \
        'Make room, change its permissions, or set BRAINJAR_HOME to another folder'
    number=$((number + 1))
  done
  name=$id.$number
  tree=$cache/$name
  # By this a later start knows whether the unpacking still goes on.
  read -r boot </proc/sys/kernel/random/boot_id
  { echo "$$ $boot $(readlink /proc/self/ns/pid)" >"$tree/unpacking"; } 2>/dev/null
}

check_room() {
  set -- $(df -Pk "$tree" 2>/dev/null | tail -n 1)
  case ${4:-x} in *[!0-9]*) return ;; esac
  [ "$4" -ge "$kilobytes" ] ||
    give_up "Unpacking to '$cache' needs $((kilobytes / 1024)) MB, and $(($4 / 1024)) MB are free" \
      'Make room, or set BRAINJAR_HOME to a folder on another disk'
}

check_payload() {
  command -v sha256sum >/dev/null || return 0
  set -- $(tail -c "+$offset" "$0" | sha256sum)
  [ "$1" = "$checksum" ] ||
    give_up "The file '$0' is damaged: its checksum isn't the one it was built with" \
      'Download it again'
}

unpack() {
  check_machine
  make_tree
  check_room
  check_payload
  # The pipe's own exit code is tar's alone.
  failure=$({
    tail -c "+$offset" "$0" | { gzip -dc || echo 'unpacking failed' >&2; } |
      tar -xf - -C "$tree" || echo 'unpacking failed' >&2
  } 2>&1 >/dev/null)
  case $failure in
    *'unpacking failed'*)
      give_up "Unpacking to '$cache' failed: $(printf '%s\n' "$failure" | head -n 1)" \
        'Make room, or set BRAINJAR_HOME to another folder'
      ;;
  esac
  unpacked=$name
  if find_tree; then
    # Another start was faster.
    rm -rf "$cache/$unpacked"
  else
    name=$unpacked
    tree=$cache/$name
    failure=$(DENO_DIR=$tree/deno/quick program settle.js "$cache" "$id" "$name" "$checksum" \
      2>&1 >/dev/null </dev/null) ||
      give_up "The program unpacked to '$cache' doesn't start: $(
        printf '%s\n' "$failure" | head -n 1
      )" 'It needs glibc 2.27 or later (2.34 for run) and a folder that programs may run from: see BRAINJAR_HOME'
  fi
  trap - HUP INT TERM
}

unpack
start "$@"
