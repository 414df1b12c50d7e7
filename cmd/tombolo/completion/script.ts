const BASH = `_tombolo() {
  local words=("\${COMP_WORDS[@]:1:COMP_CWORD}")
  local IFS=$'\\n'
  COMPREPLY=($(tombolo __complete "\${words[@]}" 2>/dev/null | grep -v '^:'))
}
complete -o default -F _tombolo tombolo
`;

const ZSH = `#compdef tombolo
_tombolo() {
  local -a found
  found=("\${(@f)$(tombolo __complete "\${words[@]:1}" 2>/dev/null | grep -v '^:')}")
  [[ -n "\${found[1]}" ]] && compadd -a found || _files
}
compdef _tombolo tombolo
`;

const FISH = `function __tombolo
  set -l words (commandline -opc)[2..-1] (commandline -ct)
  tombolo __complete $words 2>/dev/null | string match -v ':*'
end
complete -c tombolo -f -a '(__tombolo)'
`;

/** The script that makes a shell ask `tombolo __complete`; goes to stdout, to be sourced. */
export function completionScript(shell: string): string {
  switch (shell) {
    case 'zsh':
      return ZSH;
    case 'fish':
      return FISH;
    default:
      return BASH;
  }
}
