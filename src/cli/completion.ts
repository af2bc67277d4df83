/** `potoroo completion`: words for a shell to complete, made from the commands themselves. */
import { Argument } from 'commander'
import type { Command } from 'commander'
import { verb } from './command.ts'

const bash = (words: Words[]): string =>
  `_potoroo() {
  local path="\${COMP_WORDS[*]:1:COMP_CWORD-1}" words=""
  case "$path" in
${words.map(({ path, next }) => `    ${JSON.stringify(path)}${path === '' ? '' : `|${JSON.stringify(`${path} `)}*`}) words="${next.join(' ')}" ;;`).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
  [ \${#COMPREPLY[@]} -eq 0 ] && COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _potoroo potoroo`

const SHELLS: Readonly<Record<'bash' | 'zsh' | 'fish', (words: Words[]) => string>> = {
  bash,
  zsh: (words) => `autoload -U +X bashcompinit && bashcompinit\n${bash(words)}`,
  fish: (words) =>
    words
      .flatMap(({ path, next }) => {
        const seen = path.split(' ').filter(Boolean)
        const condition = seen.length === 0 ? '__fish_use_subcommand' : seen.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ')
        return next.map((word) => (word.startsWith('--') ? `complete -c potoroo -n '${condition}' -l ${word.slice(2)}` : `complete -c potoroo -f -n '${condition}' -a ${word}`))
      })
      .join('\n'),
}

interface Words {
  /** The commands typed so far, such as `bucket create`. */
  path: string
  next: string[]
}

export function completionCommand(root: () => Command): Command {
  return verb('completion', 'Print a completion script for a shell', ['completion bash > ~/.local/share/bash-completion/completions/potoroo'])
    .addArgument(new Argument('<shell>').choices(Object.keys(SHELLS)))
    .action((shell: keyof typeof SHELLS) => console.log(SHELLS[shell](wordsOf(root(), ''))))
}

/** Deepest first: a shell takes the first pattern that fits. */
function wordsOf(command: Command, path: string): Words[] {
  const below = command.commands.flatMap((child) => wordsOf(child, `${path} ${child.name()}`.trim()))
  const options = command.options.flatMap((option) => option.long ?? [])
  return [...below, { path, next: [...command.commands.map((child) => child.name()), ...options] }]
}
