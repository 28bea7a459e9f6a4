#!/bin/sh
# brainjar @VERSION@ for Linux on @MACHINE@: this script, then a compressed archive of the program.
#
# The first start unpacks it to $BRAINJAR_HOME, else $XDG_CACHE_HOME/brainjar, else
# ~/.cache/brainjar, which takes about @MEGABYTES@ MB there; every start then runs what was
# unpacked, where nobody but this user and root could have changed it. Remove that folder whenever
# you like. Needs sh, stat, tail, tar and gzip, and glibc.

checksum='@CHECKSUM@'
id='@ID@'
machine='@MACHINE@'
kilobytes=@KILOBYTES@
offset=@OFFSET@
folders='@FOLDERS@'
packed_at=@PACKED@
new_line='
'
# In kB, as ulimit counts.
address_space=51000000

# What the arguments tell beforehand: an error's format, and whether the engine will be started.
wants_json=no
wants_engine=no
for argument in "$@"; do
  case $argument in
    --json) wants_json=yes ;;
    run | jar | measure | *exact | *engine | --compare) wants_engine=yes ;;
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

# Sets cache to where one rule has trees unpacked, and examines it; fails where the rule names none.
find_cache() {
  case $1 in
    named) cache=$BRAINJAR_HOME ;;
    environment)
      case ${XDG_CACHE_HOME:-} in
        /*) cache=$XDG_CACHE_HOME/brainjar ;;
        *) cache=${HOME:+$HOME/.cache/brainjar} ;;
      esac
      ;;
    account)
      user=$(id -un 2>/dev/null)
      home=
      case $user in '' | *[!A-Za-z0-9_.-]*) ;; *) eval "home=~$user" ;; esac
      case $home in /*) ;; *) return 1 ;; esac
      [ -d "$home" ] && [ -w "$home" ] || return 1
      cache=$home/.cache/brainjar
      ;;
    *)
      cache=/tmp/brainjar-cache-$(id -u)
      mkdir -m 700 "$cache" 2>/dev/null
      if [ -L "$cache" ] || [ ! -O "$cache" ]; then
        unsafe="The folder '$cache' isn't this user's own"
        return
      fi
      ;;
  esac
  case $cache in '') return 1 ;; /*) ;; *) cache=$PWD/$cache ;; esac
  examine
}

# examine [TREE]: sets cache to where it really lies, unsafe to a sentence where others could change
# what runs from there, and is_tree_safe for a tree in it: the last one that is found, unless named.
#
# Every folder and link on the way must be this user's or root's, and none writable by others but
# one like /tmp, where only owners remove what is theirs. They are looked at from the top down: what
# passed can't be replaced by others any more, so what is examined is what runs. Links are resolved
# here for the same reason.
examine() {
  examined=${1:-}
  rest=$cache
  path=
  links=0
  set --
  while [ -n "$rest" ]; do
    part=${rest%%/*}
    case $rest in */*) rest=${rest#*/} ;; *) rest= ;; esac
    case $part in '' | .) continue ;; ..) path=${path%/*}; continue ;; esac
    if [ -L "$path/$part" ]; then
      set -- "$@" "$path/$part"
      links=$((links + 1))
      # The kernel follows as many.
      if [ "$links" -gt 40 ] || ! target=$(readlink "$path/$part"); then
        unsafe="The link '$path/$part' can't be followed"
        return
      fi
      case $target in /*) path= ;; esac
      rest=$target/$rest
    else
      path=$path/$part
      [ ! -e "$path" ] || set -- "$@" "$path"
    fi
  done
  cache=${path:-/}
  if [ -z "$examined" ] && [ -e "$cache/$id" ]; then
    for examined in "$cache/$id".*; do :; done
  fi
  # One process for the way and the tree: starting it is most of what this takes.
  if facts=$(
    set -- /proc/self/. / "$@" /proc/self/.
    if [ -n "$examined" ]; then
      set -- "$@" "$cache/$id" "$examined" "$examined"/* "$examined"/deno/* "$examined"/deno/quick/*
      set -- "$@" /proc/self/.
      for folder in $folders; do
        set -- "$@" "$examined/$folder" "$examined/$folder"/*
      done
    fi
    exec stat -c %f:%u:%Y "$@" 2>/dev/null
  ); then is_complete=yes; else is_complete=no; fi
  judge "$@"
}

# judge PATH...: what the facts, each a mode in hexadecimal, an owner and a time, say of the way and
# of the tree.
judge() {
  is_name_safe=no
  is_tree_safe=no
  unsafe=
  # The runtime's folder in /proc is this process's user's, and parts the facts.
  next_fact
  self=${fact%:*}
  user=${self#*:}
  # In a user namespace root's folders seem to be nobody's: whoever / belongs to is trusted there.
  next_fact
  root=${fact#*:}
  root=${root%:*}
  [ "$cache" != / ] || judge_folder /
  for path in "$@"; do
    next_fact
    judge_folder "$path"
  done
  next_fact
  # Where it isn't in its place, something was gone meanwhile.
  [ "${fact%:*}" = "$self" ] || unsafe=${unsafe:-"The way to '$cache' changed while it was looked at: others could change what runs from it"}
  [ -z "$unsafe" ] || return 0
  # Folders and files of the program have the time that they were packed with: a file that comes or
  # goes changes its folder's.
  time='*'
  for fact in $facts; do
    case $fact in
      "$self":*) time=$packed_at ;;
      ???[2367abef]:* | ??[13579bdf]?:*) return 0 ;;
      # The first is the file that names the tree.
      ????:"$user":$time | ????:0:$time) is_name_safe=yes ;;
      *) return 0 ;;
    esac
  done
  is_tree_safe=$is_complete
}

# Takes the first of the facts.
next_fact() {
  fact=${facts%%"$new_line"*}
  case $facts in *"$new_line"*) facts=${facts#*"$new_line"} ;; *) facts= ;; esac
}

judge_folder() {
  # What lies in it and seems to be root's may be anyone's.
  if [ "$1" = "$cache" ]; then root=; fi
  case $fact in
    ????:0:* | ????:"$user":* | ????:"$root":*) ;;
    *)
      unsafe=${unsafe:-"The folder '$1' isn't this user's own: others could change what runs from '$cache'"}
      return
      ;;
  esac
  case $fact in
    a???:*) ;;
    4[2367abef]??:*) root= ;;
    ???[2367abef]:* | ??[13579bdf]?:*)
      unsafe=${unsafe:-"The folder '$1' can be written by others: they could change what runs from '$cache'"}
      ;;
  esac
}

# Sets tree to what an earlier start unpacked; fails where there is none, it isn't whole, or others
# could have changed it.
#
# To read all of it would take longer than the program, so times tell whether something was changed.
# The engine's two thousand files are only looked at where it will be started; the seal, written
# last, is newer than they are.
find_tree() {
  [ "$is_name_safe" = yes ] && [ -f "$cache/$id" ] && [ -r "$cache/$id" ] && read -r name <"$cache/$id" || return 1
  case $name in */*) return 1 ;; "$id".[0-9]*) ;; *) return 1 ;; esac
  tree=$cache/$name
  # There were several, or another start changed something meanwhile.
  if [ "$tree" != "$examined" ] || [ "$is_tree_safe" = no ]; then examine "$tree"; fi
  [ "$is_tree_safe" = yes ] || return 1
  [ -f "$tree/seal" ] && [ -r "$tree/seal" ] && [ -x "$tree/program/brainjar" ] || return 1
  read -r sealed <"$tree/seal" || return 1
  [ "$sealed" = "$checksum" ] || return 1
  [ "$wants_engine" = yes ] && command -v find >/dev/null || return 0
  changed=$(find "$tree/program" -newer "$tree/seal" -o ! -user 0 ! -user "$user" \
    -o ! -type l -perm -020 -o ! -type l -perm -002 2>&1)
  [ -z "$changed" ]
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
# What the environment names is used or refused; what follows from it may be passed over.
if [ -n "${BRAINJAR_HOME:-}" ]; then rules=named; else rules='environment account temporary'; fi
passed_over=
for rule in $rules; do
  find_cache "$rule" || continue
  if [ -z "$unsafe" ]; then
    find_tree && start "$@"
    break
  fi
  passed_over=${passed_over:-$unsafe}
done

check_address_space

# What only the first start needs stands below (first_start.sh), where later ones don't read it.
