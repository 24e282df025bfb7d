import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { program, until } from './hangdog.js'

/** A home of its own, with a `hangdog` in the path that is the built program, and the scripts that make shells complete it. */
export interface ShellHome {
  readonly path: string
  readonly environment: Readonly<Record<string, string>>
}

export function isInstalled(command: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${command}`]).status === 0
}

/** @param scripts by shell, such as `hangdog completion` prints them */
export function makeHome(t: Test, scripts: Readonly<Record<string, string>>): ShellHome {
  const path = mkdtempSync(join(tmpdir(), 'hangdog-shell-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  const bin = join(path, 'bin')
  mkdirSync(bin)
  writeFileSync(join(bin, 'hangdog'), `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`, { mode: 0o755 })
  for (const [name, text] of Object.entries(scripts)) writeFileSync(join(path, name), text)
  const environment = {
    PATH: `${bin}:/usr/local/bin:/usr/bin:/bin`,
    HOME: path,
    ZDOTDIR: path,
    XDG_STATE_HOME: path,
    XDG_CONFIG_HOME: path,
    XDG_DATA_HOME: path,
    LC_ALL: 'C.UTF-8',
    TERM: 'xterm',
  }
  return { path, environment }
}

/** Runs a command without what the test runner put into the environment. */
export function runPlainly({ path, environment }: ShellHome, command: string, ...args: readonly string[]) {
  const variables = Object.entries(environment).map(([key, value]) => `${key}=${value}`)
  return spawnSync('env', ['-i', ...variables, command, ...args], { cwd: path, encoding: 'utf8', timeout: 60_000 })
}

/** Ctrl-X d prints the line that is being typed between these, and empties it. Never typed, so never echoed. */
const begin = '\u00abline:'
const end = ':line\u00bb'

const startFiles: Readonly<Record<'bash' | 'zsh', string>> = {
  bash: `PS1='> '
show() { printf '${begin}%s${end}\\n' "$READLINE_LINE"; READLINE_LINE=; READLINE_POINT=0; }
bind -x '"\\C-xd": show'
bind 'set completion-query-items 0'
bind 'set page-completions off'
bind 'set enable-bracketed-paste off'
`,
  zsh: `PS1='> '
autoload -U compinit && compinit -u -D
bindkey -e
show() { print; print -r -- "${begin}\${BUFFER}${end}"; BUFFER= }
zle -N show
bindkey '^Xd' show
LISTMAX=10000
`,
}

/** An interactive shell on a terminal of its own, as somebody types into it. */
export class TypingShell {
  readonly #child: ChildProcess
  #text = ''
  #seen = 0

  /** @param startFile what else the shell is to do when it starts */
  constructor(t: Test, shell: 'bash' | 'zsh', home: ShellHome, startFile: string) {
    const file = join(home.path, shell === 'bash' ? 'start.bash' : '.zshrc')
    writeFileSync(file, `${startFiles[shell]}${startFile}\n`)
    const command = shell === 'bash' ? `bash --noprofile --rcfile '${file}' -i` : 'zsh -d -i'
    const variables = Object.entries(home.environment).map(([key, value]) => `${key}=${value}`)
    this.#child = spawn('env', ['-i', ...variables, 'script', '-qfec', command, '/dev/null'], {
      cwd: home.path,
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#text += text
    })
    this.#child.stdin?.on('error', () => {})
    const closed = new Promise((resolve) => this.#child.on('close', resolve))
    t.teardown(async () => {
      // An empty line and Ctrl-D end a shell at once; one that does not read ends with its terminal.
      this.#child.stdin?.write('\u0015\u0004')
      const timer = setTimeout(() => this.#child.kill('SIGKILL'), 5000)
      await closed
      clearTimeout(timer)
    })
  }

  /** Types, presses tab, and gives the line as it is then. */
  async complete(typed: string): Promise<string> {
    this.#child.stdin?.write(`${typed}\t\u0018d`)
    try {
      return await until(() => this.#shown(), `line after "${typed}"`)
    } catch (error) {
      throw new Error(`the terminal shows: ${this.#text.slice(-2000)}`, { cause: error })
    }
  }

  /** All that the terminal has shown. */
  get text(): string {
    return this.#text
  }

  #shown(): string | undefined {
    const from = this.#text.indexOf(begin, this.#seen)
    const to = this.#text.indexOf(end, from)
    if (from < 0 || to < 0) return undefined
    this.#seen = to + end.length
    return this.#text.slice(from + begin.length, to)
  }
}
