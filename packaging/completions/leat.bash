# Completion of leat for bash. The options are those that `leat COMMAND --help` prints.

_leat() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W "copy explain probe calibrate bench --help --version" -- "$current")
    return
  fi
  local -a command=("${COMP_WORDS[1]}")
  if [[ ${command[0]} == bench ]]; then
    if ((COMP_CWORD == 2)); then
      mapfile -t COMPREPLY < <(compgen -W "transfer claims planner memory read page --help" -- "$current")
      return
    fi
    command+=("${COMP_WORDS[2]}")
  fi
  case $previous in
    --mechanism)
      local names
      names=$("${COMP_WORDS[0]}" probe mechanisms 2>/dev/null | sed -n 's/^  \([a-z]\S*\).*/\1/p')
      [[ ${command[0]} == bench ]] && names+=" auto"
      mapfile -t COMPREPLY < <(compgen -W "$names" -- "$current")
      return ;;
    --source) mapfile -t COMPREPLY < <(compgen -W "file memory pipe tcp all" -- "$current"); return ;;
    --sink) mapfile -t COMPREPLY < <(compgen -W "tcp unix pipe file all" -- "$current"); return ;;
    --receiver) mapfile -t COMPREPLY < <(compgen -W "truncate copy" -- "$current"); return ;;
    --path) mapfile -t COMPREPLY < <(compgen -W "loopback veth" -- "$current"); return ;;
    --dir) mapfile -t COMPREPLY < <(compgen -d -- "$current"); return ;;
    --html | --svg)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      return ;;
    --digest)
      mapfile -t COMPREPLY < <(compgen -W "sha256 sha512 blake2b512" -- "$current")
      return ;;
    --consistency)
      mapfile -t COMPREPLY < <(compgen -W "live snapshot detect" -- "$current")
      return ;;
    --copies) mapfile -t COMPREPLY < <(compgen -W "allow forbid" -- "$current"); return ;;
    --durable) mapfile -t COMPREPLY < <(compgen -W "data full" -- "$current"); return ;;
    --offset | --length | --block-size | --limit-rate | --timeout | --close-timeout) return ;;
    --size | --pairs | --max-pairs | --rounds) return ;;
  esac
  if [[ $current == -* ]]; then
    local options
    options=$("${COMP_WORDS[0]}" "${command[@]}" --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]+')
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
    return
  fi
  if [[ ${command[*]} == "bench page" ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
    return
  fi
  if [[ ${command[0]} == probe ]]; then
    local sections="mechanisms kernel limits file_systems interfaces hardware"
    mapfile -t COMPREPLY < <(compgen -W "$sections" -- "$current")
    return
  fi
  [[ ${command[0]} == copy || ${command[0]} == explain ]] || return
  local addresses="tcp:// tcp-listen:// unix:/// unix-listen:///"
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -f -- "$current"; compgen -W "$addresses" -- "$current")
}

complete -F _leat leat
