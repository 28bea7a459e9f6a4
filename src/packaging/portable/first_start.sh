# The rest of the portable file's script (see head.sh): unpacks it, then runs it.

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
  for tool in stat tail tar gzip; do
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

# refuse_unsafe SENTENCE: where others could change what runs from the cache.
refuse_unsafe() {
  [ -z "$unsafe" ] ||
    fail "$1" "Set BRAINJAR_HOME to a folder of your own that others can't write"
}

make_cache() {
  refuse_unsafe "${passed_over:-$unsafe}"
  [ -z "$passed_over" ] ||
    printf 'warning: %s\n' "$(printable "$passed_over; '$cache' is used instead")" >&2
  mkdir -p "$cache" 2>/dev/null ||
    fail "The folder '$cache' can't be made" 'Set BRAINJAR_HOME to a folder that can be written'
  # What was missing on the way may have been made by others meanwhile.
  examine
  # Where only owners remove what is theirs, nobody else can name a tree anew.
  if [ -z "$unsafe" ] && [ -k "$cache" ] && [ ! -O "$cache" ] && [ ! -O "$cache/$id" ] &&
    { [ -e "$cache/$id" ] || [ -L "$cache/$id" ]; }; then
    unsafe="The file '$cache/$id' isn't this user's own"
  fi
  refuse_unsafe "$unsafe"
}

# Sets tree to a folder that no other start has, also not on another machine with the same home.
make_tree() {
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
  # Only what the program itself writes later is as the user's mask has it.
  mask=$(umask)
  umask go-w
  make_cache
  make_tree
  check_room
  check_payload
  # The pipe's own exit code is tar's alone.
  failure=$({
    tail -c "+$offset" "$0" | { gzip -dc || echo 'unpacking failed' >&2; } |
      tar -xof - -C "$tree" || echo 'unpacking failed' >&2
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
  umask "$mask"
}

unpack
start "$@"
