import { Argument, Command, Option } from 'commander'
import { type Output, openOutput } from './output.js'

const shells = ['bash', 'zsh', 'fish'] as const
type Shell = (typeof shells)[number]

const installing = `
Once, for bash (needs the package bash-completion; else put "source <(hangdog completion bash)" into ~/.bashrc):
  mkdir -p ~/.local/share/bash-completion/completions
  hangdog completion bash > ~/.local/share/bash-completion/completions/hangdog

For zsh (a directory of $fpath; else put "source <(hangdog completion zsh)" into ~/.zshrc, after compinit):
  hangdog completion zsh > /usr/local/share/zsh/site-functions/_hangdog

For fish:
  mkdir -p ~/.config/fish/completions
  hangdog completion fish > ~/.config/fish/completions/hangdog.fish

It takes effect in a new shell. A script stays good after an update: what it offers comes from the installed hangdog.`

/** `hangdog completion`: the scripts that make a shell complete command lines of hangdog. */
export function completionCommand(open: () => Output = openOutput): Command {
  return new Command('completion')
    .description('print the script that makes a shell complete commands, options, property and service names')
    .addArgument(new Argument('<shell>', 'which shell').choices(shells))
    .addHelpText('after', installing)
    .action(async (shell: Shell) => {
      const { completionScripts } = await import('./completion-scripts.js')
      await open().write(completionScripts[shell])
    })
}

interface CompleteOptions {
  readonly raw?: boolean
}

/**
 * `hangdog complete`: what these scripts ask. To be hidden, below the program that is to be completed. It never fails: an error would stand
 * in the middle of what somebody types.
 */
export function completeCommand(open: () => Output = openOutput): Command {
  return new Command('complete')
    .description('what the last word can become; for the scripts of "hangdog completion"')
    .argument('[words...]', 'what was typed after hangdog, as far as the cursor')
    .addOption(new Option('--raw', 'the words still have their quotes'))
    .action(async (words: readonly string[], options: CompleteOptions, command: Command) => {
      try {
        await complete(words, options, command.parent ?? command, open())
      } catch {
        // Nothing to offer.
      }
    })
}

async function complete(
  words: readonly string[],
  { raw }: CompleteOptions,
  program: Command,
  output: Output,
): Promise<void> {
  const [{ completeWords }, { findNames }, { formatCompletion }] = await Promise.all([
    import('./completion-words.js'),
    import('./completion-names.js'),
    import('./completion-candidate.js'),
  ])
  const plain = raw === true ? words.map(removeQuotes) : words
  await output.write(formatCompletion(await completeWords(program, plain, findNames)))
}

/** As a shell would, apart from what it would put in place of variables and commands: nothing that was typed is run. */
function removeQuotes(word: string): string {
  return word.replaceAll(
    /'([^']*)'?|"((?:\\.|[^"])*)"?|\\(.)/gs,
    (_: string, single?: string, double?: string, escaped?: string) =>
      single ?? double?.replaceAll(/\\(["\\$`])/g, '$1') ?? escaped ?? '',
  )
}
