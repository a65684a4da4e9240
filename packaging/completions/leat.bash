# Completion of leat for bash. The options are those that `leat COMMAND --help` prints.

_leat() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W "copy bench --help --version" -- "$current")
    return
  fi
  local command=${COMP_WORDS[1]}
  case $previous in
    --mechanism)
      mapfile -t COMPREPLY < <(compgen -W "read_write sendfile splice copy_file_range" -- "$current")
      return ;;
    --copies) mapfile -t COMPREPLY < <(compgen -W "allow forbid" -- "$current"); return ;;
    --durable) mapfile -t COMPREPLY < <(compgen -W "data full" -- "$current"); return ;;
    --offset | --length | --block-size | --limit-rate | --timeout | --close-timeout) return ;;
  esac
  if [[ $current == -* ]]; then
    local options
    options=$("${COMP_WORDS[0]}" "$command" --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]+')
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
    return
  fi
  local addresses=
  [[ $command == copy ]] && addresses="tcp:// tcp-listen:// unix:/// unix-listen:///"
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -f -- "$current"; compgen -W "$addresses" -- "$current")
}

complete -F _leat leat
