/**
 * The scripts of `hangdog completion`. They know nothing of hangdog's commands: they hand the words up to the cursor to the hidden command
 * `complete` and offer what it prints. No word is evaluated: a line may hold `$(…)` that its writer does not want to be run yet.
 * It gets no terminal: what is typed meanwhile is not for it.
 */

/**
 * Bash cuts words at the characters of COMP_WORDBREAKS, such as `=` and `:`, so they are put together again by where spaces stand in
 * COMP_LINE; and it replaces only what follows the last such character, so that is all it is given.
 */
const bash = `# Completion of hangdog for bash; made by: hangdog completion bash
_hangdog() {
  local line=\${COMP_LINE:0:COMP_POINT} word current cut= quote= count=0 index also value
  local -a words=() places=() lines=()
  COMPREPLY=()
  for (( index = 0; index <= COMP_CWORD; index++ )); do
    if (( index == 0 )) || [[ $line == [[:space:]]* ]]; then
      line=\${line#"\${line%%[![:space:]]*}"}
      words[count]= places[count]=$index count=$(( count + 1 ))
    fi
    word=\${COMP_WORDS[index]}
    (( index == COMP_CWORD )) && word=$line
    words[count - 1]+=$word
    line=\${line#"$word"}
  done

  current=\${words[count - 1]}
  case $current in
    [\\"\\']*) quote=\${current:0:1} current=\${current:1} ;;
  esac
  # Text that is only partly quoted is nothing that can be offered.
  case $current in
    *[\\"\\'\\\\\\\`\\$]*) compopt -o default; return ;;
  esac
  if [[ -z $quote ]]; then
    for (( index = 0; index < \${#current}; index++ )); do
      word=\${current:index:1}
      [[ $word == [:=] && $COMP_WORDBREAKS == *"$word"* ]] && cut=\${current:0:index + 1}
    done
  fi

  words[count - 1]=$current
  while IFS= read -r value; do
    lines+=("$value")
  done < <(command hangdog complete --raw -- "\${words[@]:1}" < /dev/null 2> /dev/null)
  (( \${#lines[@]} > 0 )) || return
  also=\${lines[0]}
  for value in "\${lines[@]:1}"; do
    value=\${value%%$'\\t'*}
    COMPREPLY+=("\${value:\${#cut}}")
  done
  # A candidate that is not finished is followed by no space.
  [[ \${#COMPREPLY[@]} == 1 && \${COMPREPLY[0]} == *[=:,/] ]] && compopt -o nospace
  case $also in
    ':files '*) compopt -o default ;;
    ':directories '*) compopt -o dirnames ;;
    ':command '*) _hangdog_command "\${places[\${also##* } + 1]}" ;;
  esac
}

# Completes a command that begins at a word of COMP_WORDS.
_hangdog_command() {
  if declare -F _comp_command_offset > /dev/null; then
    _comp_command_offset "$1"
  elif declare -F _command_offset > /dev/null; then
    _command_offset "$1"
  elif (( COMP_CWORD == $1 )); then
    compopt -o default
    local name
    while IFS= read -r name; do
      COMPREPLY+=("$name")
    done < <(compgen -c -- "\${COMP_WORDS[COMP_CWORD]}")
  else
    compopt -o default
  fi
}

complete -F _hangdog hangdog
`

/** Zsh gives whole words, without what was typed of quotes by the flag (Q), and takes whole words. */
const zsh = `#compdef hangdog
# Completion of hangdog for zsh; made by: hangdog completion zsh
_hangdog() {
  local -a lines finished open
  local also line value
  lines=("\${(@f)$(command hangdog complete -- "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" < /dev/null 2> /dev/null)}")
  also=$lines[1]
  for line in "\${(@)lines[2,-1]}"; do
    value=\${line%%$'\\t'*}
    # A colon would begin the description.
    line=\${\${value//\\\\/\\\\\\\\}//:/\\\\:}\${line[$#value+1,-1]/$'\\t'/:}
    if [[ $value == *[=:,/] ]]; then open+=("$line"); else finished+=("$line"); fi
  done
  case $also in
    ':files '*) compset -p \${also##* }; _files ;;
    ':directories '*) compset -p \${also##* }; _files -/ ;;
    ':command '*)
      shift $(( \${also##* } + 1 )) words
      (( CURRENT -= \${also##* } + 1 ))
      _normal
      ;;
    *)
      local -a anycase=(-M 'm:{[:lower:][:upper:]}={[:upper:][:lower:]}')
      _describe -t hangdog hangdog finished $anycase -- open $anycase -S ''
      ;;
  esac
}

if [[ $funcstack[1] == _hangdog ]]; then
  _hangdog "$@"
else
  compdef _hangdog hangdog
fi
`

/** Fish takes whole words, with their descriptions after a tab, which is what is printed. */
const fish = `# Completion of hangdog for fish; made by: hangdog completion fish
function __hangdog_complete
    command --query hangdog; or return
    set -l before (commandline --current-process --tokenize --cut-at-cursor)
    set -l current (string trim --left --chars "\\"'" -- (commandline --current-token --cut-at-cursor))
    set -l lines (command hangdog complete -- $before[2..] "$current" < /dev/null 2> /dev/null)
    test -n "$lines[1]"; or return
    set -l also (string split ' ' -- "$lines[1]")
    set -l prefix (string sub --length $also[2] -- "$current")
    switch "$also[1]"
        case :files
            for path in (__fish_complete_path (string sub --start (math $also[2] + 1) -- "$current"))
                printf '%s%s\\n' "$prefix" "$path"
            end
        case :directories
            for path in (__fish_complete_directories (string sub --start (math $also[2] + 1) -- "$current"))
                printf '%s%s\\n' "$prefix" "$path"
            end
        case :command
            set -l command (string escape -- $before[(math $also[2] + 2)..])
            complete --do-complete (string join ' ' -- $command (commandline --current-token --cut-at-cursor))
        case '*'
            printf '%s\\n' $lines[2..]
    end
end

complete --command hangdog --no-files --keep-order --arguments '(__hangdog_complete)'
`

export const completionScripts = { bash, zsh, fish } as const
