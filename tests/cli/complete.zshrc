# The .zshrc of a zsh that completes command lines and ends. $LINES_TO_COMPLETE are completed by
# the script at $SCRIPT; the matches go to $ANSWER, one a line, a line ";" after each of them.
autoload -Uz compinit && compinit -u -D
source $SCRIPT

# Notes what would be added. A call with -O, -A or -D only asks what matches.
compadd() {
  local -a found
  if [[ ${@[1,(i)(-|--)]} != *-[OAD]\ * ]]; then
    builtin compadd -O found "$@"
    (( $#found )) && print -rl -- $found >> $ANSWER
  fi
  builtin compadd "$@"
}

# The line editor has to be there: nothing completes outside of it.
zle-line-init() {
  for BUFFER in "${(@f)LINES_TO_COMPLETE}"; do
    CURSOR=$#BUFFER
    zle list-choices
    print -r -- ";" >> $ANSWER
  done
  exit
}
zle -N zle-line-init
